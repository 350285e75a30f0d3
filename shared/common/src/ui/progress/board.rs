//! What an event changes on the screen: pure, the same for bars and lines.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::super::human::{bytes, count, duration};
use super::super::look::{Look, Role};
use crate::plan::Operation;
use crate::run::{Event, Outcome, OutcomeResult, Stamped, Unit};

/// One change of the screen.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Draw {
    /// A line that stays.
    Line(String),
    /// Lines that stay and are shown even when quiet.
    Trouble(String),
    /// A step runs from now on.
    Start(String),
    /// What the running step waits for.
    Message(String),
    /// How far the running step is.
    Amount { current: u64, total: Option<u64>, unit: Unit },
    /// No step runs any more.
    Stop,
}

/// What is known of the run, as far as showing it needs.
pub(super) struct Board {
    look: Look,
    titles: BTreeMap<String, String>,
    spoken: Option<Spoken>,
}

/// The last passing line, so that it is not repeated.
struct Spoken {
    text: String,
    at: Timestamp,
}

/// The shortest time between two passing lines.
const PAUSE: SignedDuration = SignedDuration::from_secs(3);
const INDENT: &str = "      ";

impl Board {
    pub(super) const fn new(look: Look) -> Self {
        Self { look, titles: BTreeMap::new(), spoken: None }
    }

    /// Takes an event in; returns what it changes, in order.
    pub(super) fn update(&mut self, stamped: &Stamped) -> Vec<Draw> {
        match &stamped.event {
            Event::RunStarted { run, operation, from, to, steps, resumed } => {
                self.titles =
                    steps.iter().map(|step| (step.id.clone(), step.title.clone())).collect();
                let verb = verb(*operation);
                let again = if *resumed { ", resumed" } else { "" };
                let steps = count(steps.len(), "step");
                let text = format!("Run {run}: {verb} {from} → {to}, {steps}{again}");
                vec![Draw::Line(self.look.text(&text))]
            }
            Event::StepStarted { id, index, of } => {
                self.spoken = None;
                vec![Draw::Start(self.look.text(&format!("[{index}/{of}] {}", self.title(id))))]
            }
            Event::StepSkipped { id, reason } => {
                let tail = format!("nothing to do: {reason}");
                vec![Draw::Stop, Draw::Line(self.ended(Role::Success, "✓", id, &tail))]
            }
            Event::Waiting { message, ready, desired, .. } => {
                vec![Draw::Message(self.waiting(message, *ready, *desired))]
            }
            Event::Progress { current, total, unit, .. } => {
                vec![Draw::Amount { current: *current, total: *total, unit: *unit }]
            }
            Event::Retry { what, attempt, of, left_seconds, reason, next_in_seconds } => {
                let again = match (of, left_seconds) {
                    (Some(of), _) => format!("attempt {attempt} of {of} in {next_in_seconds:.1}s"),
                    (None, Some(left)) => format!(
                        "trying again in {next_in_seconds:.1}s, for up to {} more",
                        duration(*left)
                    ),
                    (None, None) => format!("attempt {attempt} in {next_in_seconds:.1}s"),
                };
                let text = format!("{what}: {reason}; {again}");
                vec![Draw::Line(format!(
                    "{INDENT}{}",
                    self.labelled(Role::Warning, "retry:", &text)
                ))]
            }
            Event::Warning { message } => {
                vec![Draw::Line(self.labelled(Role::Warning, "warning:", message))]
            }
            Event::Note { message } => {
                vec![Draw::Line(self.labelled(Role::Literal, "note:", message))]
            }
            Event::StepFinished { id, outcome, elapsed_seconds } => {
                let mut draws = vec![Draw::Stop];
                draws.extend(self.finished(id, outcome, *elapsed_seconds));
                draws
            }
            Event::RunFailed { step, logs, .. } => {
                vec![Draw::Stop, Draw::Trouble(self.failed(step.as_deref(), logs))]
            }
            Event::RunInterrupted { step } => {
                let mut draws = vec![Draw::Stop];
                draws.extend(step.as_deref().map(|id| {
                    Draw::Line(self.ended(Role::Warning, "!", id, "interrupted, recorded"))
                }));
                draws
            }
            // The report is printed by the command, with its data.
            Event::RunFinished { .. } => vec![Draw::Stop],
        }
    }

