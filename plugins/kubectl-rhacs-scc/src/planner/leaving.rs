//! What of other eras goes away with `--prune`: the product's own, never a person's.

use std::collections::BTreeSet;

use common::plan::Write;
use common::rhacs::rules::{ALL, Facts, Phase, Proposal};
use common::rhacs::scc::{
    Era, KIND, admitted_by, component_of_account, component_of_constraint, owner_era, workload_of,
};
use common::rhacs::{Component, ObjectRef, Platform, Snapshot, Version, Workload, official};
use serde_json::Value;

/// What goes away.
#[derive(Clone, Debug, Default)]
pub(super) struct Leaving {
    /// The SCCs of other eras, each with the component it was made for.
    constraints: Vec<(Component, String)>,
    /// The Roles and bindings of a later era.
    grants: Vec<(Component, ObjectRef)>,
}

impl Leaving {
    pub(super) fn of(facts: &Facts<'_>) -> Self {
        let snapshot = facts.snapshot;
        let target = Era::of(facts.to);
        let constraints = snapshot
            .of_kind(KIND)
            .filter(|scc| owner_era(scc, &snapshot.namespace).is_some_and(|era| era != target))
            .filter_map(|scc| scc["metadata"]["name"].as_str())
            .map(|name| (component_of_constraint(name), name.to_owned()))
            .collect();
        Self { constraints, grants: later_grants(facts, target) }
    }

    /// The SCCs of `component` that carry pods now, so that these have to be handed over.
    pub(super) fn carrying(&self, snapshot: &Snapshot, component: Component) -> Vec<&str> {
        let carrying: BTreeSet<&str> = snapshot.pods.iter().filter_map(admitted_by).collect();
        self.names(component).filter(|name| carrying.contains(name)).collect()
    }

    /// Whether pods of `workload` are carried by something that goes away.
    pub(super) fn carries(&self, snapshot: &Snapshot, workload: Workload<'_>) -> bool {
        snapshot.pods.iter().any(|pod| {
            let is_its = workload_of(snapshot, pod)
                .is_some_and(|owner| owner.reference() == workload.reference());
            is_its
                && admitted_by(pod)
                    .is_some_and(|scc| self.constraints.iter().any(|(_, name)| name == scc))
        })
    }

    /// The deletions of `component`, in an order that leaves no binding without its Role.
    pub(super) fn deletions(&self, facts: &Facts<'_>, component: Component) -> Vec<Proposal> {
        let constraints = self
            .names(component)
            .map(|name| delete(ObjectRef::scc(name), "no longer admits a pod of the product"));
        let grants = self.grants.iter().filter(|(of, _)| *of == component);
        let grants = grants.map(|(_, object)| delete(object.clone(), "of a later release"));
        let old = ALL.iter().filter(|rule| rule.id == "old-bindings");
        let old =
            old.filter(|rule| rule.component == component).flat_map(|rule| rule.proposals(facts));
        constraints.chain(grants).chain(old).collect()
    }

    fn names(&self, component: Component) -> impl Iterator<Item = &str> {
        self.constraints.iter().filter(move |(of, _)| *of == component).map(|(_, it)| it.as_str())
    }
}

fn delete(object: ObjectRef, what: &str) -> Proposal {
    Proposal { write: Write::Delete { object }, what: what.to_owned(), phase: Phase::Clean }
}

/// The bindings, then the Roles, through which releases of 4.4 and later use SCCs and the target
/// does not; none when the target does so itself.
fn later_grants(facts: &Facts<'_>, target: Era) -> Vec<(Component, ObjectRef)> {
    if target == Era::BuiltIn {
        return Vec::new();
    }
    let snapshot = facts.snapshot;
    let newest = Version::release(4, 99, 0);
    let later = official::objects(&newest, Platform::OpenShift, &snapshot.namespace);
    let is_gone = |object: &&Value, kind: &str| {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        object["kind"] == kind
            && name.ends_with("-scc")
            && facts.official(kind, name).is_none()
            && snapshot.object(kind, name).is_some()
    };
    let mut all = Vec::new();
    for binding in later.iter().filter(|object| is_gone(object, "RoleBinding")) {
        let account = binding["subjects"][0]["name"].as_str().unwrap_or_default();
        let component = component_of_account(account);
        all.extend(ObjectRef::of(binding).map(|object| (component, object)));
        let role = later.iter().find(|object| {
            is_gone(object, "Role") && object["metadata"]["name"] == binding["roleRef"]["name"]
        });
        all.extend(role.and_then(ObjectRef::of).map(|object| (component, object)));
    }
    all
}
