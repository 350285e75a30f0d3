//! `--rollback-on-failure`: what follows an upgrade that failed at Central.

use common::cluster::Records;
use common::command::{Prepared, Session, execute, history};
use common::exit::Exit;
use common::failure::Failure;
use common::plan::Operation;
use common::rhacs::Component;
use common::rhacs::migrator::MigratorState;
use common::run::{Record, Report, StepState};
use jiff::Timestamp;
use kubectl_rhacs_rollback::gather::ground;
use kubectl_rhacs_rollback::planner::{Refusal, way_back_of_failed_run};

/// Rolls Central back when the run that ended with `failure` and began after `began` failed there.
/// The failure is told first, then what became of the rollback; the exit code stays that of a
/// failed step.
///
/// # Errors
/// The failure itself when there is nothing to roll back, and wherever programs read the output.
pub async fn after(session: &Session, began: Timestamp, failure: Failure) -> Result<Exit, Failure> {
    if !matches!(failure.exit(), Exit::StepFailed | Exit::Unverified) {
        return Err(failure);
    }
    let Some(record) = failed_at_central(session, began).await else { return Err(failure) };
    let is_structured = session.ui.output().is_structured();
    if !is_structured {
        session.ui.failure(&failure);
    }
    let result = roll_back(session, &record).await;
    if is_structured {
        return Err(with_result(failure, result));
    }
    match result {
        Ok(report) => {
            session.ui.say(&told(&report));
            session.ui.report(&report)?;
        }
        Err(rollback) => {
            session.ui.failure(&rollback);
        }
    }
    Ok(Exit::StepFailed)
}

/// The record of the run of this process, if it failed at a step of Central.
async fn failed_at_central(session: &Session, began: Timestamp) -> Option<Record> {
    let headers = Records::new(&session.cluster).list().await.ok()?;
    let record = history::load(session, &headers.first()?.id).await.ok()?;
    let failed = record.plan.steps.iter().find(|step| {
        record.step_state(&step.id) == StepState::Failed
            && step.component == Some(Component::Central)
    });
    let is_ours = record.operation == Operation::Upgrade && record.updated >= began;
    (is_ours && failed.is_some()).then_some(record)
}

async fn roll_back(session: &Session, record: &Record) -> Result<Report, Failure> {
    let (snapshot, central) = session.observe_all().await?;
    let ground = ground(session, &snapshot, std::slice::from_ref(record)).await?;
    if ground.log.as_ref().is_some_and(MigratorState::is_at_work) {
        return Err(Failure::new(Exit::StepFailed, "Central was not rolled back")
            .because("the migration of its database is still at work")
            .hint("wait for its end, then: kubectl rhacs rollback"));
    }
    let timeout = session.flags.run.timeout.map(|timeout| timeout.as_secs().max(1));
    let way_back = way_back_of_failed_run(record, &snapshot, &ground, timeout);
    let way_back = way_back.map_err(Refusal::into_failure)?;
    let plan = way_back.plan;
    session.ui.say(&format!("Rolling Central back: {} → {}", plan.from, plan.to));
    let prepared = Prepared { snapshot, plan, findings: way_back.findings, central };
    execute::start_unreported(session, prepared).await
}

fn told(report: &Report) -> String {
    format!("Central was rolled back to {} by run {}", report.to, report.run)
}

/// Both stories in one.
fn with_result(failure: Failure, result: Result<Report, Failure>) -> Failure {
    match result {
        Ok(report) => failure.hint(told(&report)),
        Err(rollback) => {
            let told = format!("Central could not be rolled back: {rollback}");
            rollback.hints().iter().cloned().fold(failure.hint(told), Failure::hint)
        }
    }
}
