//! The flags of `login`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

/// The flags of `login`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Login options", group = ArgGroup::new("to").required(true))]
pub struct LoginArgs {
    /// The user's e-mail address
    #[arg(value_name = "EMAIL")]
    pub email: String,
    /// File to write the session token to, readable by its owner only
    #[arg(long, value_name = "FILE", group = "to")]
    pub output_file: Option<PathBuf>,
    /// Print the session token, and nothing else, on standard output
    #[arg(long, group = "to")]
    pub stdout: bool,
}
