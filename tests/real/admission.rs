//! What only a real API server refuses: pods that a namespace forbids, writes that a policy forbids.

use common::rhacs::ObjectRef;
use serde_json::{Value, json};

use crate::installation::Installation;
use crate::{ACCEPT, upgrade};

const REGISTRATION: &str = "admissionregistration.k8s.io/v1";
const REASON: &str = "Central stays as it is";

#[test]
fn pods_that_the_namespace_forbids_are_told_in_seconds() {
    let Some(installation) = Installation::at("3.62.1") else { return };
    let namespace = ObjectRef::cluster_wide("v1", "Namespace", installation.namespace());
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    installation.change(&namespace, &json!({"metadata": {"labels": labels}}));
    let words = format!("--to 3.69.2 --components central --timeout 40s {ACCEPT}");
    upgrade(&installation, &words).ends_with(4).says("PodSecurity");
}

#[test]
fn a_write_that_a_policy_forbids_is_told_by_the_dry_run_and_the_run() {
    let Some(mut installation) = Installation::of_objects("3.62.1") else { return };
    forbid_another_central(&mut installation);
    let before = installation.versions();
    let tried = upgrade(&installation, "--to 3.69.2 --dry-run=server");
    assert_ne!(tried.code, Some(0), "{tried:?}");
    tried.says(REASON);
    assert_eq!(installation.versions(), before);
    let words = format!("--to 3.69.2 {ACCEPT}");
    upgrade(&installation, &words).ends_with(4).says(REASON);
}

/// Sets up a policy against another image of Central, and waits until it is in force.
fn forbid_another_central(installation: &mut Installation) {
    let name = format!("rhacs-tests-{}", installation.namespace());
    let metadata = json!({"name": name});
    let same = "object.spec.template.spec.containers[0].image == \
                oldObject.spec.template.spec.containers[0].image";
    let expression = format!("object.metadata.name != 'central' || {same}");
    let rule = json!({"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"],
        "resources": ["deployments"]});
    let here = json!({"matchLabels": {"kubernetes.io/metadata.name": installation.namespace()}});
    installation.create(&json!({"apiVersion": REGISTRATION, "kind": "ValidatingAdmissionPolicy",
        "metadata": metadata, "spec": {"failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": expression, "message": REASON}]}}));
    installation.create(&json!({"apiVersion": REGISTRATION,
        "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata,
        "spec": {"policyName": name, "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": here}}}));
    installation.wait_until("the policy is in force", |installation| {
        let central = ObjectRef::deployment(installation.namespace(), "central");
        installation.would_refuse(&central, &new_image())
    });
}

fn new_image() -> Value {
    let container = json!({"name": "central", "image": "registry.example/main:1"});
    json!({"spec": {"template": {"spec": {"containers": [container]}}}})
}
