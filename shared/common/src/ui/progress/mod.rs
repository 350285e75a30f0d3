//! Showing the events of a run: as bars and lines, as lines, or as JSON.

mod bars;
mod board;

use crate::env::{Env, OutputStream};
use crate::run::Stamped;

use self::bars::Bars;
use self::board::{Board, Draw};
use super::look::Look;
use super::options::Mode;

/// What is on the screen about the run.
pub(super) struct Display {
    stderr: OutputStream,
    board: Board,
    kind: Kind,
}

enum Kind {
    Bars(Bars),
    Lines,
    Json,
    Quiet,
}

impl Display {
    pub(super) fn new(env: &Env, mode: Mode, look: Look) -> Self {
        let kind = match mode {
            Mode::Bars => Kind::Bars(Bars::new(env.stderr(), look)),
            Mode::Lines => Kind::Lines,
            Mode::Json => Kind::Json,
            Mode::Quiet => Kind::Quiet,
        };
        Self { stderr: env.stderr().clone(), board: Board::new(look), kind }
    }

    /// Shows one event.
    pub(super) fn consume(&mut self, stamped: &Stamped) {
        match &mut self.kind {
            Kind::Json => {
                if let Ok(json) = serde_json::to_string(stamped) {
                    write_line(&self.stderr, &json);
                }
            }
            Kind::Bars(bars) => {
                for draw in self.board.update(stamped) {
                    bars.draw(&draw);
                }
            }
            Kind::Lines => {
                for draw in self.board.update(stamped) {
                    if let Some(line) = self.board.line(&draw, stamped.at) {
                        write_line(&self.stderr, &line);
                    }
                }
            }
            Kind::Quiet => {
                for draw in self.board.update(stamped) {
                    if let Draw::Trouble(text) = draw {
                        write_line(&self.stderr, &text);
                    }
                }
            }
        }
    }

    /// Does `write` while no bar is on the screen.
    pub(super) fn suspended<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.kind {
            Kind::Bars(bars) => bars.suspended(write),
            Kind::Lines | Kind::Json | Kind::Quiet => write(),
        }
    }
}

