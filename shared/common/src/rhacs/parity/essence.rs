//! An object reduced to what makes a difference between installations.

use serde_json::{Map, Value};

use crate::rhacs::scc;

/// `object` without what the cluster keeps (status, identity, bookkeeping), and without secret
/// values and comments of configuration texts. Whom a container runs as is said by the container,
/// whether it or its pod said so before; SCCs are written in the one way of [`scc::canonical`].
#[must_use]
pub fn essence(object: &Value) -> Value {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let mut object = if kind == scc::KIND { scc::canonical(object) } else { object.clone() };
    if let Value::Object(fields) = &mut object {
        fields.remove("status");
        // The reader chooses in which version an object is read.
        fields.remove("apiVersion");
        clean_metadata(fields.get_mut("metadata"));
        clean_data(&kind, fields);
    }
    clean_metadata(object.pointer_mut("/spec/template/metadata"));
    if let Some(Value::Object(pod)) = object.pointer_mut("/spec/template/spec") {
        // The old name of serviceAccountName, which the API server sets beside it.
        pod.remove("serviceAccount");
        spread_identity(pod);
    }
    object
}

/// Bookkeeping of the cluster in an object's metadata.
const BOOKKEEPING: &[&str] = &[
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "managedFields",
    "selfLink",
    "finalizers",
    "ownerReferences",
    "generateName",
];

/// Beginnings of annotations that controllers and clients write.
const BOOKKEEPING_ANNOTATIONS: &[&str] = &[
    "deployment.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "kubectl.kubernetes.io/",
    "kubernetes.io/change-cause",
    "autoscaling.alpha.kubernetes.io/",
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "openshift.io/scc",
    "openshift.io/internal-registry",
];

/// Who a container runs as: a pod may say so for all its containers.
const IDENTITY: [&str; 3] = ["runAsUser", "runAsGroup", "runAsNonRoot"];

fn clean_metadata(metadata: Option<&mut Value>) {
    let Some(Value::Object(metadata)) = metadata else { return };
    for field in BOOKKEEPING {
        metadata.remove(*field);
    }
    if metadata.get("name").and_then(Value::as_str).is_some_and(|n| n.starts_with(super::GENERATED))
    {
        metadata.remove("name");
    }
    if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
        annotations.retain(|key, _| {
            !BOOKKEEPING_ANNOTATIONS.iter().any(|beginning| key.starts_with(beginning))
        });
    }
}

/// Secrets keep their keys only, configuration texts lose their comments.
fn clean_data(kind: &str, fields: &mut Map<String, Value>) {
    if kind == "Secret" {
        let mut keys = Map::new();
        for field in ["data", "stringData"] {
            if let Some(Value::Object(data)) = fields.remove(field) {
                keys.extend(data.into_iter().map(|(key, _)| (key, Value::Bool(true))));
            }
        }
        fields.insert("data".to_owned(), Value::Object(keys));
    } else if kind == "ConfigMap"
        && let Some(Value::Object(data)) = fields.get_mut("data")
    {
        for value in data.values_mut() {
            if let Some(text) = value.as_str() {
                *value = without_comments(text).into();
            }
        }
    } else if let Some(Value::Array(webhooks)) = fields.get_mut("webhooks") {
        for webhook in webhooks {
            if let Some(Value::Object(client)) = webhook.get_mut("clientConfig") {
                client.remove("caBundle");
            }
        }
    }
}

