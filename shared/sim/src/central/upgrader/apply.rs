//! Making the secured cluster's objects what the upgrader wants, and what they were.

use serde_json::{Map, Value};

use super::DEPLOYMENT;
use super::bundle::LABEL;
use crate::controllers::objects::{items, text};
use crate::store::{DeleteOptions, Store, Subresource, Writer, meta};
use crate::world::resource_of;

/// A workload with this annotation keeps the resources of its containers.
const KEEP_RESOURCES: &str = "auto-upgrade.stackrox.io/preserve-resources";

/// The objects the upgrader knows by their label, as they are.
pub(super) fn present(store: &Store) -> Vec<Value> {
    let all = store.everything();
    let ours = all.iter().filter(|object| meta::label(object, LABEL.0) == Some(LABEL.1));
    ours.map(|object| object.as_ref().clone()).collect()
}

/// Creates, changes and deletes until the labelled objects are `wanted`. A workload keeps its
/// tolerations, a Service its address, and what is of nobody's release is left alone.
pub(super) fn bring(store: &Store, wanted: &[Value]) {
    put(store, wanted, successor);
    // What comes and goes with the workloads stays as long as they are not brought along.
    if wanted.iter().any(|object| object.pointer("/spec/template").is_some()) {
        remove_others(store, wanted);
    }
}

/// Makes the labelled objects what they were.
pub(super) fn restore(store: &Store, before: &[Value]) {
    put(store, before, |_, before| before.clone());
    remove_others(store, before);
}

fn put(store: &Store, wanted: &[Value], change: impl Fn(&Value, &Value) -> Value) {
    let by = Writer::new(DEPLOYMENT);
    for object in wanted {
        // Not every server knows every kind.
        let Some(resource) = resource_of(store, object) else { continue };
        let namespace = Some(meta::namespace(object)).filter(|namespace| !namespace.is_empty());
        let name = meta::name(object);
        // What the server refuses stays as it is, as with the real upgrader.
        if store.read(&resource, namespace, name).is_some() {
            let _ = store.modify(&resource, namespace, name, Subresource::Main, &by, |live| {
                let mut new = change(live, object);
                new["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
                *live = new;
            });
        } else {
            let mut fresh = object.clone();
            for field in ["resourceVersion", "uid", "creationTimestamp", "generation"] {
                meta::of(&mut fresh).remove(field);
            }
            let _ = store.create(&resource, fresh, &by);
        }
    }
}

fn remove_others(store: &Store, wanted: &[Value]) {
    let is_same = |one: &Value, other: &Value| {
        one["kind"] == other["kind"]
            && meta::name(one) == meta::name(other)
            && meta::namespace(one) == meta::namespace(other)
    };
    for object in present(store) {
        // The upgrader does not delete its own account and binding.
        let is_own = meta::name(&object).contains("upgrade");
        let is_wanted = wanted.iter().any(|wanted| is_same(wanted, &object));
        let Some(resource) = resource_of(store, &object) else { continue };
        if object["kind"] != "Secret" && !is_own && !is_wanted {
            let namespace = Some(meta::namespace(&object)).filter(|name| !name.is_empty());
            let options = DeleteOptions::default();
            let _ = store.delete(&resource, namespace, meta::name(&object), &options);
        }
    }
}

/// `wanted` with what an upgrade keeps of `live`.
fn successor(live: &Value, wanted: &Value) -> Value {
    let mut new = wanted.clone();
    let mut metadata = live["metadata"].clone();
    for field in ["labels", "annotations"] {
        let added = wanted["metadata"][field].as_object().cloned().unwrap_or_default();
        meta::field(&mut metadata, field).extend(added);
    }
    new["metadata"] = metadata;
    match text(wanted, "/kind") {
        "Service" => take(&mut new["spec"], &live["spec"], &["clusterIP", "clusterIPs"]),
        "ServiceAccount" => take(&mut new, live, &["secrets", "imagePullSecrets"]),
        "ConfigMap" => take(&mut new, live, &["data", "binaryData"]),
        "ValidatingWebhookConfiguration" => keep_authorities(&mut new, live),
        "Deployment" | "DaemonSet" => keep_of_workload(&mut new, live),
        _ => {}
    }
    new
}

/// Takes the fields as `live` has them; absent there means absent.
fn take(new: &mut Value, live: &Value, fields: &[&str]) {
    let Some(new) = new.as_object_mut() else { return };
    for field in fields {
        match live.get(*field) {
            Some(value) => drop(new.insert((*field).to_owned(), value.clone())),
            None => drop(new.remove(*field)),
        }
    }
}

/// The certificate authority of webhooks is the installation's own.
fn keep_authorities(new: &mut Value, live: &Value) {
    let authority = |webhook: &Value| webhook.pointer("/clientConfig/caBundle").cloned();
    let Some(authority) = items(live, "/webhooks").iter().find_map(authority) else { return };
    for webhook in new["webhooks"].as_array_mut().into_iter().flatten() {
        webhook["clientConfig"]["caBundle"] = authority.clone();
    }
}

fn keep_of_workload(new: &mut Value, live: &Value) {
    new["spec"]["selector"] = live["spec"]["selector"].clone();
    let pod = "/spec/template/spec";
    if let (Some(new), Some(live)) = (new.pointer_mut(pod), live.pointer(pod)) {
        take(new, live, &["tolerations"]);
    }
    let keeps = live["metadata"]["annotations"][KEEP_RESOURCES] == "true";
    let containers = new.pointer_mut("/spec/template/spec/containers");
    for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
        let is_same = |other: &&Value| other["name"] == container["name"];
        let present = items(live, "/spec/template/spec/containers").iter().find(is_same);
        if let Some(present) = present.filter(|_| keeps) {
            keep_resources(container, &present["resources"]);
        }
    }
}

