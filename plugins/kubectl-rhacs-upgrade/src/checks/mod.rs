//! Preflight checks of an upgrade: named findings about an installation and the plan for it. Pure.

mod backup;
mod central;
mod certificates;
mod clusters;
mod faulty;
mod images;
mod named_images;
mod order;
mod product;
mod renamed;
mod replicas;
mod roles;
mod scc;
mod storage;
#[cfg(test)]
mod testing;
mod whole;

use common::checks::{
    ACCESS, ADMISSION, BELONGING, CLUSTER, CONFIGURATION, Group, NODES, POLICIES, QUOTAS, RECORDS,
    WORKLOADS,
};

/// Every check of an upgrade, in the order of the documentation.
pub const GROUPS: &[Group] = &[
    RECORDS,
    ACCESS,
    BELONGING,
    Group { definitions: whole::DEFINITIONS, run: whole::run },
    Group { definitions: renamed::DEFINITIONS, run: renamed::run },
    WORKLOADS,
    CONFIGURATION,
    CLUSTER,
    NODES,
    QUOTAS,
    POLICIES,
    Group { definitions: storage::DEFINITIONS, run: storage::run },
    Group { definitions: certificates::DEFINITIONS, run: certificates::run },
    Group { definitions: images::DEFINITIONS, run: images::run },
    Group { definitions: named_images::DEFINITIONS, run: named_images::run },
    Group { definitions: replicas::DEFINITIONS, run: replicas::run },
    Group { definitions: roles::DEFINITIONS, run: roles::run },
    Group { definitions: scc::DEFINITIONS, run: scc::run },
    ADMISSION,
    Group { definitions: central::DEFINITIONS, run: central::run },
    Group { definitions: order::DEFINITIONS, run: order::run },
    Group { definitions: clusters::DEFINITIONS, run: clusters::run },
    Group { definitions: backup::DEFINITIONS, run: backup::run },
    Group { definitions: faulty::DEFINITIONS, run: faulty::run },
    Group { definitions: product::DEFINITIONS, run: product::run },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use common::checks::definitions;
    use common::plan::{Action, Plan, Severity};
    use common::rhacs::{Component, Platform};
    use serde_json::json;

    use super::testing::{Installation, Subject};
    use super::*;

    #[test]
    fn every_finding_has_a_name_of_its_own_and_says_everything() {
        let mut codes = BTreeSet::new();
        for definition in definitions(GROUPS) {
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

    /// A secured cluster with every trouble that an update of its workloads may meet.
    fn troubled() -> Subject {
        let quota = json!({
            "apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": {"name": "small", "namespace": "stackrox"},
            "spec": {"hard": {"pods": "5", "limits.cpu": "1k"}},
            "status": {"hard": {"pods": "5", "limits.cpu": "1k"}, "used": {"pods": "6"}},
        });
        let range = json!({
            "apiVersion": "v1", "kind": "LimitRange",
            "metadata": {"name": "tiny", "namespace": "stackrox"},
            "spec": {"limits": [{"type": "Container", "max": {"memory": "1Mi"}}]},
        });
        let budget = json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": "none", "namespace": "stackrox"},
            "spec": {"selector": {"matchLabels": {"app": "sensor"}}},
            "status": {"disruptionsAllowed": 0},
        });
        let mut troubled = Installation::on_openshift("3.66.1")
            .paused("sensor")
            .with("Deployment", "sensor", |sensor| {
                sensor["metadata"]["labels"]["app.kubernetes.io/instance"] = json!("fleet");
                let pod = &mut sensor["spec"]["template"]["spec"];
                pod["containers"][0]["resources"] = json!({});
                pod["imagePullSecrets"] = json!([{"name": "gone"}]);
                let claim = json!({"name": "x", "persistentVolumeClaim": {"claimName": "gone"}});
                pod["volumes"].as_array_mut().expect("volumes").push(claim);
            })
            .with("Deployment", "admission-control", |it| it["spec"]["replicas"] = json!(0))
            .with("DaemonSet", "collector", |collector| {
                collector["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
            })
            .plus(quota)
            .plus(range)
            .plus(budget);
        troubled.snapshot.objects.retain(|it| it["kind"] != "SecurityContextConstraints");
        troubled
    }

    #[test]
    fn what_others_change_is_checked_as_what_the_run_changes_itself() {
        let troubled = troubled();
        let codes = |plan: &Plan| -> BTreeSet<String> {
            troubled.findings_of(plan).into_iter().map(|finding| finding.code).collect()
        };
        let mut own = troubled.plan_for("3.69.2");
        own.steps.retain(|step| step.component == Some(Component::Secured));
        assert!(own.steps.iter().all(|step| !step.action.writes().is_empty()));
        let mut foreseen = own.clone();
        foreseen.steps.truncate(1);
        foreseen.steps[0].action = Action::AwaitUpgrader { version: own.to.clone() };
        let (own, foreseen) = (codes(&own), codes(&foreseen));
        let passed: Vec<&String> = own.difference(&foreseen).collect();
        assert!(passed.is_empty(), "found only where the run writes itself: {passed:?}");
        for code in [
            "RHACS-ROLLOUT-PAUSED",
            "RHACS-REPLICAS-ZERO",
            "RHACS-UPDATE-ON-DELETE",
            "RHACS-GITOPS-OWNER",
            "RHACS-PDB-BLOCKS",
            "RHACS-QUOTA-TIGHT",
            "RHACS-QUOTA-UNSPECIFIED",
            "RHACS-LIMIT-RANGE",
            "RHACS-PULL-SECRET-MISSING",
            "RHACS-PVC-MISSING",
            "RHACS-SCC-REFUSED",
        ] {
            assert!(foreseen.contains(code), "{code}: {foreseen:?}");
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
