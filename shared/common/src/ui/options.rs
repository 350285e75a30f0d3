//! The flags about printing, and what follows from them and from the terminal.

use clap::ValueEnum;

use super::output::Output;
use crate::env::Env;

/// The flags every command has about what it prints.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Output options")]
pub struct UiArgs {
    /// Print data in this format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,

    /// Say nothing but data, warnings and errors
    #[arg(short, long)]
    pub quiet: bool,

    /// Print no colours, as with NO_COLOR in the environment
    #[arg(long)]
    pub no_color: bool,

    /// Tell progress in this format on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub events: EventFormat,
}

/// How the events of a run are told.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum EventFormat {
    /// Words, and bars on a terminal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How progress is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Bars for what runs, lines for what is done: on a terminal.
    Bars,
    /// Lines only.
    Lines,
    /// One JSON object a line.
    Json,
    /// Not at all.
    Quiet,
}

impl Mode {
    /// The mode for `env` as `args` ask.
    #[must_use]
    pub fn choose(env: &Env, args: &UiArgs) -> Self {
        let dumb = env.variable("TERM").is_some_and(|terminal| terminal == "dumb");
        match args.events {
            EventFormat::Json => Self::Json,
            EventFormat::Text if args.quiet => Self::Quiet,
            EventFormat::Text if env.stderr().is_terminal() && !dumb => Self::Bars,
            EventFormat::Text => Self::Lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_for_terminals_only() {
        let args = UiArgs::default();
        let terminal = Env::test().with_terminal(Some(80));
        assert_eq!(Mode::choose(&terminal, &args), Mode::Bars);
        assert_eq!(Mode::choose(&Env::test(), &args), Mode::Lines);
        let dumb = terminal.clone().with_variable("TERM", "dumb");
        assert_eq!(Mode::choose(&dumb, &args), Mode::Lines);
        let quiet = UiArgs { quiet: true, ..UiArgs::default() };
        assert_eq!(Mode::choose(&terminal, &quiet), Mode::Quiet);
        let json = UiArgs { events: EventFormat::Json, ..quiet };
        assert_eq!(Mode::choose(&terminal, &json), Mode::Json);
    }
}