/// A configuration text without comments and empty lines.
fn without_comments(text: &str) -> String {
    let code = |line: &str| -> String {
        let comment = line.find(" #").or_else(|| line.find("\t#")).unwrap_or(line.len());
        if line.trim_start().starts_with('#') {
            String::new()
        } else {
            line[..comment].trim_end().to_owned()
        }
    };
    text.lines().map(code).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Moves whom containers run as from the pod to each of them; what they say themselves counts.
fn spread_identity(pod: &mut Map<String, Value>) {
    let mut common = Map::new();
    if let Some(Value::Object(context)) = pod.get_mut("securityContext") {
        for field in IDENTITY {
            if let Some(value) = context.remove(field).filter(|value| !value.is_null()) {
                common.insert(field.to_owned(), value);
            }
        }
    }
    for list in ["containers", "initContainers"] {
        for container in pod.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let own = container.get("securityContext").cloned().unwrap_or_default();
            let mut merged = common.clone();
            if let Value::Object(own) = own {
                merged.extend(own.into_iter().filter(|(_, value)| !value.is_null()));
            }
            // A user other than root is not root, whether that is demanded or not.
            if merged.get("runAsUser").and_then(Value::as_i64).is_some_and(|user| user != 0) {
                merged.remove("runAsNonRoot");
            }
            container["securityContext"] = Value::Object(merged);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{defaults::is_same, diff::differences};
    use super::*;

    #[test]
    fn what_the_api_server_adds_is_no_difference() {
        let written = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
            "spec": {"template": {"spec": {
                "serviceAccountName": "a",
                "containers": [{"name": "c", "readinessProbe": {"httpGet": {"path": "/"}}}],
                "volumes": [{"name": "v", "emptyDir": {}}],
            }}},
        });
        let live = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "a", "uid": "1", "generation": 3, "creationTimestamp": "now",
                "annotations": {"deployment.kubernetes.io/revision": "3"},
            },
            "spec": {
                "replicas": 1, "revisionHistoryLimit": 10,
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
                },
                "template": {"spec": {
                    "serviceAccountName": "a", "serviceAccount": "a", "restartPolicy": "Always",
                    "securityContext": {},
                    "containers": [{
                        "name": "c", "imagePullPolicy": "IfNotPresent", "resources": {},
                        "readinessProbe": {
                            "httpGet": {"path": "/", "scheme": "HTTP"},
                            "periodSeconds": 10, "timeoutSeconds": 1,
                        },
                    }],
                    "volumes": [{"name": "v", "emptyDir": {}}],
                }},
            },
            "status": {"replicas": 1},
        });
        let real: Vec<_> = differences(&essence(&live), &essence(&written))
            .into_iter()
            .filter(|field| !is_same(&field.path, field.left.as_ref(), field.right.as_ref()))
            .collect();
        assert_eq!(real, []);
    }

    #[test]
    fn an_scc_is_compared_by_what_it_means() {
        let written = json!({
            "kind": "SecurityContextConstraints", "metadata": {"name": "s"}, "volumes": ["*"],
            "users": ["b", "a"], "priority": 0, "defaultAddCapabilities": [],
            "allowHostDirVolumePlugin": false, "runAsUser": {"type": "RunAsAny"},
        });
        let mut live = scc::with_defaults(&written);
        live["users"] = json!(["a", "b"]);
        for field in ["priority", "defaultAddCapabilities"] {
            live[field] = Value::Null;
        }
        assert_eq!(differences(&essence(&live), &essence(&written)), []);
        live["volumes"] = json!(["secret"]);
        let found = differences(&essence(&live), &essence(&written));
        assert_eq!(found[0].path, "volumes");
    }

    #[test]
    fn secrets_lose_their_values() {
        let secret = json!({"kind": "Secret", "data": {"a": "c2VjcmV0"}, "stringData": {"b": "x"}});
        assert_eq!(essence(&secret)["data"], json!({"a": true, "b": true}));
    }

    #[test]
    fn whom_a_container_runs_as_may_be_said_by_its_pod() {
        let deployment = |pod: Value, container: Value| {
            let containers = json!([{"name": "c", "securityContext": container}]);
            let pod = json!({"securityContext": pod, "containers": containers});
            essence(&json!({"kind": "Deployment", "spec": {"template": {"spec": pod}}}))
        };
        let by_pod = json!({"runAsUser": 70, "runAsGroup": 70, "runAsNonRoot": true});
        let by_container = json!({"runAsUser": 70, "runAsGroup": 70});
        assert_eq!(deployment(by_pod.clone(), json!({})), deployment(json!({}), by_container));
        let root = deployment(by_pod, json!({"runAsUser": 0}));
        let user = "/spec/template/spec/containers/0/securityContext/runAsUser";
        assert_eq!(root.pointer(user), Some(&json!(0)));
    }
}
