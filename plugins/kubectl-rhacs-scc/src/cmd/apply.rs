//! `apply`: plan, show, ask, apply; or apply a reviewed plan.

use std::path::Path;

use common::command::{DryRun, Session, apply, execute, propose_and_run};
use common::exit::Exit;
use common::failure::Failure;

use super::prepare;
use crate::cli::Cli;

/// Plans and runs, or runs the plan in `file`.
///
/// # Errors
/// Everything that can keep a run from succeeding.
pub async fn run(session: &Session, cli: &Cli, file: Option<&Path>) -> Result<Exit, Failure> {
    if let Some(file) = file {
        return apply::run(session, file).await;
    }
    if session.flags.run.dry_run == DryRun::None {
        execute::refuse_if_locked(session).await?;
    }
    let prepared = prepare::run(session, cli).await?;
    propose_and_run(session, prepared).await
}