/// A standard error that is gone has no reader who misses a line.
fn write_line(stderr: &OutputStream, line: &str) {
    drop(stderr.write(&format!("{line}\n")));
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::exit::Exit;
    use crate::plan::Operation;
    use crate::rhacs::Version;
    use crate::run::{Event, Outcome, StepOutline, Unit};

    fn started() -> Event {
        let step = |id: &str, title: &str| StepOutline {
            id: id.to_owned(),
            title: title.to_owned(),
            object: None,
        };
        Event::RunStarted {
            run: "20260102-120000-test".to_owned(),
            operation: Operation::Upgrade,
            from: Version::release(3, 62, 1),
            to: Version::release(3, 69, 2),
            steps: vec![
                step("backup", "Back up Central"),
                step("central", "Central 3.0.62.1 → 3.69.2"),
                step("scanner", "Scanner 2.16.2 → 3.69.2"),
            ],
            resumed: false,
        }
    }

    fn waiting(message: &str, ready: u64) -> Event {
        Event::Waiting {
            id: "central".to_owned(),
            message: message.to_owned(),
            ready: Some(ready),
            desired: Some(1),
        }
    }

    fn step_started(id: &str, index: usize) -> Event {
        Event::StepStarted { id: id.to_owned(), index, of: 3 }
    }

    fn finished(id: &str, outcome: Outcome, elapsed_seconds: f64) -> Event {
        Event::StepFinished { id: id.to_owned(), outcome, elapsed_seconds }
    }

    /// A run with a second between two events.
    fn run() -> Vec<Event> {
        let progress = |current| Event::Progress {
            id: "backup".to_owned(),
            current,
            total: Some(2_000_000),
            unit: Unit::Bytes,
        };
        vec![
            started(),
            step_started("backup", 1),
            progress(1_000_000),
            progress(1_200_000),
            finished("backup", Outcome::changed("1.9 MiB"), 3.2),
            step_started("central", 2),
            Event::Warning { message: "unknown field\u{1b}[2J".to_owned() },
            waiting("0 of 1 pods are ready", 0),
            waiting("0 of 1 pods are ready", 0),
            waiting("pulling the image", 0),
            waiting("migrating", 0),
            waiting("migrating", 0),
            waiting("migrating", 0),
            Event::Retry {
                what: "GET deploy/central".to_owned(),
                attempt: 2,
                of: Some(4),
                left_seconds: None,
                reason: "503 Service Unavailable".to_owned(),
                next_in_seconds: 0.2,
            },
            Event::Retry {
                what: "GET deploy/central".to_owned(),
                attempt: 3,
                of: None,
                left_seconds: Some(110.0),
                reason: "connection refused".to_owned(),
                next_in_seconds: 4.0,
            },
            finished(
                "central",
                Outcome::unverified("1 object changed", vec!["no token".to_owned()]),
                42.0,
            ),
            Event::StepSkipped { id: "scanner".to_owned(), reason: "already 3.69.2".to_owned() },
            Event::Note { message: "two\nlines".to_owned() },
        ]
    }

    fn show(mode: Mode, look: Look, events: Vec<Event>) -> String {
        let env = Env::test().with_terminal(Some(80));
        let mut display = Display::new(&env, mode, look);
        let start: Timestamp = "2026-01-02T12:00:00Z".parse().unwrap();
        for (seq, event) in (0i64..).zip(events) {
            let at = start + SignedDuration::from_secs(seq);
            display.consume(&Stamped {
                run: "r".to_owned(),
                seq: seq.unsigned_abs() + 1,
                at,
                event,
            });
        }
        env.stderr().captured()
    }

    #[test]
    fn lines_say_each_thing_once() {
        insta::assert_snapshot!(show(Mode::Lines, Look::plain(), run()), @r"
        Run 20260102-120000-test: upgrade 3.0.62.1 → 3.69.2, 3 steps
        [1/3] Back up Central
              976.6 KiB of 1.9 MiB
        ✓ Back up Central  3s
        [2/3] Central 3.0.62.1 → 3.69.2
        warning: unknown field
              waiting: 0 of 1 pods are ready
              waiting: migrating
              retry: GET deploy/central: 503 Service Unavailable; attempt 2 of 4 in 0.2s
              retry: GET deploy/central: connection refused; trying again in 4.0s, for up to 1m50s more
        ! Central 3.0.62.1 → 3.69.2  42s, not verified: no token
        ✓ Scanner 2.16.2 → 3.69.2  nothing to do: already 3.69.2
        note: two
              lines
        ");
    }

    #[test]
    fn a_failure_shows_the_last_log_lines_even_when_quiet() {
        let failed = Event::RunFailed {
            step: Some("central".to_owned()),
            exit: Exit::StepFailed,
            message: "deploy/central crashes".to_owned(),
            causes: Vec::new(),
            logs: vec!["Migrator failed: disk".to_owned()],
            hints: Vec::new(),
            report: None,
        };
        let events = vec![started(), step_started("central", 2), failed];
        let ascii = Look::plain().with_unicode(false);
        insta::assert_snapshot!(show(Mode::Quiet, ascii, events.clone()), @r"
        x Central 3.0.62.1 -> 3.69.2  failed
              the last log lines:
              | Migrator failed: disk
        ");
        assert!(show(Mode::Lines, ascii, events).ends_with("| Migrator failed: disk\n"));
    }

    #[test]
    fn json_is_one_event_a_line() {
        let text = show(Mode::Json, Look::plain(), run());
        let events: Vec<Stamped> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events.iter().map(|stamped| stamped.event.clone()).collect::<Vec<_>>(), run());
    }

    #[test]
    fn on_a_terminal_finished_steps_stay_and_running_ones_go() {
        let text = show(Mode::Bars, Look::plain(), run());
        for line in [
            "✓ Back up Central  3s",
            "! Central 3.0.62.1 → 3.69.2  42s, not verified: no token",
            "✓ Scanner 2.16.2 → 3.69.2  nothing to do: already 3.69.2",
        ] {
            assert_eq!(text.matches(line).count(), 1, "{line}: {text:?}");
        }
        assert!(text.contains("[2/3] Central 3.0.62.1 → 3.69.2"), "{text:?}");
        assert!(text.contains("migrating"), "{text:?}");
    }
}
