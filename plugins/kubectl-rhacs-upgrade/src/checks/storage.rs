//! Where Central keeps its data, and whether there is room for the way back.

use common::plan::{Finding, Severity};
use common::rhacs::database::home;
use common::ui::bytes;

use common::checks::Definition;
use common::checks::{Context, items, name, short};

const NOT_PERSISTENT: Definition = Definition {
    code: "RHACS-CENTRAL-NOT-PERSISTENT",
    severity: Severity::Accept,
    meaning: "Central keeps its data in the pod",
    why: "the upgrade replaces the pod, and Central starts empty: only a backup brings them back",
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
    let home = home(context.snapshot, &context.plan.from)?;
    let object = short(home.workload.object());
    if home.is_in_pod() {
        let volume = home.volume.and_then(|volume| volume["name"].as_str());
        let what = match volume {
            Some(volume) => format!("{object}: volume `{volume}` lives as long as the pod"),
            None => format!("{object} has no volume for its data"),
        };
        return Some(NOT_PERSISTENT.found(what, restoring(context)));
    }
    let path = home.volume?["hostPath"]["path"].as_str()?;
    let selector = &home.workload.pod_spec()["nodeSelector"];
    let pinned = selector.as_object().is_some_and(|labels| !labels.is_empty());
    let pinning = if pinned { "" } else { ", and no node selector keeps it there" };
    let look = context.kubectl("get pods -l app=central -o wide");
    let fix = format!("`{look}` tells the node; see that it stays");
    Some(HOST_PATH.found(format!("{object}: `{path}` of its node{pinning}"), fix))
}

/// Whether Central's data are gone with its old pod, and its copy of them as well.
pub(super) fn loses_its_data(context: &Context<'_>) -> bool {
    home(context.snapshot, &context.plan.from).is_some_and(|home| home.is_in_pod())
}

/// How the data come back, with the backup of this run or another.
fn restoring(context: &Context<'_>) -> String {
    let first = match context.takes_backup() {
        true => "after the upgrade restore the backup of this run",
        false => "leave out `--skip-backup`, and restore that backup after the upgrade",
    };
    format!(
        "{first}: `roxctl -e HOST:PORT central db restore FILE`, with ROX_ADMIN_PASSWORD, since API \
         tokens are among the data; a volume for good: `roxctl central generate k8s pvc`"
    )
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
    if context.plan.from.is_at_least(4, 1) || loses_its_data(context) {
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
    use common::plan::{Severity, Undo};
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
            assert_eq!(finding.severity, Severity::Accept);
            assert!(finding.fix.contains("central db restore"), "{}", finding.fix);
            let subject = with_volume(&volume);
            assert!(!subject.has("RHACS-ROLLBACK-WINDOW", TO), "nothing is promised");
            let central = subject.plan_for(TO);
            let central = central.step("central").expect("a step");
            assert!(matches!(central.undo, Undo::Partly { .. }), "{:?}", central.undo);
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
        let in_pod = with_volume(&json!({"name": "stackrox-db", "emptyDir": {}}))
            .central(|it| it.upgrade_status = Some(status(true, 1)));
        assert!(!in_pod.has("RHACS-ROLLBACK-SPACE", TO), "a copy would be gone as well");
    }
}
