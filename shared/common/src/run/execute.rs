//! What a runner needs of the world: looking, writing and waiting, one step at a time.

mod backup;
mod bundle;
mod cluster;
mod conclude;
mod covers;
mod deletion;
mod diff;
mod dry_run;
mod fleet;
mod former;
mod kept;
mod known;
mod left;
mod migration;
mod promise;
mod rollout;
mod roxctl;
mod scanner;
mod serving;
mod strangers;
mod token;
mod unified;
mod upgrader;
mod write;
mod writer;

use std::future::Future;
use std::sync::{Mutex, PoisonError};

pub use cluster::ClusterExecutor;
pub(crate) use conclude::health;
pub use dry_run::Refusal;
pub use roxctl::RoxctlSetup;

use super::account::Span;
use super::event::{Event, Events, Outcome, Unit};
use super::interrupt::Interrupt;
use super::record::{Captured, Record, StepRecord, Wrote};
use super::report::{ClusterReport, ComponentReport};
use super::step_error::StepError;
use crate::plan::Step;
use crate::rhacs::ObjectRef;

/// The effects of a run.
pub trait Execute {
    /// Reads the objects `step` may change, as they are before the run. Changes nothing.
    ///
    /// # Errors
    /// When an object cannot be read, or is not as the plan assumes.
    fn capture(&self, step: &Step) -> impl Future<Output = Result<Vec<Captured>, StepError>>;

    /// Looks whether the step is done already. Changes nothing; may be dropped at any await.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn probe(
        &self,
        step: &Step,
        context: &StepContext<'_>,
    ) -> impl Future<Output = Result<Probe, StepError>>;

    /// Finds out what has to be on record before the step starts, and notes it with
    /// [`StepContext::note_write`]. Changes nothing; may be dropped at any await.
    ///
    /// # Errors
    /// When that cannot be found out, so that the step must not start.
    fn prepare(
        &self,
        step: &Step,
        context: &StepContext<'_>,
    ) -> impl Future<Output = Result<(), StepError>> {
        let _ = (step, context);
        std::future::ready(Ok(()))
    }

    /// Does the step. It is never dropped while it runs: where it waits for long, it has to look
    /// at [`StepContext::interrupt`] itself.
    ///
    /// # Errors
    /// When the step is not done, or only in part; [`StepContext::note_write`] says which part.
    fn apply(
        &self,
        step: &Step,
        context: &StepContext<'_>,
    ) -> impl Future<Output = Result<Outcome, StepError>>;

    /// Waits until what the step promises holds, at most for its `timeout_seconds`. Changes
    /// nothing; may be dropped at any await.
    ///
    /// # Errors
    /// When it does not hold, or not in time.
    fn verify(
        &self,
        step: &Step,
        context: &StepContext<'_>,
    ) -> impl Future<Output = Result<Verified, StepError>>;

    /// Looks, when all steps are done, whether everything that the run wrote is still there. `step`
    /// is the one that answers for it. Changes nothing; may be dropped at any await.
    ///
    /// # Errors
    /// When something is not there any more.
    fn confirm(
        &self,
        step: &Step,
        context: &StepContext<'_>,
    ) -> impl Future<Output = Result<Verified, StepError>> {
        let _ = (step, context);
        std::future::ready(Ok(Verified::default()))
    }

    /// The times in which Central did not answer until now, as far as that is measured.
    fn outages(&self) -> Option<Vec<Span>> {
        None
    }

    /// Looks at what the installation is after the run; what cannot be read is left out.
    fn conclude(&self, record: &Record) -> impl Future<Output = Conclusion>;
}

/// Whether a step is done already.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Probe {
    /// It has to be applied.
    Pending,
    /// It is as wanted; `reason` says it in a fragment.
    Done {
        /// Such as `already 3.69.2`.
        reason: String,
    },
}

/// What a verification found besides that the step holds.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Verified {
    /// What could not be verified; the step then counts as unverified.
    pub unverified: Vec<String>,
    /// What deserves a look.
    pub warnings: Vec<String>,
    /// The secured clusters that were looked at.
    pub clusters: Vec<ClusterReport>,
}

/// What the installation is after a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conclusion {
    /// Each workload the plan knows.
    pub components: Vec<ComponentReport>,
    /// How long Central did not answer, in seconds.
    pub outage_seconds: Option<f64>,
    /// Whether Central itself could be asked what runs.
    pub central_asked: bool,
}

/// What a step may use of its run.
#[derive(Debug)]
pub struct StepContext<'a> {
    step: &'a Step,
    /// The run so far.
    pub record: &'a Record,
    /// Where its events go.
    pub events: &'a Events,
    /// Whether it shall stop.
    pub interrupt: &'a Interrupt,
    wrote: Mutex<Vec<Wrote>>,
}

impl<'a> StepContext<'a> {
    /// The context of `step` in the run `record` describes.
    #[must_use]
    pub const fn new(
        step: &'a Step,
        record: &'a Record,
        events: &'a Events,
        interrupt: &'a Interrupt,
    ) -> Self {
        Self { step, record, events, interrupt, wrote: Mutex::new(Vec::new()) }
    }

    /// The id of the step.
    #[must_use]
    pub fn step_id(&self) -> &str {
        &self.step.id
    }

    /// What is recorded of this step so far: of an earlier part of the run, when it was resumed.
    #[must_use]
    pub fn earlier(&self) -> Option<&StepRecord> {
        self.record.steps.get(&self.step.id)
    }

    /// Notes a write that was carried out; it is kept even when the step fails later.
    pub fn note_write(&self, wrote: Wrote) {
        let mut all = self.wrote.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|earlier| earlier.object != wrote.object);
        all.push(wrote);
    }

    /// The step's own last write of `object` in this process.
    pub(super) fn last_write(&self, object: &ObjectRef) -> Option<Wrote> {
        let all = self.wrote.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|wrote| wrote.object == *object).cloned()
    }

    /// Says what the step waits for.
    pub fn waiting(&self, message: impl Into<String>, counts: Option<(u64, u64)>) {
        self.events.emit(Event::Waiting {
            id: self.step.id.clone(),
            message: message.into(),
            ready: counts.map(|(ready, _)| ready),
            desired: counts.map(|(_, desired)| desired),
        });
    }

    /// Says how far the step is.
    pub fn progress(&self, current: u64, total: Option<u64>, unit: Unit) {
        self.events.emit(Event::Progress { id: self.step.id.clone(), current, total, unit });
    }

    /// All writes noted.
    pub(super) fn into_writes(self) -> Vec<Wrote> {
        self.wrote.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
