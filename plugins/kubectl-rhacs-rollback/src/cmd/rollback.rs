//! The default verb: plan, show, ask, roll back, verify.

use common::command::{DryRun, Session, execute, propose_and_run};
use common::exit::Exit;
use common::failure::Failure;

use super::prepare;
use crate::cli::Cli;

/// Plans and rolls back.
///
/// # Errors
/// Everything that can keep a run from succeeding.
pub async fn run(session: &Session, cli: &Cli) -> Result<Exit, Failure> {
    if session.flags.run.dry_run == DryRun::None {
        execute::refuse_if_locked(session).await?;
    }
    propose_and_run(session, prepare::run(session, cli).await?).await
}