    /// What `draw` is where there are only lines; passing ones are neither repeated nor frequent.
    pub(super) fn line(&mut self, draw: &Draw, at: Timestamp) -> Option<String> {
        match draw {
            Draw::Line(text) | Draw::Trouble(text) | Draw::Start(text) => Some(text.clone()),
            Draw::Message(text) => self.speak(at, &format!("waiting: {text}")),
            Draw::Amount { current, total, unit } => {
                self.speak(at, &amount(*current, *total, *unit))
            }
            Draw::Stop => None,
        }
    }

    fn speak(&mut self, at: Timestamp, text: &str) -> Option<String> {
        if let Some(last) = &self.spoken
            && (last.text == text || at.duration_since(last.at) < PAUSE)
        {
            return None;
        }
        self.spoken = Some(Spoken { text: text.to_owned(), at });
        Some(format!("{INDENT}{text}"))
    }

    fn title<'a>(&'a self, id: &'a str) -> &'a str {
        self.titles.get(id).map_or(id, String::as_str)
    }

    fn ended(&self, role: Role, glyph: &str, id: &str, tail: &str) -> String {
        let tail = self.look.text(tail);
        format!("{} {}  {tail}", self.look.paint(role, glyph), self.look.text(self.title(id)))
    }

    fn labelled(&self, role: Role, label: &str, message: &str) -> String {
        let message = self.look.text(message);
        let message = message.trim_end().replace('\n', &format!("\n{INDENT}"));
        format!("{} {message}", self.look.paint(role, label))
    }

    /// The message, with the numbers unless it says them itself.
    fn waiting(&self, message: &str, ready: Option<u64>, desired: Option<u64>) -> String {
        let message = self.look.text(message).replace('\n', " ");
        match (ready, desired) {
            (Some(ready), Some(desired)) if !message.contains(|c: char| c.is_ascii_digit()) => {
                if desired > 1 {
                    format!("{message} ({ready} of {desired})")
                } else {
                    message
                }
            }
            _ => message,
        }
    }

    fn finished(&self, id: &str, outcome: &Outcome, elapsed_seconds: f64) -> Vec<Draw> {
        let elapsed = duration(elapsed_seconds);
        let (role, glyph, tail) = match outcome.result {
            OutcomeResult::Changed => (Role::Success, "✓", elapsed),
            OutcomeResult::Unchanged if outcome.message.is_empty() => {
                (Role::Success, "✓", format!("{elapsed}, nothing to change"))
            }
            OutcomeResult::Unchanged => {
                (Role::Success, "✓", format!("{elapsed}, {}", outcome.message))
            }
            OutcomeResult::Unverified => {
                let missing = outcome.warnings.join("; ");
                (Role::Warning, "!", format!("{elapsed}, not verified: {missing}"))
            }
        };
        let mut draws = vec![Draw::Line(self.ended(role, glyph, id, &tail))];
        if outcome.result != OutcomeResult::Unverified {
            let warning =
                |text: &String| Draw::Line(self.labelled(Role::Warning, "warning:", text));
            draws.extend(outcome.warnings.iter().map(warning));
        }
        draws
    }

    fn failed(&self, step: Option<&str>, logs: &[String]) -> String {
        let mut text = match step {
            Some(id) => self.ended(Role::Error, "✗", id, "failed"),
            None => self.look.paint(Role::Error, "✗ the run failed before its first step"),
        };
        if !logs.is_empty() {
            text.push_str(&format!("\n{INDENT}the last log lines:"));
        }
        for line in logs {
            text.push_str(&format!("\n{INDENT}| {}", self.look.text(line)));
        }
        text
    }
}

fn amount(current: u64, total: Option<u64>, unit: Unit) -> String {
    let say = |number: u64| match unit {
        Unit::Bytes => bytes(number),
        Unit::Items => number.to_string(),
    };
    match total {
        Some(total) => format!("{} of {}", say(current), say(total)),
        None => format!("{} so far", say(current)),
    }
}

const fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Upgrade => "upgrade",
        Operation::Rollback => "rollback",
        Operation::Scc => "SCC migration",
    }
}
