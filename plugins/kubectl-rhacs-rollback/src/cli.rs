//! The command line of `kubectl rhacs rollback`.

mod examples;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use common::central::CentralArgs;
use common::cluster::ConnectionArgs;
use common::command::help::{Shown, share_flags};
use common::command::verbs::{RecordVerb, with_examples};
use common::command::{DryRun, Flags, RunArgs};
use common::exit::Exit;
use common::failure::Failure;
use common::rhacs::images::{Image, ImageOptions, Role};
use common::rhacs::{Component, Version};
use common::ui::UiArgs;

use crate::TOOL;
use crate::gather::Choice;
use crate::planner::Request;

/// Roll a manifest installation of RHACS back: plan, show, ask, apply, verify
///
/// Puts every object back as it was captured before the newest run, newest change first: Central
/// alone, or the components that are named. Without a recorded run, Central gets the template of
/// its newest revision of another version. What cannot work is said before anything changes.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-rhacs-rollback",
    bin_name = "kubectl rhacs rollback",
    display_name = "kubectl rhacs rollback",
    version = common::SUITE_VERSION,
    after_help = format!("{}\n\n{}", examples::EXAMPLES, Exit::help()),
    disable_help_subcommand = true,
    subcommand_value_name = "VERB",
    subcommand_help_heading = "Verbs",
)]
pub struct Cli {
    /// What to do; without a verb: plan, show, ask, apply, verify
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Where to go back to.
    #[command(flatten)]
    pub target: TargetArgs,
    /// How to run.
    #[command(flatten)]
    pub run: RunArgs,
    /// How to reach Central.
    #[command(flatten)]
    pub central: CentralArgs,
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
    /// Show the way back and change nothing
    #[command(after_help = examples::PLAN_EXAMPLES)]
    Plan {
        /// End with 10 when changes are pending
        #[arg(long)]
        exit_code: bool,
    },
    /// Say only whether rolling back can work; with --server, also what the API server refuses
    #[command(after_help = examples::CHECK_EXAMPLES)]
    Check,
    /// Roll back by a reviewed plan; refuses when the cluster moved since
    #[command(after_help = examples::APPLY_EXAMPLES)]
    Apply {
        /// The plan file, as `plan -o yaml` or `-o json` printed it; `-` for standard input
        #[arg(value_name = "PLAN")]
        file: PathBuf,
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

/// Where to go back to.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Rollback options")]
pub struct TargetArgs {
    /// Go back to what was before this run; the runs after it are taken back too
    #[arg(long, value_name = "RUN", conflicts_with = "to_revision")]
    pub to_run: Option<String>,
    /// Give Central the template of this revision, whatever is recorded
    #[arg(long, value_name = "N", value_parser = parse_revision)]
    pub to_revision: Option<u64>,
    /// Force Central back to the version of --to: what it wrote since the upgrade is lost
    #[arg(long)]
    pub force: bool,
    /// The version to force Central back to, such as 3.66.1
    #[arg(long, value_name = "VERSION")]
    pub to: Option<Version>,
    /// The parts to roll back: central, scanner, secured [default: central]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub components: Vec<Component>,
    /// Central's image, when it is to be another one than that of old
    #[arg(long, value_name = "REF", value_parser = parse_image)]
    pub image: Option<String>,
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
        let (verb, runs) = match &self.verb {
            None | Some(Verb::Plan { .. } | Verb::Check) => return self.check_force(),
            Some(Verb::Apply { .. }) => ("apply", true),
            Some(Verb::Records(verb)) => (verb.word(), verb.takes_timeout()),
            Some(Verb::Unlock { .. }) => ("unlock", false),
        };
        let is_planned = verb == "apply";
        let (target, run) = (&self.target, &self.run);
        let given = [
            ("--to-run", target.to_run.is_some()),
            ("--to-revision", target.to_revision.is_some()),
            ("--force", target.force && verb != "unlock"),
            ("--to", target.to.is_some()),
            ("--components", !target.components.is_empty()),
            ("--image", target.image.is_some()),
            ("--accept", !run.accept.is_empty() && !is_planned),
            ("--timeout", run.timeout.is_some() && !runs),
            ("--dry-run", run.dry_run != DryRun::None && !is_planned),
            ("--rehearse", run.rehearse.is_some() && is_planned),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some(("--rehearse", _)) => {
                Err(Failure::usage("`--rehearse` does not apply to `apply`")
                    .because("the plan is for the cluster it was made for, not for a copy of it")
                    .hint("rehearse with the flags that the plan was made with"))
            }
            Some((flag, _)) if is_planned => Err(Failure::usage(format!(
                "`{flag}` does not apply to `{verb}`: the plan has decided that already"
            ))),
            Some((flag, _)) => Err(Failure::usage(format!("`{flag}` does not apply to `{verb}`"))),
            None => Ok(()),
        }
    }

    /// Forcing is never meant by half.
    fn check_force(&self) -> Result<(), Failure> {
        let TargetArgs { force, to, image, .. } = &self.target;
        let example = "kubectl rhacs rollback --force --to 3.66.1";
        match (force, to) {
            (true, None) => {
                Err(Failure::usage("`--force` needs the version to go back to, as --to")
                    .hint(example))
            }
            (false, Some(to)) => Err(Failure::usage(format!("`--to {to}` needs --force"))
                .because("the version to go back to is otherwise the recorded one")
                .hint(example)),
            (false, None) if image.is_some() => {
                Err(Failure::usage("`--image` needs --force and --to").hint(example))
            }
            _ => Ok(()),
        }
    }

    /// What the session takes from these flags.
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags {
            connection: self.connection.clone(),
            central: self.central.clone(),
            run: self.run.clone(),
            to: self.target.to.clone(),
            ..Flags::default()
        }
        .checking(matches!(self.verb, Some(Verb::Check)))
    }

