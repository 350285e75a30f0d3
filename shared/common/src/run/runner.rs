//! The runner: carries out a plan strictly in order, recording each step before it starts.
//!
//! ```text
//! capture all → for each step: probe → save "started" → apply → verify → (result: next save) → end
//! ```
//!
//! A run that is resumed goes the same way again with the record it left: probing tells what is
//! done. The user can stop it between any two of these stations and inside waits, but never between
//! a write and noting its result.

mod changed;
mod ending;

use std::collections::btree_map::Entry;
use std::time::Duration;

pub use ending::{Ending, Run};

use self::changed::as_of_the_changes;
use super::event::{Event, Events, Outcome, OutcomeResult, StepOutline};
use super::execute::{Execute, Probe, StepContext, Verified};
use super::interrupt::Interrupt;
use super::journal::Journal;
use super::record::{Record, StepRecord, StepState, Wrote};
use super::step_error::StepError;
use crate::exit::Exit;
use crate::plan::{Action, Step};

/// How much longer than its own limit a verification may take before it is given up from outside.
const VERIFICATION_GRACE: Duration = Duration::from_secs(60);

/// Carries out one run.
pub struct Runner<'a, E, J> {
    executor: &'a E,
    journal: &'a mut J,
    events: &'a Events,
    interrupt: Interrupt,
    saved: bool,
}

/// Where and why a run stopped before its end.
struct Stop {
    step: Option<String>,
    error: StepError,
}

impl<'a, E: Execute, J: Journal> Runner<'a, E, J> {
    /// A runner that acts through `executor`, records in `journal` and tells `events`.
    pub fn new(
        executor: &'a E,
        journal: &'a mut J,
        events: &'a Events,
        interrupt: Interrupt,
    ) -> Self {
        Self { executor, journal, events, interrupt, saved: false }
    }

    /// Carries out the plan of `record`, or what is left of it when it was begun before
    /// ([`Record::resume`]).
    ///
    /// The last event is terminal, and the record returned is the one last saved.
    pub async fn run(mut self, mut record: Record) -> Run {
        let begin = self.events.now();
        self.saved = !record.resumes.is_empty();
        self.announce(&record);
        let stop = self.carry_out(&mut record).await.err();
        self.end(record, stop, begin).await
    }

    fn announce(&self, record: &Record) {
        let outline = |step: &Step| StepOutline {
            id: step.id.clone(),
            title: step.title.clone(),
            object: step.action.writes().first().map(|write| write.object().clone()),
        };
        self.events.emit(Event::RunStarted {
            run: record.id.clone(),
            operation: record.operation,
            from: record.plan.from.clone(),
            to: record.plan.to.clone(),
            steps: record.plan.steps.iter().map(outline).collect(),
            resumed: !record.resumes.is_empty(),
        });
    }

    async fn carry_out(&mut self, record: &mut Record) -> Result<(), Stop> {
        if let Err(error) = self.capture(record).await {
            return Err(Stop { step: None, error: as_of_the_changes(record, error) });
        }
        let steps = record.plan.steps.clone();
        for (index, step) in steps.iter().enumerate() {
            let (id, index) = (step.id.clone(), index + 1);
            self.events.emit(Event::StepStarted { id, index, of: steps.len() });
            if let Err(error) = self.step(record, step).await {
                return Err(self.stop(record, step, error));
            }
        }
        self.confirm(record, &steps).await
    }

    /// What was written has to be there still when all is done. A verification of everything that
    /// was the last step has just looked; else the one before, or the last step, answers for it.
    async fn confirm(&self, record: &mut Record, steps: &[Step]) -> Result<(), Stop> {
        let verifies = |step: &&Step| step.action.is_look();
        let Some(last) = steps.last().filter(|step| !verifies(step)) else { return Ok(()) };
        let step = steps.iter().rev().find(verifies).unwrap_or(last);
        let context = StepContext::new(step, record, self.events, &self.interrupt);
        let confirmed = self.interrupt.during(self.executor.confirm(step, &context)).await;
        let verified = match confirmed {
            Ok(verified) => verified,
            Err(error) => return Err(self.stop(record, step, error)),
        };
        if verified != Verified::default()
            && let Some(entry) = record.steps.get_mut(&step.id)
        {
            let mut outcome =
                entry.outcome.take().unwrap_or_else(|| Outcome::unchanged("looked at again"));
            self.add_findings(&mut outcome, verified);
            entry.outcome = Some(outcome);
        }
        Ok(())
    }

