//! The command line of `sf-token`, which is also typed `kubectl sf-token`.

mod api;
mod examples;
mod expiring;
mod list;
mod names;
mod output;
mod rotate;
mod session;
mod span;
mod sync;
#[cfg(test)]
mod tests;
mod write;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use api::{ApiArgs, no_credential};
pub use expiring::ExpiringArgs;
pub use list::{ListArgs, Sort};
pub use names::{DeleteArgs, DryRunArgs, NameArgs, RenameArgs, ShowArgs, SwitchArgs};
pub use output::{Format, OutputArgs};
pub use rotate::RotateArgs;
pub use session::LoginArgs;
pub use span::{LONGEST_LIFE, Span, parse_moment};
pub use sync::SyncArgs;
pub use write::{CreateArgs, UpdateArgs};

/// Splunk Observability Cloud access tokens, all the way into the cluster
///
/// Lists, creates, changes, rotates and watches the access tokens of an organization, and brings a
/// new secret to whatever uses it. Needs the session token of an admin: from `--token-file`, the
/// variable SFX_AUTH_TOKEN or `--login EMAIL`. No secret is ever taken from an argument, and none
/// is printed unless asked for.
#[derive(Debug, Parser)]
#[command(
    name = "sf-token",
    version = common::SUITE_VERSION,
    after_help = examples::EXAMPLES,
    disable_help_subcommand = true,
    subcommand_value_name = "VERB",
    subcommand_help_heading = "Verbs",
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
    /// How to reach the API.
    #[command(flatten)]
    pub api: ApiArgs,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Do not ask
    #[arg(short, long, help_heading = "Output options")]
    pub yes: bool,
}

/// The verbs.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// List tokens; never prints a secret
    #[command(after_help = examples::LIST)]
    List(ListArgs),
    /// Show everything about a token but its secret
    #[command(after_help = examples::GET)]
    Get(NameArgs),
    /// Print a token's secret, and nothing else, on standard output
    #[command(after_help = examples::SHOW)]
    Show(ShowArgs),
    /// Create a token
    #[command(after_help = examples::CREATE)]
    Create(Box<CreateArgs>),
    /// Change a token; what is not named stays as it is
    #[command(after_help = examples::UPDATE)]
    Update(Box<UpdateArgs>),
    /// Rename a token; its secret stays the same
    #[command(after_help = examples::RENAME)]
    Rename(RenameArgs),
    /// Let a disabled token authenticate again
    #[command(after_help = examples::ENABLE)]
    Enable(SwitchArgs),
    /// Stop a token from authenticating, without deleting it
    #[command(after_help = examples::DISABLE)]
    Disable(SwitchArgs),
    /// Delete a token for good
    #[command(after_help = examples::DELETE)]
    Delete(DeleteArgs),
    /// Give a token a new secret and deliver it
    Rotate(Box<RotateArgs>),
    /// Deliver a token's current secret, without rotating it
    Sync(Box<SyncArgs>),
    /// Tell which tokens expire soon, by the exit codes of monitoring
    #[command(after_help = examples::EXPIRING)]
    Expiring(ExpiringArgs),
    /// Test whether a token's secret works
    #[command(after_help = examples::VERIFY)]
    Verify(NameArgs),
    /// Begin a session by e-mail and password, and keep its token in a file
    #[command(after_help = examples::LOGIN)]
    Login(LoginArgs),
    /// End the session of the credential in use
    #[command(after_help = examples::LOGOUT)]
    Logout,
    /// Tell whose credential is in use, and where
    #[command(after_help = examples::WHOAMI)]
    Whoami,
}

impl Cli {
    /// Reads the arguments, the program's name first. Every flag may stand before or after the
    /// verb.
    ///
    /// # Errors
    /// clap's own error, which also carries `--help` and `--version`.
    pub fn read(args: &[OsString]) -> Result<Self, clap::Error> {
        let program = args.first().map(OsString::as_os_str).unwrap_or_default();
        Self::from_arg_matches(&command_for(program).try_get_matches_from(args)?)
    }
}

/// The command as clap sees it, with every flag usable at every verb.
#[must_use]
pub fn command() -> clap::Command {
    command_for(OsStr::new("sf-token"))
}

/// The same, called by the name it was started under: kubectl runs its plugins as `kubectl-NAME`.
fn command_for(program: &OsStr) -> clap::Command {
    let stem = Path::new(program).file_stem().unwrap_or_default().to_string_lossy();
    let name = if stem.starts_with("kubectl-") { "kubectl sf-token" } else { "sf-token" };
    let command = Cli::command().bin_name(name).display_name(name);
    command.mut_args(|arg| if arg.is_positional() { arg } else { arg.global(true) })
}
