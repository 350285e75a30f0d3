//! The promises of the store.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{DeleteOptions, EventKind, Propagation, Store, Subresource, Writer, meta};

fn store() -> Store {
    Store::new(Arc::new(|| "2026-01-01T00:00:00Z".parse().unwrap()))
}

fn by() -> Writer {
    Writer::new("test")
}

fn map(name: &str, owner: Option<&Value>) -> Value {
    let mut object =
        json!({"metadata": {"name": name, "namespace": "default"}, "data": {"a": "1"}});
    if let Some(owner) = owner {
        object["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "ConfigMap",
            "name": meta::name(owner), "uid": meta::uid(owner)}]);
    }
    object
}

fn deployment() -> Value {
    let labels = json!({"app": "a"});
    json!({"metadata": {"name": "a", "namespace": "default"}, "spec": {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels},
            "spec": {"containers": [{"name": "a", "image": "a:1"}]}}}})
}

fn change(store: &Store, part: Subresource, change: impl FnOnce(&mut Value)) -> Arc<Value> {
    store.modify("deployments.apps", Some("default"), "a", part, &by(), change).unwrap()
}

#[test]
fn a_change_of_nothing_keeps_the_version() {
    let store = store();
    let created = store.create("deployments.apps", deployment(), &by()).unwrap();
    let after = change(&store, Subresource::Main, |_| {});
    assert_eq!(meta::version(&after), meta::version(&created));
}

#[test]
fn only_a_change_of_the_desired_state_counts_as_a_generation() {
    let store = store();
    store.create("deployments.apps", deployment(), &by()).unwrap();
    let ready = |object: &mut Value| object["status"]["readyReplicas"] = 1.into();
    let after = change(&store, Subresource::Status, ready);
    assert_eq!(meta::generation(&after), 1);
    assert_eq!(after["status"]["readyReplicas"], 1);
    let after = change(&store, Subresource::Main, |object| object["spec"]["replicas"] = 3.into());
    assert_eq!(meta::generation(&after), 2);
    assert_eq!(after["status"]["readyReplicas"], 1, "the status stays");
}

#[test]
fn a_write_to_the_status_changes_nothing_else() {
    let store = store();
    store.create("deployments.apps", deployment(), &by()).unwrap();
    let after = change(&store, Subresource::Status, |object| object["spec"]["replicas"] = 9.into());
    assert_eq!(after["spec"]["replicas"], 1);
}

#[test]
fn a_dry_run_leaves_no_trace() {
    let store = store();
    let version = store.version();
    let dry = Writer { dry_run: true, ..by() };
    let answer = store.create("configmaps", map("a", None), &dry).unwrap();
    assert!(!meta::uid(&answer).is_empty());
    assert!(store.read("configmaps", Some("default"), "a").is_none());
    assert_eq!(store.version(), version);
}

#[test]
fn dependents_go_with_their_last_owner() {
    let store = store();
    let owner = store.create("configmaps", map("owner", None), &by()).unwrap();
    store.create("configmaps", map("owned", Some(&owner)), &by()).unwrap();
    store.delete("configmaps", Some("default"), "owner", &DeleteOptions::default()).unwrap();
    assert!(store.list("configmaps", Some("default")).is_empty());
}

#[test]
fn orphans_stay_without_an_owner() {
    let store = store();
    let owner = store.create("configmaps", map("owner", None), &by()).unwrap();
    store.create("configmaps", map("owned", Some(&owner)), &by()).unwrap();
    let options = DeleteOptions { propagation: Propagation::Orphan, ..DeleteOptions::default() };
    store.delete("configmaps", Some("default"), "owner", &options).unwrap();
    let left = store.read("configmaps", Some("default"), "owned").unwrap();
    assert_eq!(meta::owners(&left).count(), 0);
}

