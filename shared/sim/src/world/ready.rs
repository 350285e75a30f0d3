//! When a cluster is up: every workload complete, Central serving, every sensor connected.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Error, workload};
use crate::central::Central;
use crate::controllers::objects::{number, owned_by, text};
use crate::store::{Store, meta};

/// Real time until the workloads must be ready.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until every workload is complete and every sensor is connected.
pub(super) async fn wait(
    store: &Store,
    central: &Central,
    patience: Duration,
) -> Result<(), Error> {
    let begun = Instant::now();
    loop {
        let unready = unready(store);
        let mut missing = Vec::new();
        if unready.is_empty() && central.version().is_some() {
            let away =
                central.clusters().into_iter().filter(|cluster| cluster.connected_since.is_none());
            missing.extend(away.map(|cluster| format!("sensor of cluster `{}`", cluster.name)));
        } else if unready.is_empty() && workload(store, "central").is_some() {
            missing.push("Central".to_owned());
        }
        if unready.is_empty() && missing.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > patience {
            missing.extend(unready.iter().map(|(kind, object)| described(store, kind, object)));
            return Err(Error::NotReady { seconds: patience.as_secs(), workloads: missing });
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The workloads that are not complete, each with its kind.
fn unready(store: &Store) -> Vec<(&'static str, Arc<Value>)> {
    let mut missing = Vec::new();
    for deployment in store.list("deployments.apps", None) {
        let desired = number(&deployment, "/spec/replicas", 1);
        let observed =
            number(&deployment, "/status/observedGeneration", 0) >= meta::generation(&deployment);
        let counts = ["updatedReplicas", "availableReplicas", "replicas"];
        let complete = observed
            && counts
                .iter()
                .all(|key| number(&deployment, &format!("/status/{key}"), 0) == desired);
        if !complete {
            missing.push(("Deployment", deployment));
        }
    }
    for set in store.list("daemonsets.apps", None) {
        let desired = number(&set, "/status/desiredNumberScheduled", -1);
        let observed = number(&set, "/status/observedGeneration", 0) >= meta::generation(&set);
        if !observed || number(&set, "/status/numberAvailable", 0) != desired {
            missing.push(("DaemonSet", set));
        }
    }
    for set in store.list("statefulsets.apps", None) {
        let desired = number(&set, "/spec/replicas", 1);
        let observed = number(&set, "/status/observedGeneration", 0) >= meta::generation(&set);
        if !observed || number(&set, "/status/availableReplicas", 0) != desired {
            missing.push(("StatefulSet", set));
        }
    }
    missing
}

/// A workload that is not ready, with the last warning that was told of it, of its ReplicaSets or of
/// its pods.
fn described(store: &Store, kind: &str, workload: &Value) -> String {
    let name = format!("{kind}/{}", meta::name(workload));
    let namespace = Some(meta::namespace(workload));
    let sets = owned_by(workload, store.list("replicasets.apps", namespace));
    let pods = store.list("pods", namespace);
    let owners = sets.iter().map(AsRef::as_ref).chain([workload]);
    let concerned: Vec<String> = owners
        .flat_map(|owner| {
            let pods = owned_by(owner, pods.clone());
            pods.iter()
                .map(|pod| meta::uid(pod).to_owned())
                .chain([meta::uid(owner).to_owned()])
                .collect::<Vec<_>>()
        })
        .collect();
    let events = store.list("events", namespace);
    let warning = events
        .iter()
        .filter(|event| event["type"] == "Warning")
        .filter(|event| concerned.iter().any(|uid| event["involvedObject"]["uid"] == uid.as_str()))
        .max_by_key(|event| text(event, "/lastTimestamp").to_owned());
    match warning {
        Some(event) => format!("{name} ({}: {})", text(event, "/reason"), text(event, "/message")),
        None => name,
    }
}
