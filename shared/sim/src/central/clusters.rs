//! Central's view of secured clusters, and the switches of their automatic upgrade.

use common::rhacs::Version;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Central;
use super::refusal::Refusal;
use super::state::{SecuredCluster, UpgradeProcess};
use super::upgrader;
use crate::store::meta;

/// `GET /v1/clusters`.
pub(super) fn list(central: &Central, version: &Version) -> Value {
    let now = central.clock.now();
    let clusters: Vec<Value> =
        central.lock().clusters.iter().map(|cluster| show(cluster, version, now)).collect();
    json!({"clusters": clusters, "clusterIdToRetentionInfo": {}})
}

/// `GET /v1/clusters/{id}`.
///
/// # Errors
/// 404 for an unknown id.
pub(super) fn one(central: &Central, version: &Version, id: &str) -> Result<Value, Refusal> {
    let now = central.clock.now();
    let state = central.lock();
    let cluster = state.clusters.iter().find(|cluster| cluster.id == id).ok_or_else(unknown)?;
    Ok(json!({"cluster": show(cluster, version, now)}))
}

/// `GET /v1/sensorupgrades/config`.
pub(super) fn upgrade_config(central: &Central) -> Value {
    let enabled = central.lock().auto_upgrade;
    json!({"config": {"enableAutoUpgrade": enabled, "autoUpgradeFeature": "SUPPORTED"}})
}

/// `POST /v1/sensorupgrades/config`.
///
/// # Errors
/// 400 when the switch is missing.
pub(super) fn set_upgrade_config(central: &Central, body: &[u8]) -> Result<Value, Refusal> {
    let asked: Value =
        serde_json::from_slice(body).map_err(|error| Refusal::invalid(error.to_string()))?;
    let config = asked
        .get("config")
        .ok_or_else(|| Refusal::invalid("need to specify a config: invalid arguments"))?;
    central.set_auto_upgrade(config["enableAutoUpgrade"].as_bool().unwrap_or(false));
    Ok(json!({}))
}

/// `POST /v1/sensorupgrades/cluster/{id}`.
///
/// # Errors
/// 500 for an unknown id, and when an upgrade runs already; 400 when the cluster cannot be upgraded so.
pub(super) fn trigger_upgrade(
    central: &Central,
    version: &Version,
    id: &str,
) -> Result<Value, Refusal> {
    let now = central.clock.now();
    {
        let mut state = central.lock();
        let cluster = state
            .clusters
            .iter_mut()
            .find(|cluster| cluster.id == id)
            .ok_or_else(|| no_controller(id))?;
        if cluster.upgrade.as_ref().is_some_and(|process| process.active) {
            return Err(Refusal::internal(format!(
                "an upgrade is already in progress in cluster {id}"
            )));
        }
        if !upgrader::is_possible(cluster, version) {
            let reason = reason(cluster, version);
            return Err(Refusal::invalid(format!(
                "cluster cannot be upgraded: {reason}: invalid arguments"
            )));
        }
        cluster.upgrade = Some(upgrader::process(version, cluster, now));
    }
    central.poke.notify_one();
    Ok(json!({}))
}

fn unknown() -> Refusal {
    Refusal::not_found("Not found: not found")
}

fn no_controller(id: &str) -> Refusal {
    Refusal::internal(format!(
        "no upgrade controller found for cluster ID {id}; either the sensor has not checked in or \
         the clusterID is invalid. Cannot trigger upgrade"
    ))
}

