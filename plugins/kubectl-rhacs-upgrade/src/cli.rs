//! The command line of `kubectl rhacs upgrade`.

mod examples;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use common::central::CentralArgs;
use common::cluster::ConnectionArgs;
use common::command::help::{Shown, share_flags};
use common::command::verbs::{RecordVerb, with_examples};
use common::command::{DryRun, Flags, RunArgs};
use common::exit::Exit;
use common::failure::Failure;
use common::plan::ScannerConfig;
use common::rhacs::images::{ImageOptions, Role};
use common::rhacs::{Component, Version};
use common::ui::UiArgs;

use crate::TOOL;
use crate::planner::Request;

/// Upgrade a manifest installation of RHACS: plan, show, ask, apply, verify
///
/// Reads the installation, shows everything that will change, asks, and then upgrades Central, the
/// Scanner and the secured cluster in the order of the product's guide. Every step is recorded in
/// the cluster before it starts: a run that was cut off can be finished with `resume`.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-rhacs-upgrade",
    bin_name = "kubectl rhacs upgrade",
    display_name = "kubectl rhacs upgrade",
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
    /// What to upgrade to.
    #[command(flatten)]
    pub target: TargetArgs,
    /// How to run.
    #[command(flatten)]
    pub run: RunArgs,
    /// Roll Central back when its upgrade fails
    #[arg(long, help_heading = "Run options")]
    pub rollback_on_failure: bool,
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
    /// Show the plan and change nothing
    #[command(after_help = examples::PLAN_EXAMPLES)]
    Plan {
        /// End with 10 when changes are pending
        #[arg(long)]
        exit_code: bool,
    },
    /// Run the preflight checks only; with --server, also what the API server refuses
    #[command(after_help = examples::CHECK_EXAMPLES)]
    Check,
    /// Apply a reviewed plan; refuses when the cluster moved since
    #[command(after_help = examples::APPLY_EXAMPLES)]
    Apply {
        /// The plan file, as `plan -o yaml` or `-o json` printed it; `-` for standard input
        #[arg(value_name = "PLAN")]
        file: PathBuf,
    },
    /// Show what runs which version, how far and how healthy
    #[command(after_help = examples::STATUS_EXAMPLES)]
    Status {
        /// Go on showing until interrupted
        #[arg(short, long)]
        watch: bool,
        /// End with 10 when there is something to do, with 5 when not everything could be looked at
        #[arg(long, conflicts_with = "watch")]
        exit_code: bool,
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

/// What to upgrade to, and with which images.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Upgrade options")]
pub struct TargetArgs {
    /// The version to go to, such as 3.69.2
    #[arg(long, value_name = "VERSION")]
    pub to: Option<Version>,
    /// The parts to upgrade: central, scanner, secured [default: all that are installed]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub components: Vec<Component>,
    /// Take all images from this registry and folder
    #[arg(long, value_name = "PREFIX", value_parser = parse_registry)]
    pub registry: Option<String>,
    /// Use this reference for an image, such as main, scanner or a container's name (repeatable)
    #[arg(long = "image", value_name = "NAME=REF", value_parser = parse_image)]
    pub images: Vec<(String, String)>,
    /// The directory the backup is written to [default: the current one]
    #[arg(long, value_name = "DIR")]
    pub backup_dir: Option<PathBuf>,
    /// Do without a backup; has to be accepted as RHACS-BACKUP-SKIPPED too
    #[arg(long, conflicts_with = "backup_dir")]
    pub skip_backup: bool,
    /// What to do with a scanner configuration of your own [default: keep]
    #[arg(long, value_enum, value_name = "CHOICE")]
    pub scanner_config: Option<ConfigChoice>,
    /// Leave the Scanner's autoscaler as it is, also with a minimum of 1 replica
    #[arg(long)]
    pub keep_replicas: bool,
    /// Install the version's roxctl on this computer too, as `kubectl rhacs roxctl install` does
    #[arg(long)]
    pub roxctl: bool,
    /// Revoke the API token in use when everything is verified
    #[arg(long)]
    pub revoke_token: bool,
}

/// `--scanner-config`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum ConfigChoice {
    /// Keep a customised configuration, show how it differs
    Keep,
    /// Take the new release's configuration
    Replace,
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
        let (verb, plans) = match &self.verb {
            None | Some(Verb::Plan { .. } | Verb::Check) => return Ok(()),
            Some(Verb::Apply { .. }) => ("apply", true),
            Some(Verb::Status { .. }) => ("status", false),
            Some(Verb::Records(verb)) => (verb.word(), verb.word() == "resume"),
            Some(Verb::Unlock { .. }) => ("unlock", false),
        };
        let (target, run) = (&self.target, &self.run);
        let given = [
            ("--to", target.to.is_some()),
            ("--components", !target.components.is_empty()),
            ("--registry", target.registry.is_some()),
            ("--image", !target.images.is_empty()),
            ("--skip-backup", target.skip_backup),
            ("--scanner-config", target.scanner_config.is_some()),
            ("--backup-dir", target.backup_dir.is_some() && !plans),
            ("--timeout", run.timeout.is_some() && !plans && verb != "verify"),
            ("--keep-replicas", target.keep_replicas),
            ("--roxctl", target.roxctl),
            ("--revoke-token", target.revoke_token),
            ("--accept", !run.accept.is_empty() && !plans),
            ("--dry-run", run.dry_run != DryRun::None && !plans),
            ("--rollback-on-failure", self.rollback_on_failure && !plans),
            ("--rehearse", run.rehearse.is_some() && verb == "apply"),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some(("--rehearse", _)) => {
                Err(Failure::usage("`--rehearse` does not apply to `apply`")
                    .because("the plan is for the cluster it was made for, not for a copy of it")
                    .hint("rehearse with the flags that the plan was made with"))
            }
            Some((flag, _)) if plans => Err(Failure::usage(format!(
                "`{flag}` does not apply to `{verb}`: the plan has decided that already"
            ))),
            Some((flag, _)) => Err(Failure::usage(format!("`{flag}` does not apply to `{verb}`"))),
            None => Ok(()),
        }
    }

    /// What the session takes from these flags.
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags {
            connection: self.connection.clone(),
            central: self.central.clone(),
            run: self.run.clone(),
            backup_directory: self.target.backup_dir.clone(),
            to: self.target.to.clone(),
            ..Flags::default()
        }
        .checking(matches!(self.verb, Some(Verb::Check)))
    }

    /// What the planner is asked for; the directory of the backup is left to the caller.
    ///
    /// # Errors
    /// When the flags contradict each other or say nothing of the target.
    pub fn request(&self) -> Result<Request, Failure> {
        let target = &self.target;
        let Some(to) = target.to.clone() else {
            return Err(Failure::usage("which version? there is no --to")
                .hint("kubectl rhacs upgrade --to 3.74.9")
                .hint("kubectl rhacs upgrade status shows what runs now"));
        };
        Ok(Request {
            to,
            components: target.components.clone(),
            images: ImageOptions {
                registry: target.registry.clone(),
                overrides: target.images.iter().cloned().collect::<BTreeMap<_, _>>(),
                ..ImageOptions::default()
            },
            backup_directory: None,
            scanner_config: match target.scanner_config {
                None | Some(ConfigChoice::Keep) => ScannerConfig::Keep,
                Some(ConfigChoice::Replace) => ScannerConfig::Replace,
            },
            keep_replicas: target.keep_replicas,
            roxctl: target.roxctl,
            revoke_token: target.revoke_token,
            timeout_seconds: self.run.timeout.map(|timeout| timeout.as_secs().max(1)),
        })
    }
}