    /// Which way back is wanted.
    #[must_use]
    pub fn choice(&self) -> Choice {
        let target = &self.target;
        match (&target.to_run, target.to_revision) {
            (Some(run), _) => Choice::Run(run.clone()),
            (None, Some(revision)) => Choice::Revision(revision),
            (None, None) if target.force => Choice::Image,
            (None, None) => Choice::Newest,
        }
    }

    /// What the planner is asked for.
    #[must_use]
    pub fn request(&self) -> Request {
        let target = &self.target;
        let image = target.image.iter().map(|image| (Role::Main.to_string(), image.clone()));
        Request {
            components: target.components.clone(),
            force: target.to.clone().filter(|_| target.force),
            images: ImageOptions { overrides: image.collect(), ..ImageOptions::default() },
            timeout_seconds: self.run.timeout.map(|timeout| timeout.as_secs().max(1)),
        }
    }
}

/// The command as clap sees it, with every flag usable at every verb.
#[must_use]
pub fn command() -> clap::Command {
    with_examples(share_flags(Cli::command(), &SHOWN), &TOOL)
}

/// What the help of each verb shows.
const SHOWN: [Shown; 8] = [
    (
        "plan",
        &[
            "Rollback options",
            "--timeout",
            "--accept",
            "--rehearse",
            "Central options",
            "Output options",
            "Connection options",
        ],
    ),
    (
        "check",
        &[
            "Rollback options",
            "--accept",
            "--rehearse",
            "Central options",
            "Output options",
            "Connection options",
        ],
    ),
    (
        "apply",
        &[
            "--yes",
            "--dry-run",
            "--timeout",
            "--accept",
            "Central options",
            "Output options",
            "Connection options",
        ],
    ),
    (
        "resume",
        &[
            "--yes",
            "--timeout",
            "--rehearse",
            "Central options",
            "Output options",
            "Connection options",
        ],
    ),
    ("history", &["Output options", "Connection options"]),
    ("verify", &["--timeout", "Central options", "Output options", "Connection options"]),
    ("report", &["Output options", "Connection options"]),
    ("unlock", &["--yes", "Output options", "Connection options"]),
];

fn parse_revision(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| {
        "a revision is a whole number such as 3; `kubectl rollout history deploy/central` lists \
         those there are"
            .to_owned()
    })
}

fn parse_image(text: &str) -> Result<String, String> {
    match Image::classify(text) {
        Some(Image { role: Role::Main, tag, digest, .. }) if tag.is_some() || digest.is_some() => {
            Ok(text.to_owned())
        }
        _ => Err(format!("`{text}` is no image of Central, such as registry/main:3.66.1")),
    }
}
