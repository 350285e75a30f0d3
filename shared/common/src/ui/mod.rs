//! The only code that prints: data to standard output, everything else to standard error.

mod confirm;
mod evidence;
mod findings;
mod human;
mod look;
mod options;
mod output;
mod plan;
mod progress;
mod question;
mod report;
mod table;
mod usage;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value, json};

use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{Finding, Plan};
use crate::run::{Report, Stamped};

pub use evidence::{evidence_html, evidence_markdown, exit_words};
pub use findings::{findings_table, findings_text};
pub use human::{bytes, count, duration};
pub use look::{Look, Role};
pub use options::{EventFormat, Mode, UiArgs};
pub use output::{Output, to_json, to_yaml};
pub use plan::{explain_plan, plan_text};
use progress::Display;
pub use report::report_text;
pub use table::{Cell, Header, Table};
pub use usage::{print_usage, wanted_output};

/// Where a command prints; made once, cheap to clone, usable from any thread.
///
/// A closed pipe on either stream is no error: whoever read has read enough.
#[derive(Clone)]
pub struct Ui(Arc<Inner>);

struct Inner {
    env: Env,
    mode: Mode,
    output: Output,
    yes: bool,
    stdout: Look,
    stderr: Look,
    display: Mutex<Display>,
}

impl Ui {
    /// The printer for `env`, as `args` ask; `yes` answers every question.
    #[must_use]
    pub fn new(env: &Env, args: &UiArgs, yes: bool) -> Self {
        let mode = Mode::choose(env, args);
        let stdout = Look::of(env, env.stdout(), args.no_color);
        let stderr = Look::of(env, env.stderr(), args.no_color);
        if (stdout.has_color() || stderr.has_color()) && !env.stderr().is_captured() {
            enable_color();
        }
        Self(Arc::new(Inner {
            env: env.clone(),
            mode,
            output: args.output,
            yes,
            stdout,
            stderr,
            display: Mutex::new(Display::new(env, mode, stderr)),
        }))
    }

    /// The format of the command's data.
    #[must_use]
    pub fn output(&self) -> Output {
        self.0.output
    }

    /// How progress is told.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// What standard output can show.
    #[must_use]
    pub fn stdout_look(&self) -> Look {
        self.0.stdout
    }

    /// What standard error can show.
    #[must_use]
    pub fn stderr_look(&self) -> Look {
        self.0.stderr
    }

    /// Prints `value`, the command's data: as JSON or YAML, else what `text` makes of it.
    ///
    /// # Errors
    /// A standard output that cannot be written, other than a closed pipe.
    pub fn print(
        &self,
        value: &impl Serialize,
        text: impl FnOnce(Output, Look) -> String,
    ) -> Result<(), Failure> {
        let text = match self.0.output {
            Output::Json => to_json(value)?,
            Output::Yaml => to_yaml(value)?,
            output => text(output, self.0.stdout),
        };
        self.data(&text)
    }

