//! Preflight checks: named findings about an installation and the plan for it. Pure.
//!
//! What every plan is checked for is here, as [`GENERAL`] groups; a plugin adds its own.

mod accept;
mod access;
mod admission;
mod belonging;
mod cluster;
mod configuration;
mod context;
mod definition;
mod escalation;
#[cfg(any(test, feature = "testing"))]
pub mod hints;
mod nodes;
mod owners;
mod permissions;
mod policies;
mod quotas;
mod records;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod webhooks;
mod workloads;

use jiff::Timestamp;

pub use accept::known_codes;
pub use admission::{ADMISSION, unfit};
pub use belonging::foreign_central;
pub use context::{Context, in_days, items, name, short, suite_command};
pub use definition::Definition;
pub use escalation::{Grant, grants};
pub(crate) use owners::reconciler;
pub use permissions::permissions;
pub(crate) use records::open_runs;
pub use webhooks::{admission_requests, dead_webhook, refused_write};
pub(crate) use workloads::waiting_reason;

use crate::plan::{Finding, Plan, Severity};
use crate::rhacs::Snapshot;

/// What checks need besides the snapshot and the plan.
#[derive(Clone, Debug)]
pub struct CheckOptions {
    /// The time by this computer's clock.
    pub now: Timestamp,
    /// The codes that were accepted; see [`known_codes`].
    pub accept: Vec<String>,
    /// Bytes free where the backup is written, where that can be told.
    pub backup_space: Option<u64>,
    /// Why no backup can be written where it should be.
    pub backup_directory_fault: Option<String>,
}

/// Checks that belong together: the findings they can make, and the function that makes them.
#[derive(Clone, Copy)]
pub struct Group {
    /// Every finding that [`Self::run`] can make.
    pub definitions: &'static [Definition],
    /// Looks.
    pub run: fn(&Context<'_>) -> Vec<Finding>,
}

impl Group {
    /// Findings that only a planner makes, because they need more than a snapshot and a plan.
    #[must_use]
    pub const fn of_planner(definitions: &'static [Definition]) -> Self {
        Self { definitions, run: |_| Vec::new() }
    }
}

/// Other runs of this suite, and other versions of it.
pub const RECORDS: Group = Group { definitions: records::DEFINITIONS, run: records::run };
/// What the user may do.
pub const ACCESS: Group = Group { definitions: access::DEFINITIONS, run: access::run };
/// Which Central answers.
pub const BELONGING: Group = Group { definitions: belonging::DEFINITIONS, run: belonging::run };
/// Whether the workloads are fit to be changed.
pub const WORKLOADS: Group = Group { definitions: workloads::DEFINITIONS, run: workloads::run };
/// What Central's own configuration says.
pub const CONFIGURATION: Group =
    Group { definitions: configuration::DEFINITIONS, run: configuration::run };
/// The cluster around the installation.
pub const CLUSTER: Group = Group { definitions: cluster::DEFINITIONS, run: cluster::run };
/// Whether new pods find nodes.
pub const NODES: Group = Group { definitions: nodes::DEFINITIONS, run: nodes::run };
/// How much new pods may use.
pub const QUOTAS: Group = Group { definitions: quotas::DEFINITIONS, run: quotas::run };
/// What may refuse or hold back new pods.
pub const POLICIES: Group = Group { definitions: policies::DEFINITIONS, run: policies::run };

/// What every plan is checked for.
pub const GENERAL: [Group; 8] =
    [RECORDS, ACCESS, BELONGING, WORKLOADS, CLUSTER, NODES, QUOTAS, POLICIES];

/// Every finding that `groups` can make, in their order.
pub fn definitions(groups: &'static [Group]) -> impl Iterator<Item = &'static Definition> {
    groups.iter().flat_map(|group| group.definitions)
}

/// Runs every check of `groups`. The findings are sorted, gravest first; those in
/// `options.accept` that may be accepted are marked so.
#[must_use]
pub fn findings(
    groups: &[Group],
    snapshot: &Snapshot,
    plan: &Plan,
    options: &CheckOptions,
) -> Vec<Finding> {
    let after = snapshot.after(plan);
    let context = Context { snapshot, after: &after, plan, options };
    let mut findings: Vec<Finding> =
        groups.iter().flat_map(|group| (group.run)(&context)).collect();
    arrange(&mut findings, options);
    findings
}

/// Marks the findings that `options` accept, and sorts all of them, gravest first.
pub fn arrange(findings: &mut Vec<Finding>, options: &CheckOptions) {
    let accepted: Vec<String> = options.accept.iter().map(|code| accept::full(code)).collect();
    for finding in findings.iter_mut() {
        finding.accepted |= accepted.contains(&finding.code);
        finding.accepted &= finding.severity == Severity::Accept;
    }
    findings.sort_by(|a, b| (a.severity, &a.code, &a.what).cmp(&(b.severity, &b.code, &b.what)));
    findings.dedup();
}
