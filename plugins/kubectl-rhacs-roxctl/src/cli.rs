//! The command line of `kubectl rhacs roxctl`.

mod examples;
mod exits;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use common::central::CentralArgs;
use common::cluster::{ConnectionArgs, parse_duration};
use common::env::{Arch, Os};
use common::rhacs::Version;
use common::roxctl::{Checksum, VENDOR_MIRROR, parse_arch, parse_os};
use common::ui::UiArgs;

pub use exits::EXITS;

/// Install, switch, verify and remove roxctl on this computer
///
/// Takes roxctl from Central, from the vendor's mirror or a copy of it, or from a file. Only what
/// was verified is installed, by an atomic rename: at any moment the old or the new one is there.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-rhacs-roxctl",
    bin_name = "kubectl rhacs roxctl",
    display_name = "kubectl rhacs roxctl",
    version = common::SUITE_VERSION,
    after_help = format!("{}\n\n{}", examples::EXAMPLES, exits::help()),
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    subcommand_value_name = "VERB",
    subcommand_help_heading = "Verbs",
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
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
    /// Download, verify and install roxctl
    #[command(after_help = examples::INSTALL)]
    Install(InstallArgs),
    /// Remove what this command installed, or every roxctl
    #[command(after_help = examples::UNINSTALL)]
    Uninstall(UninstallArgs),
    /// List every roxctl of this computer
    #[command(visible_alias = "ls", after_help = examples::LIST)]
    List(ListArgs),
    /// Show which roxctl a shell runs
    #[command(after_help = examples::WHICH)]
    Which,
    /// Compare checksums with receipts and with what is published
    #[command(after_help = examples::VERIFY)]
    Verify(VerifyArgs),
    /// Make one of several versions the one that roxctl runs
    #[command(after_help = examples::USE)]
    Use(UseArgs),
}

/// `install`.
#[derive(Args, Clone, Debug)]
pub struct InstallArgs {
    /// The version, `central` or `latest` [default: the version Central runs]
    #[arg(value_name = "VERSION")]
    pub wanted: Option<Wanted>,
    /// For this operating system: linux, darwin, windows [default: this computer's]
    #[arg(long, value_parser = parse_os)]
    pub os: Option<Os>,
    /// For this architecture: amd64, arm64, ppc64le, s390x [default: this computer's]
    #[arg(long, value_parser = parse_arch)]
    pub arch: Option<Arch>,
    /// Take it from this file, verified by a sha256sum.txt beside it or by --sha256
    #[arg(long, value_name = "PATH")]
    pub file: Option<PathBuf>,
    /// The checksum it must have, instead of the published one
    #[arg(long, value_name = "HEX")]
    pub sha256: Option<Checksum>,
    /// Install into this directory [default: where the roxctl on the PATH is, else a directory of
    /// this user's]
    #[arg(long, value_name = "DIR")]
    pub bin_dir: Option<PathBuf>,
    /// Install as roxctl-VERSION beside others; `use` makes it the one that runs
    #[arg(long)]
    pub side_by_side: bool,
    /// Install again what is there, and replace a file that is not known to be a roxctl
    #[arg(long)]
    pub force: bool,
    /// Longest time for the download, such as 10m
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = parse_duration)]
    pub timeout: Duration,
    /// Only show what would be done
    #[command(flatten)]
    pub dry_run: DryRunArgs,
    /// Where releases are published.
    #[command(flatten)]
    pub mirror: MirrorArgs,
}

/// `uninstall`.
#[derive(Args, Clone, Debug)]
pub struct UninstallArgs {
    /// Only this version
    #[arg(value_name = "VERSION", conflicts_with = "all")]
    pub version: Option<Version>,
    /// Every roxctl on the PATH, whoever installed it; shows them and asks
    #[arg(long)]
    pub all: bool,
    /// Only in this directory
    #[arg(long, value_name = "DIR")]
    pub bin_dir: Option<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Only show what would be done
    #[command(flatten)]
    pub dry_run: DryRunArgs,
}

