//! The secured cluster's rows of the guide: 13 to 16 of its steps.

use serde_json::{Value, json};

use super::central::role_rules;
use super::{
    Component, Facts, Phase, Proposal, Rule, Write, container_patch, pod_patch, workload_change,
};

pub(super) const READINESS_PROBE: Rule = Rule {
    id: "readiness-probe",
    component: Component::Secured,
    why: "the sensor answers its readiness probe at /ready since 3.65",
    source: "upgrade guide 3.69, section 2.3.1",
    propose: |facts| {
        let sensor = facts.snapshot.deployment("sensor");
        let Some(container) = sensor.and_then(|sensor| sensor.container("sensor")) else {
            return Vec::new();
        };
        let path = &container.value()["readinessProbe"]["httpGet"]["path"];
        if !facts.to.is_at_least(3, 65) || *path != json!(OLD_PROBE) {
            return Vec::new();
        }
        let body = container_patch(
            json!({"name": "sensor", "readinessProbe": {"httpGet": {"path": "/ready"}}}),
        );
        let what = format!("readiness probe {OLD_PROBE} → /ready");
        vec![workload_change(facts.deployment("sensor"), body, what)]
    },
};

pub(super) const FIXED_USER: Rule = Rule {
    id: "fixed-user",
    component: Component::Secured,
    why: "since 3.73 OpenShift chooses the user; the fixed one needs SCCs that go away",
    source: "upgrade guide, module upgrade-central-openshift (ROX-9342)",
    propose: |facts| {
        if !facts.snapshot.is_openshift() || !facts.to.is_at_least(3, 73) {
            return Vec::new();
        }
        ["sensor", "admission-control"]
            .into_iter()
            .filter(|name| has_fixed_user(facts, name))
            .map(|name| {
                let body = pod_patch(json!({"securityContext": null}));
                workload_change(facts.deployment(name), body, "no fixed user 4000")
            })
            .collect()
    },
};

pub(super) const EDIT_ROLE: Rule = Rule {
    id: "edit-role",
    component: Component::Secured,
    why: "since 3.73 the sensor's Role names its verbs instead of allowing all",
    source: "upgrade guide, module upgrade-central-openshift; product charts of 3.73",
    propose: |facts| {
        if !facts.to.is_at_least(3, 73) {
            return Vec::new();
        }
        let allows_all = |_: &Facts<'_>, rules: &Value| rules[0]["verbs"] == json!(["*"]);
        role_rules(facts, "edit", allows_all)
    },
};

pub(super) const OLD_BINDINGS: Rule = Rule {
    id: "old-bindings",
    component: Component::Secured,
    why: "the pods no longer need the anyuid SCC since 3.73",
    source: "upgrade guide, module upgrade-central-openshift",
    propose: |facts| {
        if !facts.snapshot.is_openshift() || !facts.to.is_at_least(3, 73) {
            return Vec::new();
        }
        [
            ("RoleBinding", "admission-control-use-scc"),
            ("RoleBinding", "sensor-use-scc"),
            ("Role", "use-anyuid-scc"),
        ]
        .into_iter()
        .filter(|(kind, name)| facts.snapshot.object(kind, name).is_some())
        .map(|(kind, name)| {
            let object = facts.namespaced("rbac.authorization.k8s.io/v1", kind, name);
            let what = "no longer needed".to_owned();
            Proposal { write: Write::Delete { object }, what, phase: Phase::Clean }
        })
        .collect()
    },
};

/// Whether the pods are pinned to the user that older releases wrote; another one is the
/// operator's own choice and stays.
fn has_fixed_user(facts: &Facts<'_>, deployment: &str) -> bool {
    let Some(workload) = facts.snapshot.deployment(deployment) else {
        return false;
    };
    let context = &workload.pod_spec()["securityContext"];
    context["runAsUser"] == json!(4000) || context["fsGroup"] == json!(4000)
}

const OLD_PROBE: &str = "/admissioncontroller";
