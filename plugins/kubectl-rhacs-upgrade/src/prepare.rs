//! From a look at the cluster to a plan with its findings; changes nothing.

use std::path::{Component, PathBuf};

use common::central::CentralClient;
use common::exit::Exit;
use common::failure::Failure;
use common::plan::{Finding, Plan, Severity};
use common::rhacs::Snapshot;
use serde::Serialize;

use crate::access::permissions;
use crate::checks;
use crate::observe::review;
use crate::planner;
use crate::session::Session;

/// A plan, what the checks say to it, and the state both were made from.
pub struct Prepared {
    /// The installation.
    pub snapshot: Snapshot,
    /// What is to be done.
    pub plan: Plan,
    /// What the checks found, the most severe first.
    pub findings: Vec<Finding>,
    /// The way to Central, when there is one.
    pub central: Option<CentralClient>,
}

/// What `plan` and `check` print for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport<'a> {
    /// How the command ends.
    pub exit: Exit,
    /// All findings.
    pub findings: &'a [Finding],
}

/// Looks, plans and checks.
///
/// # Errors
/// When the cluster cannot be read, or there is no plan for what was asked.
pub async fn prepare(session: &Session) -> Result<Prepared, Failure> {
    let mut request = session.cli.request()?;
    request.backup_directory =
        request.backup_directory.map(|directory| absolute(session, &directory));
    checks::known_codes(&session.cli.target.accept)?;
    let (snapshot, central) = session.observe_all().await?;
    let plan = planner::plan(&snapshot, &request).map_err(planner::Refusal::into_failure)?;
    check(session, snapshot, plan, central).await
}

/// The directory as the record and the report name it, wherever the command was typed.
fn absolute(session: &Session, directory: &str) -> String {
    let path = session.env.resolve(directory);
    let clean: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    clean.display().to_string()
}

/// Checks a plan that is there already.
///
/// # Errors
/// When the cluster cannot be asked.
pub async fn check(
    session: &Session,
    mut snapshot: Snapshot,
    plan: Plan,
    central: Option<CentralClient>,
) -> Result<Prepared, Failure> {
    if !plan.is_empty() {
        let wanted = permissions(&plan);
        snapshot.access = review(&session.cluster, &snapshot.namespace, wanted).await;
    }
    let findings = checks::findings(&snapshot, &plan, &session.check_options());
    Ok(Prepared { snapshot, plan, findings, central })
}

/// The failure that findings amount to: the blocking ones, each with its fix.
///
/// # Errors
/// [`Exit::Blocked`] when a finding blocks.
pub fn stop_if_blocked(findings: &[Finding]) -> Result<(), Failure> {
    let blocking: Vec<&Finding> = findings.iter().filter(|finding| finding.is_blocking()).collect();
    let Some(first) = blocking.first() else {
        return Ok(());
    };
    let message = match blocking.len() {
        1 => format!("{}: {}", first.code, first.what),
        more => format!("{more} checks block the upgrade, first {}: {}", first.code, first.what),
    };
    let failure = Failure::new(Exit::Blocked, message).because("nothing was changed");
    Err(blocking.into_iter().fold(failure, |failure, finding| failure.hint(fix(finding))))
}

fn fix(finding: &Finding) -> String {
    let accept = match finding.severity {
        Severity::Accept => format!("accept it with --accept {}", finding.code),
        _ => String::new(),
    };
    let words: Vec<&str> = [finding.fix.as_str(), accept.as_str()]
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect();
    format!("{}: {}", finding.code, words.join("; or "))
}
