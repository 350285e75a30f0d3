//! What pod templates say about SCCs: the one they require since 4.4, and contexts that it admits.

use serde_json::{Map, Value, json};

use super::super::{Component, Facts, Proposal, Rule, component_of, workload_change};
use super::grants::HOST_MOUNT;
use crate::plan::{PatchKind, apply_patch};
use crate::rhacs::Workload;
use crate::rhacs::scc::{Admission, Era, REQUIRED, built_in_constraints, pod_of};

pub(super) const CENTRAL: Rule =
    rule(Component::Central, |facts| changes(facts, Component::Central));
pub(super) const SCANNER: Rule =
    rule(Component::Scanner, |facts| changes(facts, Component::Scanner));
pub(super) const SECURED: Rule =
    rule(Component::Secured, |facts| changes(facts, Component::Secured));

/// What the product's releases require; another one is somebody's own decision.
const REQUIRED_BY_RELEASES: [&str; 4] = ["nonroot-v2", "restricted-v2", "privileged", HOST_MOUNT];

const fn rule(component: Component, propose: fn(&Facts<'_>) -> Vec<Proposal>) -> Rule {
    Rule {
        id: "required-scc",
        component,
        why: "a pod that names its SCC is admitted by no other, nor captured by one",
        source: "product charts of 4.4: annotation openshift.io/required-scc",
        propose,
    }
}

fn changes(facts: &Facts<'_>, component: Component) -> Vec<Proposal> {
    if !facts.snapshot.is_openshift() {
        return Vec::new();
    }
    let own = facts.snapshot.workloads().filter(|it| component_of(it.name()) == Some(component));
    own.filter_map(|workload| change(facts, workload)).collect()
}

fn change(facts: &Facts<'_>, workload: Workload<'_>) -> Option<Proposal> {
    let object = workload.reference()?;
    let official = facts.official(&object.kind, &object.name)?;
    let live = required(workload.object());
    if live.is_some_and(|live| !REQUIRED_BY_RELEASES.contains(&live)) {
        return None;
    }
    let wanted = wanted(facts, workload, official);
    let mut body = json!({});
    let mut said = Vec::new();
    if live != wanted {
        body["spec"]["template"]["metadata"]["annotations"][REQUIRED] = json!(wanted);
        said.push(match (live, wanted) {
            (_, Some(wanted)) => format!("requires {wanted}"),
            (Some(live), None) => format!("no longer requires {live}"),
            (None, None) => String::new(),
        });
    }
    if let Some(wanted) = wanted {
        let candidate = apply_patch(workload.object(), &body, PatchKind::Strategic);
        if !is_fit(facts, &candidate, wanted)
            && let Some(contexts) = contexts(workload, official)
        {
            body["spec"]["template"]["spec"] = contexts;
            said.push("the release's security contexts".to_owned());
        }
    }
    (!said.is_empty()).then(|| workload_change(object, body, said.join(", ")))
}

/// What the template requires.
fn required(workload: &Value) -> Option<&str> {
    workload["spec"]["template"]["metadata"]["annotations"][REQUIRED].as_str()
}

/// What the template should require: the release's, or the one for directories of the node.
fn wanted<'a>(facts: &Facts<'_>, workload: Workload<'_>, official: &'a Value) -> Option<&'a str> {
    if Era::of(facts.to) != Era::BuiltIn {
        return None;
    }
    let wanted = required(official)?;
    let needs_host = workload.uses_host_path() && wanted != "privileged";
    Some(if needs_host { HOST_MOUNT } else { wanted })
}

/// Whether the pods of `workload` fit the SCC, whoever may use it.
fn is_fit(facts: &Facts<'_>, workload: &Value, constraint: &str) -> bool {
    let live = facts.snapshot.object(crate::rhacs::scc::KIND, constraint).cloned();
    let known = || {
        let mut all = built_in_constraints().into_iter();
        all.find(|it| it["metadata"]["name"] == constraint)
    };
    let Some(mut scc) = live.or_else(known) else { return false };
    scc["groups"] = json!(["system:authenticated"]);
    let namespace = facts.snapshot.object("Namespace", &facts.snapshot.namespace);
    let objects = [Some(&scc), namespace];
    Admission::new(objects.into_iter().flatten()).admit(&pod_of(workload)).is_ok()
}

/// The patch of a pod's spec that brings its security contexts to those of `official`; none when
/// they are the same.
fn contexts(workload: Workload<'_>, official: &Value) -> Option<Value> {
    let official = Workload::new(official);
    let mut spec = Map::new();
    let of_pod = context_patch(
        &workload.pod_spec()["securityContext"],
        &official.pod_spec()["securityContext"],
    );
    spec.extend(of_pod.map(|patch| ("securityContext".to_owned(), patch)));
    for container in workload.all_containers() {
        let name = container.name();
        let counterpart = if container.is_init() {
            official.init_container(name)
        } else {
            official.container(name)
        };
        let wanted = counterpart.map(|it| it.value()["securityContext"].clone());
        let patch = wanted.and_then(|it| context_patch(&container.value()["securityContext"], &it));
        if let Some(patch) = patch {
            let list = if container.is_init() { "initContainers" } else { "containers" };
            let entry = spec.entry(list).or_insert_with(|| json!([]));
            let entry = entry.as_array_mut()?;
            entry.push(json!({"name": name, "securityContext": patch}));
        }
    }
    (!spec.is_empty()).then_some(Value::Object(spec))
}

/// What makes one context the other: null for what has to go.
fn context_patch(live: &Value, wanted: &Value) -> Option<Value> {
    let fields = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let (live, wanted) = (fields(live), fields(wanted));
    let gone = live.keys().filter(|field| !wanted.contains_key(*field));
    let mut patch: Map<String, Value> = gone.map(|field| (field.clone(), Value::Null)).collect();
    let changed = wanted.iter().filter(|(field, value)| live.get(*field) != Some(value));
    patch.extend(changed.map(|(field, value)| (field.clone(), value.clone())));
    (!patch.is_empty()).then_some(Value::Object(patch))
}
