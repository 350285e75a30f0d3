//! Where Central keeps its data, and whether there is room for the way back.

use common::plan::{Finding, Severity};
use common::ui::bytes;

use common::checks::Definition;
use common::checks::{Context, items, name, short};

const NOT_PERSISTENT: Definition = Definition {
    code: "RHACS-CENTRAL-NOT-PERSISTENT",
    // A run without a backup has to be accepted anyway; with one, nothing is lost for good.
    severity: Severity::Warn,
    meaning: "Central keeps its data in the pod",
    why: "the upgrade replaces the pod: what the backup does not bring back is lost",
    source: "stackrox issue 6500; upgrade guide 3.69, section 2.1",
};
const HOST_PATH: Definition = Definition {
    code: "RHACS-CENTRAL-HOST-PATH",
    severity: Severity::Warn,
    meaning: "Central keeps its data in a directory of a node",
    why: "its new pod must come up on the same node",
    source: "product charts: central, persistence.hostPath",
};
const CLAIM_MISSING: Definition = Definition {
    code: "RHACS-PVC-MISSING",
    severity: Severity::Block,
    meaning: "a workload uses a PersistentVolumeClaim that does not exist",
    why: "its new pod could not start",
    source: "Kubernetes documentation, persistent volumes",
};
const CLAIM_UNBOUND: Definition = Definition {
    code: "RHACS-PVC-NOT-BOUND",
    severity: Severity::Block,
    meaning: "a PersistentVolumeClaim has no volume",
    why: "the new pod that mounts it could not start",
    source: "Kubernetes documentation, persistent volumes",
};
const NO_ROLLBACK_COPY: Definition = Definition {
    code: "RHACS-ROLLBACK-SPACE",
    severity: Severity::Accept,
    meaning: "there is no room for a copy of Central's database",
    why: "Central upgrades all the same, silently, and then cannot be rolled back",
    source: "upgrade guide 3.69, section 2.4.1; product API /v1/centralhealth/upgradestatus",
};

pub(super) const DEFINITIONS: &[Definition] =
    &[NOT_PERSISTENT, HOST_PATH, CLAIM_MISSING, CLAIM_UNBOUND, NO_ROLLBACK_COPY];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = claims(context);
    if context.changes_central() {
        findings.extend(persistence(context));
        findings.extend(rollback_copy(context));
    }
    findings
}

fn persistence(context: &Context<'_>) -> Option<Finding> {
    // Since 4.1 the data are in central-db, whose volume is named `disk`.
    let (workload, volume) = match context.snapshot.deployment("central-db") {
        Some(database) if context.plan.from.is_at_least(4, 1) => (database, "disk"),
        _ => (context.snapshot.deployment("central")?, "stackrox-db"),
    };
    let object = short(workload.object());
    let in_pod = || {
        let fix =
            "back up, generate Central with a volume (roxctl central generate k8s pvc), restore";
        NOT_PERSISTENT.found(format!("{object}: volume `{volume}` lives as long as the pod"), fix)
    };
    let Some(found) = workload.volume(volume) else { return Some(in_pod()) };
    if let Some(path) = found["hostPath"]["path"].as_str() {
        let selector = &workload.pod_spec()["nodeSelector"];
        let pinned = selector.as_object().is_some_and(|labels| !labels.is_empty());
        let pinning = if pinned { "" } else { ", and no node selector keeps it there" };
        let fix = context.kubectl("get pods -l app=central -o wide")
            + " tells the node; see that it stays";
        return Some(HOST_PATH.found(format!("{object}: `{path}` of its node{pinning}"), fix));
    }
    found.get("emptyDir").map(|_| in_pod())
}