fn show(cluster: &SecuredCluster, version: &Version, now: Timestamp) -> Value {
    // A connected sensor is heard all the time.
    let last_contact =
        if cluster.connected_since.is_some() { Some(now) } else { cluster.last_contact };
    let contact = last_contact.map(meta::time);
    let silence = last_contact.map(|contact| now.duration_since(contact).as_secs());
    let sensor = match silence {
        None => "UNINITIALIZED",
        Some(..60) => "HEALTHY",
        Some(60..180) => "DEGRADED",
        Some(_) => "UNHEALTHY",
    };
    let collector = health(cluster.collector, sensor);
    let admission_control = health(cluster.admission_control, sensor);
    let overall = worst([sensor, collector, admission_control]);
    // A sensor that never came has told nothing.
    let is_known = cluster.sensor_version.is_some() || cluster.last_contact.is_some();
    let kind = if cluster.is_openshift { "OPENSHIFT4_CLUSTER" } else { "KUBERNETES_CLUSTER" };
    json!({
        "id": cluster.id,
        "name": cluster.name,
        "type": kind,
        "managedBy": cluster.managed_by,
        "mainImage": "",
        "collectorImage": "",
        "healthStatus": is_known.then(|| json!({
            "overallHealthStatus": overall,
            "sensorHealthStatus": sensor,
            "collectorHealthStatus": collector,
            "admissionControlHealthStatus": admission_control,
            "scannerHealthStatus": "UNINITIALIZED",
            "lastContact": contact,
            "healthInfoComplete": cluster.connected_since.is_some(),
        })),
        "status": is_known.then(|| json!({
            "sensorVersion": cluster.sensor_version.as_ref().map_or_else(String::new, Version::tag),
            "DEPRECATEDLastContact": null,
            "certExpiryStatus": {"sensorCertExpiry": meta::time(cluster.certificate_expiry)},
            "upgradeStatus": upgrade_status(cluster, version),
        })),
    })
}

fn upgrade_status(cluster: &SecuredCluster, version: &Version) -> Value {
    let upgradability = match &cluster.sensor_version {
        None => "UNSET",
        Some(sensor) if sensor == version => "UP_TO_DATE",
        Some(sensor) if sensor > version => "SENSOR_VERSION_HIGHER",
        Some(_) if cluster.managed_by != "MANAGER_TYPE_MANUAL" => "MANUAL_UPGRADE_REQUIRED",
        Some(_) => "AUTO_UPGRADE_POSSIBLE",
    };
    json!({
        "upgradability": upgradability,
        "upgradabilityStatusReason": reason(cluster, version),
        "mostRecentProcess": cluster.upgrade.as_ref().map(show_process),
    })
}

fn reason(cluster: &SecuredCluster, version: &Version) -> String {
    match &cluster.sensor_version {
        None => "sensor has not reported its version".to_owned(),
        Some(sensor) if sensor == version => {
            "sensor is running the same version as Central".to_owned()
        }
        Some(sensor) if sensor > version => {
            format!("sensor is running a newer version ({})", sensor.tag())
        }
        Some(_) => match cluster.managed_by.as_str() {
            "MANAGER_TYPE_MANUAL" => "sensor is running an old version".to_owned(),
            "MANAGER_TYPE_HELM_CHART" => "Helm controls the secured cluster version".to_owned(),
            _ => "the operator controls the secured cluster version".to_owned(),
        },
    }
}

fn show_process(process: &UpgradeProcess) -> Value {
    json!({
        "active": process.active,
        "id": process.id,
        "targetVersion": process.target.tag(),
        "upgraderImage": process.image,
        "initiatedAt": meta::time(process.initiated),
        "progress": {
            "upgradeState": process.state,
            "upgradeStatusDetail": process.detail,
            "since": meta::time(process.since),
        },
        "type": "UPGRADE",
    })
}

fn health((ready, desired): (i64, i64), sensor: &str) -> &'static str {
    match (sensor, ready, desired) {
        ("UNINITIALIZED", ..) | (_, _, 0) => "UNINITIALIZED",
        ("UNHEALTHY", ..) => "UNAVAILABLE",
        (_, ready, desired) if ready >= desired => "HEALTHY",
        (_, 0, _) => "UNHEALTHY",
        _ => "DEGRADED",
    }
}

fn worst(states: [&'static str; 3]) -> &'static str {
    ["UNHEALTHY", "DEGRADED", "UNAVAILABLE", "HEALTHY"]
        .into_iter()
        .find(|state| states.contains(state))
        .unwrap_or("UNINITIALIZED")
}
