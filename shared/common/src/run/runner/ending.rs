//! How a run ends: the last save, the report and the terminal event.

use jiff::Timestamp;

use super::{Execute, Journal, Runner, Stop};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{Operation, Plan, Undo};
use crate::run::event::{Event, Outcome, OutcomeResult, to_milliseconds};
use crate::run::execute::Conclusion;
use crate::run::record::{Record, RunState, StepState};
use crate::run::report::Report;
use crate::run::step_error::StepError;

/// A run that has ended.
#[derive(Debug)]
pub struct Run {
    /// Its record.
    pub record: Record,
    /// How it ended.
    pub ending: Ending,
}

/// The ways a run ends.
#[derive(Debug)]
pub enum Ending {
    /// All steps are done; the report says whether all of them could be verified.
    Finished(Box<Report>),
    /// A step failed.
    Failed {
        /// The step; none when it was before the first one.
        step: Option<String>,
        /// Why.
        error: StepError,
    },
    /// The user stopped it.
    Interrupted {
        /// The step that was not finished; none when it was before the first one.
        step: Option<String>,
    },
}

impl Run {
    /// How the process ends because of it.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match &self.ending {
            Ending::Finished(report) => report.exit,
            Ending::Failed { error, .. } => error.exit,
            Ending::Interrupted { .. } => Exit::Interrupted,
        }
    }

    /// The report of a finished run.
    ///
    /// # Errors
    /// The failure of any other one.
    pub fn into_result(self) -> Result<Report, Failure> {
        match self.ending {
            Ending::Finished(report) => Ok(*report),
            Ending::Failed { error, .. } => Err(error.into_failure()),
            Ending::Interrupted { .. } => {
                let failure = Failure::new(Exit::Interrupted, "interrupted");
                Err(ways_on(&self.record).into_iter().fold(failure, Failure::hint))
            }
        }
    }
}

impl<E: Execute, J: Journal> Runner<'_, E, J> {
    pub(super) async fn end(
        mut self,
        mut record: Record,
        stop: Option<Stop>,
        begin: Timestamp,
    ) -> Run {
        record.state = final_state(stop.as_ref());
        let conclusion = self.executor.conclude(&record).await;
        if let Some(part) = record.parts.last_mut() {
            part.ended = Some(self.events.now());
        }
        let mut report = self.report(&record, stop.as_ref(), conclusion, begin);
        if self.saved {
            record.report = Some(report.clone());
            if let Err(error) = self.save(&mut record).await {
                let warning = format!("the end of the run is not recorded: {error}");
                self.events.warn(warning.clone());
                report.warnings.push(warning);
            }
        }
        let ending = match stop {
            None => Ending::Finished(Box::new(report.clone())),
            Some(Stop { step, error }) if error.is_interruption() => Ending::Interrupted { step },
            Some(Stop { step, error }) => {
                let mut hints = if self.saved { ways_on(&record) } else { Vec::new() };
                hints.extend(restoration(&record));
                Ending::Failed { step, error: hints.into_iter().fold(error, StepError::hint) }
            }
        };
        self.events.emit(terminal_event(&ending, report));
        Run { record, ending }
    }

    fn report(
        &self,
        record: &Record,
        stop: Option<&Stop>,
        conclusion: Conclusion,
        begin: Timestamp,
    ) -> Report {
        // In the order of the plan; the map of the steps is in the order of their names.
        let outcomes: Vec<&Outcome> = record
            .plan
            .steps
            .iter()
            .filter_map(|step| record.steps.get(&step.id)?.outcome.as_ref())
            .collect();
        let unverified = outcomes.iter().any(|outcome| outcome.result == OutcomeResult::Unverified);
        let mut warnings: Vec<String> = Vec::new();
        warnings.extend(lost(record).map(|reason| format!("{reason}: they have to be restored")));
        for warning in outcomes.iter().flat_map(|outcome| &outcome.warnings) {
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
        let clusters = outcomes
            .iter()
            .rev()
            .find(|outcome| !outcome.clusters.is_empty())
            .map(|outcome| outcome.clusters.clone())
            .unwrap_or_default();
        let earlier_outage = record.earlier_outage();
        let mut report = Report {
            exit: match stop {
                Some(stop) => stop.error.exit,
                None if unverified => Exit::Unverified,
                None => Exit::Done,
            },
            run: record.id.clone(),
            operation: record.operation,
            from: record.plan.from.clone(),
            to: record.plan.to.clone(),
            components: conclusion.components,
            limited_to: record.plan.limited_to(),
            central_asked: conclusion.central_asked,
            backup: outcomes.iter().rev().find_map(|outcome| outcome.backup.clone()),
            outage_seconds: conclusion
                .outage_seconds
                .or_else(|| (earlier_outage > 0.0).then_some(0.0))
                .map(|seconds| to_milliseconds(seconds + earlier_outage)),
            outage_whole: record.part_count() == 1,
            parts: record.part_count(),
            elapsed_seconds: self.events.seconds_since(begin),
            clusters,
            parity: None,
            warnings,
            next: Vec::new(),
        };
        // The last line never says more than the table above it.
        if report.exit == Exit::Done {
            let faults = report.faults();
            if !faults.is_empty() {
                report.exit = Exit::Unverified;
            }
            for fault in faults {
                if !report.warnings.contains(&fault) {
                    report.warnings.push(fault);
                }
            }
        }
        report.next = match stop {
            Some(_) if self.saved => ways_on(record),
            Some(_) => Vec::new(),
            None if report.exit == Exit::Unverified => {
                let word = record.operation.word();
                vec![command(&record.plan, &format!("{word} verify {}", record.id))]
            }
            None if record.operation == Operation::Scc => {
                vec![command(&record.plan, "scc status")]
            }
            None => vec![command(&record.plan, "upgrade status")],
        };
        report.next.extend(restoration(record));
        report
    }
}

