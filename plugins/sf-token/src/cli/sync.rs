//! The flags of `sync`.

use clap::Args;

use crate::api::TokenName;
use crate::deliver::{ClusterArgs, DestinationArgs, DryRun};
use crate::rotate::outcome::EXIT_CODES;

/// The flags of `sync`.
#[derive(Args, Clone, Debug)]
#[command(after_help = after_help())]
pub struct SyncArgs {
    /// The token's name
    pub name: TokenName,

    /// Do not test whether the secret works
    #[arg(long, help_heading = "Delivery options")]
    pub skip_verify: bool,

    /// Show what would be done; with =server, the clusters are asked whether they would take it
    #[arg(
        long, value_enum, value_name = "WHERE", num_args = 0..=1, require_equals = true,
        default_missing_value = "client", help_heading = "Delivery options"
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
Reads the current secret from the API and does what is left to do at each destination: writes what
does not have it, and restarts what does not run with it. A second time it changes nothing. It
finishes a rotation that was cut off anywhere.";

const EXAMPLES: &str = "\
Examples:
  # Finish an interrupted rotation: the same destinations
  sf-token sync myToken --to-collector prod/monitoring --to-collector dev/monitoring

  # Bring one more cluster to the current secret
  sf-token sync myToken --to-secret new/apm/splunk:token";

fn after_help() -> String {
    format!("{EXPLANATION}\n\n{EXAMPLES}\n\n{EXIT_CODES}")
}
