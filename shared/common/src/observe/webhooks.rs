//! Which admission webhooks nobody answers for.

use serde_json::Value;

use crate::cluster::{Cluster, ClusterError, Collection};
use crate::rhacs::ObjectRef;
use crate::rhacs::webhooks::{KINDS, closed, service_of};

const API_VERSION: &str = "admissionregistration.k8s.io/v1";

/// A webhook that refuses what it is asked about, since nobody answers for it.
#[derive(Clone, Debug)]
pub struct Dead {
    /// The object that configures it.
    pub configuration: ObjectRef,
    /// The webhook as it stands there.
    pub webhook: Value,
    /// Why nobody answers, for people.
    pub why: String,
    /// The Service that it names, where there is one.
    pub service: Option<Value>,
}

/// The configurations of mutating webhooks; none when they may not be listed.
pub async fn mutating(cluster: &Cluster) -> Vec<Value> {
    let list = cluster.list(&Collection::all(API_VERSION, KINDS[0])).await;
    list.map(|list| list.items).unwrap_or_default()
}

/// Those of `configurations` that refuse requests and that nobody answers for. Only those are looked
/// at that `is_wanted`; what may not be looked at is taken to be alive.
pub async fn dead(
    cluster: &Cluster,
    configurations: &[Value],
    is_wanted: impl Fn(&Value) -> bool,
) -> Vec<Dead> {
    let mut dead = Vec::new();
    for configuration in configurations {
        let Some(reference) = ObjectRef::of(configuration) else { continue };
        for webhook in closed(configuration).filter(|webhook| is_wanted(webhook)) {
            let Some((namespace, name)) = service_of(webhook) else { continue };
            let service = ObjectRef::namespaced("v1", "Service", namespace, name);
            let Ok(found) = cluster.read(&service).await else { continue };
            let why = match &found {
                None => format!("svc/{name} in namespace {namespace} does not exist"),
                Some(found) if found["spec"]["type"] == "ExternalName" => continue,
                Some(_) => match has_endpoints(cluster, namespace, name).await {
                    Ok(false) => {
                        format!("svc/{name} in namespace {namespace} has no ready endpoint")
                    }
                    Ok(true) | Err(_) => continue,
                },
            };
            let (configuration, webhook) = (reference.clone(), webhook.clone());
            dead.push(Dead { configuration, webhook, why, service: found });
        }
    }
    dead
}

/// Whether a ready pod, or anything else, is behind a Service.
async fn has_endpoints(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<bool, ClusterError> {
    let slices = Collection::namespaced("discovery.k8s.io/v1", "EndpointSlice", namespace)
        .with_labels(format!("kubernetes.io/service-name={name}"));
    match cluster.list(&slices).await {
        Ok(list) if list.served => {
            let mut endpoints = list
                .items
                .iter()
                .flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten());
            return Ok(endpoints.any(|endpoint| endpoint["conditions"]["ready"] != false));
        }
        Ok(_) => {}
        Err(error) => return Err(error),
    }
    // A server of before 1.21 has no slices that it vouches for.
    let endpoints = ObjectRef::namespaced("v1", "Endpoints", namespace, name);
    let found = cluster.read(&endpoints).await?.unwrap_or_default();
    let mut subsets = found["subsets"].as_array().into_iter().flatten();
    Ok(subsets.any(|subset| subset["addresses"].as_array().is_some_and(|all| !all.is_empty())))
}
