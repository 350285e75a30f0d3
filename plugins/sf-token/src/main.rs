//! The binary: everything is in the library.

use std::process::ExitCode;

use common::env::Env;

fn main() -> ExitCode {
    sf_token::run(&Env::system()).into()
}
