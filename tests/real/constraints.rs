//! OpenShift's SecurityContextConstraints, on an API server that is not OpenShift's.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::Api;

/// The collection of the objects, which the API server serves on every OpenShift.
const OBJECTS: &str = "/apis/security.openshift.io/v1/securitycontextconstraints";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const NAME: &str = "securitycontextconstraints.security.openshift.io";
/// The longest time until a new kind is served.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes the API server serve the kind; false where it does already.
pub async fn define(api: &Api) -> bool {
    if api.list(OBJECTS).await.is_ok() {
        return false;
    }
    api.create(DEFINITIONS, &definition()).await.expect("the kind is defined");
    let began = Instant::now();
    while let Err(refusal) = api.list(OBJECTS).await {
        assert!(began.elapsed() < PATIENCE, "the kind is never served: {refusal}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    true
}

/// Takes the kind away again.
pub async fn undefine(api: &Api) {
    // The cluster may be gone meanwhile.
    let _ = api.delete(&format!("{DEFINITIONS}/{NAME}"), &json!({})).await;
}

/// The kind, as far as an API server has to know it: it keeps whatever it is given.
fn definition() -> Value {
    let kind = "SecurityContextConstraints";
    let plural = "securitycontextconstraints";
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": NAME},
        "spec": {
            "group": "security.openshift.io",
            "scope": "Cluster",
            "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": plural,
                "singular": plural, "shortNames": ["scc"]},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": schema}}],
        },
    })
}
