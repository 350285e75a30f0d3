//! What a run says while it goes: plain data for the terminal, for scripts and for tests.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::Wait;
use super::report::{BackupReport, ClusterReport, Report};
use crate::exit::Exit;
use crate::plan::Operation;
use crate::rhacs::{ObjectRef, Version};

/// Something that happened in a run.
///
/// The first event is [`Event::RunStarted`] and lists every step; the last one is exactly one of
/// the events for which [`Event::is_terminal`] holds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// The run begins.
    RunStarted {
        /// The id of the run.
        run: String,
        /// What kind of run it is.
        operation: Operation,
        /// The version that runs now.
        from: Version,
        /// The version to go to.
        to: Version,
        /// All steps, in order.
        steps: Vec<StepOutline>,
        /// Whether an earlier run is continued.
        resumed: bool,
    },
    /// A step begins.
    StepStarted {
        /// The step.
        id: String,
        /// Its position, counted from 1.
        index: usize,
        /// The number of steps.
        of: usize,
    },
    /// A step had nothing to do.
    StepSkipped {
        /// The step.
        id: String,
        /// Why, a fragment such as `already 3.69.2`.
        reason: String,
    },
    /// A step waits.
    Waiting {
        /// The step.
        id: String,
        /// What for.
        message: String,
        /// How many are ready, where it can be counted.
        ready: Option<u64>,
        /// How many there should be.
        desired: Option<u64>,
    },
    /// A step got further. The only event that may be dropped.
    Progress {
        /// The step.
        id: String,
        /// How much is done.
        current: u64,
        /// How much there is, where it is known.
        total: Option<u64>,
        /// What is counted.
        unit: Unit,
    },
    /// Something failed and is tried again.
    Retry {
        /// What is tried, such as `PATCH deploy/central`.
        what: String,
        /// The number of the coming attempt, from 2.
        attempt: u32,
        /// The greatest number of attempts; none where time is the limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<u32>,
        /// For how many seconds it is tried after that attempt; none where attempts are counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left_seconds: Option<f64>,
        /// Why it failed.
        reason: String,
        /// When it is tried again.
        next_in_seconds: f64,
    },
    /// Something to look at, from the API server or from the run itself.
    Warning {
        /// For people.
        message: String,
    },
    /// Something worth knowing; may have several lines.
    Note {
        /// For people.
        message: String,
    },
    /// A step is done and verified.
    StepFinished {
        /// The step.
        id: String,
        /// What it did.
        outcome: Outcome,
        /// How long it took, waits included.
        elapsed_seconds: f64,
    },
    /// The run is at its end. Terminal.
    RunFinished {
        /// What it achieved; `report.exit` may still be [`Exit::Unverified`].
        report: Box<Report>,
    },
    /// The run stopped at a failure. Terminal.
    RunFailed {
        /// The step that failed; none when it was before the first one.
        step: Option<String>,
        /// How the process ends.
        exit: Exit,
        /// What failed.
        message: String,
        /// Why, outermost first.
        causes: Vec<String>,
        /// The last log lines of the container in trouble.
        logs: Vec<String>,
        /// What to do next.
        hints: Vec<String>,
        /// What was achieved until then.
        report: Option<Box<Report>>,
    },
    /// The run stopped because the user wanted it to; it is recorded. Terminal.
    RunInterrupted {
        /// The step that was not finished; none when it was before the first one.
        step: Option<String>,
    },
}

/// A step as the first event lists it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepOutline {
    /// Its id.
    pub id: String,
    /// What it does.
    pub title: String,
    /// The first object it changes; none when it changes none.
    pub object: Option<ObjectRef>,
}

/// What [`Event::Progress`] counts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Whole things, such as clusters.
    Items,
}

/// What a finished step did.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Whether anything changed, and whether that is known to have worked.
    pub result: OutcomeResult,
    /// What was done, a fragment such as `3 objects changed`.
    pub message: String,
    /// What deserves a look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What could not be verified; all of it is among the warnings too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unverified: Vec<String>,
    /// The backup the step took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupReport>,
    /// The secured clusters the step looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<ClusterReport>,
}

/// The shades of success.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OutcomeResult {
    /// Something was changed or produced.
    Changed,
    /// Everything was as wanted already, or the step only looks.
    Unchanged,
    /// Done, but its effect could not be verified; `warnings` say what is missing.
    Unverified,
}

/// An event with its run, its place and its time.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stamped {
    /// The id of the run.
    pub run: String,
    /// Its number in the run, from 1, without gaps.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// Where a run sends its events: cheap to clone, usable from any thread and any task.
#[derive(Clone)]
pub struct Events(Arc<Sender>);

struct Sender {
    run: String,
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    state: Mutex<State>,
}

