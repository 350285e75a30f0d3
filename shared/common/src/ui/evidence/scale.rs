//! The time of a run as a length: its parts one after another, what lies between them left out.

use jiff::Timestamp;

use crate::run::export::RunDetails;

/// Where the moments of a run are, from 0 to 1.
pub(super) struct Scale {
    parts: Vec<(Timestamp, Timestamp)>,
}

impl Scale {
    pub(super) fn of(details: &RunDetails, started: Timestamp, updated: Timestamp) -> Self {
        let begins = || details.parts.iter().map(|part| part.began);
        let mut parts: Vec<(Timestamp, Timestamp)> = details
            .parts
            .iter()
            .zip(begins().skip(1).map(Some).chain([None]))
            .map(|(part, next)| {
                // A part that was cut off is drawn up to the last that is known of it.
                let known = part.ended.unwrap_or_else(|| last_known(details, part.began, next));
                (part.began, next.map_or(known, |next| known.min(next)))
            })
            .collect();
        if parts.is_empty() {
            parts.push((started, updated.max(started)));
        }
        Self { parts }
    }

    /// The whole length in seconds; never nothing.
    pub(super) fn seconds(&self) -> f64 {
        self.parts.iter().map(|(from, to)| seconds(*from, *to)).sum::<f64>().max(0.001)
    }

    /// The place of `moment`.
    pub(super) fn place(&self, moment: Timestamp) -> f64 {
        let before = |(from, to): &(Timestamp, Timestamp)| {
            seconds(*from, moment.clamp(*from, *to.max(from)))
        };
        let passed: f64 = self.parts.iter().map(before).sum();
        (passed / self.seconds()).clamp(0.0, 1.0)
    }

    /// Where a part follows another one.
    pub(super) fn joints(&self) -> Vec<f64> {
        self.parts.iter().skip(1).map(|(from, _)| self.place(*from)).collect()
    }
}

/// The last moment that the record knows between `from` and `next`.
fn last_known(details: &RunDetails, from: Timestamp, next: Option<Timestamp>) -> Timestamp {
    let steps = details.steps.iter().flat_map(|step| [step.began, step.at]).flatten();
    let waits = details.parts.iter().flat_map(|part| &part.waits);
    let waits = waits.flat_map(|wait| [Some(wait.from), wait.to]).flatten();
    let known = steps.chain(waits).filter(|at| *at >= from && next.is_none_or(|next| *at < next));
    known.max().unwrap_or(from)
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}
