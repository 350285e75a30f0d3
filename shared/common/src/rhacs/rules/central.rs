//! Central's rows of the guide: 2, 2b, 5 and 6 of its steps.

use serde_json::{Value, json};

use super::{Component, Facts, Proposal, Rule, container_patch, preparation, workload_change};
use crate::rhacs::{Platform, Version, official};

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

pub(super) const DIAGNOSTICS_ROLE: Rule = Rule {
    id: "diagnostics-role",
    component: Component::Central,
    why: "diagnostic bundles read only what the new release's Role lists",
    source: "upgrade guide, module upgrade-central; product charts of 3.65 and 3.73",
    propose: |facts| role_rules(facts, DIAGNOSTICS, are_official_diagnostics),
};

/// Whether some release up to the target has these rules; others are the operator's own.
fn are_official_diagnostics(facts: &Facts<'_>, rules: &Value) -> bool {
    let platform = facts.snapshot.platform.unwrap_or(Platform::Kubernetes);
    DIAGNOSTICS_CHANGES.iter().filter(|release| *release <= facts.to).any(|release| {
        let objects = official::objects(release, platform, &facts.snapshot.namespace);
        objects.iter().any(|object| {
            object["kind"] == "Role"
                && object["metadata"]["name"] == DIAGNOSTICS
                && object["rules"] == *rules
        })
    })
}

/// Proposes the official rules of the Role `name` where the live ones differ and `may_replace`
/// recognises them.
pub(super) fn role_rules(
    facts: &Facts<'_>,
    name: &str,
    may_replace: fn(&Facts<'_>, &Value) -> bool,
) -> Vec<Proposal> {
    let live = facts.snapshot.object("Role", name);
    let (Some(live), Some(official)) = (live, facts.official("Role", name)) else {
        return Vec::new();
    };
    if live["rules"] == official["rules"] || !may_replace(facts, &live["rules"]) {
        return Vec::new();
    }
    let object = facts.namespaced("rbac.authorization.k8s.io/v1", "Role", name);
    let what = format!("{} → {}", summary(&live["rules"]), summary(&official["rules"]));
    vec![preparation(object, json!({"rules": official["rules"]}), what)]
}

/// `get,list on *`: enough to see what a Role allows.
fn summary(rules: &Value) -> String {
    let words = |list: &Value| {
        let words: Vec<&str> =
            list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        words.join(",")
    };
    let rules: Vec<String> = rules
        .as_array()
        .into_iter()
        .flatten()
        .map(|rule| format!("{} on {}", words(&rule["verbs"]), words(&rule["resources"])))
        .collect();
    rules.join("; ")
}

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

const DIAGNOSTICS: &str = "stackrox-central-diagnostics";
/// The releases in which the rules of that Role changed, after the oldest known one.
const DIAGNOSTICS_CHANGES: [Version; 4] = [
    Version::release(3, 58, 0),
    Version::release(3, 65, 0),
    Version::release(3, 73, 0),
    Version::release(4, 1, 0),
];
const REDIRECT_URI: &str = "serviceaccounts.openshift.io/oauth-redirecturi.main";
const REDIRECT_REFERENCE: &str = "serviceaccounts.openshift.io/oauth-redirectreference.main";
const ROUTE_OF_CENTRAL: &str = r#"{"kind":"OAuthRedirectReference","apiVersion":"v1","reference":{"kind":"Route","name":"central"}}"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rhacs::Snapshot;
    use crate::rhacs::images::ImageOptions;

    const NAMESPACE: &str = "stackrox";

    fn diagnostics_of(release: &Version) -> Value {
        let objects = official::objects(release, Platform::Kubernetes, NAMESPACE);
        let role =
            |object: &&Value| object["kind"] == "Role" && object["metadata"]["name"] == DIAGNOSTICS;
        objects.iter().find(role).cloned().unwrap_or_default()
    }

    fn proposals(role: Value, to: &Version) -> Vec<Proposal> {
        let snapshot = Snapshot {
            namespace: NAMESPACE.to_owned(),
            platform: Some(Platform::Kubernetes),
            objects: vec![role],
            ..Snapshot::default()
        };
        let (from, images) = (Version::release(3, 62, 1), ImageOptions::default());
        DIAGNOSTICS_ROLE.proposals(&Facts::new(&snapshot, &from, to, &images))
    }

    #[test]
    fn a_role_of_an_older_release_is_brought_to_that_of_the_target() {
        let target = Version::release(3, 74, 9);
        let old = diagnostics_of(&Version::release(3, 64, 0));
        let proposals = proposals(old, &target);
        let [proposal] = proposals.as_slice() else { unreachable!("{proposals:?}") };
        let super::super::Write::Patch { body, .. } = &proposal.write else {
            unreachable!("{proposal:?}")
        };
        assert_eq!(body["rules"], diagnostics_of(&target)["rules"]);
    }

    #[test]
    fn a_role_that_somebody_changed_or_that_is_newer_is_left_alone() {
        let mut own = diagnostics_of(&Version::release(3, 72, 0));
        own["rules"][0]["resources"] = json!(["pods"]);
        assert!(proposals(own, &Version::release(3, 74, 9)).is_empty());
        let newer = diagnostics_of(&Version::release(3, 73, 0));
        assert!(proposals(newer, &Version::release(3, 69, 2)).is_empty());
    }

    #[test]
    fn every_change_of_the_role_is_known() {
        let minors = (58..=74).map(|minor| (3, minor)).chain((0..=11).map(|minor| (4, minor)));
        let mut known = Value::Null;
        for release in minors.map(|(major, minor)| Version::release(major, minor, 0)) {
            let rules = diagnostics_of(&release)["rules"].clone();
            assert_eq!(rules != known, DIAGNOSTICS_CHANGES.contains(&release), "{release}");
            known = rules;
        }
    }
}
