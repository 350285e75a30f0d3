//! The flags of `rotate`.

use clap::Args;

use crate::api::TokenName;
use crate::deliver::{ClusterArgs, DestinationArgs, DryRun};
use crate::rotate::outcome::EXIT_CODES;
use crate::rotate::{Grace, Lifetime};

/// The flags of `rotate`.
#[derive(Args, Clone, Debug)]
#[command(after_help = after_help())]
pub struct RotateArgs {
    /// The token's name
    pub name: TokenName,

    /// How long the old secret goes on working: seconds, or 7d, 12h; at most 60d [asked for; 7d]
    #[arg(long, value_name = "DURATION", help_heading = "Rotation options")]
    pub graceful: Option<Grace>,

    /// Stop the old secret at once; whatever uses it is cut off until it has the new one
    #[arg(long, help_heading = "Rotation options")]
    pub immediately: bool,

    /// How long the new secret works: seconds, or 90d [default: what the organization has, 30 days
    /// unless an administrator changed it]
    #[arg(long, value_name = "DURATION", help_heading = "Rotation options")]
    pub expires_in: Option<Lifetime>,

    /// Do not test whether the secrets work
    #[arg(long, help_heading = "Rotation options")]
    pub skip_verify: bool,

    /// Put the old secret back where a consumer does not come up with the new one, without asking
    #[arg(long, help_heading = "Rotation options")]
    pub put_back: bool,

    /// Show what would be done; with =server, the clusters are asked whether they would take it
    #[arg(
        long, value_enum, value_name = "WHERE", num_args = 0..=1, require_equals = true,
        default_missing_value = "client", help_heading = "Rotation options"
    )]
    pub dry_run: Option<DryRun>,

    /// Where the secret goes.
    #[command(flatten)]
    pub destinations: DestinationArgs,

    /// How the clusters are reached.
    #[command(flatten)]
    pub clusters: ClusterArgs,
}

const EXPLANATION: &str = "\
Looks first: the credential, the token, every destination, who owns it and who reads it there. Then
it sends one request to rotate, never a second one, verifies the new secret, delivers it, restarts
what reads it, and watches the restarts. The old secret works until the grace period ends. Without a
terminal the flags are the consent: nothing is asked, and --graceful must be named. The state of a
run is in the API and in annotations of the Secrets, so that `sf-token sync` can finish it after it
was cut off anywhere; no secret is kept in a file.";

const EXAMPLES: &str = "\
Examples:
  # A week for the old secret, the new one to every collector of two clusters
  sf-token rotate myToken --graceful 604800 --to-collector prod/monitoring --to-collector dev/monitoring

  # To one key of a Secret of the current context, and to a file
  sf-token rotate myToken --graceful 7d --to-secret apm/splunk:token --output-file ./token

  # To a secret store: the command reads the secret from its standard input
  sf-token rotate myToken --graceful 12h --expires-in 90d --exec 'vault kv put secret/splunk token=-'

  # Only look
  sf-token rotate myToken --graceful 7d --to-collector monitoring --dry-run=server";

fn after_help() -> String {
    format!("{EXPLANATION}\n\n{EXAMPLES}\n\n{EXIT_CODES}")
}
