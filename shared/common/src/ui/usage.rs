//! What clap says of a command line: help and version as data, wrong usage as a failure.

use std::ffi::OsString;

use clap::ValueEnum;
use clap::error::ErrorKind;

use super::{EventFormat, Output, Ui, UiArgs, failure_json, to_json, to_yaml};
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;

/// Prints what clap ended the reading of the command line with: help and version are data; wrong
/// usage is an error that ends with 2, also for programs where the command line asks for that.
pub fn print_usage(env: &Env, error: &clap::Error) -> Exit {
    let text = error.render().to_string();
    if !error.use_stderr() {
        let ui = Ui::new(env, &UiArgs::default(), false);
        return ui.data(&text).map_or_else(|failure| ui.failure(&failure), |()| Exit::Done);
    }
    let value = failure_json(&failure(error, &text));
    let data = match wanted_output(env.args()) {
        Some(Output::Json) => to_json(&value).ok(),
        Some(Output::Yaml) => to_yaml(&value).ok(),
        _ => None,
    };
    // There is nobody left to tell that a stream is closed.
    if let Some(data) = data {
        drop(env.stdout().write(&data));
    }
    let wants_events = wanted::<EventFormat>(env.args(), "--events", None);
    let words = if wants_events == Some(EventFormat::Json) { format!("{value}\n") } else { text };
    drop(env.stderr().write(&words));
    Exit::Usage
}

/// What clap wrote for people, taken apart: the error, its tips and the usage.
fn failure(error: &clap::Error, text: &str) -> Failure {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Failure::usage("there is no verb").hint("see the verbs with --help");
    }
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut paragraphs = text.trim_end().split("\n\n");
    let message = one_line(paragraphs.next().unwrap_or_default());
    let failure = Failure::usage(message.strip_prefix("error: ").unwrap_or(&message));
    paragraphs.flat_map(str::lines).map(str::trim).fold(failure, |failure, line| {
        match line.split_once(": ") {
            Some(("tip", tip)) => failure.hint(tip),
            Some(("Usage", usage)) => failure.hint(format!("usage: {usage}")),
            _ => failure,
        }
    })
}

/// The format that a command line asks for, whether or not the rest of it makes sense.
#[must_use]
pub fn wanted_output(args: &[OsString]) -> Option<Output> {
    wanted(args, "--output", Some("-o"))
}

/// The last value of a flag on a command line that clap could not read.
fn wanted<T: ValueEnum>(args: &[OsString], long: &str, short: Option<&str>) -> Option<T> {
    let mut found = None;
    let mut args = args.iter().skip(1).filter_map(|arg| arg.to_str());
    while let Some(arg) = args.next().filter(|arg| *arg != "--") {
        let attached = arg.strip_prefix(long).and_then(|rest| rest.strip_prefix('='));
        let attached = attached.or_else(|| {
            let rest = arg.strip_prefix(short?)?;
            Some(rest.strip_prefix('=').unwrap_or(rest)).filter(|rest| !rest.is_empty())
        });
        let value = if arg == long || Some(arg) == short { args.next() } else { attached };
        found = value.and_then(|value| T::from_str(value, false).ok()).or(found);
    }
    found
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};
    use serde_json::Value;

    use super::*;

    fn told(words: &str) -> Env {
        let env = Env::test().with_args(words.split(' '));
        let command = Command::new("tool")
            .args([Arg::new("output").short('o').long("output"), Arg::new("reason").long("reason")])
            .arg(Arg::new("events").long("events"));
        let error = command.try_get_matches_from(env.args()).expect_err(words);
        assert_eq!(print_usage(&env, &error), Exit::Usage, "{words}");
        env
    }

    #[test]
    fn wrong_usage_is_data_where_data_is_asked_for() {
        for words in
            ["tool --reson x -o json", "tool -ojson --reson x", "tool --output=json --reson x"]
        {
            let env = told(words);
            let value: Value = serde_json::from_str(&env.stdout().captured()).expect(words);
            assert_eq!(value["error"], "unexpected argument '--reson' found", "{words}");
            assert_eq!(value["code"], 2);
            let hints = value["hints"].to_string();
            assert!(hints.contains("'--reason'") && hints.contains("usage: tool"), "{hints}");
            assert!(env.stderr().captured().starts_with("error: unexpected argument"));
        }
        assert!(told("tool -o yaml --reson x").stdout().captured().contains("exit: usage\n"));
    }

    #[test]
    fn wrong_usage_is_words_otherwise_and_an_event_where_events_are() {
        for words in ["tool --reson x", "tool -o table --reson x", "tool --reson -- -o json"] {
            assert_eq!(told(words).stdout().captured(), "", "{words}");
        }
        let env = told("tool --events json --reson x");
        let value: Value = serde_json::from_str(&env.stderr().captured()).expect("one line");
        assert_eq!(value["exit"], "usage");
    }
}
