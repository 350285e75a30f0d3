//! The binary: everything is in the library.

use std::process::ExitCode;

use common::env::Env;

fn main() -> ExitCode {
    common::bug::end_on_panic(
        env!("CARGO_PKG_NAME"),
        "`kubectl rhacs roxctl list` shows what is installed; the same command may be run again",
    );
    kubectl_rhacs_roxctl::run(&Env::system()).into()
}