/// `list`.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// Do not ask which version Central runs
    #[arg(long)]
    pub offline: bool,
}

/// `verify`.
#[derive(Args, Clone, Debug)]
pub struct VerifyArgs {
    /// Only this version
    #[arg(value_name = "VERSION")]
    pub version: Option<Version>,
    /// Compare with receipts only
    #[arg(long)]
    pub offline: bool,
    /// Where releases are published.
    #[command(flatten)]
    pub mirror: MirrorArgs,
}

/// `use`.
#[derive(Args, Clone, Debug)]
pub struct UseArgs {
    /// The version
    #[arg(value_name = "VERSION")]
    pub version: Version,
    /// In this directory [default: wherever it is]
    #[arg(long, value_name = "DIR")]
    pub bin_dir: Option<PathBuf>,
}

/// Where releases are published.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Mirror options")]
pub struct MirrorArgs {
    /// The mirror's directory of releases, or that of a copy of it [default: the vendor's]
    #[arg(
        id = "mirror",
        long = "mirror",
        value_name = "URL",
        env = "RHACS_MIRROR",
        hide_env_values = true
    )]
    pub url: Option<String>,
    /// File with the certificate of the authority that signed the mirror's
    #[arg(long, value_name = "FILE", env = "RHACS_MIRROR_CA")]
    pub mirror_ca: Option<PathBuf>,
}

/// `--dry-run`.
#[derive(Args, Clone, Copy, Debug)]
pub struct DryRunArgs {
    /// Change nothing, show what would be done
    #[arg(
        id = "dry-run", long = "dry-run", value_enum, default_value_t = DryRun::None,
        default_missing_value = "client", num_args = 0..=1, require_equals = true,
        value_name = "MODE"
    )]
    pub mode: DryRun,
}

/// The modes of `--dry-run`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum DryRun {
    /// Do it.
    None,
    /// Show it.
    Client,
}

/// What to install.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wanted {
    /// What Central offers, and nothing else.
    Central,
    /// The highest published version.
    Latest,
    /// This version.
    Version(Version),
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "central" => Ok(Self::Central),
            "latest" => Ok(Self::Latest),
            _ => text
                .parse()
                .map(Self::Version)
                .map_err(|error| format!("{error}, and neither `central` nor `latest`")),
        }
    }
}

impl Verb {
    /// Whether questions are answered with yes.
    #[must_use]
    pub const fn is_consented(&self) -> bool {
        matches!(self, Self::Uninstall(UninstallArgs { yes: true, .. }))
    }
}

impl DryRunArgs {
    /// Whether nothing is to be changed.
    #[must_use]
    pub fn is_on(self) -> bool {
        self.mode == DryRun::Client
    }
}

impl MirrorArgs {
    /// The address of the mirror.
    #[must_use]
    pub fn address(&self) -> &str {
        self.url.as_deref().unwrap_or(VENDOR_MIRROR)
    }
}

impl Cli {
    /// Reads the arguments. Flags about connections and output may stand before or after the verb.
    ///
    /// # Errors
    /// clap's own error, which also carries `--help` and `--version`.
    pub fn read(args: &[OsString]) -> Result<Self, clap::Error> {
        let mut command = command();
        let matches = command.try_get_matches_from_mut(args)?;
        let is_typed = |id| {
            let install = matches.subcommand_matches("install");
            install.and_then(|install| install.value_source(id)) == Some(ValueSource::CommandLine)
        };
        // A mirror of the environment is for whoever asks no other source.
        if is_typed("file") && is_typed("mirror") {
            let message = "the argument '--file <PATH>' cannot be used with '--mirror <URL>'";
            return Err(command.error(ErrorKind::ArgumentConflict, message));
        }
        Self::from_arg_matches(&matches)
    }
}

/// The command as clap sees it.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command().mut_args(|arg| if arg.is_positional() { arg } else { arg.global(true) })
}
