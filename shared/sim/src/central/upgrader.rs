//! The automatic upgrade of secured clusters: a Deployment that appears, works in states, and goes.

use common::rhacs::Version;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::pki::uuid;
use super::state::{SecuredCluster, UpgradeProcess};
use crate::controllers::Round;
use crate::controllers::objects::{after, is_true, text};
use crate::faults::ClusterFault;
use crate::store::{DeleteOptions, Subresource, Writer, meta};

const DEPLOYMENT: &str = "sensor-upgrader";
/// Virtual seconds that one state of the upgrader lasts.
const STEP: i64 = 5;
/// Virtual seconds without progress until Central gives an upgrade up.
const TIMES_OUT: i64 = 600;

/// Starts and moves the upgrades of all clusters.
pub(super) fn reconcile(round: &mut Round<'_>) {
    let (serving, enabled) = {
        let state = round.cluster.central.lock();
        (state.serving.clone(), state.auto_upgrade)
    };
    let Some(serving) = serving else { return };
    for cluster in round.cluster.central.clusters() {
        let target = &serving.version;
        match &cluster.upgrade {
            Some(process) if process.active => advance(round, &cluster, process.clone()),
            // A target that was tried once is not tried again by itself.
            Some(process) if process.target == *target => {}
            _ if enabled && is_possible(&cluster, target) => initiate(round, &cluster, target),
            _ => {}
        }
    }
}

/// Whether the upgrader may take a connected cluster to this version.
pub(super) fn is_possible(cluster: &SecuredCluster, target: &Version) -> bool {
    cluster.managed_by == "MANAGER_TYPE_MANUAL"
        && cluster.connected_since.is_some()
        && cluster.sensor_version.as_ref().is_some_and(|version| version < target)
}

/// Begins an upgrade, also one that was asked for.
pub(super) fn process(
    target: &Version,
    cluster: &SecuredCluster,
    now: Timestamp,
) -> UpgradeProcess {
    UpgradeProcess {
        active: true,
        id: uuid(&format!("{}/{}", cluster.id, now)),
        target: target.clone(),
        image: String::new(),
        initiated: now,
        state: "UPGRADE_INITIALIZING".to_owned(),
        detail: String::new(),
        since: now,
    }
}

fn initiate(round: &mut Round<'_>, cluster: &SecuredCluster, target: &Version) {
    let process = process(target, cluster, round.now);
    round.wake_at(after(round.now, STEP));
    keep(round, cluster, process);
}

fn keep(round: &Round<'_>, cluster: &SecuredCluster, process: UpgradeProcess) {
    let mut state = round.cluster.central.lock();
    if let Some(present) = state.clusters.iter_mut().find(|present| present.id == cluster.id) {
        present.upgrade = Some(process);
    }
}

fn advance(round: &mut Round<'_>, cluster: &SecuredCluster, mut process: UpgradeProcess) {
    let gives_up = after(process.since, TIMES_OUT);
    if round.now >= gives_up {
        return finish(
            round,
            cluster,
            process,
            "UPGRADE_TIMED_OUT",
            "the upgrade made no progress",
        );
    }
    round.wake_at(gives_up);
    let due = after(process.since, STEP);
    if round.now < due {
        return round.wake_at(due);
    }
    let next = match process.state.as_str() {
        "UPGRADE_INITIALIZING" => Some("UPGRADER_LAUNCHING"),
        "UPGRADER_LAUNCHING" => launch(round, cluster, &mut process).then_some("UPGRADER_LAUNCHED"),
        "UPGRADER_LAUNCHED" => {
            let failure = round.cluster.faults.find(|fault| match fault {
                ClusterFault::UpgraderFails { state } => Some(state.clone()),
                _ => None,
            });
            if let Some(state) = failure {
                return finish(round, cluster, process, &state, "the upgrader failed");
            }
            Some("PRE_FLIGHT_CHECKS_COMPLETE")
        }
        "PRE_FLIGHT_CHECKS_COMPLETE" => {
            operate(round, cluster, &process);
            Some("UPGRADE_OPERATIONS_DONE")
        }
        _ => {
            if cluster.sensor_version.as_ref() == Some(&process.target)
                && cluster.connected_since.is_some()
            {
                return finish(round, cluster, process, "UPGRADE_COMPLETE", "");
            }
            None
        }
    };
    if let Some(state) = next {
        state.clone_into(&mut process.state);
        process.since = round.now;
        round.wake_at(after(round.now, STEP));
    }
    keep(round, cluster, process);
}

fn finish(
    round: &Round<'_>,
    cluster: &SecuredCluster,
    mut process: UpgradeProcess,
    state: &str,
    detail: &str,
) {
    process.active = false;
    state.clone_into(&mut process.state);
    detail.clone_into(&mut process.detail);
    process.since = round.now;
    keep(round, cluster, process);
    if let Some(sensor) = sensor(round).filter(|_| cluster.is_local) {
        let namespace = Some(meta::namespace(&sensor));
        let _ = round.store().delete(
            "deployments.apps",
            namespace,
            DEPLOYMENT,
            &DeleteOptions::default(),
        );
    }
}

fn sensor(round: &Round<'_>) -> Option<std::sync::Arc<Value>> {
    let deployments = round.store().list("deployments.apps", None);
    deployments.into_iter().find(|deployment| meta::name(deployment) == "sensor")
}

