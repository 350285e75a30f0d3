//! The secured cluster's rows of the guide: 14 to 16 of its steps.

use serde_json::{Map, Value, json};

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
        let workloads = ["sensor", "admission-control"];
        workloads.into_iter().filter_map(|name| without_fixed_user(facts, name)).collect()
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

/// Takes the ids that older releases wrote out of the pods' security context. Whatever else it has,
/// other ids included, is the operator's own choice and stays.
fn without_fixed_user(facts: &Facts<'_>, deployment: &str) -> Option<Proposal> {
    let workload = facts.snapshot.deployment(deployment)?;
    let context = workload.pod_spec()["securityContext"].as_object()?;
    let mut fields = Map::new();
    for field in ["runAsUser", "runAsGroup", "fsGroup"] {
        if context.get(field) == Some(&json!(FIXED_ID)) {
            fields.insert(field.to_owned(), Value::Null);
        }
    }
    let groups = context.get("supplementalGroups").and_then(Value::as_array);
    let others = groups.map(|groups| {
        let others = groups.iter().filter(|group| **group != json!(FIXED_ID));
        others.cloned().collect::<Vec<_>>()
    });
    if let (Some(groups), Some(others)) = (groups, others)
        && others.len() < groups.len()
    {
        let others = if others.is_empty() { Value::Null } else { Value::Array(others) };
        fields.insert("supplementalGroups".to_owned(), others);
    }
    if fields.is_empty() {
        return None;
    }
    let names: Vec<&str> = fields.keys().map(String::as_str).collect();
    let what = format!("no fixed id {FIXED_ID} ({})", names.join(", "));
    let is_all = fields.values().all(Value::is_null) && fields.len() == context.len();
    let context = if is_all { Value::Null } else { Value::Object(fields) };
    let body = pod_patch(json!({"securityContext": context}));
    Some(workload_change(facts.deployment(deployment), body, what))
}

const OLD_PROBE: &str = "/admissioncontroller";
/// The user and group that releases before 3.73 wrote into the pods.
const FIXED_ID: u32 = 4000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{after_writes, is_satisfied};
    use crate::rhacs::images::ImageOptions;
    use crate::rhacs::{Platform, Snapshot, Version, official};

    static FROM: Version = Version::release(3, 69, 2);
    static TO: Version = Version::release(3, 74, 9);

    /// A sensor with this security context; what the rule does about it, and what it leaves.
    fn freed(context: &Value) -> Option<(String, Value)> {
        let mut objects = official::objects(&FROM, Platform::OpenShift, "stackrox");
        objects.retain(|object| object["metadata"]["name"] == "sensor");
        for sensor in objects.iter_mut().filter(|object| object["kind"] == "Deployment") {
            sensor["spec"]["template"]["spec"]["securityContext"] = context.clone();
        }
        let snapshot = Snapshot {
            namespace: "stackrox".to_owned(),
            platform: Some(Platform::OpenShift),
            objects,
            ..Snapshot::default()
        };
        let images = ImageOptions::default();
        let proposal = FIXED_USER.proposals(&Facts::new(&snapshot, &FROM, &TO, &images)).pop()?;
        let objects = after_writes(&snapshot.objects, [&proposal.write]);
        let after = Snapshot { objects, ..snapshot };
        let again = FIXED_USER.proposals(&Facts::new(&after, &FROM, &TO, &images));
        assert!(again.is_empty(), "{again:?}");
        let sensor = after.deployment("sensor").unwrap();
        let Write::Patch { body, .. } = &proposal.write else { panic!("no patch") };
        assert!(is_satisfied(sensor.object(), body));
        Some((proposal.what, sensor.pod_spec()["securityContext"].clone()))
    }

    #[test]
    fn the_products_own_context_goes_as_a_whole() {
        let (what, left) = freed(&json!({"runAsUser": 4000, "fsGroup": 4000})).unwrap();
        assert_eq!(what, "no fixed id 4000 (fsGroup, runAsUser)");
        assert_eq!(left, Value::Null);
    }

    #[test]
    fn what_the_operator_added_stays() {
        for (context, left) in [
            (
                json!({"runAsUser": 4000, "fsGroup": 4000, "supplementalGroups": [77, 4000]}),
                json!({"supplementalGroups": [77]}),
            ),
            (
                json!({"runAsUser": 4000, "fsGroup": 77, "supplementalGroups": [4000]}),
                json!({"fsGroup": 77}),
            ),
            (
                json!({"fsGroup": 4000, "runAsNonRoot": true, "fsGroupChangePolicy": "Always"}),
                json!({"runAsNonRoot": true, "fsGroupChangePolicy": "Always"}),
            ),
        ] {
            assert_eq!(freed(&context).unwrap().1, left, "{context}");
        }
        for context in [json!({"runAsUser": 1000, "supplementalGroups": [77]}), json!({})] {
            assert_eq!(freed(&context), None, "{context}");
        }
    }
}
