//! Black-box tests of `kubectl rhacs roxctl` against the embedded mirror and the embedded Central.
#![cfg(unix)]

mod central;
mod computer;
mod crash;
mod disk;
mod exits;
mod faults;
mod input;
mod install;
mod network;
mod systems;
mod versions;

use common::rhacs::Version;
use sim::mirror::{Builder, Mirror};

/// The binary under test.
const ROXCTL: &str = env!("CARGO_BIN_EXE_kubectl-rhacs-roxctl");

/// A mirror of releases of three ages.
fn publishing(versions: &[&str]) -> Builder {
    let version = |text: &&str| text.parse::<Version>().expect("a version");
    versions.iter().map(version).fold(Mirror::builder(), Builder::release)
}

/// The usual mirror.
fn mirror() -> Mirror {
    publishing(&["3.69.2", "4.8.3", "4.9.1"]).start().expect("the mirror starts")
}
