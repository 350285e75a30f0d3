//! The SCCs of the old names, which go away once nothing relies on them.

use serde_json::Value;

use super::super::{ALL, Component, Facts, Phase, Proposal, Rule, Write};
use super::{SCC, SECURED_NAMES, name_of, official_scc, rename_applies};
use crate::plan::after_writes;
use crate::rhacs::ObjectRef;
use crate::rhacs::scc::{belongs_to_product, relying_on};

pub(in crate::rhacs::rules) const CENTRAL: Rule =
    rule(Component::Central, |facts| old(facts, Component::Central, &["central"]));
pub(in crate::rhacs::rules) const SCANNER: Rule =
    rule(Component::Scanner, |facts| old(facts, Component::Scanner, &["scanner"]));
pub(in crate::rhacs::rules) const SECURED: Rule =
    rule(Component::Secured, |facts| old(facts, Component::Secured, &SECURED_NAMES));

const ID: &str = "scc-old";

const fn rule(component: Component, propose: fn(&Facts<'_>) -> Vec<Proposal>) -> Rule {
    Rule {
        id: ID,
        component,
        why: "the SCC of the old name has a successor",
        source: "upgrade guide 3.69, section 2.3.2",
        propose,
    }
}

/// The SCCs of the old names that the product made; others of the same name are not ours. One
/// stays as long as it alone would admit the pods of a workload anew.
fn old(facts: &Facts<'_>, component: Component, names: &[&str]) -> Vec<Proposal> {
    if !rename_applies(facts) {
        return Vec::new();
    }
    let snapshot = facts.snapshot;
    let owned: Vec<(&str, Value)> = names
        .iter()
        .filter(|name| {
            let scc = snapshot.object(SCC, name);
            scc.is_some_and(|scc| belongs_to_product(scc, &snapshot.namespace))
        })
        .filter_map(|name| Some((*name, official_scc(facts, name)?)))
        .collect();
    if owned.is_empty() {
        return Vec::new();
    }
    let mut objects = after_the_rest(facts, component);
    let mut proposals = Vec::new();
    for (name, successor) in owned {
        if !relying_on(&objects, &snapshot.pods, &snapshot.namespace, name).is_empty() {
            continue;
        }
        let write = Write::Delete { object: ObjectRef::scc(name) };
        objects = after_writes(&objects, [&write]);
        let what = format!("replaced by {}", name_of(&successor));
        proposals.push(Proposal { write, what, phase: Phase::Clean });
    }
    proposals
}

/// The objects as all other rules of a component leave them.
fn after_the_rest(facts: &Facts<'_>, component: Component) -> Vec<Value> {
    let rules = ALL.iter().filter(|rule| rule.component == component && rule.id != ID);
    let proposals: Vec<Proposal> = rules.flat_map(|rule| rule.proposals(facts)).collect();
    after_writes(&facts.snapshot.objects, proposals.iter().map(|proposal| &proposal.write))
}