fn keep_resources(container: &mut Value, live: &Value) {
    for kind in ["requests", "limits"] {
        let kept: Map<String, Value> = live[kind].as_object().cloned().unwrap_or_default();
        meta::field(&mut container["resources"], kind).extend(kept);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_workload_keeps_tolerations_and_on_request_resources() {
        let workload = |cpu: &str, tolerations: Value, annotation: &str| {
            json!({"kind": "Deployment",
                "metadata": {"name": "sensor", "annotations": {KEEP_RESOURCES: annotation}},
                "spec": {"selector": {}, "template": {"spec": {"tolerations": tolerations,
                    "containers": [{"name": "sensor", "resources":
                        {"requests": {"cpu": cpu}, "limits": {}}}]}}}})
        };
        let tolerations = json!([{"operator": "Exists"}]);
        for (annotation, cpu) in [("true", "7"), ("false", "1")] {
            let live = workload("7", tolerations.clone(), annotation);
            let mut wanted = workload("1", Value::Null, annotation);
            drop(wanted["spec"]["template"]["spec"].as_object_mut().unwrap().remove("tolerations"));
            let expected = workload(cpu, tolerations.clone(), annotation);
            assert_eq!(successor(&live, &wanted)["spec"], expected["spec"], "{annotation}");
        }
    }

    #[test]
    fn labels_are_added_to_those_that_are_there() {
        let live = json!({"kind": "Role", "metadata": {"name": "edit", "uid": "u",
            "labels": {"mine": "yes", "version": "1"}}, "rules": [1]});
        let wanted = json!({"kind": "Role", "metadata": {"name": "edit",
            "labels": {"version": "2"}}, "rules": []});
        let expected = json!({"kind": "Role", "metadata": {"name": "edit", "uid": "u",
            "labels": {"mine": "yes", "version": "2"}, "annotations": {}}, "rules": []});
        assert_eq!(successor(&live, &wanted), expected);
    }
}
