//! Sensors: when each cluster's sensor is connected, and the version it reports.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::state::SecuredCluster;
use crate::controllers::Round;
use crate::controllers::objects::{
    after, condition, is_active, is_true, items, number, text, time,
};
use crate::faults::{ClusterFault, matches};
use crate::store::meta;

/// Virtual seconds from a ready sensor, or a Central that is back, to the connection.
const CONNECTS: i64 = 5;

/// Connects and disconnects the sensors.
pub(super) fn reconcile(round: &mut Round<'_>) {
    let serving = round.cluster.central.lock().serving.clone();
    let sensor = local_sensor(round);
    let collector = readiness(round, "daemonsets.apps", "collector");
    let admission_control = readiness(round, "deployments.apps", "admission-control");
    for mut cluster in round.cluster.central.clusters() {
        let stays_away = round.cluster.faults.any(
            |fault| matches!(fault, ClusterFault::SensorStaysAway { cluster: name } if matches(name, &cluster.name)),
        );
        let since = serving.as_ref().map(|serving| serving.since).filter(|_| !stays_away);
        if cluster.is_local {
            cluster.collector = collector;
            cluster.admission_control = admission_control;
            let ready = sensor.as_ref().and_then(ready_since);
            let meets = since.zip(ready).map(|(central, sensor)| central.max(sensor));
            let version = sensor.as_deref().and_then(|sensor| sensor_version(round, sensor));
            connect(round, &mut cluster, meets, version);
        } else {
            let version = cluster.sensor_version.clone();
            connect(round, &mut cluster, since, version);
        }
        store(round, cluster);
    }
}

fn connect(
    round: &mut Round<'_>,
    cluster: &mut SecuredCluster,
    meets: Option<Timestamp>,
    version: Option<common::rhacs::Version>,
) {
    let Some(meets) = meets else {
        if cluster.connected_since.take().is_some() {
            cluster.last_contact = Some(round.now);
        }
        return;
    };
    let connects = after(meets, CONNECTS);
    if connects > round.now {
        if cluster.connected_since.take().is_some() {
            cluster.last_contact = Some(round.now);
        }
        return round.wake_at(connects);
    }
    if cluster.connected_since.is_none() {
        cluster.connected_since = Some(round.now);
        cluster.last_contact = Some(round.now);
    }
    cluster.sensor_version = version.or_else(|| cluster.sensor_version.take());
}

/// Writes a cluster back; only this task changes clusters while it looks at them, but for their upgrade.
fn store(round: &Round<'_>, fresh: SecuredCluster) {
    let mut state = round.cluster.central.lock();
    if let Some(present) = state.clusters.iter_mut().find(|present| present.id == fresh.id) {
        let upgrade = present.upgrade.take();
        *present = fresh;
        present.upgrade = upgrade;
    }
}

/// The pod of Deployment `sensor` that is not ending.
fn local_sensor(round: &Round<'_>) -> Option<Arc<Value>> {
    let pods = round.store().list("pods", None);
    pods.into_iter()
        .filter(|pod| meta::label(pod, "app") == Some("sensor") && is_active(pod))
        .max_by_key(|pod| is_true(pod, "Ready"))
}

fn ready_since(pod: &Arc<Value>) -> Option<Timestamp> {
    let ready = condition(pod, "Ready").filter(|condition| condition["status"] == "True")?;
    time(ready, "/lastTransitionTime")
}

fn sensor_version(round: &Round<'_>, pod: &Value) -> Option<common::rhacs::Version> {
    let container =
        items(pod, "/spec/containers").iter().find(|container| container["name"] == "sensor")?;
    round.cluster.releases.version(text(container, "/image"))
}

/// Ready and desired pods of the workload of that name in any namespace.
fn readiness(round: &Round<'_>, resource: &str, name: &str) -> (i64, i64) {
    let workloads = round.store().list(resource, None);
    let Some(workload) = workloads.iter().find(|workload| meta::name(workload) == name) else {
        return (0, 0);
    };
    if resource == "daemonsets.apps" {
        let desired = number(workload, "/status/desiredNumberScheduled", 0);
        return (number(workload, "/status/numberReady", 0), desired);
    }
    (number(workload, "/status/readyReplicas", 0), number(workload, "/spec/replicas", 1))
}
