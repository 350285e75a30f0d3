//! The flags that every plugin of the suite has.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::central::CentralArgs;
use crate::cluster::{ConnectionArgs, parse_duration};
use crate::rhacs::Version;

/// How to run.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Run options")]
pub struct RunArgs {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Change nothing: `client` shows the plan, `server` also has the API server check each write
    #[arg(
        long, value_enum, default_value_t = DryRun::None, default_missing_value = "client",
        num_args = 0..=1, require_equals = true, value_name = "MODE"
    )]
    pub dry_run: DryRun,
    /// Longest time for each step, such as 20m [default: per step, shown by `plan -o wide`]
    #[arg(long, value_name = "DURATION", value_parser = parse_limit)]
    pub timeout: Option<Duration>,
    /// Accept a finding by its code (repeatable)
    #[arg(long, value_name = "CODE")]
    pub accept: Vec<String>,
    /// Run on an embedded copy: `live`, a YAML file, or sample:VERSION[:openshift]
    #[arg(long, value_name = "SOURCE", num_args = 0..=1, default_missing_value = "live")]
    pub rehearse: Option<String>,
}

impl RunArgs {
    /// The longest time for each step, in whole seconds; none for that of the step itself.
    #[must_use]
    pub fn timeout_seconds(&self) -> Option<u64> {
        self.timeout.map(|timeout| timeout.as_secs().max(1))
    }
}

/// A length of time a step may take; none at all would break off a run in the middle.
fn parse_limit(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err("a step needs more time than none, such as 20m".to_owned()),
        Ok(limit) => Ok(limit),
        Err(error) => Err(error),
    }
}

/// `--dry-run`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum DryRun {
    /// Do it.
    #[default]
    None,
    /// Show the plan.
    Client,
    /// Send every write with `dryRun=All`.
    Server,
}

impl Flags {
    /// With a `check` that has the API server try every write, where `--server` has no address or
    /// the dry run is one of the server's. Any other verb is left alone.
    #[must_use]
    pub fn checking(mut self, is_check: bool) -> Self {
        let is_bare = self.connection.names_no_server();
        self.asks_server = is_check && (is_bare || self.run.dry_run == DryRun::Server);
        if is_check && is_bare {
            self.connection.server = None;
        }
        self
    }
}

/// What a [`Session`](super::Session) takes from the command line.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// How to reach the API server.
    pub connection: ConnectionArgs,
    /// How to reach Central.
    pub central: CentralArgs,
    /// How to run.
    pub run: RunArgs,
    /// Where the backup is written; none for the current directory.
    pub backup_directory: Option<PathBuf>,
    /// Whether a check has the API server try every write.
    pub asks_server: bool,
    /// The version to go to, where that is known from the flags.
    pub to: Option<Version>,
}
