//! `history close`: say that a run will never be resumed.

use serde::Serialize;

use super::{holder, no_such_run};
use crate::command::Session;
use crate::command::execute::{host, patient, who};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::run::{Closing, ClusterJournal, Journal, StepError};

/// What `history close` prints for programs.
#[derive(Serialize)]
struct Closed<'a> {
    schema: u32,
    run: &'a str,
    /// Whether it was closed now rather than before.
    changed: bool,
    closed: &'a Closing,
}

/// Notes in the record of `run` why it will never be resumed, so that nobody is warned of it again.
/// What the run did stays as it is, and can still be rolled back.
///
/// # Errors
/// When there is no such run, it is at work, it is at its end already, or the record cannot be
/// written.
pub async fn run(session: &Session, run: &str, reason: &str) -> Result<Exit, Failure> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Failure::usage("--reason must say why"));
    }
    let opened = ClusterJournal::open(&patient(session), run).await?;
    let (mut journal, mut record) = opened.ok_or_else(|| no_such_run(session, run))?;
    if let Some(closed) = &record.closed {
        session
            .ui
            .say(&format!("run {run} is closed already, by {}: {}", closed.who, closed.reason));
        let told = Closed { schema: super::SCHEMA, run, changed: false, closed };
        session.ui.print(&told, |_, _| String::new())?;
        return Ok(Exit::Done);
    }
    if !record.is_resumable() {
        let message = format!("run {run} is at its end: there is nothing to close");
        return Err(Failure::usage(message).hint(session.command(&format!("history {run}"))));
    }
    if let Some(holder) = holder(session).await.filter(|holder| holder.ends_with(run)) {
        return Err(Failure::new(Exit::Locked, format!("run {run} is at work: {holder}"))
            .because("a run that works is not one that will never be resumed")
            .hint("interrupt it with Ctrl-C where it runs"));
    }
    let closed = Closing {
        at: session.env.now(),
        who: who(session, None).await,
        host: host(session),
        reason: reason.to_owned(),
    };
    record.closed = Some(closed.clone());
    journal.save(&record).await.map_err(StepError::into_failure)?;
    session.ui.say(&format!("run {run} is closed: it is neither resumed nor warned of any more"));
    let told = Closed { schema: super::SCHEMA, run, changed: true, closed: &closed };
    session.ui.print(&told, |_, _| String::new())?;
    Ok(Exit::Done)
}
