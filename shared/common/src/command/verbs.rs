//! The verbs about recorded runs that every plugin has in the same words.

use clap::{Command, Subcommand};

use super::{Session, Tool, history, resume};
use crate::exit::Exit;
use crate::failure::Failure;

/// What is done with recorded runs; a plugin flattens this into its own verbs.
#[derive(Clone, Debug, Eq, PartialEq, Subcommand)]
pub enum RecordVerb {
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
}

impl RecordVerb {
    /// The word that is typed.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Resume { .. } => "resume",
            Self::History { .. } => "history",
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// Those of [`resume::run`] and [`history::run`].
    pub async fn run(&self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Resume { run } => resume::run(session, run.as_deref()).await,
            Self::History { run } => history::run(session, run.as_deref()).await,
        }
    }
}

/// `command`, the command of `tool`, with examples at these verbs.
#[must_use]
pub fn with_examples(command: Command, tool: &Tool) -> Command {
    let resume = tool.command("resume");
    let history = tool.command("history");
    let resume = format!(
        "Examples:\n  # The newest run that is not finished\n  {resume}\n\n  \
         # A certain one\n  {resume} {RUN}"
    );
    let history = format!(
        "Examples:\n  # All recorded runs\n  {history}\n\n  \
         # The steps of one\n  {history} {RUN}"
    );
    command
        .mut_subcommand("resume", |verb| verb.after_help(resume))
        .mut_subcommand("history", |verb| verb.after_help(history))
}

/// What the id of a run looks like.
const RUN: &str = "20260102-120000-k3v9";

#[cfg(test)]
mod tests {
    use clap::Parser;
    use clap::{CommandFactory, FromArgMatches};

    use super::*;
    use crate::plan::Operation;

    #[derive(Debug, Parser)]
    #[command(name = "kubectl", disable_help_subcommand = true)]
    struct Cli {
        #[command(subcommand)]
        verb: RecordVerb,
    }

    fn command() -> Command {
        let tool = Tool { word: "scc", operation: Operation::Scc, groups: &[] };
        with_examples(Cli::command(), &tool)
    }

    #[test]
    fn the_verbs_are_read_and_know_their_words() {
        for (words, run) in
            [(vec!["kubectl", "resume"], None), (vec!["kubectl", "history", "x"], Some("x"))]
        {
            let matches = command().try_get_matches_from(&words).unwrap();
            let verb = Cli::from_arg_matches(&matches).unwrap().verb;
            assert_eq!(verb.word(), words[1]);
            let (RecordVerb::Resume { run: given } | RecordVerb::History { run: given }) = verb;
            assert_eq!(given.as_deref(), run);
        }
    }

    #[test]
    fn the_examples_are_of_the_plugin() {
        let help = command().try_get_matches_from(["kubectl", "resume", "--help"]).unwrap_err();
        let help = help.to_string();
        assert!(help.contains("kubectl rhacs scc resume 2026"), "{help}");
    }
}
