//! The SCC rows of the guide (18, 19 and 32 of its steps): the bare names of old give way to
//! `stackrox-*`, and these to the SCCs that OpenShift brings along.

mod grants;
pub(super) mod old;
pub(super) mod repair;
mod templates;

use serde_json::{Value, json};

use super::{Component, Facts, Phase, Proposal, Rule, Write, component_of, preparation};
pub use crate::rhacs::scc::{belongs_to_product, capturing_users, old_scc_names};
use crate::rhacs::scc::{component_of_account, component_of_constraint};
use crate::rhacs::{ObjectRef, Snapshot};

/// What brings the SCCs and what refers to them to another release's way, whichever that is; the
/// old ones stay.
pub const MIGRATION: [Rule; 13] = [
    PRIORITY,
    CENTRAL,
    SCANNER,
    SECURED,
    repair::CENTRAL,
    repair::SCANNER,
    repair::SECURED,
    grants::CENTRAL,
    grants::SCANNER,
    grants::SECURED,
    templates::CENTRAL,
    templates::SCANNER,
    templates::SECURED,
];

pub(super) const PRIORITY: Rule = Rule {
    id: "scc-priority",
    component: Component::Scanner,
    why: "an SCC with a priority captures pods of other projects",
    source: "upgrade guide, module update-openshift-security-context-constraints",
    propose: |facts| {
        let Some(scc) = facts.snapshot.object(SCC, "scanner") else {
            return Vec::new();
        };
        let renamed = facts.to.is_at_least(3, 64);
        let has_priority = scc["priority"].as_i64().is_some_and(|priority| priority != 0);
        if renamed || !has_priority || !belongs_to_product(scc, &facts.snapshot.namespace) {
            return Vec::new();
        }
        let what = format!("priority {} → 0", scc["priority"]);
        vec![preparation(ObjectRef::scc("scanner"), json!({"priority": 0}), what)]
    },
};

pub(super) const CENTRAL: Rule =
    new_sccs(Component::Central, |facts| new(facts, &["central", "central-db"]));
pub(super) const SCANNER: Rule = new_sccs(Component::Scanner, |facts| new(facts, &["scanner"]));
pub(super) const SECURED: Rule = new_sccs(Component::Secured, |facts| new(facts, &SECURED_NAMES));

const fn new_sccs(component: Component, propose: fn(&Facts<'_>) -> Vec<Proposal>) -> Rule {
    Rule {
        id: "scc-rename",
        component,
        why: "3.64 gave the SCCs names that say whose they are",
        source: "upgrade guide 3.69, section 2.3.2; change log 64.0",
        propose,
    }
}

/// The missing SCCs of the new names.
fn new(facts: &Facts<'_>, names: &[&str]) -> Vec<Proposal> {
    // Those that may not be read are not missing, where the release that runs has them already.
    let is_unread = facts.snapshot.unread.contains_key(SCC) && facts.from.is_at_least(3, 64);
    if !rename_applies(facts) || is_unread {
        return Vec::new();
    }
    let wanted = names.iter().filter_map(|name| official_scc(facts, name));
    wanted
        .filter(|manifest| facts.snapshot.object(SCC, name_of(manifest)).is_none())
        .map(|mut manifest| {
            keep_host_path(facts.snapshot, &mut manifest);
            let object = ObjectRef::scc(name_of(&manifest));
            let what = format!("new SCC for {}", users_of(&manifest));
            Proposal { write: Write::Apply { object, manifest }, what, phase: Phase::Prepare }
        })
        .collect()
}

fn rename_applies(facts: &Facts<'_>) -> bool {
    facts.snapshot.is_openshift() && facts.to.is_at_least(3, 64) && !facts.to.is_at_least(4, 4)
}

/// The target release's SCC for the service account `account`: found by its users, since in
/// another namespace its name has another prefix.
fn official_scc(facts: &Facts<'_>, account: &str) -> Option<Value> {
    let user = format!("system:serviceaccount:{}:{account}", facts.snapshot.namespace);
    facts
        .official_of_kind(SCC)
        .find(|scc| scc["users"].as_array().is_some_and(|users| users.contains(&json!(user))))
        .cloned()
}

/// A Central that keeps its data in a directory of the node needs the right to it; the guide's
/// document would take it away.
fn keep_host_path(snapshot: &Snapshot, manifest: &mut Value) {
    let is_central = name_of(manifest).ends_with("-central");
    let on_host = snapshot.deployment("central").is_some_and(|central| central.uses_host_path());
    if is_central && on_host {
        manifest["allowHostDirVolumePlugin"] = json!(true);
    }
}

/// The part of the product that an object is for, told by its kind and its name.
#[must_use]
pub fn component_of_object(object: &ObjectRef) -> Component {
    match object.kind.as_str() {
        SCC => component_of_constraint(&object.name),
        // `use-central-scc`, `central-use-scc`: each has the account's name in it.
        "Role" | "RoleBinding" => {
            component_of_account(object.name.strip_prefix("use-").unwrap_or(&object.name))
        }
        _ => component_of(&object.name).unwrap_or(Component::Secured),
    }
}

fn users_of(scc: &Value) -> String {
    let users = scc["users"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let accounts: Vec<&str> = users.filter_map(|user| user.rsplit(':').next()).collect();
    accounts.join(", ")
}

fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

const SCC: &str = "SecurityContextConstraints";
const SECURED_NAMES: [&str; 3] = ["admission-control", "collector", "sensor"];
