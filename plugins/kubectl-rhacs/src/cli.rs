//! The command line of `kubectl rhacs`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use common::complete::Shell;
use common::schemas::DOCUMENTS;
use common::ui::{Output, UiArgs};

use crate::words::WORDS;

/// Upgrade Red Hat Advanced Cluster Security, and go back, without fear
///
/// Every word is a program of its own; `kubectl rhacs WORD --help` says what it does. kubectl's
/// flags may stand before the word or after it.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-rhacs",
    bin_name = "kubectl rhacs",
    display_name = "kubectl rhacs",
    version = common::SUITE_VERSION,
    after_help = EXAMPLES,
    disable_help_subcommand = true,
    subcommand_value_name = "WORD",
    subcommand_help_heading = "Words",
)]
pub struct Cli {
    /// The word; without one: this help
    #[command(subcommand)]
    pub word: Option<Word>,

    /// Print data in this format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", global = true)]
    pub output: Output,

    /// Print no colours, as with NO_COLOR in the environment
    #[arg(long, global = true)]
    pub no_color: bool,
}

/// The words that the front door answers itself.
#[derive(Clone, Debug, Subcommand)]
pub enum Word {
    /// Look for what is wrong with this suite on this computer
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor {
        /// Mend what can be mended without asking: links, permissions, completion
        #[arg(long)]
        fix: bool,
    },
    /// Print the versions of all programs of the suite
    #[command(after_help = VERSION_EXAMPLES)]
    Version,
    /// Print the JSON Schema of what a command prints with -o json
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema {
        /// The kind of document; without one: all there are
        #[arg(value_parser = names())]
        name: Option<String>,
    },
    /// Complete command lines in a shell, or under kubectl
    #[command(after_help = COMPLETION_EXAMPLES, subcommand_value_name = "WHAT",
        subcommand_help_heading = "What", disable_help_subcommand = true)]
    Completion {
        /// What to print or to do
        #[command(subcommand)]
        what: Completion,
    },
    /// Print help about a word
    Help {
        /// The word, and perhaps its verb
        words: Vec<String>,
    },
}

/// `completion`.
#[derive(Clone, Debug, Subcommand)]
pub enum Completion {
    /// Print the script for bash
    Bash,
    /// Print the script for zsh
    Zsh,
    /// Print the script for fish
    Fish,
    /// Print the script for PowerShell
    Powershell,
    /// Make kubectl's own completion ask this suite
    Install {
        /// Where kubectl finds it [default: where kubectl-rhacs is on the PATH]
        #[arg(long, value_name = "DIR")]
        bin_dir: Option<PathBuf>,
    },
    /// Remove what `install` made
    Uninstall,
}

impl Completion {
    /// The shell whose script is asked for.
    #[must_use]
    pub const fn shell(&self) -> Option<Shell> {
        match self {
            Self::Bash => Some(Shell::Bash),
            Self::Zsh => Some(Shell::Zsh),
            Self::Fish => Some(Shell::Fish),
            Self::Powershell => Some(Shell::Powershell),
            Self::Install { .. } | Self::Uninstall => None,
        }
    }
}

impl Cli {
    /// Reads the arguments.
    ///
    /// # Errors
    /// clap's own error, which also carries `--help` and `--version`.
    pub fn read(args: &[OsString]) -> Result<Self, clap::Error> {
        Self::from_arg_matches(&command().try_get_matches_from(args)?)
    }

    /// How to print.
    #[must_use]
    pub fn ui(&self) -> UiArgs {
        UiArgs { output: self.output, no_color: self.no_color, ..UiArgs::default() }
    }
}

/// The command as clap sees it: the words of the other programs first, then its own.
#[must_use]
pub fn command() -> Command {
    let own = Cli::command();
    let others = WORDS.iter().enumerate().map(|(index, word)| {
        Command::new(word.name).about(word.about).disable_help_flag(true).display_order(index)
    });
    // clap's own words are numbered from 0, too: those of the other programs go first.
    let own = own.mut_subcommands(|word| word.display_order(WORDS.len() + 1));
    own.subcommands(others)
}

/// The names of the kinds of documents.
fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(DOCUMENTS.iter().map(|document| document.name))
}

/// The help of the front door.
#[must_use]
pub fn help_text() -> String {
    command().render_long_help().to_string()
}

const EXAMPLES: &str = "\
Examples:
  # Show what an upgrade would change
  kubectl rhacs upgrade plan --to 3.69.2

  # In another namespace
  kubectl rhacs -n acs upgrade status

  # Is everything in its place on this computer?
  kubectl rhacs doctor";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  kubectl rhacs doctor

  # Mend links, permissions and completion
  kubectl rhacs doctor --fix

  # For a program
  kubectl rhacs doctor -o json

Exit codes: 0 nothing keeps the suite from working, 2 usage, 3 something does";

const VERSION_EXAMPLES: &str = "\
Examples:
  kubectl rhacs version

  # For a bug report
  kubectl rhacs version -o yaml";

const SCHEMA_EXAMPLES: &str = "\
Examples:
  # What there is
  kubectl rhacs schema

  # What `kubectl rhacs upgrade history -o json` prints
  kubectl rhacs schema history";

const COMPLETION_EXAMPLES: &str = "\
Examples:
  # For `kubectl rhacs`: once, then kubectl's own completion does the rest
  kubectl rhacs completion install

  # For the programs called directly
  source <(kubectl-rhacs completion bash)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn the_help_has_every_word() {
        let text = help_text();
        for word in WORDS.iter().map(|word| word.name).chain(crate::words::OWN_WORDS) {
            assert!(text.contains(&format!("\n  {word}")), "{word}: {text}");
        }
    }
}
