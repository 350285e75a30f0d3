//! The binary: everything is in the library.

use std::process::ExitCode;

use common::env::Env;

fn main() -> ExitCode {
    common::bug::end_on_panic(
        env!("CARGO_PKG_NAME"),
        "`kubectl rhacs scc history` shows how far a run came, `resume` finishes it",
    );
    kubectl_rhacs_scc::run(&Env::system()).into()
}
