//! The objects of a release as today's API servers take them: pure.

use common::rhacs::{ObjectRef, Platform, Version, official};
use serde_json::{Value, json};
use sim::central::pki::Pki;

use crate::nodes;

/// Kinds whose objects are the product's own, with the version they are served in.
pub(super) const KINDS: [(&str, &str); 9] = [
    ("v1", "ConfigMap"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "Deployment"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
];
/// As `KINDS`, without a namespace.
pub(super) const CLUSTER_WIDE: [(&str, &str); 4] = [
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("security.openshift.io/v1", "SecurityContextConstraints"),
];

/// The objects of a release on OpenShift, without what would harm others on a given cluster.
pub(super) fn of(version: &Version, namespace: &str, pki: &Pki, is_given: bool) -> Vec<Value> {
    let objects = official::objects(version, Platform::OpenShift, namespace);
    let mut objects = sim::world::installable(objects, pki).expect("certificates");
    objects.retain(|object| is_served(object, is_given));
    for object in &mut objects {
        modernise(object);
        place(object);
    }
    objects
}

/// The object of that name, in `namespace` unless its kind has none.
pub(super) fn reference(version: &str, kind: &str, namespace: &str, name: &str) -> ObjectRef {
    if CLUSTER_WIDE.contains(&(version, kind)) {
        ObjectRef::cluster_wide(version, kind, name)
    } else {
        ObjectRef::namespaced(version, kind, namespace, name)
    }
}

/// Whether an object can be created on today's clusters, and harms nobody on a given one.
fn is_served(object: &Value, is_given: bool) -> bool {
    match object["kind"].as_str().unwrap_or_default() {
        "PodSecurityPolicy" | "ServiceMonitor" | "PrometheusRule" => false,
        "ValidatingWebhookConfiguration" => !is_given,
        _ => true,
    }
}

/// Writes a webhook of `v1beta1` as today's API servers show it.
fn modernise(object: &mut Value) {
    if object["apiVersion"] != "admissionregistration.k8s.io/v1beta1" {
        return;
    }
    object["apiVersion"] = json!("admissionregistration.k8s.io/v1");
    for webhook in object["webhooks"].as_array_mut().into_iter().flatten() {
        // What `v1` demands, or would set otherwise than `v1beta1` did.
        for (field, value) in [
            ("admissionReviewVersions", json!(["v1beta1"])),
            ("sideEffects", json!("NoneOnDryRun")),
            ("failurePolicy", json!("Ignore")),
        ] {
            if webhook[field].is_null() {
                webhook[field] = value;
            }
        }
    }
}

/// Places the pods of a workload on the nodes of the tests, and keeps other schedulers away.
fn place(object: &mut Value) {
    if let Some(spec) = object.pointer_mut("/spec/template/spec") {
        spec["nodeSelector"] = json!({nodes::LABEL: ""});
        spec["schedulerName"] = json!("rhacs-tests");
        if !object["spec"]["minReadySeconds"].is_null() {
            // The product's 15 s would only be waited through, at every step.
            object["spec"]["minReadySeconds"] = json!(1);
        }
    }
}

/// A pod in one line, for failed waits.
pub(super) fn describe(pod: &Value) -> String {
    let states = ["initContainerStatuses", "containerStatuses"].map(|list| {
        let statuses = pod["status"][list].as_array().cloned().unwrap_or_default();
        statuses.iter().map(|one| format!("{}: {}", one["image"], one["state"])).collect()
    });
    let states: Vec<String> = states.into_iter().flat_map(|list: Vec<String>| list).collect();
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    format!("{name}, ready: {}, {}", crate::pods::is_ready(pod), states.join(", "))
}