fn claims(context: &Context<'_>) -> Vec<Finding> {
    if context.snapshot.unread.contains_key("PersistentVolumeClaim") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for workload in context.touched_workloads() {
        let used = items(&workload.pod_spec()["volumes"])
            .filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str());
        for claim in used {
            let user = short(workload.object());
            let object = context.snapshot.object("PersistentVolumeClaim", claim);
            let phase = object.and_then(|object| object["status"]["phase"].as_str());
            findings.extend(match (object, phase) {
                (None, _) => {
                    let what = format!("pvc/{claim}, which {user} mounts, does not exist");
                    Some(CLAIM_MISSING.found(what, context.kubectl("get pvc")))
                }
                (Some(object), Some(phase)) if phase != "Bound" => {
                    let what = format!("pvc/{}, which {user} mounts, is {phase}", name(object));
                    let fix = context.kubectl(&format!("describe pvc {claim}"));
                    Some(CLAIM_UNBOUND.found(what, fix))
                }
                _ => None,
            });
        }
    }
    findings
}

fn rollback_copy(context: &Context<'_>) -> Option<Finding> {
    // From 4.1 on there is no copy on the volume any more.
    if context.plan.from.is_at_least(4, 1) {
        return None;
    }
    let status = context.snapshot.central.upgrade_status.as_ref()?;
    let (required, available) = (status.space_required, status.space_available);
    if status.can_roll_back && available >= required {
        return None;
    }
    let what =
        format!("Central needs {} for the copy and has {}", bytes(required), bytes(available));
    let patch = r#"{"spec":{"resources":{"requests":{"storage":"SIZE"}}}}"#;
    Some(
        NO_ROLLBACK_COPY
            .found(what, context.kubectl(&format!("patch pvc stackrox-db -p '{patch}'"))),
    )
}

#[cfg(test)]
mod tests {
    use common::rhacs::UpgradeStatus;
    use serde_json::{Value, json};

    use super::super::testing::{Installation, Subject};

    const TO: &str = "3.69.2";

    fn with_volume(volume: &Value) -> Subject {
        Installation::at("3.62.1").with("Deployment", "central", |central| {
            let volumes = central["spec"]["template"]["spec"]["volumes"].as_array_mut();
            for one in volumes.expect("volumes") {
                if one["name"] == "stackrox-db" {
                    *one = volume.clone();
                }
            }
        })
    }

    #[test]
    fn a_central_without_a_volume_would_lose_everything() {
        for volume in [json!({"name": "stackrox-db", "emptyDir": {}}), json!({"name": "other"})] {
            let finding = with_volume(&volume).finding("RHACS-CENTRAL-NOT-PERSISTENT", TO);
            assert!(finding.what.contains("deploy/central"), "{}", finding.what);
        }
    }

    #[test]
    fn a_host_path_ties_central_to_its_node() {
        let volume = json!({"name": "stackrox-db", "hostPath": {"path": "/var/lib/rox"}});
        let finding = with_volume(&volume).finding("RHACS-CENTRAL-HOST-PATH", TO);
        assert!(finding.what.contains("`/var/lib/rox` of its node, and no node selector"));
    }

    #[test]
    fn a_claim_must_exist_and_be_bound() {
        let pending =
            Installation::at("3.62.1").with("PersistentVolumeClaim", "stackrox-db", |it| {
                it["status"]["phase"] = json!("Pending");
            });
        let finding = pending.finding("RHACS-PVC-NOT-BOUND", TO);
        assert_eq!(finding.what, "pvc/stackrox-db, which deploy/central mounts, is Pending");
        let mut missing = Installation::at("3.62.1");
        missing.snapshot.objects.retain(|object| object["kind"] != "PersistentVolumeClaim");
        assert!(missing.has("RHACS-PVC-MISSING", TO));
        missing.snapshot.unread.insert("PersistentVolumeClaim".into(), "forbidden".into());
        assert!(!missing.has("RHACS-PVC-MISSING", TO));
    }

    #[test]
    fn without_room_for_a_copy_there_is_no_way_back() {
        let status = |can_roll_back, space_available| UpgradeStatus {
            can_roll_back,
            space_required: 2 << 30,
            space_available,
            ..UpgradeStatus::default()
        };
        for (status, found) in [
            (status(true, 3 << 30), false),
            (status(false, 3 << 30), true),
            (status(true, 1), true),
        ] {
            let installation =
                Installation::at("3.62.1").central(|it| it.upgrade_status = Some(status.clone()));
            assert_eq!(installation.has("RHACS-ROLLBACK-SPACE", TO), found, "{status:?}");
        }
    }
}
