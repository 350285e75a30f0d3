//! Admission webhooks that nobody answers for.

use rhacs_tests::Installation;
use serde_json::{Value, json};
use sim::store::Writer;

use crate::upgrade;

const CODE: &str = "RHACS-WEBHOOK-DEAD";

/// A configuration of one webhook that is asked about the updates of workloads.
fn configuration(kind: &str, extra: &Value) -> Value {
    let mut webhook = json!({
        "name": "sidecar.mesh.example", "admissionReviewVersions": ["v1"], "sideEffects": "None",
        "failurePolicy": "Fail",
        "clientConfig": {"service": {"namespace": "mesh", "name": "injector", "path": "/inject"}},
        "rules": [{"operations": ["CREATE", "UPDATE"], "apiGroups": ["apps"],
                   "apiVersions": ["v1"], "resources": ["deployments"]}],
    });
    for (key, value) in extra.as_object().into_iter().flatten() {
        webhook[key] = value.clone();
    }
    json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
        "metadata": {"name": "mesh"}, "webhooks": [webhook]})
}

fn with(kind: &str, extra: &Value) -> Installation {
    let installation = Installation::at("3.66.1").start();
    let resource = format!("{}s.admissionregistration.k8s.io", kind.to_lowercase());
    let store = installation.simulation().store();
    let by = Writer::new("helm");
    store.create(&resource, configuration(kind, extra), &by).expect("a configuration");
    installation
}

#[test]
fn it_is_found_before_and_refuses_in_the_end() {
    for kind in ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"] {
        let installation = with(kind, &json!({}));
        let before = installation.essences();
        upgrade(&installation, "--to 3.69.2 --yes")
            .ends_with(3)
            .says(CODE)
            .says("svc/injector in namespace mesh does not exist")
            .says(&format!("kubectl delete {} mesh", kind.to_lowercase()));
        assert_eq!(installation.essences(), before);
        // A rehearsal ends as the cluster does.
        upgrade(&installation, "--to 3.69.2 --rehearse")
            .ends_with(4)
            .says("failed calling webhook \"sidecar.mesh.example\"")
            .says("this was a rehearsal");
        upgrade(&installation, "check --to 3.69.2 --server")
            .ends_with(3)
            .says("RHACS-SERVER-REFUSES")
            .says("service \"injector\" not found");
        upgrade(&installation, &format!("--to 3.69.2 --yes --accept {CODE}"))
            .ends_with(4)
            .says("failed calling webhook \"sidecar.mesh.example\"");
    }
}

#[test]
fn pods_of_controllers_are_refused_as_well() {
    let rules = json!({"rules": [{"operations": ["CREATE"], "apiGroups": [""],
        "apiVersions": ["v1"], "resources": ["pods"]}]});
    let installation = with("MutatingWebhookConfiguration", &rules);
    upgrade(&installation, "check --to 3.69.2").ends_with(3).says(CODE).says("about pods");
    for words in ["--rehearse", &format!("--yes --accept {CODE}")] {
        upgrade(&installation, &format!("--to 3.69.2 --components central {words}"))
            .ends_with(4)
            .says("failed calling webhook");
    }
}

#[test]
fn a_service_without_a_ready_endpoint_is_no_answer() {
    let installation = with("MutatingWebhookConfiguration", &json!({}));
    let store = installation.simulation().store();
    let by = Writer::new("helm");
    store.create("namespaces", json!({"metadata": {"name": "mesh"}}), &by).expect("a namespace");
    let service = json!({"metadata": {"name": "injector", "namespace": "mesh"},
        "spec": {"selector": {"app": "injector"}, "ports": [{"port": 443}]}});
    store.create("services", service, &by).expect("a service");
    upgrade(&installation, "check --to 3.69.2").ends_with(3).says("has no ready endpoint");
    upgrade(&installation, "--to 3.69.2 --rehearse")
        .ends_with(4)
        .says("no endpoints available for service \"injector\"");
}

#[test]
fn who_is_not_asked_or_lets_pass_is_not_told() {
    let own = json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name",
        "operator": "NotIn", "values": ["stackrox"]}]});
    for extra in [
        json!({"failurePolicy": "Ignore"}),
        json!({"namespaceSelector": own}),
        json!({"clientConfig": {"url": "https://example.com/inject"}}),
        json!({"rules": [{"operations": ["UPDATE"], "apiGroups": ["batch"],
            "apiVersions": ["v1"], "resources": ["*"]}]}),
    ] {
        let installation = with("ValidatingWebhookConfiguration", &extra);
        let check = upgrade(&installation, "check --to 3.69.2").ends_with(0);
        assert!(!check.stdout.contains(CODE), "{extra}: {}", check.stdout);
        upgrade(&installation, "--to 3.69.2 --rehearse").ends_with(0);
    }
}
