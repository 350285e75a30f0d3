//! Whether an object has every field of a manifest: the probe of server-side apply.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::plan::{Deviation, Part, lacking};
use crate::rhacs::scc;

/// Whether applying `manifest` to `live` would change nothing: every field of it is there.
///
/// What the API server adds (defaults, its own metadata) does not matter. In doubt the answer is
/// no, as applying once more does no harm.
pub(super) fn covers(live: &Value, manifest: &Value) -> bool {
    uncovered(live, manifest).is_empty()
}

/// The fields of `manifest` that `live` does not have, in the words of [`covers`].
pub(super) fn uncovered(live: &Value, manifest: &Value) -> Vec<Deviation> {
    if manifest["kind"] == scc::KIND {
        // OpenShift keeps them in words of its own, and fields that are absent mean something.
        let fields = scc::differences(live, manifest).into_iter().map(|difference| Deviation {
            path: vec![Part::Field(difference.field)],
            is: difference.is,
            wanted: difference.official,
        });
        let metadata = lacking(
            &json!({"metadata": live["metadata"]}),
            &json!({"metadata": without_identity(&manifest["metadata"])}),
        );
        return fields.chain(metadata).collect();
    }
    let mut manifest = manifest.clone();
    let Some(fields) = manifest.as_object_mut() else {
        return vec![Deviation { path: Vec::new(), is: live.clone(), wanted: manifest }];
    };
    fields.remove("status");
    // The API server keeps clear text of Secrets as data.
    if let Some(Value::Object(clear)) = fields.remove("stringData") {
        let data = fields.entry("data").or_insert_with(|| Value::Object(serde_json::Map::new()));
        for (key, value) in clear {
            data[key] = STANDARD.encode(value.as_str().unwrap_or_default()).into();
        }
    }
    if let Some(metadata) = fields.get_mut("metadata") {
        *metadata = without_identity(metadata);
    }
    lacking(live, &manifest)
}

/// The metadata without what the API server alone decides.
fn without_identity(metadata: &Value) -> Value {
    let mut metadata = metadata.clone();
    if let Some(fields) = metadata.as_object_mut() {
        for field in ["creationTimestamp", "managedFields", "resourceVersion", "uid"] {
            fields.remove(field);
        }
    }
    metadata
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_of_the_server_do_not_matter_and_missing_fields_do() {
        let manifest = json!({
            "kind": "Service", "metadata": {"name": "s", "creationTimestamp": null},
            "spec": {"ports": [{"port": 443}], "externalIPs": [], "selector": {"app": "s"}},
        });
        let live = json!({
            "kind": "Service", "metadata": {"name": "s", "uid": "u", "resourceVersion": "5"},
            "spec": {"ports": [{"port": 443, "protocol": "TCP"}], "selector": {"app": "s"},
                     "type": "ClusterIP"},
            "status": {},
        });
        assert!(covers(&live, &manifest));
        for (path, value) in [("/spec/ports/0/port", json!(8443)), ("/spec/selector", json!({}))] {
            let mut other = live.clone();
            *other.pointer_mut(path).unwrap() = value;
            assert!(!covers(&other, &manifest), "{path}");
        }
    }

    #[test]
    fn an_scc_is_there_in_whatever_words_openshift_keeps_it() {
        let manifest = json!({
            "kind": "SecurityContextConstraints", "metadata": {"name": "s", "labels": {"a": "b"}},
            "volumes": ["*"], "users": ["u"], "priority": 0, "runAsUser": {"type": "RunAsAny"},
        });
        let mut live = scc::with_defaults(&manifest);
        live["metadata"]["uid"] = json!("u");
        live["priority"] = Value::Null;
        assert!(covers(&live, &manifest));
        let mut relabelled = live.clone();
        relabelled["metadata"]["labels"] = json!({});
        assert!(!covers(&relabelled, &manifest));
        live["users"] = json!([]);
        assert!(!covers(&live, &manifest));
    }

    #[test]
    fn clear_text_of_a_secret_is_compared_with_its_data() {
        let manifest = json!({"kind": "Secret", "stringData": {"a": "b"}});
        assert!(covers(&json!({"kind": "Secret", "data": {"a": "Yg=="}}), &manifest));
        assert!(!covers(&json!({"kind": "Secret", "data": {"a": "Yw=="}}), &manifest));
        assert!(!covers(&json!({"kind": "Secret"}), &manifest));
    }
}
