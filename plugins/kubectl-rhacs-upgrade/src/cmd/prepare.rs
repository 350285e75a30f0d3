//! From a look at the cluster to the checked plan of an upgrade; changes nothing.

use common::checks::known_codes;
use common::command::{DryRun, Prepared, Session, prepare};
use common::failure::Failure;

use crate::cli::{Cli, Verb};
use crate::planner::{self, Refusal};

/// Looks, plans and checks.
///
/// # Errors
/// When the cluster cannot be read, or there is no plan for what was asked.
pub async fn run(session: &Session, cli: &Cli) -> Result<Prepared, Failure> {
    let mut request = cli.request()?;
    request.backup_directory = (!cli.target.skip_backup).then(|| backup_directory(session, cli));
    known_codes(session.tool.groups, &session.flags.run.accept)?;
    let (snapshot, central) = session.observe_all().await?;
    let plan = planner::plan(&snapshot, &request).map_err(Refusal::into_failure)?;
    prepare(session, snapshot, plan, central).await
}

/// The directory of the backup: in a plan that may travel, as it was typed; in a run, as the record
/// and the report name it, wherever the command was typed.
fn backup_directory(session: &Session, cli: &Cli) -> String {
    let directory = session.backup_directory();
    let is_plan_only =
        matches!(cli.verb, Some(Verb::Plan { .. })) || cli.run.dry_run != DryRun::None;
    match is_plan_only {
        true => directory.display().to_string(),
        false => session.full_path(&directory),
    }
}
