//! The command line of `kubectl rhacs upgrade`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use common::central::CentralArgs;
use common::cluster::{ConnectionArgs, parse_duration};
use common::failure::Failure;
use common::plan::ScannerConfig;
use common::rhacs::images::{ImageOptions, Role};
use common::rhacs::{Component, Version};
use common::ui::UiArgs;

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
    after_help = EXAMPLES,
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
    Plan {
        /// End with 10 when changes are pending
        #[arg(long)]
        exit_code: bool,
    },
    /// Run the preflight checks only
    Check,
    /// Apply a reviewed plan; refuses when the cluster moved since
    Apply {
        /// The plan file, as `plan -o yaml` or `-o json` printed it; `-` for standard input
        #[arg(value_name = "PLAN")]
        file: PathBuf,
    },
    /// Show what runs which version, how far and how healthy
    Status {
        /// Go on showing until interrupted
        #[arg(short, long)]
        watch: bool,
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
    #[arg(long, value_name = "PREFIX")]
    pub registry: Option<String>,
    /// Use this reference for an image, such as main, scanner or a container's name (repeatable)
    #[arg(long = "image", value_name = "NAME=REF", value_parser = parse_image)]
    pub images: Vec<(String, String)>,
    /// The directory the backup is written to
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub backup_dir: PathBuf,
    /// Do without a backup; has to be accepted as RHACS-BACKUP-SKIPPED too
    #[arg(long, conflicts_with = "backup_dir")]
    pub skip_backup: bool,
    /// What to do with a scanner configuration of your own
    #[arg(long, value_enum, default_value_t = ConfigChoice::Keep, value_name = "CHOICE")]
    pub scanner_config: ConfigChoice,
    /// Revoke the API token in use when everything is verified
    #[arg(long)]
    pub revoke_token: bool,
    /// Accept a finding by its code (repeatable)
    #[arg(long, value_name = "CODE")]
    pub accept: Vec<String>,
}

/// How to run.
#[derive(Args, Clone, Debug)]
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
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
    /// Put Central back as it was when its upgrade fails
    #[arg(long)]
    pub rollback_on_failure: bool,
    /// Run on an embedded copy: `live`, a YAML file, or sample:VERSION[:openshift]
    #[arg(long, value_name = "SOURCE", num_args = 0..=1, default_missing_value = "live")]
    pub rehearse: Option<String>,
}

/// `--dry-run`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum DryRun {
    /// Do it.
    None,
    /// Show the plan.
    Client,
    /// Send every write with `dryRun=All`.
    Server,
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
            Some(Verb::Resume { .. }) => ("resume", true),
            Some(Verb::History { .. }) => ("history", false),
            Some(Verb::Unlock { .. }) => ("unlock", false),
        };
        let (target, run) = (&self.target, &self.run);
        let given = [
            ("--to", target.to.is_some()),
            ("--components", !target.components.is_empty()),
            ("--registry", target.registry.is_some()),
            ("--image", !target.images.is_empty()),
            ("--skip-backup", target.skip_backup),
            ("--revoke-token", target.revoke_token),
            ("--accept", !target.accept.is_empty() && !plans),
            ("--dry-run", run.dry_run != DryRun::None && !plans),
            ("--rollback-on-failure", run.rollback_on_failure && !plans),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) if plans => Err(Failure::usage(format!(
                "`{flag}` does not apply to `{verb}`: the plan has decided that already"
            ))),
            Some((flag, _)) => Err(Failure::usage(format!("`{flag}` does not apply to `{verb}`"))),
            None => Ok(()),
        }
    }

    /// What the planner is asked for.
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
        let backup = (!target.skip_backup).then(|| target.backup_dir.display().to_string());
        Ok(Request {
            to,
            components: target.components.clone(),
            images: ImageOptions {
                registry: target.registry.clone(),
                overrides: target.images.iter().cloned().collect::<BTreeMap<_, _>>(),
            },
            backup_directory: backup,
            scanner_config: match target.scanner_config {
                ConfigChoice::Keep => ScannerConfig::Keep,
                ConfigChoice::Replace => ScannerConfig::Replace,
            },
            revoke_token: target.revoke_token,
            timeout_seconds: self.run.timeout.map(|timeout| timeout.as_secs().max(1)),
        })
    }
}

/// The command as clap sees it, with every flag usable at every verb.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command().mut_args(|arg| if arg.is_positional() { arg } else { arg.global(true) })
}

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
    if reference.contains(char::is_whitespace) {
        return Err(format!("`{reference}` is not an image reference"));
    }
    Ok((name.to_owned(), reference.to_owned()))
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

const EXAMPLES: &str = "\
Examples:
  # Show what an upgrade would change
  kubectl rhacs upgrade plan --to 3.69.2

  # Upgrade, with a verified backup in /backup
  kubectl rhacs upgrade --to 3.69.2 --token-file token --backup-dir /backup

  # Rehearse it on an embedded copy of the cluster, in seconds
  kubectl rhacs upgrade --to 3.69.2 --rehearse

  # In CI: review a plan, then apply exactly that plan
  kubectl rhacs upgrade plan --to 3.69.2 -o yaml > plan.yaml
  kubectl rhacs upgrade apply plan.yaml --yes

  # Finish a run that was cut off
  kubectl rhacs upgrade resume

Exit codes: 0 done or nothing to do, 2 usage, 3 blocked by a check, 4 a step failed, 5 not verified in time,
6 declined, 7 no supported path, 8 locked by another run, 9 plan is stale, 10 changes pending, 130 interrupted";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<Cli, clap::Error> {
        let args = std::iter::once("kubectl-rhacs-upgrade").chain(words.split_whitespace());
        Cli::read(&args.map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn flags_stand_before_or_after_the_verb() {
        for words in ["plan --to 3.69.2 -n rhacs", "--to 3.69.2 -n rhacs plan"] {
            let cli = read(words).expect(words);
            assert_eq!(cli.target.to, Some(Version::release(3, 69, 2)), "{words}");
            assert_eq!(cli.connection.namespace(), "rhacs");
            assert!(matches!(cli.verb, Some(Verb::Plan { .. })));
        }
    }

    #[test]
    fn a_rehearsal_is_of_the_live_cluster_unless_said() {
        assert_eq!(
            read("--to 3.69.2 --rehearse").expect("cli").run.rehearse.as_deref(),
            Some("live")
        );
        let sample = read("--rehearse sample:3.62.1:openshift --to 3.69.2").expect("cli");
        assert_eq!(sample.run.rehearse.as_deref(), Some("sample:3.62.1:openshift"));
        assert_eq!(read("").expect("cli").run.rehearse, None);
    }

    #[test]
    fn wrong_words_are_refused() {
        for words in [
            "--to latest",
            "--to",
            "--components centrall",
            "--image main",
            "--image foo=bar",
            "--image main=a b",
            "--dry-run=maybe",
            "--timeout soon",
            "unlock",
            "apply",
            "nothing",
            "--skip-backup --backup-dir /x",
            "--namespace UPPER",
        ] {
            assert!(read(words).is_err(), "{words}");
        }
    }

    #[test]
    fn flags_that_mean_nothing_at_a_verb_are_refused() {
        for words in
            ["status --to 3.69.2", "apply plan.yaml --registry x", "history --dry-run=client"]
        {
            assert!(read(words).expect(words).check().is_err(), "{words}");
        }
        for words in ["status --watch", "apply - --yes --accept X", "resume --rollback-on-failure"]
        {
            assert!(read(words).expect(words).check().is_ok(), "{words}");
        }
    }

    #[test]
    fn the_command_is_well_formed() {
        command().debug_assert();
    }
}