    /// Writes `text` to standard output as it is.
    ///
    /// # Errors
    /// A standard output that cannot be written, other than a closed pipe.
    pub fn data(&self, text: &str) -> Result<(), Failure> {
        self.suspended(|| match self.0.env.stdout().write(text) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::unexpected("cannot write to standard output").caused_by(&error))
            }
            _ => Ok(()),
        })
    }

    /// Tells a person something: `text` with a line feed on standard error; nothing when quiet or
    /// when standard error is for programs.
    pub fn say(&self, text: &str) {
        if matches!(self.0.mode, Mode::Bars | Mode::Lines) {
            self.error_text(text);
        }
    }

    /// Warns a person, even when quiet; programs that read events get `{"warning": …}`.
    pub fn warn(&self, message: &str) {
        let look = self.0.stderr;
        if self.0.mode == Mode::Json {
            return self.error_text(&json!({"warning": message}).to_string());
        }
        let label = look.paint(Role::Warning, "warning:");
        self.error_text(&format!("{label} {}", look.text(message)));
    }

    /// Shows what happened in a run.
    pub fn consume(&self, event: &Stamped) {
        self.0.display.lock().unwrap_or_else(PoisonError::into_inner).consume(event);
    }

    /// Shows a plan and, above it, its findings, to the person who will be asked about it.
    pub fn propose(&self, plan: &Plan, findings: &[Finding]) {
        let look = self.0.stderr;
        let wide = self.0.output.is_wide();
        let findings = findings_text(findings, look, wide);
        // A blank line stands between the two tables.
        self.say(findings.strip_suffix('\n').unwrap_or_default());
        self.say(plan_text(plan, look, wide).trim_end());
    }

    /// Prints what a run achieved.
    ///
    /// # Errors
    /// As [`Ui::print`].
    pub fn report(&self, report: &Report) -> Result<(), Failure> {
        let numbered = NumberedReport { schema: 1, code: report.exit.code(), report };
        self.print(&numbered, |output, look| report_text(report, output, look))
    }

    /// Prints why a command failed: for people and, with `-o json` or `yaml`, for programs; as one
    /// line of JSON where events are. Returns how the process ends.
    pub fn failure(&self, failure: &Failure) -> Exit {
        let exit = failure.exit();
        let value = failure_json(failure);
        if self.0.output.is_structured() {
            // Standard error has the same in words, and the exit code stays the failure's.
            drop(self.print(&value, |_, _| String::new()));
        }
        match self.0.mode {
            Mode::Json => self.error_text(&value.to_string()),
            _ => self.error_text(&colored_failure(failure, self.0.stderr)),
        }
        exit
    }

    /// Asks a person whether to go on; see [`confirm::ask`] for the rules.
    ///
    /// # Errors
    /// [`Exit::Usage`] when there is no terminal to ask on.
    pub fn confirm(&self, prompt: &str, explain: impl Fn() -> String) -> Result<bool, Failure> {
        if self.0.yes {
            return Ok(true);
        }
        self.suspended(|| confirm::ask(&self.0.env, self.0.stderr, prompt, &explain))
    }

    /// Asks a person for a line; none at the end of the input. `instead` says what a script does.
    ///
    /// # Errors
    /// [`Exit::Usage`] when there is no terminal to ask on.
    pub fn ask_line(&self, prompt: &str, instead: &str) -> Result<Option<String>, Failure> {
        self.suspended(|| question::line(&self.0.env, self.0.stderr, prompt, instead))
    }

    /// As [`Ui::ask_line`], without showing what is typed.
    ///
    /// # Errors
    /// As [`Ui::ask_line`], and when the terminal cannot be told not to show it.
    pub fn ask_secret(&self, prompt: &str, instead: &str) -> Result<Option<SecretString>, Failure> {
        self.suspended(|| question::secret(&self.0.env, self.0.stderr, prompt, instead))
    }

    /// The first line of standard input as a secret; none when it is empty.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_secret(&self) -> Result<Option<SecretString>, Failure> {
        question::piped_secret(&self.0.env)
    }

    /// Has a person type `name` before something is lost for good; another answer is a no. What
    /// answers every question answers this one as well.
    ///
    /// # Errors
    /// [`Exit::Usage`] when there is no terminal to ask on.
    pub fn confirm_name(&self, prompt: &str, name: &str) -> Result<bool, Failure> {
        if self.0.yes {
            return Ok(true);
        }
        let answer = self.ask_line(prompt, "pass --yes to go on without being asked")?;
        Ok(answer.is_some_and(|answer| answer.trim() == name))
    }

    fn error_text(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        // There is no one left to tell that standard error is gone.
        self.suspended(|| drop(self.0.env.stderr().write(&format!("{text}\n"))));
    }

    /// Does `write` while no bar is on the screen.
    fn suspended<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.display.lock().unwrap_or_else(PoisonError::into_inner).suspended(write)
    }
}

