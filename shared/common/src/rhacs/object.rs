//! Names of Kubernetes objects, and reading them as plain JSON.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which object: enough to build its URL and to say its name as kubectl does.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectRef {
    /// Group and version, such as `apps/v1`.
    pub api_version: String,
    /// The kind, such as `Deployment`.
    pub kind: String,
    /// The namespace; none for cluster-wide kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The object's name.
    pub name: String,
}

impl ObjectRef {
    /// A namespaced object.
    pub fn namespaced(
        api_version: &str,
        kind: &str,
        namespace: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: Some(namespace.into()),
            name: name.into(),
        }
    }

    /// A cluster-wide object.
    pub fn cluster_wide(api_version: &str, kind: &str, name: impl Into<String>) -> Self {
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: None,
            name: name.into(),
        }
    }

    /// The Deployment `name`.
    pub fn deployment(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self::namespaced("apps/v1", "Deployment", namespace, name)
    }

    /// The DaemonSet `name`.
    pub fn daemon_set(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self::namespaced("apps/v1", "DaemonSet", namespace, name)
    }

    /// The SecurityContextConstraints `name`.
    pub fn scc(name: impl Into<String>) -> Self {
        Self::cluster_wide("security.openshift.io/v1", "SecurityContextConstraints", name)
    }

    /// The reference of an object in JSON; none when it lacks a kind or a name.
    #[must_use]
    pub fn of(object: &Value) -> Option<Self> {
        let metadata = &object["metadata"];
        Some(Self {
            api_version: object["apiVersion"].as_str()?.to_owned(),
            kind: object["kind"].as_str()?.to_owned(),
            namespace: metadata["namespace"].as_str().map(str::to_owned),
            name: metadata["name"].as_str()?.to_owned(),
        })
    }

    /// The API group; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// The resource name in URLs, such as `deployments`.
    #[must_use]
    pub fn plural(&self) -> String {
        plural(&self.kind)
    }

    /// The URL path of the collection this object is in.
    #[must_use]
    pub fn collection_path(&self) -> String {
        let root = if self.api_version.contains('/') { "/apis" } else { "/api" };
        let plural = self.plural();
        match &self.namespace {
            Some(namespace) => {
                format!("{root}/{}/namespaces/{namespace}/{plural}", self.api_version)
            }
            None => format!("{root}/{}/{plural}", self.api_version),
        }
    }

    /// The URL path of the object.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.collection_path(), self.name)
    }

    /// The name kubectl prints: `deployment.apps/central`.
    #[must_use]
    pub fn qualified(&self) -> String {
        let kind = self.kind.to_lowercase();
        match self.group() {
            "" => format!("{kind}/{}", self.name),
            group => format!("{kind}.{group}/{}", self.name),
        }
    }
}

impl fmt::Display for ObjectRef {
    /// The short name kubectl takes: `deploy/central`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = match self.kind.as_str() {
            "ConfigMap" => "cm",
            "DaemonSet" => "ds",
            "Deployment" => "deploy",
            "HorizontalPodAutoscaler" => "hpa",
            "SecurityContextConstraints" => "scc",
            "ServiceAccount" => "sa",
            "StatefulSet" => "sts",
            other => return f.pad(&format!("{}/{}", other.to_lowercase(), self.name)),
        };
        f.pad(&format!("{short}/{}", self.name))
    }
}

/// The parts of an object that a person or a controller decided: without `status` and what only
/// the API server writes. Two objects with equal essences need no write between them.
#[must_use]
pub fn essence(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in SERVER_METADATA {
            metadata.remove(field);
        }
        let annotations = metadata.get_mut("annotations").and_then(Value::as_object_mut);
        let is_empty = annotations.is_some_and(|annotations| {
            for name in CONTROLLER_ANNOTATIONS {
                annotations.remove(name);
            }
            annotations.is_empty()
        });
        // An object without annotations has the same essence as one that has only these.
        if is_empty {
            metadata.remove("annotations");
        }
    }
    object
}

const SERVER_METADATA: [&str; 6] =
    ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"];

/// Annotations that controllers and kubectl rewrite; autoscalers keep what newer versions of their
/// API have as status in the first two.
const CONTROLLER_ANNOTATIONS: [&str; 6] = [
    "autoscaling.alpha.kubernetes.io/conditions",
    "autoscaling.alpha.kubernetes.io/current-metrics",
    "control-plane.alpha.kubernetes.io/leader",
    "deployment.kubernetes.io/revision",
    "deprecated.daemonset.template.generation",
    "kubernetes.io/change-cause",
];

fn plural(kind: &str) -> String {
    let lower = kind.to_lowercase();
    match kind {
        "Endpoints" | "SecurityContextConstraints" => lower,
        _ if lower.ends_with('s') => format!("{lower}es"),
        _ => match lower.strip_suffix('y') {
            Some(stem) if !lower.ends_with("ay") => format!("{stem}ies"),
            _ => format!("{lower}s"),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_controllers_rewrite_is_no_change_by_somebody() {
        let autoscaler = |annotations: Value| {
            json!({"kind": "HorizontalPodAutoscaler", "metadata": {
                "name": "scanner", "resourceVersion": "7", "annotations": annotations,
            }, "spec": {"minReplicas": 2}, "status": {"currentReplicas": 2}})
        };
        let metrics = "autoscaling.alpha.kubernetes.io/metrics";
        let mut annotations = json!({metrics: "[]"});
        let plain = essence(&autoscaler(annotations.clone()));
        for name in CONTROLLER_ANNOTATIONS {
            annotations[name] = json!("rewritten");
        }
        let rewritten = essence(&autoscaler(annotations));
        assert_eq!(rewritten, plain);
        assert_eq!(
            rewritten["metadata"],
            json!({"name": "scanner", "annotations": {metrics: "[]"}})
        );
        let changed = essence(&autoscaler(json!({metrics: "[1]"})));
        assert_ne!(changed, plain, "the wanted metrics are somebody's decision");
        let only = autoscaler(json!({"autoscaling.alpha.kubernetes.io/conditions": "[]"}));
        let mut none = only.clone();
        none["metadata"].as_object_mut().unwrap().remove("annotations");
        assert_eq!(essence(&only), essence(&none));
    }

    #[test]
    fn paths_are_those_of_the_api() {
        let central = ObjectRef::deployment("stackrox", "central");
        assert_eq!(central.path(), "/apis/apps/v1/namespaces/stackrox/deployments/central");
        assert_eq!(central.to_string(), "deploy/central");
        assert_eq!(central.qualified(), "deployment.apps/central");
        let scc = ObjectRef::scc("sensor");
        assert_eq!(scc.path(), "/apis/security.openshift.io/v1/securitycontextconstraints/sensor");
        let secret = ObjectRef::namespaced("v1", "Secret", "stackrox", "central-tls");
        assert_eq!(secret.path(), "/api/v1/namespaces/stackrox/secrets/central-tls");
        for (kind, plural_name) in [
            ("NetworkPolicy", "networkpolicies"),
            ("PodSecurityPolicy", "podsecuritypolicies"),
            ("Gateway", "gateways"),
            ("Ingress", "ingresses"),
        ] {
            assert_eq!(plural(kind), plural_name);
        }
    }
}