/// The command as clap sees it, with every flag usable at every verb.
#[must_use]
pub fn command() -> clap::Command {
    with_examples(share_flags(Cli::command(), &SHOWN), &TOOL)
}

/// What the help of the verbs that plan nothing shows.
const SHOWN: [Shown; 7] = [
    (
        "apply",
        &[
            "--yes",
            "--dry-run",
            "--timeout",
            "--accept",
            "--rollback-on-failure",
            "--backup-dir",
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
            "--rollback-on-failure",
            "--backup-dir",
            "Central options",
            "Output options",
            "Connection options",
        ],
    ),
    ("status", &["Central options", "Output options", "Connection options"]),
    ("history", &["Output options", "Connection options"]),
    ("verify", &["--timeout", "Central options", "Output options", "Connection options"]),
    ("report", &["Output options", "Connection options"]),
    ("unlock", &["--yes", "Output options", "Connection options"]),
];

fn parse_image(text: &str) -> Result<(String, String), String> {
    let (name, reference) = text
        .split_once('=')
        .filter(|(name, reference)| !name.is_empty() && !reference.is_empty())
        .ok_or_else(|| format!("`{text}` is not NAME=REF, such as main=registry/name:tag"))?;
    let is_role = Role::ALL.into_iter().any(|role| role.to_string() == name);
    let is_container = CONTAINERS.contains(&name);
    if !is_role && !is_container {
        let roles: Vec<String> = Role::ALL.iter().map(Role::to_string).collect();
        return Err(format!(
            "`{name}` is neither an image ({}) nor a container ({})",
            roles.join(", "),
            CONTAINERS.join(", ")
        ));
    }
    if !is_reference(reference) {
        return Err(format!("`{reference}` is not an image reference"));
    }
    Ok((name.to_owned(), reference.to_owned()))
}

/// Whether a registry would take it: folders in lower case, then a tag, a digest or both.
fn is_reference(text: &str) -> bool {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    let last = rest.rsplit('/').next().unwrap_or_default();
    let (path, tag) = match last.split_once(':') {
        Some((_, tag)) => (&rest[..rest.len() - tag.len() - 1], Some(tag)),
        None => (rest, None),
    };
    let tag_fits = |tag: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        (1..=128).contains(&tag.len()) && tag.chars().all(fits)
    };
    let digest_fits = |digest: &str| {
        digest
            .strip_prefix("sha256:")
            .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    is_path(path)
        && (tag.is_some() || digest.is_some())
        && tag.is_none_or(tag_fits)
        && digest.is_none_or(digest_fits)
}

/// Whether `text` is a registry, perhaps with a port, and folders.
fn is_path(text: &str) -> bool {
    let part_fits = |part: &str| {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-:".contains(c);
        !part.is_empty() && part.chars().all(fits)
    };
    text.split('/').all(part_fits)
}

fn parse_registry(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    if !is_path(text) {
        return Err(format!("`{text}` is not a registry, such as mirror.example:5000/acs"));
    }
    Ok(text.to_owned())
}

const CONTAINERS: [&str; 10] = [
    "admission-control",
    "central",
    "collector",
    "compliance",
    "db",
    "init-db",
    "manager",
    "node-inventory",
    "scanner",
    "sensor",
];
