//! Whether the workloads are fit to be changed now, and who else changes them.

use std::collections::BTreeMap;

use crate::cluster::rollout::{Progress, judge};
use crate::plan::{Finding, Severity};
use crate::rhacs::images::{Image, Role};
use crate::rhacs::{Snapshot, Version, Workload};

use super::context::{Context, items, short};
use super::definition::Definition;
use super::owners;

const PAUSED: Definition = Definition {
    code: "RHACS-ROLLOUT-PAUSED",
    severity: Severity::Block,
    meaning: "the rollout of a Deployment is paused",
    why: "a paused Deployment takes changes but never rolls them out",
    source: "Kubernetes documentation, Deployments: pausing and resuming a rollout",
};
const UNFINISHED: Definition = Definition {
    code: "RHACS-ROLLOUT-UNFINISHED",
    severity: Severity::Accept,
    meaning: "a rollout is not complete, or its pods are not available",
    why: "what is unhealthy before an upgrade is rarely healthy after it, and hides new trouble",
    source: "upgrade guide 3.69, section 2.3.4",
};
const CENTRAL_DOWN: Definition = Definition {
    code: "RHACS-CENTRAL-SCALED-DOWN",
    severity: Severity::Block,
    meaning: "Central is scaled to zero",
    why: "it can neither be backed up nor migrate its database",
    source: "upgrade guide 3.69, section 2.2.4",
};
const SCALED_DOWN: Definition = Definition {
    code: "RHACS-REPLICAS-ZERO",
    severity: Severity::Accept,
    meaning: "a Deployment is scaled to zero",
    why: "its new version starts only when it is scaled up, unseen by this run",
    source: "upgrade guide 3.69, section 2.3.4",
};
const ON_DELETE: Definition = Definition {
    code: "RHACS-UPDATE-ON-DELETE",
    severity: Severity::Accept,
    meaning: "a DaemonSet replaces its pods only when they are deleted",
    why: "the run would wait for pods that nobody deletes",
    source: "Kubernetes documentation, DaemonSet: update strategy",
};
const MIXED: Definition = Definition {
    code: "RHACS-HALF-UPGRADED",
    severity: Severity::Warn,
    meaning: "the workloads run different versions",
    why: "an earlier upgrade stopped half-way; this run finishes what is missing",
    source: "upgrade guide 3.69, section 2.3.4",
};
const CHANGE_CAUSE: Definition = Definition {
    code: "RHACS-CHANGE-CAUSE",
    severity: Severity::Info,
    meaning: "a workload has a change cause that the run replaces",
    why: "the new revisions get this run as their cause; older ones keep theirs",
    source: "Kubernetes documentation, Deployments: checking rollout history",
};

pub(super) const DEFINITIONS: &[Definition] = &[
    PAUSED,
    UNFINISHED,
    CENTRAL_DOWN,
    SCALED_DOWN,
    ON_DELETE,
    MIXED,
    owners::DEFINITIONS[0],
    owners::DEFINITIONS[1],
    CHANGE_CAUSE,
];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for workload in context.touched_workloads() {
        findings.extend(paused(context, workload));
        findings.extend(scaled_down(context, workload));
        findings.extend(on_delete(context, workload));
        findings.extend(change_cause(workload));
    }
    findings.extend(context.workloads().filter_map(|workload| unfinished(context, workload)));
    findings.extend(mixed(context));
    findings.extend(owners::run(context));
    findings
}

fn paused(context: &Context<'_>, workload: Workload<'_>) -> Option<Finding> {
    let name = short(workload.object());
    (workload.object()["spec"]["paused"] == true).then(|| {
        let fix = context.kubectl(&format!("rollout resume {name}"));
        PAUSED.found(format!("the rollout of {name} is paused"), fix)
    })
}

fn unfinished(context: &Context<'_>, workload: Workload<'_>) -> Option<Finding> {
    let object = workload.object();
    if object["status"]["observedGeneration"].is_null() || object["spec"]["paused"] == true {
        return None;
    }
    let name = short(object);
    let what = match judge(object, 0) {
        Progress::Done => return None,
        Progress::Waiting(message) => format!("{name} waits for {message}"),
        Progress::Failed { reason } => format!("{name}: {reason}"),
    };
    let what = match waiting_reason(context.snapshot, workload) {
        Some(reason) => format!("{what} ({reason})"),
        None => what,
    };
    let fix = context.kubectl(&format!("rollout status {name}"))
        + ", then "
        + &context.kubectl("get pods,events");
    Some(UNFINISHED.found(what, fix))
}

/// Why a container of the workload's pods does not run, in the cluster's word.
pub(crate) fn waiting_reason(snapshot: &Snapshot, workload: Workload<'_>) -> Option<String> {
    let prefix = format!("{}-", workload.name());
    snapshot.pods.iter().find_map(|pod| {
        let owner = items(&pod["metadata"]["ownerReferences"]).next()?["name"].as_str()?;
        // A ReplicaSet is named after its Deployment with a hash behind it.
        let rest = owner.strip_prefix(&prefix).unwrap_or_default();
        if owner != workload.name() && (rest.is_empty() || rest.contains('-')) {
            return None;
        }
        let status = &pod["status"];
        let containers =
            items(&status["initContainerStatuses"]).chain(items(&status["containerStatuses"]));
        let reason = containers
            .filter_map(|container| container["state"]["waiting"]["reason"].as_str())
            .find(|reason| !matches!(*reason, "ContainerCreating" | "PodInitializing"))?;
        Some(format!("pod {}: {reason}", pod["metadata"]["name"].as_str()?))
    })
}