/// A report for programs.
#[derive(Serialize)]
struct NumberedReport<'a> {
    /// The number of this format.
    schema: u32,
    /// The same as the number that the process ends with.
    code: u8,
    #[serde(flatten)]
    report: &'a Report,
}

/// A failure for programs.
fn failure_json(failure: &Failure) -> Value {
    let exit = failure.exit();
    json!({
        "error": failure.to_string(),
        "causes": failure.causes(),
        "hints": failure.hints(),
        "exit": exit,
        "code": exit.code(),
    })
}

/// Colours the words that `Failure::render` begins its lines with.
fn colored_failure(failure: &Failure, look: Look) -> String {
    let text = look.text(&failure.render());
    let lines: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(index, line)| match line.split_once(": ") {
            Some(("error", rest)) if index == 0 => {
                format!("{} {rest}", look.paint(Role::Error, "error:"))
            }
            Some(("hint", rest)) => format!("{} {rest}", look.paint(Role::Literal, "hint:")),
            _ => line.to_owned(),
        })
        .collect();
    lines.join("\n")
}

/// Old Windows consoles understand colours only when asked to; elsewhere this does nothing.
fn enable_color() {
    let _ = anstream::AutoStream::always(io::stderr());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ui(env: &Env, output: Output) -> Ui {
        Ui::new(env, &UiArgs { output, ..UiArgs::default() }, false)
    }

    #[test]
    fn data_goes_out_and_words_go_to_the_error_stream() {
        let env = Env::test();
        let ui = ui(&env, Output::Table);
        ui.say("a word");
        ui.print(&1, |_, _| "data\n".to_owned()).unwrap();
        ui.warn("look");
        assert_eq!(env.stdout().captured(), "data\n");
        assert_eq!(env.stderr().captured(), "a word\nwarning: look\n");
    }

    #[test]
    fn a_failure_is_said_in_words_and_in_json() {
        let env = Env::test();
        let failure =
            Failure::new(Exit::Locked, "locked by ann").because("run 7").hint("wait for it");
        assert_eq!(ui(&env, Output::Json).failure(&failure), Exit::Locked);
        assert_eq!(env.stderr().captured(), "error: locked by ann: run 7\nhint: wait for it\n");
        let value: Value = serde_json::from_str(&env.stdout().captured()).unwrap();
        let expected = json!({
            "error": "locked by ann", "causes": ["run 7"], "hints": ["wait for it"],
            "exit": "locked", "code": 8,
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn where_events_are_every_line_is_json() {
        let env = Env::test();
        let args = UiArgs { events: EventFormat::Json, ..UiArgs::default() };
        let ui = Ui::new(&env, &args, false);
        ui.warn("look");
        ui.say("a word");
        ui.failure(&Failure::usage("no"));
        let lines: Vec<Value> = env
            .stderr()
            .captured()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(lines[0]["warning"], "look");
        assert_eq!(lines[1]["exit"], "usage");
        assert_eq!(env.stdout().captured(), "");
    }

    #[test]
    fn a_failure_is_coloured_on_a_terminal() {
        let env = Env::test().with_terminal(Some(80)).with_variable("TERM", "xterm");
        ui(&env, Output::Table).failure(&Failure::usage("no").hint("yes"));
        let text = env.stderr().captured();
        assert!(
            text.contains("\u{1b}[31merror:\u{1b}[0m no") || text.contains("error:\u{1b}[0m no"),
            "{text:?}"
        );
    }

    #[test]
    fn quiet_says_only_what_must_be_said() {
        let env = Env::test();
        let args = UiArgs { quiet: true, ..UiArgs::default() };
        let ui = Ui::new(&env, &args, false);
        ui.say("a word");
        ui.warn("look");
        ui.data("data\n").unwrap();
        assert_eq!(env.stderr().captured(), "warning: look\n");
        assert_eq!(env.stdout().captured(), "data\n");
    }
}
