//! Preflight checks: named findings about an installation and the plan for it. Pure.

mod accept;
mod access;
mod backup;
mod central;
mod certificates;
mod cluster;
mod clusters;
mod context;
mod definition;
mod images;
mod nodes;
mod order;
mod policies;
mod product;
mod records;
mod scc;
mod storage;
#[cfg(test)]
mod testing;
mod whole;
mod workloads;

use common::plan::{Finding, Plan, Severity};
use common::rhacs::Snapshot;
use jiff::Timestamp;

pub use accept::known_codes;
use context::Context;
pub use definition::Definition;

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

/// A room of checks: the findings it can make, and the function that makes them.
struct Group {
    definitions: &'static [Definition],
    run: fn(&Context<'_>) -> Vec<Finding>,
}

const GROUPS: [Group; 16] = [
    Group { definitions: records::DEFINITIONS, run: records::run },
    Group { definitions: access::DEFINITIONS, run: access::run },
    Group { definitions: whole::DEFINITIONS, run: whole::run },
    Group { definitions: workloads::DEFINITIONS, run: workloads::run },
    Group { definitions: cluster::DEFINITIONS, run: cluster::run },
    Group { definitions: nodes::DEFINITIONS, run: nodes::run },
    Group { definitions: policies::DEFINITIONS, run: policies::run },
    Group { definitions: storage::DEFINITIONS, run: storage::run },
    Group { definitions: certificates::DEFINITIONS, run: certificates::run },
    Group { definitions: images::DEFINITIONS, run: images::run },
    Group { definitions: scc::DEFINITIONS, run: scc::run },
    Group { definitions: central::DEFINITIONS, run: central::run },
    Group { definitions: order::DEFINITIONS, run: order::run },
    Group { definitions: clusters::DEFINITIONS, run: clusters::run },
    Group { definitions: backup::DEFINITIONS, run: backup::run },
    Group { definitions: product::DEFINITIONS, run: product::run },
];

/// Every finding there can be, in the order of the documentation.
pub fn definitions() -> impl Iterator<Item = &'static Definition> {
    GROUPS.iter().flat_map(|group| group.definitions)
}

/// Runs every check. The findings are sorted, gravest first; those in `options.accept` that may
/// be accepted are marked so.
#[must_use]
pub fn findings(snapshot: &Snapshot, plan: &Plan, options: &CheckOptions) -> Vec<Finding> {
    let context = Context { snapshot, plan, options };
    let mut findings: Vec<Finding> =
        GROUPS.iter().flat_map(|group| (group.run)(&context)).collect();
    let accepted: Vec<String> = options.accept.iter().map(|code| accept::full(code)).collect();
    for finding in &mut findings {
        finding.accepted = finding.severity == Severity::Accept && accepted.contains(&finding.code);
    }
    findings.sort_by(|a, b| (a.severity, &a.code, &a.what).cmp(&(b.severity, &b.code, &b.what)));
    findings.dedup();
    findings
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use common::rhacs::Platform;

    use super::testing::Installation;
    use super::*;

    #[test]
    fn every_finding_has_a_name_of_its_own_and_says_everything() {
        let mut codes = BTreeSet::new();
        for definition in definitions() {
            let code = definition.code;
            assert!(codes.insert(code), "{code} is there twice");
            let rest = code.strip_prefix("RHACS-").expect(code);
            assert!(
                rest.bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'-' || byte.is_ascii_digit()),
                "{code}"
            );
            for text in [definition.meaning, definition.why, definition.source] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{code}: `{text}`");
            }
        }
        assert!(codes.len() >= 30, "{}", codes.len());
    }

    #[test]
    fn a_healthy_installation_can_be_upgraded_at_once() {
        for (from, to) in [("3.62.1", "3.69.2"), ("3.66.1", "3.74.9"), ("3.69.2", "3.74.9")] {
            for installation in [Installation::at(from), Installation::on_openshift(from)] {
                let findings = installation.findings_for(to);
                let blocking: Vec<_> = findings
                    .iter()
                    .filter(|finding| finding.severity <= Severity::Accept)
                    .collect();
                assert!(blocking.is_empty(), "{from} → {to}: {blocking:#?}");
            }
        }
    }

    #[test]
    fn a_real_manifest_has_nothing_of_its_own_to_warn_of() {
        for version in ["3.0.58.1", "3.0.62.1", "3.63.0", "3.66.1", "3.69.2"] {
            for platform in [Platform::Kubernetes, Platform::OpenShift] {
                let Some(installation) = Installation::of_manifest(version, platform) else {
                    eprintln!("skipped: no real manifest of {version} on {platform}");
                    continue;
                };
                let mut findings = installation.findings_for("3.74.9");
                findings.retain(|finding| {
                    finding.severity <= Severity::Warn
                        && finding.code != "RHACS-POD-SECURITY-POLICY"
                });
                assert!(findings.is_empty(), "{version} on {platform}: {findings:#?}");
            }
        }
    }

    #[test]
    fn an_accepted_finding_is_marked_and_a_blocking_one_stays() {
        let mut installation = Installation::at("3.62.1").without_backup().paused("scanner");
        installation.accept = vec!["RHACS-BACKUP-SKIPPED".into(), "RHACS-ROLLOUT-PAUSED".into()];
        let findings = installation.findings_for("3.69.2");
        let open: Vec<_> =
            findings.iter().filter(|finding| finding.is_blocking()).map(|it| &it.code).collect();
        assert_eq!(open, ["RHACS-ROLLOUT-PAUSED"]);
        assert_eq!(findings[0].code, "RHACS-ROLLOUT-PAUSED");
    }

    #[test]
    fn the_same_installation_gives_the_same_findings() {
        let installation = Installation::on_openshift("3.0.58.1").without_backup();
        assert_eq!(installation.findings_for("3.69.2"), installation.findings_for("3.69.2"));
    }
}
