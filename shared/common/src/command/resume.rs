//! `resume`: finish a run that was cut off.

use super::history::load;
use super::{DryRun, Session, execute};
use crate::cluster::Records;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::run::{Record, Report, RunState};
use crate::ui::explain_plan;

/// Takes the named run up again, or the newest one that is not finished.
///
/// # Errors
/// When there is no such run, it cannot be resumed, or it fails again.
pub async fn run(session: &Session, run: Option<&str>) -> Result<Exit, Failure> {
    if session.flags.run.dry_run != DryRun::None {
        return Err(Failure::usage("`--dry-run` does not apply to `resume`")
            .hint(session.tool.command("history RUN shows what is left to do")));
    }
    let record = match run {
        Some(run) => load(session, run).await?,
        None => newest(session).await?,
    };
    let operation = session.tool.operation;
    if record.operation != operation {
        let message = format!("run {} is not {operation}", record.id);
        let other = format!("kubectl rhacs {} resume {}", record.operation.word(), record.id);
        return Err(Failure::usage(message).hint(other));
    }
    if let Some(closed) = &record.closed {
        let message = format!("run {} was closed by {}: {}", record.id, closed.who, closed.reason);
        return Err(Failure::usage(message)
            .because("a run that was given up is not taken up again")
            .hint(session.command(&format!("history {}", record.id))));
    }
    if !record.is_resumable() {
        return at_its_end(session, &record);
    }
    let done = record.steps.values().filter(|step| step.outcome.is_some()).count();
    session.ui.say(&format!(
        "Run {} ({} → {}) stopped with {done} of {} steps done",
        record.id,
        record.plan.from,
        record.plan.to,
        record.plan.steps.len()
    ));
    if !session.is_rehearsal() && !session.confirm("Resume it?", explain_plan(&record.plan)).await?
    {
        return Err(Failure::new(Exit::Declined, "declined; nothing was changed"));
    }
    session.conclude(execute::resume(session, &record.id).await)
}

/// There is nothing to resume; how the run ended is not forgotten for that.
fn at_its_end(session: &Session, record: &Record) -> Result<Exit, Failure> {
    let id = &record.id;
    let exit = record.exit().unwrap_or(Exit::Done);
    session.ui.say(&format!("run {id} is finished: there is nothing to resume"));
    if exit == Exit::Unverified && record.state == RunState::Finished {
        let verify = session.command(&format!("verify {id}"));
        session.ui.say(&format!("not everything of it is verified: `{verify}` looks again"));
    }
    if let Some(report) = record.report.as_ref().filter(|_| session.ui.output().is_structured()) {
        session.ui.report(&Report { exit, ..report.clone() })?;
    }
    Ok(if record.state == RunState::Finished { exit } else { Exit::Done })
}

async fn newest(session: &Session) -> Result<Record, Failure> {
    let records = Records::new(&session.cluster);
    let headers = records
        .list()
        .await
        .map_err(|error| error.into_failure("cannot list the recorded runs"))?;
    for header in headers {
        let record = load(session, &header.id).await?;
        if record.state == RunState::Finished {
            break;
        }
        if record.is_resumable() && record.operation == session.tool.operation {
            return Ok(record);
        }
    }
    Err(Failure::usage("there is no run to resume")
        .hint(format!("`{}` lists the recorded runs", session.tool.command("history"))))
}
