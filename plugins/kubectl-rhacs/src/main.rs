//! The binary: everything is in the library.

use std::process::ExitCode;

use common::env::Env;

fn main() -> ExitCode {
    common::bug::end_on_panic(
        env!("CARGO_PKG_NAME"),
        "the binary of a word can be run without this one, such as `kubectl-rhacs-upgrade`",
    );
    kubectl_rhacs::run(&Env::system())
}
