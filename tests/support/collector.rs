//! Installations of the Splunk OpenTelemetry Collector, to put on the embedded cluster.

use serde_json::{Value, json};

use crate::shared_file;

/// The namespace that all of them are in.
pub const NAMESPACE: &str = "monitoring";
/// The key under which the chart keeps the token.
pub const TOKEN_KEY: &str = "splunk_observability_access_token";
/// A key of the same Secret that belongs to another product.
pub const FOREIGN_KEY: &str = "splunk_platform_hec_token";

/// A small installation with an agent, a cluster receiver and a gateway, all of which take
/// `secret` from the Secret `otel`; another product's token lies beside it. Nobody else owns it.
#[must_use]
pub fn small_collector(secret: &str) -> Vec<Value> {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "otel", "namespace": NAMESPACE, "labels": labels(None)},
        "data": {TOKEN_KEY: encode(secret), FOREIGN_KEY: encode("another product's token")},
    });
    let agent = workload("DaemonSet", "otel-agent", "otel-collector-agent");
    let mut receiver = workload("Deployment", "otel-receiver", "otel-k8s-cluster-receiver");
    receiver["spec"]["replicas"] = 1.into();
    let mut gateway = workload("Deployment", "otel", "otel-collector");
    gateway["spec"]["replicas"] = 2.into();
    vec![secret, agent, receiver, gateway]
}

/// The official chart's objects, as a file of the recordings has them, with `secret` as the token;
/// none, said aloud, where there are no recordings.
#[must_use]
pub fn official_collector(kind: &str, secret: &str) -> Option<Vec<Value>> {
    let path = shared_file(&format!("manifests/splunk-otel-collector-0.158.0-{kind}.yaml"))?;
    let text = std::fs::read_to_string(path).expect("the recording is read");
    let mut objects: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
    objects.retain(Value::is_object);
    for object in objects.iter_mut().filter(|object| object["kind"] == "Secret") {
        object["data"][TOKEN_KEY] = encode(secret).into();
    }
    Some(objects)
}

/// A value as Secrets hold it.
#[must_use]
pub fn encode(text: &str) -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(text)
}

fn workload(kind: &str, name: &str, component: &str) -> Value {
    let own = json!({"app": "splunk-otel-collector", "component": component});
    let container = json!({
        "name": "otel-collector",
        "image": "quay.io/signalfx/splunk-otel-collector:0.158.0",
        "env": [{"name": "SPLUNK_OBSERVABILITY_ACCESS_TOKEN", "valueFrom": {
            "secretKeyRef": {"name": "otel", "key": TOKEN_KEY}}}],
    });
    json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels(Some(component))},
        "spec": {
            "selector": {"matchLabels": own},
            "template": {
                "metadata": {"labels": own},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 30},
            },
        },
    })
}

fn labels(component: Option<&str>) -> Value {
    let mut labels = json!({"app": "splunk-otel-collector", "release": "otel"});
    if let Some(component) = component {
        labels["component"] = component.into();
    }
    labels
}
