//! From a look at the cluster to a plan with its findings; changes nothing.

use super::{Session, execute, webhooks};
use crate::central::CentralClient;
use crate::checks::{self, Grant, grants, permissions};
use crate::cluster::{Cluster, ServerVersion, port_forward_rights};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::observe::review;
use crate::plan::{Finding, Plan, Proposed, Severity};
use crate::rhacs::{Access, Permission, Snapshot};

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

/// Checks a plan: asks for the rights it needs, and runs the plugin's checks, whose findings join
/// those of the planner.
///
/// # Errors
/// When the cluster cannot be asked.
pub async fn check(
    session: &Session,
    mut snapshot: Snapshot,
    proposed: impl Into<Proposed>,
    central: Option<CentralClient>,
) -> Result<Prepared, Failure> {
    let Proposed { plan, findings: mut found } = proposed.into();
    if !plan.is_empty() {
        let grants = grants(&plan, &snapshot);
        let mut wanted = permissions(&plan);
        if central.as_ref().is_some_and(CentralClient::is_forwarded) {
            let version = ServerVersion::named(&snapshot.cluster.version);
            wanted.extend(port_forward_rights(&version, &snapshot.namespace));
        }
        snapshot.access = access(&session.cluster, &snapshot.namespace, wanted, &grants).await;
    }
    let options = session.check_options_of(&plan);
    found.extend(checks::findings(session.tool.groups, &snapshot, &plan, &options));
    if !plan.is_empty() {
        found.extend(webhooks::findings(&session.cluster, &snapshot, &plan).await);
    }
    if session.flags.asks_server && !plan.is_empty() {
        found.extend(execute::refusals(session, &snapshot, &plan).await?);
    }
    checks::arrange(&mut found, &options);
    Ok(Prepared { snapshot, plan, findings: found, central })
}

/// Finds out what of all that is `wanted` the user may do. Who may not write each of `grants`
/// whatever it grants has to have all of that, so that their own rules are needed as well.
async fn access(
    cluster: &Cluster,
    namespace: &str,
    mut wanted: Vec<Permission>,
    grants: &[Grant],
) -> Access {
    let exemptions: Vec<&Permission> = grants.iter().map(|grant| &grant.exemption).collect();
    wanted.extend(exemptions.iter().copied().cloned());
    let mut access = review(cluster, namespace, wanted).await;
    let (lacking, denied) =
        std::mem::take(&mut access.denied).into_iter().partition(|one| exemptions.contains(&one));
    access.denied = denied;
    let lacking: Vec<Permission> = lacking;
    let others = exemptions.into_iter().filter(|one| !lacking.contains(one));
    access.exempt = others.cloned().collect();
    if !lacking.is_empty() {
        let rules = cluster.review_rules(namespace).await.ok();
        access.rules = rules.map(|rules| rules.resource_rules().to_vec());
    }
    // Who lacks nothing need not be named before a run begins.
    if !access.denied.is_empty() || access.rules.is_some() {
        match cluster.whoami().await {
            Ok(user) => access.user = user.map(|user| user.name).unwrap_or_default(),
            Err(error) => drop(access.unknown.insert("user".to_owned(), error.to_string())),
        }
    }
    access
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
