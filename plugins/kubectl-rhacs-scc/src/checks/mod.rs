//! Preflight checks of an SCC migration: named findings about the SCCs and the plan for them. Pure.

mod constraints;
mod costs;
mod eras;

use common::checks::{
    ACCESS, ADMISSION, BELONGING, CLUSTER, Definition, Group, NODES, POLICIES, QUOTAS, RECORDS,
    WORKLOADS,
};
use common::plan::{Finding, Severity};

pub use constraints::{capturing, different, foreign, spec_of};
pub use eras::{in_place, mixed};

/// Every check of an SCC migration, in the order of the documentation.
pub const GROUPS: &[Group] = &[
    RECORDS,
    ACCESS,
    BELONGING,
    WORKLOADS,
    CLUSTER,
    NODES,
    QUOTAS,
    POLICIES,
    CONSTRAINTS,
    ADMISSION,
    COSTS,
    Group::of_planner(&[CHANGED, eras::MIXED]),
];

/// The checks that are about SCCs alone.
pub const OWN: &[Group] = &[CONSTRAINTS, ADMISSION, COSTS];

const CONSTRAINTS: Group = Group { definitions: constraints::DEFINITIONS, run: constraints::run };
const COSTS: Group = Group { definitions: costs::DEFINITIONS, run: costs::run };

/// Made by `restore`, which alone knows what the run had left.
pub const CHANGED: Definition = Definition {
    code: "RHACS-SCC-CHANGED",
    severity: Severity::Accept,
    meaning: "somebody changed an object after the run that is to be taken back",
    why: "putting it back undoes that change too",
    source: "the record of the run",
};

/// The findings that are why somebody takes a run back.
const EXPECTED: [&str; 1] = ["RHACS-ROLLOUT-UNFINISHED"];

/// Lets no finding block that going back is the cure of.
pub fn expect_trouble(findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|it| EXPECTED.contains(&it.code.as_str())) {
        finding.severity = Severity::Warn;
    }
}

#[cfg(test)]
mod tests;
