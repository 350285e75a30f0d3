//! From a look at the cluster to the checked plan of a migration; changes nothing.

use common::checks::known_codes;
use common::command::{Prepared, Session, prepare};
use common::failure::Failure;

use crate::cli::Cli;
use crate::observe;
use crate::planner::{self, Refusal};

/// Looks, plans and checks.
///
/// # Errors
/// When the cluster cannot be read, or there is no plan for what was asked.
pub async fn run(session: &Session, cli: &Cli) -> Result<Prepared, Failure> {
    let request = cli.request()?;
    known_codes(session.tool.groups, &session.flags.run.accept)?;
    let snapshot = observe::run(session).await?;
    let plan = planner::plan(&snapshot, &request).map_err(Refusal::into_failure)?;
    prepare(session, snapshot, plan, None).await
}
