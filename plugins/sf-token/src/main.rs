//! The binary: everything is in the library.

use std::process::ExitCode;

use common::env::Env;

fn main() -> ExitCode {
    common::bug::end_on_panic(
        env!("CARGO_PKG_NAME"),
        "do not rotate again: `sf-token sync NAME` with the same destinations finishes what was begun",
    );
    sf_token::run(&Env::system()).into()
}
