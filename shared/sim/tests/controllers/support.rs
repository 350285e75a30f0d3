//! Clusters and questions that read as prose.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sim::store::{Subresource, Writer, meta};
use sim::world::{Plan, World};

/// A Deployment of one container in namespace `ns`.
pub fn deployment(name: &str, replicas: u32, strategy: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "ns"},
        "spec": {
            "replicas": replicas,
            "strategy": strategy,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "r/main:1",
                    "readinessProbe": {"httpGet": {"path": "/", "port": 80}}}]},
            },
        },
    })
}

/// A DaemonSet of one container in namespace `ns`.
pub fn daemon_set(name: &str, strategy: &str) -> Value {
    let mut object = deployment(name, 1, &json!({}));
    object["kind"] = json!("DaemonSet");
    object["spec"]["updateStrategy"] = json!({"type": strategy});
    for field in ["replicas", "strategy"] {
        object["spec"].as_object_mut().unwrap().remove(field);
    }
    object
}

pub async fn world(objects: Vec<Value>) -> World {
    World::start(Plan { objects, ..Plan::default() }).await.unwrap()
}

/// A cluster slow enough for a test to see what passes quickly.
pub async fn slow_world(objects: Vec<Value>) -> World {
    let clock = sim::clock::Clock::scaled(300.0);
    World::start(Plan { objects, clock, ..Plan::default() }).await.unwrap()
}

pub fn set_image(world: &World, resource: &str, name: &str, image: &str) {
    change(world, resource, name, |object| {
        object["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
    });
}

pub fn change(world: &World, resource: &str, name: &str, change: impl FnOnce(&mut Value)) {
    let by = Writer::new("test");
    world.store.modify(resource, Some("ns"), name, Subresource::Main, &by, change).unwrap();
}

pub fn read(world: &World, resource: &str, name: &str) -> Arc<Value> {
    world.store.read(resource, Some("ns"), name).unwrap()
}

/// Waits until a question about the world is answered with yes; fails with what it looks like then.
pub async fn until(world: &World, what: &str, mut question: impl FnMut(&World) -> bool) {
    let begun = Instant::now();
    while !question(world) {
        if begun.elapsed() > Duration::from_secs(20) {
            let pods: Vec<String> = world
                .store
                .list("pods", None)
                .iter()
                .map(|pod| format!("{} {}", meta::name(pod), pod["status"]))
                .collect();
            panic!("not reached: {what}\n{}", pods.join("\n"));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub fn rolled_out(world: &World, name: &str) -> bool {
    let object = read(world, "deployments.apps", name);
    let count = |key: &str| object["status"][key].as_i64().unwrap_or(0);
    let desired = object["spec"]["replicas"].as_i64().unwrap();
    count("observedGeneration") >= meta::generation(&object)
        && [count("updatedReplicas"), count("replicas"), count("availableReplicas")]
            .iter()
            .all(|is| *is == desired)
}

pub fn condition(object: &Value, kind: &str) -> Option<(String, String, String)> {
    let conditions = object["status"]["conditions"].as_array()?;
    let condition = conditions.iter().find(|condition| condition["type"] == kind)?;
    let text = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
    Some((text("status"), text("reason"), text("message")))
}

pub fn pods(world: &World, app: &str) -> Vec<Arc<Value>> {
    let pods = world.store.list("pods", None);
    pods.into_iter().filter(|pod| meta::label(pod, "app") == Some(app)).collect()
}

/// The reason why the first container of the first pod waits.
pub fn waiting(world: &World, app: &str) -> String {
    let pods = pods(world, app);
    let newest = pods.iter().max_by_key(|pod| meta::version(pod));
    newest
        .and_then(|pod| pod.pointer("/status/containerStatuses/0/state/waiting/reason"))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

pub fn reasons(world: &World) -> Vec<String> {
    let events = world.store.list("events", None);
    events.iter().map(|event| event["reason"].as_str().unwrap().to_owned()).collect()
}

/// The objects of a real installation, when they are there.
pub fn manifest(name: &str) -> Option<Vec<Value>> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/manifests").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: the manifest `{name}` is not there");
        return None;
    };
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    Some(documents.into_iter().filter(Value::is_object).collect())
}
