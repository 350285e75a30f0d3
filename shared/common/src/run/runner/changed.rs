//! What a failure means for a run that has changed something already.

use crate::exit::Exit;
use crate::run::event::OutcomeResult;
use crate::run::record::{Record, StepState};
use crate::run::step_error::StepError;

/// "Refused before anything changed" is true of a run only as long as it has changed nothing; once
/// it has, it stopped half-way.
pub(super) fn as_of_the_changes(record: &Record, error: StepError) -> StepError {
    if !matches!(error.exit, Exit::PlanStale | Exit::Blocked) || !has_changed(record) {
        return error;
    }
    let StepError { mut hints, .. } = error;
    let is_stale = error.exit == Exit::PlanStale;
    // A new plan is no way on for a run that stands half-way.
    hints.retain(|hint| !hint.contains("make a new plan"));
    if is_stale {
        hints.push(
            "look at the change: resuming the run writes again what the plan says".to_owned(),
        );
    }
    StepError { exit: Exit::StepFailed, hints, ..error }
}

/// Whether a step of the run, or of an earlier part of it, changed something, or may have.
fn has_changed(record: &Record) -> bool {
    let changing = record.plan.steps.iter().filter(|step| step.action.changes_something());
    changing.filter_map(|step| record.steps.get(&step.id)).any(|entry| {
        let outcome = entry.outcome.as_ref().map(|outcome| outcome.result);
        // A process that died within a step could not record what it wrote.
        let may_have = matches!(entry.state, StepState::Started | StepState::Failed)
            && !record.resumes.is_empty();
        !entry.wrote.is_empty() || outcome == Some(OutcomeResult::Changed) || may_have
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rhacs::ObjectRef;
    use crate::run::record::{StepRecord, Wrote};
    use crate::run::testing::{plan_of, record_of};

    #[test]
    fn a_foreign_change_refuses_a_run_and_stops_one_half_way() {
        let stale = || StepError::stale("moved").hint("look at the change, then make a new plan");
        let mut record = record_of(plan_of(&["sccs", "central"]));
        assert_eq!(as_of_the_changes(&record, stale()).exit, Exit::PlanStale);
        let mut entry = StepRecord::new(StepState::Done, record.started);
        record.steps.insert("sccs".to_owned(), entry.clone());
        assert_eq!(
            as_of_the_changes(&record, stale()).exit,
            Exit::PlanStale,
            "nothing was written"
        );
        let object = ObjectRef::scc("central");
        entry.wrote.push(Wrote { object, uid: None, resource_version: None, digest: None });
        record.steps.insert("sccs".to_owned(), entry);
        let error = as_of_the_changes(&record, stale());
        assert_eq!(error.exit, Exit::StepFailed);
        assert!(!error.hints.iter().any(|hint| hint.contains("new plan")), "{:?}", error.hints);
        let refused = StepError::new(Exit::Blocked, "forbidden");
        assert_eq!(as_of_the_changes(&record, refused).exit, Exit::StepFailed);
        let late = StepError::unverified("late");
        assert_eq!(as_of_the_changes(&record, late).exit, Exit::Unverified);
    }
}
