//! `resume`: finish a run that was cut off.

use common::cluster::Records;
use common::exit::Exit;
use common::failure::Failure;
use common::plan::Operation;
use common::run::{Record, RunState};
use common::ui::explain_plan;

use super::history::load;
use crate::execute;
use crate::session::Session;

/// Takes the named run up again, or the newest one that is not finished.
///
/// # Errors
/// When there is no such run, it cannot be resumed, or it fails again.
pub async fn run(session: &Session, run: Option<&str>) -> Result<Exit, Failure> {
    let record = match run {
        Some(run) => load(session, run).await?,
        None => newest(session).await?,
    };
    if record.operation != Operation::Upgrade {
        return Err(Failure::usage(format!("run {} is not an upgrade", record.id)));
    }
    if !record.is_resumable() {
        session.ui.say(&format!("run {} is finished: there is nothing to resume", record.id));
        return Ok(Exit::Done);
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
    execute::resume(session, &record.id).await
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
        if record.is_resumable() && record.operation == Operation::Upgrade {
            return Ok(record);
        }
    }
    Err(Failure::usage("there is no run to resume")
        .hint("`kubectl rhacs upgrade history` lists the recorded runs"))
}
