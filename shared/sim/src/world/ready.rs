//! When a cluster is up: every workload complete, Central serving, every sensor connected.

use std::time::{Duration, Instant};

use super::{Error, workload};
use crate::central::Central;
use crate::controllers::objects::number;
use crate::store::{Store, meta};

/// Real time until the workloads must be ready.
const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until every workload is complete and every sensor is connected.
pub(super) async fn wait(store: &Store, central: &Central) -> Result<(), Error> {
    let begun = Instant::now();
    loop {
        let mut missing = unready(store);
        if missing.is_empty() && central.version().is_some() {
            let away =
                central.clusters().into_iter().filter(|cluster| cluster.connected_since.is_none());
            missing.extend(away.map(|cluster| format!("sensor of cluster `{}`", cluster.name)));
        } else if missing.is_empty() && workload(store, "central").is_some() {
            missing.push("Central".to_owned());
        }
        if missing.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            return Err(Error::NotReady { seconds: PATIENCE.as_secs(), workloads: missing });
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn unready(store: &Store) -> Vec<String> {
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
            missing.push(format!("Deployment/{}", meta::name(&deployment)));
        }
    }
    for set in store.list("daemonsets.apps", None) {
        let desired = number(&set, "/status/desiredNumberScheduled", -1);
        let observed = number(&set, "/status/observedGeneration", 0) >= meta::generation(&set);
        if !observed || number(&set, "/status/numberAvailable", 0) != desired {
            missing.push(format!("DaemonSet/{}", meta::name(&set)));
        }
    }
    missing
}
