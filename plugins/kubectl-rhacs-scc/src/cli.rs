//! The command line of `kubectl rhacs scc`.

mod examples;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use common::cluster::ConnectionArgs;
use common::command::{DryRun, Flags, RunArgs};
use common::failure::Failure;
use common::rhacs::{Component, Version};
use common::ui::UiArgs;

use crate::planner::Request;

/// Show and migrate the SecurityContextConstraints of RHACS on OpenShift
///
/// Shows which SCCs the product brought, who may use them, and which one admits each pod; brings
/// them to a release's way: the bare names of before 3.64, `stackrox-*` up to 4.3, the SCCs that
/// OpenShift brings along since 4.4. Every step is recorded, so that `restore` can put it back.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-rhacs-scc",
    bin_name = "kubectl rhacs scc",
    display_name = "kubectl rhacs scc",
    version = common::SUITE_VERSION,
    after_help = examples::EXAMPLES,
    disable_help_subcommand = true,
    subcommand_value_name = "VERB",
    subcommand_help_heading = "Verbs",
)]
pub struct Cli {
    /// What to do; without a verb: status
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Which release's SCCs are meant.
    #[command(flatten)]
    pub target: TargetArgs,
    /// How to run.
    #[command(flatten)]
    pub run: RunArgs,
    /// How to print.
    #[command(flatten)]
    pub ui: UiArgs,
    /// How to reach the API server.
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// The verbs.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Show the SCCs, who may use them, and which one admits each pod
    #[command(after_help = examples::STATUS_EXAMPLES)]
    Status,
    /// Show the plan and change nothing
    #[command(after_help = examples::PLAN_EXAMPLES)]
    Plan {
        /// End with 10 when changes are pending
        #[arg(long)]
        exit_code: bool,
    },
    /// Run the preflight checks only
    #[command(after_help = examples::CHECK_EXAMPLES)]
    Check,
    /// Plan, show, ask and apply; or apply a reviewed plan
    #[command(after_help = examples::APPLY_EXAMPLES)]
    Apply {
        /// The plan file, as `plan -o yaml` or `-o json` printed it; `-` for standard input
        #[arg(value_name = "PLAN")]
        file: Option<PathBuf>,
    },
    /// Print a release's own documents, for `kubectl apply`
    #[command(after_help = examples::EXPORT_EXAMPLES)]
    Export {
        /// Central keeps its data in a directory of its node
        #[arg(long)]
        host_path: bool,
    },
    /// Put back what a recorded run removed or changed
    #[command(after_help = examples::RESTORE_EXAMPLES)]
    Restore {
        /// The run, as `history` lists it
        run: String,
    },
    /// Finish a run that was cut off
    Resume {
        /// The run; by default the newest one that is not finished
        run: Option<String>,
    },
    /// List the recorded runs, or show one
    History {
        /// The run to show
        run: Option<String>,
    },
    /// Remove the lock that a dead run left behind
    Unlock {
        /// Why; it is recorded with the lock's owner
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Remove it even though its run may be alive
        #[arg(long)]
        force: bool,
    },
}

/// Which release's SCCs are meant, and for what.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "SCC options")]
pub struct TargetArgs {
    /// The release whose SCCs are meant, such as 4.4.0
    #[arg(long = "for", value_name = "VERSION")]
    pub release: Option<Version>,
    /// The parts to look after: central, scanner, secured [default: all that are installed]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub components: Vec<Component>,
    /// Delete the product's SCCs of other eras once the new ones carry every pod
    #[arg(long)]
    pub prune: bool,
}

impl Cli {
    /// Reads the arguments. Every flag may stand before or after the verb.
    ///
    /// # Errors
    /// clap's own error, which also carries `--help` and `--version`.
    pub fn read(args: &[OsString]) -> Result<Self, clap::Error> {
        Self::from_arg_matches(&command().try_get_matches_from(args)?)
    }

    /// Refuses flags that mean nothing at the chosen verb, instead of ignoring them.
    ///
    /// # Errors
    /// Names the flag and the verb.
    pub fn check(&self) -> Result<(), Failure> {
        let (verb, plans, runs) = match &self.verb {
            None | Some(Verb::Status) => ("status", true, false),
            Some(Verb::Plan { .. }) => ("plan", true, true),
            Some(Verb::Check) => ("check", true, true),
            Some(Verb::Apply { file: None }) => return Ok(()),
            Some(Verb::Apply { file: Some(_) }) => ("apply PLAN", false, true),
            Some(Verb::Export { .. }) => ("export", true, false),
            Some(Verb::Restore { .. }) => ("restore", false, true),
            Some(Verb::Resume { .. }) => ("resume", false, true),
            Some(Verb::History { .. }) => ("history", false, false),
            Some(Verb::Unlock { .. }) => ("unlock", false, false),
        };
        let (target, run) = (&self.target, &self.run);
        let given = [
            ("--for", target.release.is_some() && !plans),
            ("--components", !target.components.is_empty() && !plans),
            ("--prune", target.prune && (!plans || verb == "export")),
            ("--timeout", run.timeout.is_some() && !runs),
            ("--accept", !run.accept.is_empty() && !runs),
            ("--dry-run", run.dry_run != DryRun::None && !runs),
            ("--rehearse", run.rehearse.is_some() && verb == "export"),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(Failure::usage(format!("`{flag}` does not apply to `{verb}`"))),
            None => Ok(()),
        }
    }

    /// What the session takes from these flags.
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags {
            connection: self.connection.clone(),
            run: self.run.clone(),
            to: self.target.release.clone(),
            ..Flags::default()
        }
    }

    /// The release that was asked for.
    ///
    /// # Errors
    /// When none was.
    pub fn release(&self) -> Result<&Version, Failure> {
        self.target.release.as_ref().ok_or_else(|| {
            Failure::usage("which release's SCCs? there is no --for")
                .hint("kubectl rhacs scc plan --for 4.4.0")
                .hint("kubectl rhacs scc status shows what is there")
        })
    }

    /// What the planner is asked for.
    ///
    /// # Errors
    /// When no release was named.
    pub fn request(&self) -> Result<Request, Failure> {
        Ok(Request {
            to: self.release()?.clone(),
            components: self.target.components.clone(),
            prune: self.target.prune,
            timeout_seconds: self.run.timeout.map(|timeout| timeout.as_secs().max(1)),
        })
    }
}

/// The command as clap sees it, with every flag usable at every verb.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command().mut_args(|arg| if arg.is_positional() { arg } else { arg.global(true) })
}
