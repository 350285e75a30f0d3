//! The verbs about recorded runs that every plugin has in the same words.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Command, Subcommand};

use super::{Session, Tool, evidence, history, resume, verify};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Output;

/// What is done with recorded runs; a plugin flattens this into its own verbs.
#[derive(Clone, Debug, Eq, PartialEq, Subcommand)]
pub enum RecordVerb {
    /// Finish a run that was cut off
    Resume {
        /// The run; by default the newest one that is not finished
        run: Option<String>,
    },
    /// List the recorded runs, show one, or close one that will never be resumed
    History(HistoryArgs),
    /// Look again at what a run was to achieve, and complete its record
    Verify {
        /// The run; by default the newest one
        run: Option<String>,
    },
    /// Print the evidence of a run, for a change ticket
    Report {
        /// The run; by default the newest one
        run: Option<String>,
        /// Print it in this format [default: markdown]
        // A flag of another name would not stand for the shared one.
        #[arg(
            short, long, value_name = "FORMAT", help_heading = "Output options",
            value_parser = report_format()
        )]
        output: Option<Output>,
    },
}

/// `history`.
#[derive(Args, Clone, Debug, Eq, PartialEq)]
#[command(
    disable_help_subcommand = true,
    subcommand_value_name = "VERB",
    subcommand_help_heading = "Verbs"
)]
pub struct HistoryArgs {
    /// The run to show
    pub run: Option<String>,
    /// What else to do with one.
    #[command(subcommand)]
    pub verb: Option<HistoryVerb>,
}

/// What `history` can do besides showing.
#[derive(Clone, Debug, Eq, PartialEq, Subcommand)]
pub enum HistoryVerb {
    /// Say that a run will never be resumed, so that nobody is warned of it again
    Close {
        /// The run
        run: String,
        /// Why; it is recorded
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

impl RecordVerb {
    /// The word that is typed.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Resume { .. } => "resume",
            Self::History { .. } => "history",
            Self::Verify { .. } => "verify",
            Self::Report { .. } => "report",
        }
    }

    /// Whether it looks at the cluster for as long as a step may take.
    #[must_use]
    pub const fn takes_timeout(&self) -> bool {
        matches!(self, Self::Resume { .. } | Self::Verify { .. })
    }

    /// Does it.
    ///
    /// # Errors
    /// Those of [`resume::run`], [`history::run`], [`verify::run`] and [`evidence::run`].
    pub async fn run(&self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Resume { run } => resume::run(session, run.as_deref()).await,
            Self::History(HistoryArgs {
                run: None,
                verb: Some(HistoryVerb::Close { run, reason }),
            }) => history::close(session, run, reason).await,
            Self::History(HistoryArgs { run: Some(run), verb: Some(_) }) => {
                Err(Failure::usage(format!("`{run}` stands where no run does"))
                    .hint(session.command("history close RUN --reason TEXT")))
            }
            Self::History(HistoryArgs { run, verb: None }) => {
                history::run(session, run.as_deref()).await
            }
            // Kept off the stack, of which other systems give the main thread little.
            Self::Verify { run } => Box::pin(verify::run(session, run.as_deref())).await,
            Self::Report { run, .. } => evidence::run(session, run.as_deref()).await,
        }
    }
}

/// The formats of `report`: those of documents for people come first.
fn report_format() -> impl TypedValueParser<Value = Output> {
    PossibleValuesParser::new(["markdown", "html", "json", "yaml"]).map(|word| match &*word {
        "html" => Output::Html,
        "json" => Output::Json,
        "yaml" => Output::Yaml,
        _ => Output::Markdown,
    })
}

/// `command`, the command of `tool`, with examples at these verbs.
#[must_use]
pub fn with_examples(command: Command, tool: &Tool) -> Command {
    let verb = |verb: &str| tool.command(verb);
    let examples = |lines: &[(&str, String)]| {
        let line = |(about, typed): &(&str, String)| format!("  # {about}\n  {typed}");
        let lines: Vec<String> = lines.iter().map(line).collect();
        format!("Examples:\n{}", lines.join("\n\n"))
    };
    let resume = examples(&[
        ("The newest run that is not finished", verb("resume")),
        ("A certain one", format!("{} {RUN}", verb("resume"))),
    ]);
    let history = examples(&[
        ("All recorded runs", verb("history")),
        ("The steps of one", format!("{} {RUN}", verb("history"))),
        ("Everything about all of them, for a program", verb("history -o json")),
    ]);
    let close = examples(&[(
        "What was left was done by hand",
        format!("{} {RUN} --reason \"done by hand\"", verb("history close")),
    )]);
    let verify = examples(&[
        ("The newest run, for instance once every sensor is back", verb("verify")),
        ("Ends with 5 while something is not as the run was to leave it", verb("verify -o json")),
    ]);
    let report = examples(&[
        (
            "One page with drawings, to be attached to a change ticket",
            format!("{} {RUN} -o html > run.html", verb("report")),
        ),
        ("The same as text, for a wiki", format!("{} {RUN}", verb("report"))),
    ]);
    command
        .mut_subcommand("resume", |verb| verb.after_help(resume))
        .mut_subcommand("history", |verb| {
            verb.after_help(history).mut_subcommand("close", |verb| verb.after_help(close))
        })
        .mut_subcommand("verify", |verb| verb.after_help(verify))
        .mut_subcommand("report", |verb| verb.after_help(report))
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

    fn verb(words: &str) -> Result<RecordVerb, clap::Error> {
        let matches = command().try_get_matches_from(words.split(' '))?;
        Cli::from_arg_matches(&matches).map(|cli| cli.verb)
    }

    #[test]
    fn the_verbs_are_read_and_know_their_words() {
        for (words, run) in [
            ("kubectl resume", None),
            ("kubectl history x", Some("x")),
            ("kubectl verify", None),
            ("kubectl report x -o html", Some("x")),
        ] {
            let verb = verb(words).unwrap();
            assert_eq!(Some(verb.word()), words.split(' ').nth(1));
            let (RecordVerb::Resume { run: given }
            | RecordVerb::History(HistoryArgs { run: given, .. })
            | RecordVerb::Verify { run: given }
            | RecordVerb::Report { run: given, .. }) = verb;
            assert_eq!(given.as_deref(), run, "{words}");
        }
    }

    #[test]
    fn a_run_is_closed_with_a_reason_only() {
        let closed = verb("kubectl history close x --reason gone").unwrap();
        let RecordVerb::History(HistoryArgs {
            run: None,
            verb: Some(HistoryVerb::Close { run, reason }),
        }) = closed
        else {
            panic!("{closed:?}");
        };
        assert_eq!((run.as_str(), reason.as_str()), ("x", "gone"));
        for words in ["kubectl history close x", "kubectl history close --reason gone"] {
            assert!(verb(words).is_err(), "{words}");
        }
    }

    #[test]
    fn a_report_has_formats_of_its_own() {
        for (format, output) in [("html", Output::Html), ("markdown", Output::Markdown)] {
            let read = verb(&format!("kubectl report x -o {format}")).unwrap();
            assert!(matches!(read, RecordVerb::Report { output: Some(it), .. } if it == output));
        }
        assert!(verb("kubectl report x -o wide").is_err());
    }

    #[test]
    fn the_examples_are_of_the_plugin() {
        let help = command().try_get_matches_from(["kubectl", "resume", "--help"]).unwrap_err();
        let help = help.to_string();
        assert!(help.contains("kubectl rhacs scc resume 2026"), "{help}");
    }
}
