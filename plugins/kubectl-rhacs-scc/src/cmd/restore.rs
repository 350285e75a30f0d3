//! `restore`: put back what a recorded run removed or changed.

use common::checks::{arrange, known_codes};
use common::command::history::load;
use common::command::{DryRun, Session, execute, prepare, propose_and_run};
use common::exit::Exit;
use common::failure::Failure;
use common::plan::check_installed;

use crate::{checks, observe, restore};

/// Plans the way back from the record of `run`, shows it, asks and runs it.
///
/// # Errors
/// When there is no such run, its record cannot be used, or the way back fails.
pub async fn run(session: &Session, run: &str) -> Result<Exit, Failure> {
    known_codes(session.tool.groups, &session.flags.run.accept)?;
    if session.flags.run.dry_run == DryRun::None {
        execute::refuse_if_locked(session).await?;
    }
    let snapshot = observe::run(session).await?;
    check_installed(&snapshot).map_err(|unfit| unfit.into_failure())?;
    let record = load(session, run).await?;
    let timeout = session.flags.run.timeout_seconds();
    let proposed = restore::plan(&record, &snapshot, timeout);
    let mut prepared = prepare(session, snapshot, proposed, None).await?;
    checks::expect_trouble(&mut prepared.findings);
    arrange(&mut prepared.findings, &session.check_options());
    propose_and_run(session, prepared).await
}