    /// Notes that the run stops at `step`.
    fn stop(&self, record: &mut Record, step: &Step, error: StepError) -> Stop {
        let error = as_of_the_changes(record, error);
        if !error.is_interruption() {
            self.mark(record, step, StepState::Failed).message = error.to_string();
        }
        Stop { step: Some(step.id.clone()), error }
    }

    /// Takes the undo material of all steps that lack it, before anything is changed.
    async fn capture(&self, record: &mut Record) -> Result<(), StepError> {
        for step in record.plan.steps.clone() {
            if let Entry::Vacant(place) = record.captured.entry(step.id.clone()) {
                place.insert(self.interrupt.during(self.executor.capture(&step)).await?);
            }
        }
        Ok(())
    }

    async fn step(&mut self, record: &mut Record, step: &Step) -> Result<(), StepError> {
        self.stop_if_interrupted()?;
        if let Some(reason) = reason_to_leave_out(record, step) {
            self.mark(record, step, StepState::Skipped).message.clone_from(&reason);
            self.events.emit(Event::StepSkipped { id: step.id.clone(), reason });
            return Ok(());
        }
        if is_overtaken(record, step) {
            let reason = "done, and a later step went on from there".to_owned();
            self.events.emit(Event::StepSkipped { id: step.id.clone(), reason });
            return Ok(());
        }
        let context = StepContext::new(step, record, self.events, &self.interrupt);
        match self.interrupt.during(self.executor.probe(step, &context)).await? {
            Probe::Done { reason } => self.skip(record, step, reason).await,
            Probe::Pending => self.change(record, step).await,
        }
    }

    /// The step is done already; what it promises must hold all the same.
    async fn skip(
        &self,
        record: &mut Record,
        step: &Step,
        reason: String,
    ) -> Result<(), StepError> {
        let verified = self.verify(record, step).await?;
        let earlier = record.step_state(&step.id);
        let entry = if earlier == StepState::Pending {
            self.mark(record, step, StepState::Skipped)
        } else {
            // A run before this one did it, perhaps without living to record that.
            self.mark(record, step, StepState::Done)
        };
        let mut outcome =
            entry.outcome.take().unwrap_or_else(|| Outcome::unchanged(reason.clone()));
        // Everything was verified before the token went; what the last look of an earlier part
        // found is looked for again at the end of this one.
        if step.action.is_look() && outcome.result == OutcomeResult::Unverified {
            outcome.result = OutcomeResult::Unchanged;
            outcome.warnings.clear();
        }
        self.add_findings(&mut outcome, verified);
        entry.outcome = Some(outcome);
        self.events.emit(Event::StepSkipped { id: step.id.clone(), reason });
        Ok(())
    }

    async fn change(&mut self, record: &mut Record, step: &Step) -> Result<(), StepError> {
        let begin = self.events.now();
        self.stop_if_interrupted()?;
        self.prepare(record, step).await?;
        self.mark(record, step, StepState::Started);
        // A look at everything needs no record of its intent; the next save carries its result.
        if !step.action.is_look() {
            self.save(record).await.map_err(|error| StepError {
                message: format!("step `{}` was not started: {}", step.id, error.message),
                ..error
            })?;
        }
        self.stop_if_interrupted()?;

        let context = StepContext::new(step, record, self.events, &self.interrupt);
        let applied = self.executor.apply(step, &context).await;
        let wrote = context.into_writes();
        let entry = self.mark(record, step, StepState::Started);
        add_writes(entry, wrote);
        let mut outcome = applied?;
        entry.outcome = Some(outcome.clone());
        self.stop_if_interrupted()?;

        let verified = self.verify(record, step).await?;
        self.add_findings(&mut outcome, verified);
        self.mark(record, step, StepState::Done).outcome = Some(outcome.clone());
        let elapsed_seconds = self.events.seconds_since(begin);
        self.events.emit(Event::StepFinished { id: step.id.clone(), outcome, elapsed_seconds });
        Ok(())
    }

    /// Puts on record what the step has to find again should this process die within it.
    async fn prepare(&self, record: &mut Record, step: &Step) -> Result<(), StepError> {
        let context = StepContext::new(step, record, self.events, &self.interrupt);
        self.interrupt.during(self.executor.prepare(step, &context)).await?;
        let wrote = context.into_writes();
        if !wrote.is_empty() {
            add_writes(self.mark(record, step, StepState::Started), wrote);
        }
        Ok(())
    }

