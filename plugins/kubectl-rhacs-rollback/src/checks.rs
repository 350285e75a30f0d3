//! What a way back is checked for: what the planner finds, and what every plan is checked for.

use common::checks::{
    ACCESS, ADMISSION, BELONGING, CLUSTER, CONFIGURATION, Context, Group, NODES, POLICIES, QUOTAS,
    WORKLOADS,
};
use common::plan::Finding;

use crate::planner;

/// Every check of a rollback, in the order of the documentation.
pub const GROUPS: &[Group] = &[
    Group::of_planner(planner::DEFINITIONS),
    ACCESS,
    BELONGING,
    Group { definitions: WORKLOADS.definitions, run: workloads },
    CONFIGURATION,
    CLUSTER,
    NODES,
    QUOTAS,
    POLICIES,
    ADMISSION,
];

/// The findings that are why somebody rolls back.
const EXPECTED: [&str; 2] = ["RHACS-ROLLOUT-UNFINISHED", "RHACS-HALF-UPGRADED"];

fn workloads(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = (WORKLOADS.run)(context);
    findings.retain(|finding| !EXPECTED.contains(&finding.code.as_str()));
    findings
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use common::checks::definitions;

    use super::*;

    #[test]
    fn every_finding_has_a_name_of_its_own_and_says_everything() {
        let mut codes = BTreeSet::new();
        for definition in definitions(GROUPS) {
            let code = definition.code;
            assert!(codes.insert(code), "{code} is there twice");
            assert!(code.starts_with("RHACS-"), "{code}");
            for text in [definition.meaning, definition.why, definition.source] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{code}: `{text}`");
            }
        }
        for code in EXPECTED {
            assert!(codes.contains(code), "{code} is not a finding any more");
        }
    }
}
