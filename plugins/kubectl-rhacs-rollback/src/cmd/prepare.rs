//! From a look at the cluster to the checked plan of a way back; changes nothing.

use common::checks::known_codes;
use common::command::{Prepared, Session, prepare};
use common::failure::Failure;
use common::plan::Unfit;

use crate::cli::Cli;
use crate::gather::gather;
use crate::planner::{self, Refusal};

/// Looks, plans and checks.
///
/// # Errors
/// When the cluster or a record cannot be read, or there is no way back.
pub async fn run(session: &Session, cli: &Cli) -> Result<Prepared, Failure> {
    known_codes(session.tool.groups, &session.flags.run.accept)?;
    let (snapshot, central) = session.observe_all().await?;
    common::plan::check_installed(&snapshot).map_err(Unfit::into_failure)?;
    let (way, ground) = gather(session, &snapshot, &cli.choice()).await?;
    let way_back = planner::plan(&snapshot, &way, &cli.request(), &ground);
    let way_back = way_back.map_err(Refusal::into_failure)?;
    prepare(session, snapshot, way_back, central).await
}
