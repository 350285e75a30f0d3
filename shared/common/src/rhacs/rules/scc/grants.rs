//! The Roles and bindings through which service accounts use OpenShift's own SCCs since 4.4.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::{Component, Facts, Phase, Proposal, Rule, Write};
use crate::rhacs::scc::{Era, component_of_account};
use crate::rhacs::{ObjectRef, Platform, Workload, official};

pub(super) const CENTRAL: Rule =
    rule(Component::Central, |facts| grants(facts, Component::Central));
pub(super) const SCANNER: Rule =
    rule(Component::Scanner, |facts| grants(facts, Component::Scanner));
pub(super) const SECURED: Rule =
    rule(Component::Secured, |facts| grants(facts, Component::Secured));

/// OpenShift's SCC for pods with directories of their node.
pub(super) const HOST_MOUNT: &str = "hostmount-anyuid";

const fn rule(component: Component, propose: fn(&Facts<'_>) -> Vec<Proposal>) -> Rule {
    Rule {
        id: "scc-grants",
        component,
        why: "since 4.4 the pods are admitted by the SCCs that OpenShift brings along",
        source: "upgrade guide 4.4, module migrating-sccs-during-the-manual-upgrade; ROX-12982",
        propose,
    }
}

fn grants(facts: &Facts<'_>, component: Component) -> Vec<Proposal> {
    if !facts.snapshot.is_openshift() || Era::of(facts.to) != Era::BuiltIn {
        return Vec::new();
    }
    let bindings: Vec<&Value> = facts
        .official_of_kind("RoleBinding")
        .filter(|binding| role_of(facts, binding).is_some())
        .filter(|binding| {
            accounts(binding).iter().any(|account| {
                component_of_account(account) == component && is_used(facts, account)
            })
        })
        .collect();
    let roles: BTreeSet<&str> =
        bindings.iter().filter_map(|it| it["roleRef"]["name"].as_str()).collect();
    let roles = roles.into_iter().filter_map(|name| role(facts, name, &bindings));
    let bound = bindings.iter().filter_map(|official| binding(facts, official));
    roles.chain(bound).collect()
}

/// The release's Role, with what the installation needs besides: directories of the node, and the
/// SCCs that somebody added. None when all of it is granted already.
fn role(facts: &Facts<'_>, name: &str, bindings: &[&Value]) -> Option<Proposal> {
    let official = facts.official("Role", name)?;
    let live = facts.snapshot.object("Role", name);
    let mut wanted = used_constraints(official);
    let on_host = bindings
        .iter()
        .filter(|binding| binding["roleRef"]["name"] == name)
        .flat_map(|binding| accounts(binding))
        .any(|account| uses_host_path(facts, account));
    if on_host && !wanted.contains("privileged") {
        wanted.insert(HOST_MOUNT.to_owned());
    }
    let granted = live.map(used_constraints).unwrap_or_default();
    if live.is_some() && granted.is_superset(&wanted) {
        return None;
    }
    let former = former_constraints(facts, name);
    wanted.extend(granted.difference(&former).cloned());
    let mut manifest = official.clone();
    manifest["rules"][0]["resourceNames"] = json!(wanted);
    let names: Vec<String> = wanted.into_iter().collect();
    Some(apply(manifest, format!("allows the use of {}", names.join(", "))))
}

/// The release's binding, with the subjects that somebody added; none when it is there, or when one
/// of that name binds another Role, which cannot be changed.
fn binding(facts: &Facts<'_>, official: &Value) -> Option<Proposal> {
    let name = official["metadata"]["name"].as_str()?;
    let mut manifest = official.clone();
    if let Some(live) = facts.snapshot.object("RoleBinding", name) {
        let present = live["subjects"].as_array().cloned().unwrap_or_default();
        let wanted = official["subjects"].as_array().cloned().unwrap_or_default();
        let is_bound = wanted.iter().all(|subject| present.iter().any(|it| same(it, subject)));
        if is_bound || live["roleRef"]["name"] != official["roleRef"]["name"] {
            return None;
        }
        let others = present.into_iter().filter(|it| !wanted.iter().any(|known| same(it, known)));
        manifest["subjects"] = wanted.iter().cloned().chain(others).collect();
    }
    let role = official["roleRef"]["name"].as_str().unwrap_or_default();
    let what = format!("{} to role/{role}", accounts(official).join(", "));
    Some(apply(manifest, what))
}

fn apply(manifest: Value, what: String) -> Proposal {
    let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
    let namespace = manifest["metadata"]["namespace"].as_str().unwrap_or_default();
    let kind = manifest["kind"].as_str().unwrap_or_default();
    let version = manifest["apiVersion"].as_str().unwrap_or_default();
    let object = ObjectRef::namespaced(version, kind, namespace, name);
    Proposal { write: Write::Apply { object, manifest }, what, phase: Phase::Prepare }
}

/// The release's Role that a binding gives, when it is about SCCs.
fn role_of<'a>(facts: &'a Facts<'_>, binding: &Value) -> Option<&'a Value> {
    let role = facts.official("Role", binding["roleRef"]["name"].as_str()?)?;
    (!used_constraints(role).is_empty()).then_some(role)
}

/// The SCCs that the Role of this name allowed in the release that runs: the product's, not
/// somebody's own.
fn former_constraints(facts: &Facts<'_>, name: &str) -> BTreeSet<String> {
    official::objects(facts.from, Platform::OpenShift, &facts.snapshot.namespace)
        .iter()
        .filter(|object| object["kind"] == "Role" && object["metadata"]["name"] == name)
        .flat_map(used_constraints)
        .collect()
}

fn used_constraints(role: &Value) -> BTreeSet<String> {
    let has = |rule: &Value, field: &str, value: &str| {
        rule[field].as_array().is_some_and(|list| list.iter().any(|entry| entry == value))
    };
    let rules = role["rules"].as_array().into_iter().flatten();
    rules
        .filter(|rule| {
            has(rule, "resources", "securitycontextconstraints") && has(rule, "verbs", "use")
        })
        .flat_map(|rule| rule["resourceNames"].as_array().into_iter().flatten())
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

fn accounts(binding: &Value) -> Vec<&str> {
    let subjects = binding["subjects"].as_array().into_iter().flatten();
    subjects.filter_map(|subject| subject["name"].as_str()).collect()
}

/// Whether two subjects are the same; the API server fills in groups.
fn same(a: &Value, b: &Value) -> bool {
    ["kind", "name", "namespace"].iter().all(|field| a[*field] == b[*field])
}

fn of_account<'a>(facts: &Facts<'a>, account: &str) -> impl Iterator<Item = Workload<'a>> {
    facts.snapshot.workloads().filter(move |workload| {
        let spec = workload.pod_spec();
        let named = spec["serviceAccountName"].as_str().or_else(|| spec["serviceAccount"].as_str());
        named.unwrap_or("default") == account
    })
}

fn is_used(facts: &Facts<'_>, account: &str) -> bool {
    of_account(facts, account).next().is_some()
}

fn uses_host_path(facts: &Facts<'_>, account: &str) -> bool {
    of_account(facts, account).any(|workload| workload.uses_host_path())
}
