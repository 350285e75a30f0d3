use common::checks::{CheckOptions, findings, testing};
use common::plan::Finding;
use common::rhacs::{Snapshot, Version};
use serde_json::json;

use super::*;
use crate::planner::plan;
use crate::planner::testing::{openshift, request};

fn found(snapshot: &Snapshot, release: &str, prune: bool) -> Vec<Finding> {
    let plan = plan(snapshot, &request(release, prune)).unwrap();
    let options = CheckOptions {
        now: testing::now(),
        accept: Vec::new(),
        backup_space: None,
        backup_directory_fault: None,
    };
    findings(OWN, snapshot, &plan, &options)
}

fn codes(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn a_migration_of_a_fresh_installation_is_not_blocked() {
    for (from, to) in [("3.63.0", "3.69.2"), ("4.3.8", "4.4.0"), ("4.3.8", "4.11.1")] {
        let findings = found(&openshift(from), to, true);
        assert!(!findings.iter().any(Finding::is_blocking), "{from} to {to}: {findings:#?}");
        assert!(codes(&findings).contains(&"RHACS-SCC-RESTARTS"), "{from} to {to}");
    }
}

#[test]
fn what_stays_is_told_with_the_command_that_removes_it() {
    let findings = found(&openshift("4.3.8"), "4.4.0", false);
    let left = findings.iter().find(|it| it.code == "RHACS-SCC-OBSOLETE").unwrap();
    assert!(left.what.contains("stackrox-sensor"), "{left:?}");
    assert_eq!(left.fix, "kubectl rhacs scc apply --for 4.4.0 --prune");
    assert!(!codes(&found(&openshift("4.3.8"), "4.4.0", true)).contains(&"RHACS-SCC-OBSOLETE"));
}

#[test]
fn pods_of_others_that_were_captured_are_told() {
    let mut snapshot = openshift("3.69.2");
    snapshot.objects.push(json!({"kind": "Pod", "metadata": {
        "name": "version--x", "namespace": "openshift-cluster-version",
        "annotations": {"openshift.io/scc": "stackrox-collector"}}}));
    let findings = capturing(&snapshot);
    assert_eq!(codes(&findings), ["RHACS-SCC-CAPTURES"]);
    assert!(findings[0].what.contains("openshift-cluster-version/version--x"), "{findings:?}");
}

#[test]
fn an_scc_that_others_use_is_left_alone() {
    let mut snapshot = openshift("3.63.0");
    let scanner = snapshot.objects.iter_mut().find(|it| {
        it["kind"] == "SecurityContextConstraints" && it["metadata"]["name"] == "scanner"
    });
    scanner.unwrap()["users"] = json!(["system:serviceaccount:builds:scanner"]);
    let findings = foreign(&snapshot);
    assert_eq!(codes(&findings), ["RHACS-SCC-FOREIGN"]);
    let plan = plan(&snapshot, &request("3.69.2", true)).unwrap();
    let writes = plan.steps.iter().flat_map(|step| step.action.writes());
    assert!(!writes.map(|write| write.object().to_string()).any(|name| name == "scc/scanner"));
}

#[test]
fn a_changed_scc_is_told_field_by_field_and_kept() {
    let mut snapshot = openshift("3.69.2");
    let central = snapshot
        .objects
        .iter_mut()
        .find(|it| it["metadata"]["name"] == "stackrox-central" && it["users"].is_array());
    central.unwrap()["priority"] = json!(20);
    let findings = different(&snapshot, &Version::release(3, 69, 2));
    assert_eq!(codes(&findings), ["RHACS-SCC-DIFFERS"]);
    assert!(findings[0].what.contains("priority 20 instead of nothing"), "{findings:?}");
    assert!(plan(&snapshot, &request("3.69.2", false)).unwrap().is_empty());
}

#[test]
fn a_pod_that_no_scc_would_admit_blocks() {
    let mut snapshot = openshift("4.3.8");
    snapshot.objects.push(json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "mine", "namespace": "stackrox"},
        "spec": {"selector": {"matchLabels": {"app": "mine"}}, "template": {"spec": {
            "serviceAccountName": "central", "securityContext": {"runAsUser": 4000},
            "containers": [{"name": "a", "securityContext": {"allowPrivilegeEscalation": false}}],
            "volumes": [{"name": "v", "nfs": {"server": "s", "path": "/"}}]}}},
    }));
    let findings = found(&snapshot, "4.4.0", true);
    let refused = findings.iter().find(|it| it.code == "RHACS-SCC-REFUSED").expect("a refusal");
    assert!(refused.is_blocking());
    assert!(refused.what.starts_with("deploy/mine: "), "{refused:?}");
    assert!(refused.what.contains("nfs volumes are not allowed"), "{refused:?}");
    assert!(!found(&snapshot, "4.4.0", false).iter().any(Finding::is_blocking));
}

#[test]
fn an_openshift_without_the_second_constraints_blocks() {
    let mut snapshot = openshift("4.3.8");
    snapshot.objects.retain(|it| {
        it["kind"] != "SecurityContextConstraints" || it["metadata"]["name"] != "nonroot-v2"
    });
    let findings = found(&snapshot, "4.4.0", false);
    assert!(findings.iter().any(|it| it.what.contains("required scc/nonroot-v2 not found")));
    assert!(findings.iter().any(Finding::is_blocking));
}
