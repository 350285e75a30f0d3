//! Taking steps back after one of them failed.

use super::{Execute, Journal, Runner, Stop};
use crate::exit::Exit;
use crate::plan::{Step, Undo};
use crate::run::event::Outcome;
use crate::run::execute::StepContext;
use crate::run::record::{Record, StepState};
use crate::run::step_error::StepError;
use crate::run::undo::undo_writes;

impl<E: Execute, J: Journal> Runner<'_, E, J> {
    /// Takes back the failed step and what goes with it; none when that was not asked for, or
    /// when there is nothing to take back.
    pub(super) async fn undo_if_wanted(
        &self,
        record: &mut Record,
        stop: &mut Stop,
    ) -> Option<Result<Outcome, StepError>> {
        let which = self.undo.as_ref()?;
        let failed = record.plan.step(stop.step.as_deref()?)?;
        if !which(failed) {
            return None;
        }
        if let Some(reason) = reason_not_to_undo(&stop.error) {
            stop.error.hints.push(format!("nothing was put back: {reason}"));
            return None;
        }
        let steps: Vec<Step> = record
            .plan
            .steps
            .iter()
            .rev()
            .filter(|step| {
                which(step) && step.undo == Undo::Restore && may_have_written(record, step)
            })
            .cloned()
            .collect();
        if steps.is_empty() {
            return None;
        }
        let result = self.take_back(record, &steps).await;
        Some(result)
    }

    async fn take_back(&self, record: &mut Record, steps: &[Step]) -> Result<Outcome, StepError> {
        let mut titles = Vec::new();
        for step in steps {
            self.events.note(format!("putting back: {}", step.title));
            let captured = record.captured.get(&step.id).map(Vec::as_slice).unwrap_or_default();
            let wrote = record.steps.get(&step.id).map(|entry| entry.wrote.as_slice());
            let writes = undo_writes(captured, wrote.unwrap_or_default());
            let context = StepContext::new(step, record, self.events, &self.interrupt);
            let done = self.executor.undo(&writes, &context).await?;
            // Why the step failed stays on record.
            let reason = record.steps.get(&step.id).map(|entry| entry.message.clone());
            let entry = self.mark(record, step, StepState::Pending);
            entry.outcome = Some(done);
            entry.message = reason.unwrap_or_default();
            titles.push(format!("`{}`", step.id));
        }
        Ok(Outcome::changed(format!("steps {}", titles.join(", "))))
    }
}

/// Why a step that failed this way is left as it is, in words.
const fn reason_not_to_undo(error: &StepError) -> Option<&'static str> {
    match error.exit {
        Exit::Locked => Some("the lock is lost, somebody else may be at work"),
        Exit::PlanStale => Some("somebody else changed what this run was to change"),
        _ if error.is_ongoing => Some("what was applied is still at work"),
        _ => None,
    }
}

fn may_have_written(record: &Record, step: &Step) -> bool {
    matches!(record.step_state(&step.id), StepState::Started | StepState::Done | StepState::Failed)
}