#[test]
fn a_finalizer_holds_an_object_until_it_is_taken_off() {
    let store = store();
    let mut object = map("a", None);
    object["metadata"]["finalizers"] = json!(["test/hold"]);
    store.create("configmaps", object, &by()).unwrap();
    store.delete("configmaps", Some("default"), "a", &DeleteOptions::default()).unwrap();
    let held = store.read("configmaps", Some("default"), "a").unwrap();
    assert!(meta::is_being_deleted(&held));
    let free = |object: &mut Value| object["metadata"]["finalizers"] = json!([]);
    let main = Subresource::Main;
    store.modify("configmaps", Some("default"), "a", main, &by(), free).unwrap();
    assert!(store.read("configmaps", Some("default"), "a").is_none());
}

#[test]
fn a_pod_on_a_node_gets_its_grace() {
    let store = store();
    let spec = json!({"nodeName": "n", "containers": [{"name": "a", "image": "a:1"}]});
    let pod = json!({"metadata": {"name": "p", "namespace": "default"}, "spec": spec});
    store.create("pods", pod, &by()).unwrap();
    let options = DeleteOptions::default();
    let ending = store.delete("pods", Some("default"), "p", &options).unwrap();
    assert_eq!(ending["metadata"]["deletionGracePeriodSeconds"], 30);
    let now = DeleteOptions { grace_period_seconds: Some(0), ..options };
    store.delete("pods", Some("default"), "p", &now).unwrap();
    assert!(store.read("pods", Some("default"), "p").is_none());
}

#[test]
fn a_namespace_ends_with_everything_in_it() {
    let store = store();
    store.create("namespaces", json!({"metadata": {"name": "n"}}), &by()).unwrap();
    let mut object = map("a", None);
    object["metadata"]["namespace"] = "n".into();
    store.create("configmaps", object, &by()).unwrap();
    store.delete("namespaces", None, "n", &DeleteOptions::default()).unwrap();
    assert!(store.list("configmaps", Some("n")).is_empty());
    assert!(store.read("namespaces", None, "n").is_none());
}

#[test]
fn the_past_can_be_listed_until_it_is_compacted() {
    let store = store();
    store.create("configmaps", map("a", None), &by()).unwrap();
    let version = store.version();
    store.create("configmaps", map("b", None), &by()).unwrap();
    store.delete("configmaps", Some("default"), "a", &DeleteOptions::default()).unwrap();
    let (then, _) = store.snapshot_at("configmaps", Some("default"), version).unwrap();
    let names: Vec<&str> = then.iter().map(|object| meta::name(object)).collect();
    assert_eq!(names, ["a"]);
    store.compact();
    assert_eq!(store.since(version).unwrap_err().code, 410);
}

#[test]
fn events_carry_the_state_before_and_after() {
    let store = store();
    store.create("configmaps", map("a", None), &by()).unwrap();
    let version = store.version();
    let edit = |object: &mut Value| object["data"]["a"] = "2".into();
    let main = Subresource::Main;
    store.modify("configmaps", Some("default"), "a", main, &by(), edit).unwrap();
    let events = store.since(version).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].kind, EventKind::Modified);
    assert_eq!(events[0].old.as_ref().unwrap()["data"]["a"], "1");
    assert_eq!(events[0].object["data"]["a"], "2");
}

#[test]
fn a_definition_makes_its_resource_and_takes_it_away() {
    let store = store();
    let schema =
        json!({"type": "object", "properties": {"size": {"type": "integer", "default": 3}}});
    let version = json!({"name": "v1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": schema}});
    let definition = json!({"metadata": {"name": "tools.example.com"}, "spec": {
        "group": "example.com", "scope": "Cluster",
        "names": {"kind": "Tool", "plural": "tools"}, "versions": [version]}});
    let key = "customresourcedefinitions.apiextensions.k8s.io";
    store.create(key, definition, &by()).unwrap();
    let tool = json!({"metadata": {"name": "saw"}, "unknown": 1});
    let tool = store.create("tools.example.com", tool, &by()).unwrap();
    assert_eq!(tool["size"], 3);
    assert!(tool.get("unknown").is_none(), "what the schema does not know is dropped");
    store.delete(key, None, "tools.example.com", &DeleteOptions::default()).unwrap();
    assert!(store.resource("tools.example.com").is_none());
}
