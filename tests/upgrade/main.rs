//! Black-box tests of `kubectl rhacs upgrade` against the embedded cluster.

mod automatic;
mod budget;
mod central;
mod connect;
mod constraints;
mod crash;
mod faults;
mod flow;
mod hints;
mod input;
mod kept;
mod order;
mod plans;
mod programs;
#[path = "../splunk/proxy.rs"]
mod proxy;
mod quotas;
mod records;
mod rehearsals;
mod rights;
mod roxctl;
mod server;
mod status;
mod webhooks;

use rhacs_tests::{Finished, Installation};

/// The binary under test.
const UPGRADE: &str = env!("CARGO_BIN_EXE_kubectl-rhacs-upgrade");

/// Runs `kubectl rhacs upgrade` with these words.
fn upgrade(installation: &Installation, words: &str) -> Finished {
    let words: Vec<&str> = words.split_whitespace().collect();
    installation.run(UPGRADE, &words)
}
