//! What a run lived through besides its steps: who accepted what, waits, outages, later looks.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::{Event, Stamped};
use super::report::{ClusterReport, ComponentReport};
use crate::exit::Exit;

/// So many waits of one process are kept; a run that waits for more repeats itself.
const MOST_WAITS: usize = 200;

/// A finding that a run was started in spite of.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// Its stable name.
    pub code: String,
    /// What was found.
    pub what: String,
    /// Why it matters.
    pub why: String,
    /// Who accepted it, as the API server knows the user.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What one process of a run lived through.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// When it began.
    pub began: Timestamp,
    /// When it ended; none when it was cut off, or goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What it waited for, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<Wait>,
    /// The times in which Central did not answer; none when that was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outages: Option<Vec<Span>>,
}

/// Something a step waited for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// The step.
    pub step: String,
    /// What for.
    pub message: String,
    /// Since when.
    pub from: Timestamp,
    /// Until when; none when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

/// A length of time with its place.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// Its begin.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

/// One look at a run after its end.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recheck {
    /// When.
    pub at: Timestamp,
    /// By whom, as the API server knows the user.
    pub who: String,
    /// On which computer.
    pub host: String,
    /// With which version of the suite.
    pub tool: String,
    /// What it came to: [`Exit::Done`] when everything was verified.
    pub exit: Exit,
    /// What could not be verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unverified: Vec<String>,
    /// Each workload of the installation as it was then.
    pub components: Vec<ComponentReport>,
    /// The secured clusters as Central saw them then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<ClusterReport>,
    /// Whether Central itself was asked.
    pub central_asked: bool,
}

/// Why a run will never be resumed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Closing {
    /// When it was closed.
    pub at: Timestamp,
    /// By whom, as the API server knows the user.
    pub who: String,
    /// On which computer.
    pub host: String,
    /// Why.
    pub reason: String,
}

impl Part {
    /// A process that begins.
    #[must_use]
    pub const fn new(began: Timestamp) -> Self {
        Self { began, ended: None, waits: Vec::new(), outages: None }
    }

    /// How long Central did not answer, as far as it was measured.
    #[must_use]
    pub fn outage_seconds(&self) -> f64 {
        self.outages.iter().flatten().map(Span::seconds).sum()
    }
}

impl Span {
    /// Its length in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.to.duration_since(self.from).as_secs_f64().max(0.0)
    }
}

impl Wait {
    /// Keeps in `waits` what `event` says about waiting: one begins, or the last one ends with its
    /// step, with the next wait, or with the run.
    pub(super) fn note(waits: &mut Vec<Self>, event: &Stamped) {
        let at = event.at;
        match &event.event {
            Event::Waiting { id, message, .. } => {
                if let Some(last) = waits.last_mut().filter(|last| last.to.is_none()) {
                    if last.step == *id && last.message == *message {
                        return;
                    }
                    last.to = Some(at);
                }
                if waits.len() < MOST_WAITS {
                    let (step, message) = (id.clone(), message.clone());
                    waits.push(Self { step, message, from: at, to: None });
                }
            }
            Event::StepStarted { .. } | Event::StepFinished { .. } | Event::StepSkipped { .. } => {
                end_last(waits, at);
            }
            event if event.is_terminal() => end_last(waits, at),
            _ => {}
        }
    }
}

fn end_last(waits: &mut [Wait], at: Timestamp) {
    if let Some(last) = waits.last_mut() {
        last.to.get_or_insert(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::Outcome;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn waits(events: Vec<(i64, Event)>) -> Vec<(String, i64, Option<i64>)> {
        let mut waits = Vec::new();
        for (second, event) in events {
            let stamped = Stamped { run: "r".to_owned(), seq: 1, at: at(second), event };
            Wait::note(&mut waits, &stamped);
        }
        let told =
            |wait: Wait| (wait.message, wait.from.as_second(), wait.to.map(Timestamp::as_second));
        waits.into_iter().map(told).collect()
    }

    fn waiting(message: &str) -> Event {
        let (id, message) = ("central".to_owned(), message.to_owned());
        Event::Waiting { id, message, ready: None, desired: None }
    }

    #[test]
    fn a_wait_lasts_until_something_else_is_waited_for_or_its_step_ends() {
        let done = Event::StepFinished {
            id: "central".to_owned(),
            outcome: Outcome::changed("done"),
            elapsed_seconds: 9.0,
        };
        let told = waits(vec![
            (1, waiting("pods")),
            (3, waiting("pods")),
            (5, waiting("its API")),
            (9, done),
            (12, waiting("clusters")),
        ]);
        let expected = [("pods", 1, Some(5)), ("its API", 5, Some(9)), ("clusters", 12, None)];
        let expected = expected.map(|(words, from, to)| (words.to_owned(), from, to));
        assert_eq!(told, expected);
    }

    #[test]
    fn a_run_that_waits_for_ever_keeps_its_record_small() {
        let many = (0..1000).map(|second| (second, waiting(&second.to_string()))).collect();
        assert_eq!(waits(many).len(), MOST_WAITS);
    }
}