/// Makes sure that the upgrader is there; true once it runs. Clusters elsewhere have theirs at once.
fn launch(round: &Round<'_>, cluster: &SecuredCluster, process: &mut UpgradeProcess) -> bool {
    if !cluster.is_local {
        return true;
    }
    let Some(sensor) = sensor(round) else { return false };
    let Some(image) = central_image(round) else { return false };
    process.image.clone_from(&image);
    let namespace = meta::namespace(&sensor);
    let pods = round.store().list("pods", Some(namespace));
    if round.store().read("deployments.apps", Some(namespace), DEPLOYMENT).is_none() {
        let labels = json!({"app": DEPLOYMENT, "app.kubernetes.io/name": DEPLOYMENT});
        let deployment = json!({
            "metadata": {"name": DEPLOYMENT, "namespace": namespace, "labels": labels,
                "annotations": {"sensor-upgrader.stackrox.io/process-id": process.id}},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": DEPLOYMENT}},
                "template": {"metadata": {"labels": labels}, "spec": {
                    "serviceAccountName": DEPLOYMENT,
                    "containers": [{"name": "upgrader", "image": image, "command": ["sensor-upgrader"]}],
                }},
            },
        });
        let _ = round.store().create("deployments.apps", deployment, &Writer::new("sensor"));
        return false;
    }
    pods.iter().any(|pod| meta::label(pod, "app") == Some(DEPLOYMENT) && is_true(pod, "Ready"))
}

/// The image that Central runs: the upgrader and the sensor are in it.
fn central_image(round: &Round<'_>) -> Option<String> {
    let deployments = round.store().list("deployments.apps", None);
    let central = deployments.iter().find(|deployment| meta::name(deployment) == "central")?;
    let containers = central.pointer("/spec/template/spec/containers")?.as_array()?;
    let container = containers.iter().find(|container| container["name"] == "central")?;
    Some(text(container, "/image").to_owned())
}

/// Brings the objects of the cluster to the target: images, and the probe that changed in 3.65.
fn operate(round: &Round<'_>, cluster: &SecuredCluster, process: &UpgradeProcess) {
    if !cluster.is_local {
        let mut state = round.cluster.central.lock();
        if let Some(present) = state.clusters.iter_mut().find(|present| present.id == cluster.id) {
            present.sensor_version = Some(process.target.clone());
        }
        return;
    }
    let Some(sensor) = sensor(round) else { return };
    let namespace = Some(meta::namespace(&sensor));
    for (resource, name) in [
        ("deployments.apps", "sensor"),
        ("daemonsets.apps", "collector"),
        ("deployments.apps", "admission-control"),
    ] {
        let _ = round.store().modify(
            resource,
            namespace,
            name,
            Subresource::Main,
            &Writer::new("sensor-upgrader"),
            |object| {
                for list in ["initContainers", "containers"] {
                    let pointer = format!("/spec/template/spec/{list}");
                    for container in object
                        .pointer_mut(&pointer)
                        .and_then(Value::as_array_mut)
                        .into_iter()
                        .flatten()
                    {
                        bring(container, process);
                    }
                }
            },
        );
    }
}

fn bring(container: &mut Value, process: &UpgradeProcess) {
    let current = text(container, "/image").to_owned();
    container["image"] = json!(successor(&current, &process.image, &process.target));
    if container["name"] == "sensor"
        && process.target.is_at_least(3, 65)
        && container["readinessProbe"].is_object()
    {
        container["readinessProbe"]["httpGet"]["path"] = json!("/ready");
    }
}

/// The image that follows another of the secured cluster, named after Central's image.
fn successor(current: &str, main: &str, target: &Version) -> String {
    let name = |image: &str| {
        image
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .split([':', '@'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let (own, of_main) = (name(current), name(main));
    let bare = own
        .trim_start_matches("rhacs-")
        .trim_end_matches("-rhel8")
        .trim_end_matches("-rhel9")
        .to_owned();
    if bare == "main" {
        return main.to_owned();
    }
    // Up to 3.67 the other images have versions of their own, which only the release knows.
    if !target.is_at_least(3, 68) {
        return current.to_owned();
    }
    let slim = current.ends_with("-slim") && !bare.ends_with("-slim");
    let bare = if slim && target.is_at_least(3, 68) && !target.is_at_least(4, 7) {
        format!("{bare}-slim")
    } else {
        bare
    };
    let bare = if target.is_at_least(4, 7) && bare == "collector-slim" {
        "collector".to_owned()
    } else {
        bare
    };
    let prefix = main
        .strip_suffix(&main[main.rfind('/').map_or(0, |slash| slash + 1)..])
        .unwrap_or_default();
    format!("{prefix}{}:{}", of_main.replace("main", &bare), target.tag())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_follow_the_name_of_the_main_image() {
        let main = "registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:3.69.2";
        let target: Version = "3.69.2".parse().unwrap();
        for (current, expected) in [
            ("registry.redhat.io/rh-acs/main:3.0.62.1", main),
            (
                "registry.redhat.io/rh-acs/collector:3.1.32-slim",
                "registry.redhat.io/advanced-cluster-security/rhacs-collector-slim-rhel8:3.69.2",
            ),
            (
                "registry.redhat.io/rh-acs/collector:3.1.32-latest",
                "registry.redhat.io/advanced-cluster-security/rhacs-collector-rhel8:3.69.2",
            ),
        ] {
            assert_eq!(successor(current, main, &target), expected);
        }
    }
}
