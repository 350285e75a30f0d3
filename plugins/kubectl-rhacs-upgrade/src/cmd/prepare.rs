//! From a look at the cluster to the checked plan of an upgrade; changes nothing.

use std::path::{Component, PathBuf};

use common::checks::known_codes;
use common::command::{Prepared, Session, prepare};
use common::failure::Failure;

use crate::cli::Cli;
use crate::planner::{self, Refusal};

/// Looks, plans and checks.
///
/// # Errors
/// When the cluster cannot be read, or there is no plan for what was asked.
pub async fn run(session: &Session, cli: &Cli) -> Result<Prepared, Failure> {
    let mut request = cli.request()?;
    request.backup_directory = (!cli.target.skip_backup).then(|| backup_directory(session));
    known_codes(session.tool.groups, &session.flags.run.accept)?;
    let (snapshot, central) = session.observe_all().await?;
    let plan = planner::plan(&snapshot, &request).map_err(Refusal::into_failure)?;
    prepare(session, snapshot, plan, central).await
}

/// The directory as the record and the report name it, wherever the command was typed.
fn backup_directory(session: &Session) -> String {
    let path = session.env.resolve(session.backup_directory());
    let clean: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    clean.display().to_string()
}