fn scaled_down(context: &Context<'_>, workload: Workload<'_>) -> Option<Finding> {
    if workload.object()["spec"]["replicas"] != 0 {
        return None;
    }
    let name = short(workload.object());
    let definition = if workload.name() == "central" { CENTRAL_DOWN } else { SCALED_DOWN };
    let fix = context.kubectl(&format!("scale {name} --replicas=1"));
    Some(definition.found(format!("{name} has 0 replicas"), fix))
}

fn on_delete(context: &Context<'_>, workload: Workload<'_>) -> Option<Finding> {
    let object = workload.object();
    let name = short(object);
    (object["spec"]["updateStrategy"]["type"] == "OnDelete").then(|| {
        let patch = r#"{"spec":{"updateStrategy":{"type":"RollingUpdate"}}}"#;
        let fix = context.kubectl(&format!("patch {name} -p '{patch}'"));
        ON_DELETE.found(format!("the update strategy of {name} is OnDelete"), fix)
    })
}

fn change_cause(workload: Workload<'_>) -> Option<Finding> {
    let annotations = &workload.object()["metadata"]["annotations"];
    let cause = annotations["kubernetes.io/change-cause"].as_str()?;
    // One that this suite wrote is nobody's loss: its run is on record.
    if cause.starts_with("kubectl rhacs ") {
        return None;
    }
    let name = short(workload.object());
    Some(CHANGE_CAUSE.found(format!("{name} has the change cause `{cause}`"), ""))
}

fn mixed(context: &Context<'_>) -> Option<Finding> {
    let mut versions: BTreeMap<Version, Vec<String>> = BTreeMap::new();
    for running in &context.plan.before {
        let image = Image::classify(&running.image).filter(|image| image.role == Role::Main);
        if let Some(version) = image.and_then(|image| image.version()) {
            let objects = versions.entry(version).or_default();
            let object = running.object.to_string();
            if !objects.contains(&object) {
                objects.push(object);
            }
        }
    }
    (versions.len() > 1).then(|| {
        let parts: Vec<String> = versions
            .iter()
            .map(|(version, objects)| format!("{version} ({})", objects.join(", ")))
            .collect();
        let fix = "kubectl rhacs upgrade status";
        MIXED.found(format!("different versions run: {}", parts.join("; ")), fix)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::Installation;

    const TO: &str = "3.69.2";

    #[test]
    fn a_paused_rollout_blocks() {
        let finding =
            Installation::at("3.62.1").paused("scanner").finding("RHACS-ROLLOUT-PAUSED", TO);
        assert_eq!(finding.what, "the rollout of deploy/scanner is paused");
        assert_eq!(finding.fix, "kubectl -n stackrox rollout resume deploy/scanner");
    }

    #[test]
    fn an_unavailable_workload_is_told_with_the_reason_of_its_pod() {
        let mut installation = Installation::at("3.62.1").with("Deployment", "sensor", |sensor| {
            sensor["status"]["availableReplicas"] = json!(0);
        });
        installation.snapshot.pods.push(json!({
            "metadata": {"name": "sensor-5b9-x", "ownerReferences": [{"name": "sensor-5b9"}]},
            "status": {"containerStatuses": [
                {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
        }));
        let finding = installation.finding("RHACS-ROLLOUT-UNFINISHED", TO);
        assert!(finding.what.starts_with("deploy/sensor"), "{}", finding.what);
        assert!(finding.what.ends_with("(pod sensor-5b9-x: CrashLoopBackOff)"), "{}", finding.what);
    }

    #[test]
    fn a_workload_scaled_to_zero_is_seen() {
        for (name, code) in
            [("central", "RHACS-CENTRAL-SCALED-DOWN"), ("scanner", "RHACS-REPLICAS-ZERO")]
        {
            let installation = Installation::at("3.62.1").with("Deployment", name, |deployment| {
                deployment["spec"]["replicas"] = json!(0);
            });
            let finding = installation.finding(code, TO);
            assert_eq!(finding.what, format!("deploy/{name} has 0 replicas"));
        }
    }

    #[test]
    fn a_daemon_set_that_waits_for_deletions_is_seen() {
        let installation = Installation::at("3.62.1").with("DaemonSet", "collector", |set| {
            set["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
        });
        assert!(installation.has("RHACS-UPDATE-ON-DELETE", TO));
    }

    #[test]
    fn workloads_of_different_versions_are_told_apart() {
        let installation = Installation::at("3.62.1").with("Deployment", "central", |central| {
            central["spec"]["template"]["spec"]["containers"][0]["image"] =
                json!("stackrox.io/main:3.69.2");
        });
        let finding = installation.finding("RHACS-HALF-UPGRADED", TO);
        assert!(finding.what.contains("3.69.2 (deploy/central)"), "{}", finding.what);
        assert!(!Installation::at("3.62.1").has("RHACS-HALF-UPGRADED", TO));
    }

    #[test]
    fn a_change_cause_is_mentioned() {
        let installation = Installation::at("3.62.1").with("Deployment", "central", |central| {
            central["metadata"]["annotations"]["kubernetes.io/change-cause"] = json!("by hand");
        });
        assert!(installation.finding("RHACS-CHANGE-CAUSE", TO).what.contains("`by hand`"));
    }
}
