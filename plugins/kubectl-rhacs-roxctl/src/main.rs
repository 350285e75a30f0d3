//! The binary: everything is in the library.

use std::process::ExitCode;

use common::env::Env;

fn main() -> ExitCode {
    kubectl_rhacs_roxctl::run(&Env::system()).into()
}
