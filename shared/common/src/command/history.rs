//! `history`: the recorded runs.

mod close;
mod text;

use serde::Serialize;

use super::Session;
use crate::cluster::{Lease, Records};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::run::Record;
use crate::run::export::{Account, RunDetails, RunLine};
use crate::ui::Output;

pub use close::run as close;

/// The number of the formats of `history` and `history RUN`.
const SCHEMA: u32 = 1;

/// What `history` prints for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    schema: u32,
    runs: Vec<Item<'a>>,
    /// The ids of records that cannot be read; a warning says why.
    unreadable: Vec<String>,
}

/// One run of the list.
#[derive(Serialize)]
struct Item<'a> {
    #[serde(flatten)]
    line: &'a RunLine,
    details: &'a RunDetails,
}

/// What `history RUN` prints for programs.
#[derive(Serialize)]
struct Shown<'a> {
    schema: u32,
    run: &'a RunLine,
    #[serde(flatten)]
    details: &'a RunDetails,
}

/// Lists all runs, or shows one.
///
/// # Errors
/// When the records cannot be read, or there is no such run.
pub async fn run(session: &Session, run: Option<&str>) -> Result<Exit, Failure> {
    match run {
        Some(run) => show(session, run).await,
        None => list(session).await,
    }
}

/// Reads a record.
///
/// # Errors
/// When there is none of this id, or it cannot be read.
pub async fn load(session: &Session, run: &str) -> Result<Record, Failure> {
    let records = Records::new(&session.cluster);
    let stored = records
        .load(run)
        .await
        .map_err(|error| error.into_failure(format!("cannot read the record of run {run}")))?;
    let stored = stored.ok_or_else(|| no_such_run(session, run))?;
    Record::decode(&stored.bytes).map_err(|error| {
        Failure::usage(format!("cannot use the record of run {run}")).caused_by(&error)
    })
}

/// The failure of a run that is not recorded.
pub(super) fn no_such_run(session: &Session, run: &str) -> Failure {
    Failure::usage(format!("there is no run {run} in namespace `{}`", session.namespace()))
        .hint(session.command("history"))
}

/// The ids of all recorded runs, the newest first.
pub(super) async fn ids(session: &Session) -> Result<Vec<String>, Failure> {
    let headers = Records::new(&session.cluster).list().await;
    let headers = headers.map_err(|error| error.into_failure("cannot list the recorded runs"))?;
    Ok(headers.into_iter().map(|header| header.id).collect())
}

/// The holder of the lock: the run that is at work. Only a run that is killed leaves a record that
/// says it runs.
pub(super) async fn holder(session: &Session) -> Option<String> {
    let lease = Lease::current(&session.cluster).await.ok().flatten();
    lease.filter(|lease| !lease.expired).map(|lease| lease.holder)
}

async fn list(session: &Session) -> Result<Exit, Failure> {
    let ids = ids(session).await?;
    let holder = holder(session).await;
    let (mut accounts, mut unreadable) = (Vec::new(), Vec::new());
    for id in ids {
        match load(session, &id).await {
            Ok(record) => accounts.push(Account::of(&record, holder.as_deref())),
            Err(failure) => {
                session.ui.warn(&failure.render());
                unreadable.push(id);
            }
        }
    }
    let runs = accounts
        .iter()
        .map(|account| Item { line: &account.line, details: &account.details })
        .collect();
    let list = List { schema: SCHEMA, runs, unreadable };
    session.ui.print(&list, |output, look| text::list(&accounts, output, look))?;
    Ok(Exit::Done)
}

async fn show(session: &Session, run: &str) -> Result<Exit, Failure> {
    let record = load(session, run).await?;
    let account = Account::of(&record, holder(session).await.as_deref());
    print(session, &account, |output, look| match output {
        Output::Name => {
            account.details.steps.iter().map(|step| format!("{}\n", step.step)).collect()
        }
        _ => text::show(&account, look),
    })
}

/// Prints a run: its document for programs, else what `text` makes of it.
pub(super) fn print(
    session: &Session,
    account: &Account,
    text: impl FnOnce(Output, crate::ui::Look) -> String,
) -> Result<Exit, Failure> {
    let shown = Shown { schema: SCHEMA, run: &account.line, details: &account.details };
    session.ui.print(&shown, text)?;
    Ok(Exit::Done)
}
