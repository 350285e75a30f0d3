//! The automatic upgrade of secured clusters: a Deployment that appears, works in states, and goes.

mod apply;
mod bundle;
mod failure;

use std::sync::Arc;

use common::rhacs::Version;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::pki::uuid;
use super::state::{SecuredCluster, UpgradeProcess};
use crate::controllers::Round;
use crate::controllers::objects::{after, is_true, text};
use crate::faults::{ClusterFault, matches};
use crate::store::{DeleteOptions, Writer, meta};
use failure::Failure;

const DEPLOYMENT: &str = "sensor-upgrader";
/// Virtual seconds that one state of the upgrader lasts.
const STEP: i64 = 5;
/// Virtual seconds between two looks at an upgrade that a fault holds.
const HELD: i64 = 60;
/// Virtual seconds without progress until Central gives an upgrade up.
const TIMES_OUT: i64 = 600;

/// What happens to an upgrade when its present state is over.
enum Next {
    /// Nothing yet.
    Wait,
    /// It goes on in this state, about which this is said.
    To(&'static str, String),
    /// It ends in this state, about which this is said.
    End(String, String),
}

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
        before: Vec::new(),
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
    if stays(round, cluster, &process.state) {
        // When the fault is gone, it goes on as if the state had just begun.
        process.since = round.now;
        round.wake_at(after(round.now, HELD));
        return keep(round, cluster, process);
    }
    let due = after(process.since, STEP);
    if round.now < due {
        return round.wake_at(due);
    }
    match next(round, cluster, &mut process) {
        Next::Wait if round.now >= after(process.since, TIMES_OUT) => {
            let failure = Failure::of(round, cluster).filter(Failure::is_by_time);
            let detail = failure
                .map_or_else(|| failure::detail("UPGRADE_TIMED_OUT"), |failure| failure.detail);
            finish(round, cluster, process, "UPGRADE_TIMED_OUT", detail);
        }
        Next::Wait => {
            round.wake_at(after(process.since, TIMES_OUT));
            keep(round, cluster, process);
        }
        Next::To(state, detail) => {
            state.clone_into(&mut process.state);
            process.detail = detail;
            process.since = round.now;
            round.wake_at(after(round.now, STEP));
            keep(round, cluster, process);
        }
        Next::End(state, detail) => finish(round, cluster, process, &state, detail),
    }
}

/// Whether a fault holds the upgrade of the cluster in this state; Central does not give it up then.
fn stays(round: &Round<'_>, cluster: &SecuredCluster, state: &str) -> bool {
    round.cluster.faults.any(|fault| match fault {
        ClusterFault::UpgraderStays { state: wanted, cluster: name } => {
            wanted == state && name.as_deref().is_none_or(|name| matches(name, &cluster.name))
        }
        _ => false,
    })
}

fn next(round: &Round<'_>, cluster: &SecuredCluster, process: &mut UpgradeProcess) -> Next {
    let to = |state| Next::To(state, String::new());
    let failure = Failure::of(round, cluster);
    if let Some(failure) = failure.as_ref().filter(|failure| failure.strikes_in(&process.state)) {
        return fail(round, cluster, process, failure);
    }
    match process.state.clone().as_str() {
        "UPGRADE_INITIALIZING" => to("UPGRADER_LAUNCHING"),
        "UPGRADER_LAUNCHING" if launch(round, cluster, process) => to("UPGRADER_LAUNCHED"),
        "UPGRADER_LAUNCHED" => to("PRE_FLIGHT_CHECKS_COMPLETE"),
        "PRE_FLIGHT_CHECKS_COMPLETE" => {
            operate(round, cluster, process);
            to("UPGRADE_OPERATIONS_DONE")
        }
        "UPGRADE_ERROR_ROLLING_BACK" => {
            apply::restore(round.store(), &process.before);
            Next::End("UPGRADE_ERROR_ROLLED_BACK".to_owned(), process.detail.clone())
        }
        "UPGRADE_OPERATIONS_DONE" if has_arrived(cluster, &process.target) => {
            Next::End("UPGRADE_COMPLETE".to_owned(), String::new())
        }
        _ => Next::Wait,
    }
}

fn has_arrived(cluster: &SecuredCluster, target: &Version) -> bool {
    cluster.connected_since.is_some() && cluster.sensor_version.as_ref() == Some(target)
}

fn fail(
    round: &Round<'_>,
    cluster: &SecuredCluster,
    process: &mut UpgradeProcess,
    failure: &Failure,
) -> Next {
    if failure.is_by_time() {
        return Next::Wait;
    }
    if failure.is_rolled_back() && process.state != "UPGRADE_ERROR_ROLLING_BACK" {
        // It fails before the workloads' turn, so that the sensor is never of the new version.
        if let Some(namespace) = namespace(round).filter(|_| cluster.is_local) {
            process.before = apply::present(round.store());
            let mut objects = bundle::objects(round, &namespace, process);
            objects.retain(|object| object.pointer("/spec/template").is_none());
            apply::bring(round.store(), &objects);
        }
        return Next::To("UPGRADE_ERROR_ROLLING_BACK", failure.detail.clone());
    }
    Next::End(failure.state.clone(), failure.detail.clone())
}

fn finish(
    round: &Round<'_>,
    cluster: &SecuredCluster,
    mut process: UpgradeProcess,
    state: &str,
    detail: String,
) {
    process.active = false;
    state.clone_into(&mut process.state);
    process.detail = detail;
    process.since = round.now;
    process.before.clear();
    keep(round, cluster, process);
    if let Some(namespace) = namespace(round).filter(|_| cluster.is_local) {
        let options = DeleteOptions::default();
        let _ = round.store().delete("deployments.apps", Some(&namespace), DEPLOYMENT, &options);
    }
}

/// Where the secured cluster's objects are: the namespace of its sensor.
fn namespace(round: &Round<'_>) -> Option<String> {
    deployment(round, "sensor").map(|sensor| meta::namespace(&sensor).to_owned())
}

fn deployment(round: &Round<'_>, name: &str) -> Option<Arc<Value>> {
    let deployments = round.store().list("deployments.apps", None);
    deployments.into_iter().find(|deployment| meta::name(deployment) == name)
}

/// Makes sure that the upgrader is there; true once it runs. Clusters elsewhere have theirs at once.
fn launch(round: &Round<'_>, cluster: &SecuredCluster, process: &mut UpgradeProcess) -> bool {
    if !cluster.is_local {
        return true;
    }
    let Some(namespace) = namespace(round) else { return false };
    let Some(image) = central_image(round) else { return false };
    process.image.clone_from(&image);
    let pods = round.store().list("pods", Some(&namespace));
    if round.store().read("deployments.apps", Some(&namespace), DEPLOYMENT).is_none() {
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
    let central = deployment(round, "central")?;
    let containers = central.pointer("/spec/template/spec/containers")?.as_array()?;
    let container = containers.iter().find(|container| container["name"] == "central")?;
    Some(text(container, "/image").to_owned())
}

/// Brings the objects of the cluster to those of the target.
fn operate(round: &Round<'_>, cluster: &SecuredCluster, process: &UpgradeProcess) {
    if !cluster.is_local {
        let mut state = round.cluster.central.lock();
        if let Some(present) = state.clusters.iter_mut().find(|present| present.id == cluster.id) {
            present.sensor_version = Some(process.target.clone());
        }
        return;
    }
    if let Some(namespace) = namespace(round) {
        apply::bring(round.store(), &bundle::objects(round, &namespace, process));
    }
}
