//! Endpoints: the pods behind every Service, as Endpoints and as an EndpointSlice.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde_json::{Value, json};

use super::objects::{is_active, is_true, items, owner_reference, selects, text};
use super::{Round, manager};
use crate::store::{DeleteOptions, Store, Subresource, meta};

const SLICES: &str = "endpointslices.discovery.k8s.io";
const MANAGED: &str = "endpoints.kubernetes.io/managed-by";

/// What was written last for each Service, as a hash, by its uid.
pub(crate) type Known = HashMap<String, u64>;

/// Writes down which pods are behind each Service, where that has changed.
pub(crate) fn reconcile(round: &mut Round<'_>) {
    let services = round.store().list("services", None);
    for service in services.iter().filter(|service| service["spec"]["selector"].is_object()) {
        let namespace = Some(meta::namespace(service));
        let selector = &service["spec"]["selector"];
        let mut pods = round.store().list("pods", namespace);
        pods.retain(|pod| {
            selects(selector, pod) && is_active(pod) && !text(pod, "/status/podIP").is_empty()
        });
        let hash = hash(service, &pods);
        let uid = meta::uid(service).to_owned();
        if round.memory.endpoints.insert(uid, hash) != Some(hash) {
            write(round.store(), service, &pods);
        }
    }
    if round.memory.endpoints.len() > services.len() {
        forget(round, &services);
    }
}

/// A hash that changes with what is to be written.
fn hash(service: &Value, pods: &[Arc<Value>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    service["spec"]["ports"].to_string().hash(&mut hasher);
    for pod in pods {
        (meta::uid(pod), text(pod, "/status/podIP"), is_true(pod, "Ready")).hash(&mut hasher);
    }
    hasher.finish()
}

/// Deletes the Endpoints of Services that are gone; slices go with their owner.
fn forget(round: &mut Round<'_>, services: &[Arc<Value>]) {
    round.memory.endpoints.retain(|uid, _| services.iter().any(|it| meta::uid(it) == uid));
    for endpoints in round.store().list("endpoints", None) {
        let (namespace, name) = (Some(meta::namespace(&endpoints)), meta::name(&endpoints));
        if meta::label(&endpoints, MANAGED).is_some()
            && round.store().read("services", namespace, name).is_none()
        {
            let _ = round.store().delete("endpoints", namespace, name, &DeleteOptions::default());
        }
    }
}

fn write(store: &Store, service: &Value, pods: &[Arc<Value>]) {
    let (namespace, name) = (meta::namespace(service), meta::name(service));
    let mut labels = service["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    labels.insert(MANAGED.to_owned(), json!("endpoint-controller"));
    let endpoints = json!({
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "subsets": subsets(service, pods),
    });
    put(store, "endpoints", namespace, name, endpoints);
    let mut labels = service["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    labels.insert("kubernetes.io/service-name".to_owned(), json!(name));
    labels.insert(
        "endpointslice.kubernetes.io/managed-by".to_owned(),
        json!("endpointslice-controller.k8s.io"),
    );
    let slice_name = format!("{name}-{}", meta::make_suffix(0, meta::uid(service)));
    let slice = json!({
        "metadata": {
            "name": slice_name, "generateName": format!("{name}-"), "namespace": namespace,
            "labels": labels, "ownerReferences": [owner_reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": pods.iter().map(|pod| endpoint(pod)).collect::<Vec<_>>(),
        "ports": ports(service, pods),
    });
    put(store, SLICES, namespace, &slice_name, slice);
}

/// Creates an object, or makes the one that is there the same.
fn put(store: &Store, resource: &str, namespace: &str, name: &str, object: Value) {
    if store.read(resource, Some(namespace), name).is_none() {
        // A namespace that is being deleted takes nothing any more.
        let _ = store.create(resource, object, &manager());
        return;
    }
    let main = Subresource::Main;
    let _ = store.modify(resource, Some(namespace), name, main, &manager(), |present| {
        present["metadata"]["labels"] = object["metadata"]["labels"].clone();
        for part in ["subsets", "endpoints", "ports"] {
            if let Some(value) = object.get(part) {
                present[part] = value.clone();
            }
        }
    });
}

fn subsets(service: &Value, pods: &[Arc<Value>]) -> Value {
    let address = |pod: &Arc<Value>| {
        json!({"ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"],
            "targetRef": reference(pod)})
    };
    let (ready, waiting): (Vec<_>, Vec<_>) = pods.iter().partition(|pod| is_true(pod, "Ready"));
    let mut subset = json!({"ports": ports(service, pods)});
    for (key, pods) in [("addresses", ready), ("notReadyAddresses", waiting)] {
        if !pods.is_empty() {
            subset[key] = pods.into_iter().map(address).collect();
        }
    }
    if pods.is_empty() { json!([]) } else { json!([subset]) }
}

fn endpoint(pod: &Value) -> Value {
    let ready = is_true(pod, "Ready");
    json!({
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready, "serving": ready, "terminating": false},
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": reference(pod),
    })
}

fn reference(pod: &Value) -> Value {
    json!({"kind": "Pod", "name": meta::name(pod), "namespace": meta::namespace(pod),
        "uid": meta::uid(pod)})
}

/// The ports of a Service as its pods have them: numbers, also where it names them.
fn ports(service: &Value, pods: &[Arc<Value>]) -> Vec<Value> {
    let numbered = |port: &Value| {
        let target = port.get("targetPort").unwrap_or_else(|| &port["port"]);
        let number = match target.as_str() {
            None => target.as_i64(),
            Some(name) => pods.first().and_then(|pod| named_port(pod, name)),
        }?;
        let mut found = json!({"port": number, "protocol": port["protocol"]});
        if let Some(name) = port.get("name") {
            found["name"] = name.clone();
        }
        Some(found)
    };
    items(service, "/spec/ports").iter().filter_map(numbered).collect()
}

fn named_port(pod: &Value, name: &str) -> Option<i64> {
    let mut ports =
        items(pod, "/spec/containers").iter().flat_map(|container| items(container, "/ports"));
    ports.find(|port| port["name"] == name)?["containerPort"].as_i64()
}
