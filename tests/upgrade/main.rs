//! Black-box tests of `kubectl rhacs upgrade` against the embedded cluster.

mod automatic;
mod budget;
mod central;
mod constraints;
mod crash;
mod faults;
mod flow;
mod input;
mod plans;
mod programs;
mod quotas;
mod rehearsals;
mod roxctl;
mod server;
mod webhooks;

use rhacs_tests::{Finished, Installation};

/// The binary under test.
const UPGRADE: &str = env!("CARGO_BIN_EXE_kubectl-rhacs-upgrade");

/// Runs `kubectl rhacs upgrade` with these words.
fn upgrade(installation: &Installation, words: &str) -> Finished {
    let words: Vec<&str> = words.split_whitespace().collect();
    installation.run(UPGRADE, &words)
}