    async fn verify(&self, record: &Record, step: &Step) -> Result<Verified, StepError> {
        let context = StepContext::new(step, record, self.events, &self.interrupt);
        let limit = Duration::from_secs(step.timeout_seconds) + VERIFICATION_GRACE;
        let work = async {
            tokio::time::timeout(limit, self.executor.verify(step, &context)).await.unwrap_or_else(
                |_| {
                    let seconds = limit.as_secs();
                    let message = format!("step `{}` was not verified within {seconds}s", step.id);
                    Err(StepError::unverified(message))
                },
            )
        };
        let verified = self.interrupt.during(work).await;
        verified.map_err(|error| as_of_the_run(record, step, error))
    }

    /// Adds what the verification found to what the step did, and warns of it.
    fn add_findings(&self, outcome: &mut Outcome, verified: Verified) {
        if !verified.unverified.is_empty() {
            if outcome.result == OutcomeResult::Unchanged {
                // A look at everything, of which not everything was seen.
                outcome.message = "not everything could be verified".to_owned();
            }
            outcome.result = OutcomeResult::Unverified;
            outcome.unverified.clone_from(&verified.unverified);
        }
        for message in verified.unverified.into_iter().chain(verified.warnings) {
            if !outcome.warnings.contains(&message) {
                self.events.warn(message.clone());
                outcome.warnings.push(message);
            }
        }
        if !verified.clusters.is_empty() {
            outcome.clusters = verified.clusters;
        }
    }

    /// Sets the state of a step, keeping what is known of it.
    fn mark<'r>(
        &self,
        record: &'r mut Record,
        step: &Step,
        state: StepState,
    ) -> &'r mut StepRecord {
        let at = self.events.now();
        let entry =
            record.steps.entry(step.id.clone()).or_insert_with(|| StepRecord::new(state, at));
        entry.began.get_or_insert(at);
        entry.state = state;
        entry.at = at;
        entry.message.clear();
        entry
    }

    async fn save(&mut self, record: &mut Record) -> Result<(), StepError> {
        record.updated = self.events.now();
        if let Some(part) = record.parts.last_mut() {
            part.waits = self.events.waits();
            part.outages = self.executor.outages();
        }
        let saved = self.journal.save(record).await;
        if let Some(news) = self.journal.news() {
            self.events.warn(news);
        }
        // A record that is gone is nothing to go on from.
        self.saved = self.journal.is_kept() && (self.saved || saved.is_ok());
        saved
    }

    fn stop_if_interrupted(&self) -> Result<(), StepError> {
        if self.interrupt.is_raised() { Err(StepError::interrupted()) } else { Ok(()) }
    }
}

/// Adds what a step wrote to what is known of it.
fn add_writes(entry: &mut StepRecord, wrote: Vec<Wrote>) {
    for written in wrote {
        entry.wrote.retain(|earlier| earlier.object != written.object);
        entry.wrote.push(written);
    }
}

/// "Applied, but not verified in time" is true of a run only when nothing is left to apply; a step
/// in the middle that is late has failed.
fn as_of_the_run(record: &Record, step: &Step, error: StepError) -> StepError {
    let later = record.plan.steps.iter().skip_while(|other| other.id != step.id).skip(1);
    let mut changing = later.filter(|step| step.action.changes_objects());
    let is_left = changing
        .any(|step| !matches!(record.step_state(&step.id), StepState::Done | StepState::Skipped));
    match error.exit {
        Exit::Unverified if is_left => StepError { exit: Exit::StepFailed, ..error },
        _ => error,
    }
}

/// Whether the step is on record as done and a later one, already begun, writes the same object:
/// what it did cannot be looked for any more, and must not be done again.
fn is_overtaken(record: &Record, step: &Step) -> bool {
    let writes =
        |other: &Step, object| other.action.writes().iter().any(|it| it.object() == object);
    let later = record.plan.steps.iter().skip_while(|other| other.id != step.id).skip(1);
    let mut begun = later.filter(|later| {
        !matches!(record.step_state(&later.id), StepState::Pending | StepState::Skipped)
    });
    record.step_state(&step.id) == StepState::Done
        && begun.any(|later| step.action.writes().iter().any(|it| writes(later, it.object())))
}

/// A token is not revoked as long as somebody may need it to find out whether all is well.
fn reason_to_leave_out(record: &Record, step: &Step) -> Option<String> {
    let unverified = record.steps.values().any(|step| {
        step.outcome.as_ref().is_some_and(|outcome| outcome.result == OutcomeResult::Unverified)
    });
    let revokes = matches!(step.action, Action::RevokeToken);
    (revokes && unverified).then(|| "kept, because the run is not fully verified".to_owned())
}

#[cfg(test)]
mod tests;
