//! The default verb: plan, show, ask, roll back, verify.

use common::command::{DryRun, Session, execute, propose_and_run};
use common::exit::Exit;
use common::failure::Failure;
use common::run::{ClusterJournal, Journal, Record, RunState};

use super::prepare::{self, Proposed};
use crate::cli::Cli;

/// Plans and rolls back.
///
/// # Errors
/// Everything that can keep a run from succeeding.
pub async fn run(session: &Session, cli: &Cli) -> Result<Exit, Failure> {
    let is_real = session.flags.run.dry_run == DryRun::None;
    if is_real {
        execute::refuse_if_locked(session).await?;
    }
    let Proposed { prepared, records } = prepare::run(session, cli).await?;
    let is_whole = prepared.findings.iter().all(|it| it.code != "RHACS-ROLLBACK-PARTIAL");
    let is_empty = prepared.plan.is_empty();
    let exit = propose_and_run(session, prepared).await?;
    if is_real && !is_empty && is_whole {
        for record in records {
            close(session, &record).await;
        }
    }
    Ok(exit)
}

/// Notes in the record of a run that was cut off that nothing is left of it to be resumed.
pub async fn close(session: &Session, record: &Record) {
    if !record.is_resumable() {
        return;
    }
    let noted = async {
        let opened = ClusterJournal::open(&session.cluster, &record.id).await?;
        let Some((mut journal, mut record)) = opened else { return Ok(()) };
        record.state = RunState::RolledBack;
        journal.save(&record).await.map_err(common::run::StepError::into_failure)
    };
    if let Err(failure) = noted.await {
        let id = &record.id;
        session.ui.warn(&format!("run {id} is rolled back, but not noted to be: {failure}"));
    }
}
