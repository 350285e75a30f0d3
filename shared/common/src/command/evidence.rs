//! `report`: the evidence of a run, for a change ticket.

use super::Session;
use super::history::{holder, ids, load, print};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::run::export::Account;
use crate::ui::{Output, evidence_html, evidence_markdown};

/// Prints the evidence of `run`, or of the newest one.
///
/// # Errors
/// When there is no such run, or its record cannot be read.
pub async fn run(session: &Session, run: Option<&str>) -> Result<Exit, Failure> {
    let id = match run {
        Some(run) => run.to_owned(),
        None => ids(session).await?.into_iter().next().ok_or_else(|| {
            let message = format!("no runs are recorded in namespace `{}`", session.namespace());
            Failure::usage(message).hint(session.command("history"))
        })?,
    };
    let record = load(session, &id).await?;
    let account = Account::of(&record, holder(session).await.as_deref());
    let now = session.env.now();
    print(session, &account, |output, _| match output {
        Output::Html => evidence_html(&account, now),
        _ => evidence_markdown(&account, now),
    })
}