const fn final_state(stop: Option<&Stop>) -> RunState {
    match stop {
        None => RunState::Finished,
        Some(Stop { error, .. }) if matches!(error.exit, Exit::Interrupted) => {
            RunState::Interrupted
        }
        Some(_) => RunState::Failed,
    }
}

fn terminal_event(ending: &Ending, report: Report) -> Event {
    let report = Box::new(report);
    match ending {
        Ending::Finished(_) => Event::RunFinished { report },
        Ending::Interrupted { step } => Event::RunInterrupted { step: step.clone() },
        Ending::Failed { step, error } => {
            let StepError { exit, message, causes, logs, hints, .. } = error.clone();
            let (step, report) = (step.clone(), Some(report));
            Event::RunFailed { step, exit, message, causes, logs, hints, report }
        }
    }
}

/// What of the installation is gone for good with what the run changed, in the plan's words.
fn lost(record: &Record) -> Option<&str> {
    let mut begun = record.plan.steps.iter().filter(|step| {
        matches!(
            record.step_state(&step.id),
            StepState::Started | StepState::Done | StepState::Failed
        )
    });
    begun.find_map(|step| match &step.undo {
        Undo::Partly { reason } => Some(reason.as_str()),
        Undo::Restore | Undo::None { .. } => None,
    })
}

/// The command that brings back what is gone for good, from the backup of the run if it took one.
fn restoration(record: &Record) -> Option<String> {
    lost(record)?;
    let mut taken = record.steps.values().filter_map(|step| step.outcome.as_ref()?.backup.as_ref());
    let file = taken.next_back().map_or("BACKUP", |backup| backup.path.as_str());
    Some(format!("roxctl -e HOST:PORT central db restore {file}"))
}

/// The commands that go on from a run that stopped.
fn ways_on(record: &Record) -> Vec<String> {
    let (plan, id) = (&record.plan, &record.id);
    let word = plan.operation.word();
    let mut ways = Vec::new();
    if record.is_resumable() {
        ways.push(command(plan, &format!("{word} resume {id}")));
    }
    ways.push(match plan.operation {
        Operation::Scc => command(plan, &format!("{word} restore {id}")),
        Operation::Upgrade | Operation::Rollback => command(plan, &format!("{word} history {id}")),
    });
    ways
}

fn command(plan: &Plan, words: &str) -> String {
    match plan.namespace.as_str() {
        "stackrox" => format!("kubectl rhacs {words}"),
        namespace => format!("kubectl rhacs {words} -n {namespace}"),
    }
}
