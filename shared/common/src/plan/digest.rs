//! Digests of JSON, to notice that an object or a plan is no longer the same.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::rhacs::essence;

/// SHA-256, in hex, of a JSON value in canonical form (object keys sorted).
#[must_use]
pub fn digest_of(value: &Value) -> String {
    let mut hasher = Sha256::new();
    feed(value, &mut hasher);
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Digest of what a plan depends on in an object: its essence, without the number of replicas,
/// which an autoscaler moves, and the time of a forced restart.
#[must_use]
pub fn basis_digest(object: &Value) -> String {
    let mut object = essence(object);
    let template = object.pointer_mut("/spec/template/metadata/annotations");
    if let Some(annotations) = template.and_then(Value::as_object_mut) {
        annotations.remove("kubectl.kubernetes.io/restartedAt");
        if annotations.is_empty()
            && let Some(metadata) = object.pointer_mut("/spec/template/metadata")
            && let Some(fields) = metadata.as_object_mut()
        {
            fields.remove("annotations");
        }
    }
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("replicas");
    }
    digest_of(&object)
}

fn feed(value: &Value, hasher: &mut Sha256) {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            hasher.update(b"{");
            for name in names {
                feed(&Value::String(name.clone()), hasher);
                hasher.update(b":");
                feed(&fields[name], hasher);
                hasher.update(b",");
            }
            hasher.update(b"}");
        }
        Value::Array(items) => {
            hasher.update(b"[");
            for item in items {
                feed(item, hasher);
                hasher.update(b",");
            }
            hasher.update(b"]");
        }
        scalar => hasher.update(scalar.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_only_the_cluster_moves_does_not_matter() {
        let mut before = json!({
            "kind": "Deployment",
            "metadata": {"name": "scanner", "resourceVersion": "1", "generation": 1},
            "spec": {"replicas": 3, "paused": false},
            "status": {"replicas": 3},
        });
        let mut after = before.clone();
        after["metadata"]["resourceVersion"] = json!("2");
        after["spec"]["replicas"] = json!(2);
        after["status"] = json!({});
        assert_eq!(basis_digest(&before), basis_digest(&after));
        before["spec"]["template"] = json!({"metadata": {"labels": {"app": "scanner"}}});
        after["spec"]["template"] = before["spec"]["template"].clone();
        after["spec"]["template"]["metadata"]["annotations"] =
            json!({"kubectl.kubernetes.io/restartedAt": "2026-03-01T12:00:00Z"});
        assert_eq!(basis_digest(&before), basis_digest(&after), "`kubectl rollout restart`");
        after["spec"]["paused"] = json!(true);
        assert_ne!(basis_digest(&before), basis_digest(&after));
    }
}
