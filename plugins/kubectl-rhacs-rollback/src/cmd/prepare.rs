//! From a look at the cluster to the checked plan of a way back; changes nothing.

use common::checks::{arrange, known_codes};
use common::command::{Prepared, Session, prepare};
use common::failure::Failure;
use common::run::Record;

use crate::cli::Cli;
use crate::gather::gather;
use crate::planner::{self, Refusal, Way};

/// A checked plan, and the runs that it takes back.
pub struct Proposed {
    /// The plan.
    pub prepared: Prepared,
    /// The runs, newest first; empty when it goes by something else than records.
    pub records: Vec<Record>,
}

/// Looks, plans and checks.
///
/// # Errors
/// When the cluster or a record cannot be read, or there is no way back.
pub async fn run(session: &Session, cli: &Cli) -> Result<Proposed, Failure> {
    known_codes(session.tool.groups, &session.flags.run.accept)?;
    let (snapshot, central) = session.observe_all().await?;
    common::plan::check_installed(&snapshot).map_err(common::plan::Unfit::into_failure)?;
    let (way, ground) = gather(session, &snapshot, &cli.choice()).await?;
    let way_back = planner::plan(&snapshot, &way, &cli.request(), &ground);
    let way_back = way_back.map_err(Refusal::into_failure)?;
    let mut prepared = prepare(session, snapshot, way_back.plan, central).await?;
    prepared.findings.extend(way_back.findings);
    arrange(&mut prepared.findings, &session.check_options());
    let records = match way {
        Way::Records { records, .. } => records,
        Way::Revision { .. } | Way::Image => Vec::new(),
    };
    Ok(Proposed { prepared, records })
}
