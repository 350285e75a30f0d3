//! From a look at the cluster to a plan with its findings; changes nothing.

use super::Session;
use crate::central::CentralClient;
use crate::checks::{self, permissions};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::observe::review;
use crate::plan::{Finding, Plan, Severity};
use crate::rhacs::Snapshot;

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

/// Checks a plan: asks for the rights it needs, and runs the plugin's checks.
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
    let findings =
        checks::findings(session.tool.groups, &snapshot, &plan, &session.check_options());
    Ok(Prepared { snapshot, plan, findings, central })
}

/// The failure that findings amount to: the blocking ones, each with its fix.
///
/// # Errors
/// [`Exit::Blocked`] when a finding blocks.
pub fn stop_if_blocked(plan: &Plan, findings: &[Finding]) -> Result<(), Failure> {
    let blocking: Vec<&Finding> = findings.iter().filter(|finding| finding.is_blocking()).collect();
    let Some(first) = blocking.first() else {
        return Ok(());
    };
    let message = match blocking.len() {
        1 => format!("{}: {}", first.code, first.what),
        more => {
            format!("{more} checks block {}, first {}: {}", plan.operation, first.code, first.what)
        }
    };
    let failure = Failure::new(Exit::Blocked, message).because("nothing was changed");
    let mut told: Vec<&str> = Vec::new();
    let of_one_kind = |code: &str| blocking.iter().filter(|finding| finding.code == code).count();
    Err(blocking.iter().fold(failure, |failure, finding| {
        if told.contains(&finding.code.as_str()) {
            return failure;
        }
        told.push(&finding.code);
        failure.hint(match of_one_kind(&finding.code) {
            1 => fix(finding),
            more => format!("{} (and {} more of its kind)", fix(finding), more - 1),
        })
    }))
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
