//! Central's rows of the guide: 2, 2b and 6 of its steps.

use serde_json::json;

use super::{Component, Facts, Proposal, Rule, container_patch, preparation, workload_change};

pub(super) const NAMESPACE_ENV: Rule = Rule {
    id: "central-namespace-env",
    component: Component::Central,
    why: "Central reads its own namespace from ROX_NAMESPACE",
    source: "upgrade guide 3.69, section 2.2.1",
    propose: |facts| {
        let wanted = facts.to.is_at_least(3, 64) && !facts.to.is_at_least(4, 3);
        if !wanted || has_central_env(facts, "ROX_NAMESPACE") {
            return Vec::new();
        }
        vec![namespace_env(facts, "central", "ROX_NAMESPACE")]
    },
};

pub(super) const POD_NAMESPACE_ENV: Rule = Rule {
    id: "pod-namespace-env",
    component: Component::Central,
    why: "from 4.3 on POD_NAMESPACE says the namespace, and its default is `stackrox`",
    source: "product pkg/env/namespace.go at 4.3.0",
    propose: |facts| {
        let elsewhere = facts.snapshot.namespace != "stackrox";
        if !elsewhere || !facts.to.is_at_least(4, 3) || has_central_env(facts, "POD_NAMESPACE") {
            return Vec::new();
        }
        vec![namespace_env(facts, "central", "POD_NAMESPACE")]
    },
};

pub(super) const OPENSHIFT_AUTH_ENV: Rule = Rule {
    id: "openshift-login-env",
    component: Component::Central,
    why: "login with OpenShift accounts is part of Central since 3.67",
    source: "upgrade guide, module upgrade-central; product charts of 3.67",
    propose: |facts| {
        if !login_applies(facts) || has_central_env(facts, "ROX_ENABLE_OPENSHIFT_AUTH") {
            return Vec::new();
        }
        let env = json!([{"name": "ROX_ENABLE_OPENSHIFT_AUTH", "value": "true"}]);
        let body = container_patch(json!({"name": "central", "env": env}));
        let what = "env ROX_ENABLE_OPENSHIFT_AUTH=true";
        vec![workload_change(facts.deployment("central"), body, what)]
    },
};

pub(super) const OPENSHIFT_AUTH_ACCOUNT: Rule = Rule {
    id: "openshift-login-account",
    component: Component::Central,
    why: "OpenShift's OAuth server sends users back only to where the service account says",
    source: "upgrade guide, module upgrade-central",
    propose: |facts| {
        let Some(account) = facts.snapshot.object("ServiceAccount", "central") else {
            return Vec::new();
        };
        let has = |annotation: &str| !account["metadata"]["annotations"][annotation].is_null();
        if !login_applies(facts) || (has(REDIRECT_URI) && has(REDIRECT_REFERENCE)) {
            return Vec::new();
        }
        let mut annotations = serde_json::Map::new();
        annotations.insert(REDIRECT_URI.to_owned(), json!("sso/providers/openshift/callback"));
        annotations.insert(REDIRECT_REFERENCE.to_owned(), json!(ROUTE_OF_CENTRAL));
        let body = json!({"metadata": {"annotations": annotations}});
        let object = facts.namespaced("v1", "ServiceAccount", "central");
        vec![preparation(object, body, "annotations for OpenShift's OAuth server")]
    },
};

fn login_applies(facts: &Facts<'_>) -> bool {
    facts.snapshot.is_openshift() && facts.to.is_at_least(3, 67)
}

fn has_central_env(facts: &Facts<'_>, name: &str) -> bool {
    let central = facts.snapshot.deployment("central");
    let container = central.and_then(|central| central.container("central"));
    // Without the container there is nothing to patch either.
    container.is_none_or(|container| container.env(name).is_some())
}

fn namespace_env(facts: &Facts<'_>, deployment: &str, name: &str) -> Proposal {
    let source = json!({"fieldRef": {"fieldPath": "metadata.namespace"}});
    let env = json!([{"name": name, "valueFrom": source}]);
    let body = container_patch(json!({"name": "central", "env": env}));
    workload_change(facts.deployment(deployment), body, format!("env {name} ← metadata.namespace"))
}

const REDIRECT_URI: &str = "serviceaccounts.openshift.io/oauth-redirecturi.main";
const REDIRECT_REFERENCE: &str = "serviceaccounts.openshift.io/oauth-redirectreference.main";
const ROUTE_OF_CENTRAL: &str = r#"{"kind":"OAuthRedirectReference","apiVersion":"v1","reference":{"kind":"Route","name":"central"}}"#;
