//! The command line of `kubectl rhacs scc`.

mod examples;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use common::cluster::ConnectionArgs;
use common::command::help::{Shown, refuse_meaningless, share_flags};
use common::command::verbs::{RecordVerb, with_examples};
use common::command::{DryRun, Flags, RunArgs};
use common::failure::Failure;
use common::rhacs::{Component, Version};
use common::ui::UiArgs;

use crate::TOOL;
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
    /// The recorded runs.
    #[command(flatten)]
    Records(RecordVerb),
    /// Remove the lock that a dead run left behind
    #[command(after_help = examples::UNLOCK_EXAMPLES)]
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
        let (verb, meant): (&str, &[&str]) = match &self.verb {
            Some(Verb::Plan { .. } | Verb::Check | Verb::Apply { file: None }) => return Ok(()),
            None | Some(Verb::Status) if self.target.release.is_none() => {
                ("status without --for", &["--rehearse"])
            }
            None | Some(Verb::Status) => ("status", &["--components", "--prune", "--rehearse"]),
            Some(Verb::Apply { file: Some(_) }) => ("apply PLAN", &REVIEWED),
            Some(Verb::Restore { .. }) => ("restore", &REVIEWED),
            Some(Verb::Export { .. }) => ("export", &["--components"]),
            Some(Verb::Records(verb)) if verb.takes_timeout() => {
                (verb.word(), &["--timeout", "--rehearse"])
            }
            Some(Verb::Records(verb)) => (verb.word(), &["--rehearse"]),
            Some(Verb::Unlock { .. }) => ("unlock", &["--rehearse"]),
        };
        let (target, run) = (&self.target, &self.run);
        let takes_release = matches!(self.verb, None | Some(Verb::Status | Verb::Export { .. }));
        let given = [
            ("--for", target.release.is_some() && !takes_release),
            ("--components", !target.components.is_empty()),
            ("--prune", target.prune),
            ("--timeout", run.timeout.is_some()),
            ("--accept", !run.accept.is_empty()),
            ("--dry-run", run.dry_run != DryRun::None),
            ("--rehearse", run.rehearse.is_some()),
        ];
        refuse_meaningless(verb, given.into_iter().filter(|(flag, _)| !meant.contains(flag)))
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
        .checking(matches!(self.verb, Some(Verb::Check)))
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
            timeout_seconds: self.run.timeout_seconds(),
        })
    }
}

/// The command as clap sees it, with every flag usable at every verb.
#[must_use]
pub fn command() -> clap::Command {
    with_examples(share_flags(Cli::command(), &SHOWN), &TOOL)
}

/// The flags that mean something where a plan is run whose contents are decided already.
const REVIEWED: [&str; 4] = ["--timeout", "--accept", "--dry-run", "--rehearse"];

/// What the help of the verbs shows at which not every flag means something.
const SHOWN: [Shown; 8] = [
    ("status", &["SCC options", "--rehearse", "Output options", "Connection options"]),
    ("export", &["--for", "--components", "Output options", "--namespace"]),
    ("restore", &["Run options", "Output options", "Connection options"]),
    ("resume", &["--yes", "--timeout", "Output options", "Connection options"]),
    ("history", &["Output options", "Connection options"]),
    ("verify", &["--timeout", "Output options", "Connection options"]),
    ("report", &["Output options", "Connection options"]),
    ("unlock", &["--yes", "Output options", "Connection options"]),
];
