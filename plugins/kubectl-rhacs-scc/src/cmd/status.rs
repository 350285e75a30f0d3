//! `status`: the SCCs, who may use them, and which one admits each pod.

use common::checks::{findings, unfit};
use common::command::Session;
use common::exit::Exit;
use common::failure::Failure;
use common::plan::{check_installed, oldest, running};

use crate::checks::{self, capturing, different, foreign, mixed};
use crate::cli::Cli;
use crate::observe;
use crate::planner::{self, Refusal};
use crate::status::{status, status_text};

/// Prints the status; with `--for`, also what the plan for that release would make of it.
///
/// # Errors
/// When the cluster cannot be read, or there is no plan for what was asked.
pub async fn run(session: &Session, cli: &Cli) -> Result<Exit, Failure> {
    let snapshot = observe::run(session).await?;
    check_installed(&snapshot).map_err(|unfit| unfit.into_failure())?;
    let version = oldest(&snapshot, &running(&snapshot));
    let (plan, findings) = if cli.target.release.is_some() {
        let plan = planner::plan(&snapshot, &cli.request()?).map_err(Refusal::into_failure)?;
        // What is about the SCCs; the rest is for those who go on to apply it.
        let own = checks::OWN;
        let found = findings(own, &snapshot, &plan, &session.check_options());
        (Some(plan), found)
    } else {
        let mut found = capturing(&snapshot);
        found.extend(mixed(&snapshot));
        found.extend(foreign(&snapshot));
        found.extend(unfit(&snapshot, version.as_ref()));
        found.extend(version.iter().flat_map(|version| different(&snapshot, version)));
        (None, found)
    };
    let status = status(&snapshot, version, plan.as_ref(), findings);
    session.ui.print(&status, |output, look| status_text(&status, output, look))?;
    Ok(Exit::Done)
}