struct State {
    last: u64,
    /// What was waited for, to be kept in the record.
    waits: Vec<Wait>,
    sink: Box<dyn FnMut(Stamped) + Send>,
}

impl Event {
    /// Whether it ends a run.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::RunFinished { .. } | Self::RunFailed { .. } | Self::RunInterrupted { .. }
        )
    }
}

impl Outcome {
    /// Something was changed or produced.
    pub fn changed(message: impl Into<String>) -> Self {
        Self::new(OutcomeResult::Changed, message)
    }

    /// There was nothing to do.
    pub fn unchanged(message: impl Into<String>) -> Self {
        Self::new(OutcomeResult::Unchanged, message)
    }

    /// Done, but `missing` could not be verified.
    pub fn unverified(message: impl Into<String>, missing: Vec<String>) -> Self {
        Self {
            warnings: missing.clone(),
            unverified: missing,
            ..Self::new(OutcomeResult::Unverified, message)
        }
    }

    fn new(result: OutcomeResult, message: impl Into<String>) -> Self {
        Self {
            result,
            message: message.into(),
            warnings: Vec::new(),
            unverified: Vec::new(),
            backup: None,
            clusters: Vec::new(),
        }
    }

    /// What could not be verified; records of before it was told apart have it among the warnings.
    #[cfg(feature = "cluster")]
    pub(super) fn unverified_things(&self) -> impl Iterator<Item = &str> {
        let things = match (self.result, self.unverified.is_empty()) {
            (OutcomeResult::Unverified, true) => &self.warnings,
            _ => &self.unverified,
        };
        things.iter().map(String::as_str)
    }
}

impl Events {
    /// Events of the run `run`, stamped with the time `now` tells and handed to `sink` in order.
    ///
    /// `sink` must return soon and must not emit events itself.
    pub fn new(
        run: impl Into<String>,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        sink: impl FnMut(Stamped) + Send + 'static,
    ) -> Self {
        let state = Mutex::new(State { last: 0, waits: Vec::new(), sink: Box::new(sink) });
        Self(Arc::new(Sender { run: run.into(), now: Box::new(now), state }))
    }

    /// Stamps `event` and hands it on.
    pub fn emit(&self, event: Event) {
        // The lock is held while the sink runs, so that numbers arrive in order.
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.last += 1;
        let stamped =
            Stamped { run: self.0.run.clone(), seq: state.last, at: (self.0.now)(), event };
        Wait::note(&mut state.waits, &stamped);
        (state.sink)(stamped);
    }

    /// What was waited for until now.
    #[must_use]
    pub fn waits(&self) -> Vec<Wait> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).waits.clone()
    }

    /// Emits [`Event::Warning`].
    pub fn warn(&self, message: impl Into<String>) {
        self.emit(Event::Warning { message: message.into() });
    }

    /// Emits [`Event::Note`].
    pub fn note(&self, message: impl Into<String>) {
        self.emit(Event::Note { message: message.into() });
    }

    /// The id of the run.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.0.run
    }

    /// The time by the clock of the run.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0.now)()
    }

    /// Seconds since `start` by the clock of the run, to the millisecond.
    #[must_use]
    pub fn seconds_since(&self, start: Timestamp) -> f64 {
        to_milliseconds(self.now().duration_since(start).as_secs_f64().max(0.0))
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("run", &self.0.run).finish_non_exhaustive()
    }
}

/// Seconds without what is finer than a millisecond: nobody reads it, and short decimals come back
/// from JSON as they were.
pub(super) fn to_milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn events_are_numbered_without_gaps_whoever_sends_them() {
        let (sender, receiver) = mpsc::channel();
        let events = Events::new(
            "r",
            || Timestamp::UNIX_EPOCH,
            move |event| {
                sender.send(event).unwrap();
            },
        );
        std::thread::scope(|scope| {
            for name in ["a", "b"] {
                let events = events.clone();
                scope.spawn(move || (0..50).for_each(|_| events.note(name)));
            }
        });
        let numbers: Vec<u64> = receiver.try_iter().map(|stamped| stamped.seq).collect();
        assert_eq!(numbers, (1..=100).collect::<Vec<u64>>());
    }

    #[test]
    fn an_event_says_its_name_in_json_and_comes_back() {
        let event = Event::StepFinished {
            id: "central".to_owned(),
            outcome: Outcome::changed("1 object changed"),
            elapsed_seconds: 4.5,
        };
        let stamped = Stamped { run: "r".to_owned(), seq: 1, at: Timestamp::UNIX_EPOCH, event };
        let json = serde_json::to_value(&stamped).unwrap();
        assert_eq!(json["event"]["event"], "stepFinished");
        assert_eq!(json["event"]["elapsedSeconds"], 4.5);
        assert_eq!(serde_json::from_value::<Stamped>(json).unwrap(), stamped);
    }
}
