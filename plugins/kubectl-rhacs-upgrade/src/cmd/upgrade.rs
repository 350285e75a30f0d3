//! The default verb: plan, show, ask, apply, verify.

use common::command::{DryRun, Session, execute, propose_and_run};
use common::exit::Exit;
use common::failure::Failure;

use super::prepare;
use crate::cli::Cli;

/// Plans and runs.
///
/// # Errors
/// Everything that can keep a run from succeeding.
pub async fn run(session: &Session, cli: &Cli) -> Result<Exit, Failure> {
    if session.flags.run.dry_run == DryRun::None {
        execute::refuse_if_locked(session).await?;
    }
    let prepared = prepare::run(session, cli).await?;
    if prepared.plan.is_empty() && cli.target.revoke_token {
        session.ui.warn("the token is not revoked: there is no run that uses it");
    }
    if prepared.plan.is_empty() && cli.target.roxctl {
        let command = format!("kubectl rhacs roxctl install {}", prepared.plan.to);
        session.ui.warn(&format!("roxctl is left as it is: `{command}` installs it by itself"));
    }
    propose_and_run(session, prepared).await
}
