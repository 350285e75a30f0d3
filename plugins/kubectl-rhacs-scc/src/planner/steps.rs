//! From the rules' proposals to ordered steps: new SCCs first, then the pods, then the old ones.

use common::plan::{
    Action, Change, PatchKind, Step, Undo, Verification, Write, is_satisfied, merge_patches,
};
use common::rhacs::rules::{Facts, MIGRATION, Phase, Proposal, component_of};
use common::rhacs::{Component, ObjectRef, Workload};
use serde_json::json;

use super::Request;
use super::leaving::Leaving;

/// A proposal with what is said about it.
struct Explained {
    proposal: Proposal,
    rule: &'static str,
    why: &'static str,
    source: &'static str,
}

const GUIDE: &str = "upgrade guide 4.4, module migrating-sccs-during-the-manual-upgrade";

pub(super) fn build(facts: &Facts<'_>, request: &Request, components: &[Component]) -> Vec<Step> {
    let leaving = if request.prune { Leaving::of(facts) } else { Leaving::default() };
    let mut steps: Vec<Step> = components
        .iter()
        .flat_map(|component| component_steps(facts, request, *component, &leaving))
        .collect();
    // One step at the very end: by then every pod of every component is carried by a new SCC.
    let clean = components.iter().flat_map(|component| leaving.deletions(facts, *component));
    let clean = clean.map(|proposal| Explained {
        proposal,
        rule: "scc-old",
        why: "nothing of the product needs it any more",
        source: GUIDE,
    });
    steps.extend(writes_step("clean", None, "Remove old SCCs and Roles", clean.collect(), request));
    steps
}

fn component_steps(
    facts: &Facts<'_>,
    request: &Request,
    component: Component,
    leaving: &Leaving,
) -> Vec<Step> {
    let (workloads, mut prepare): (Vec<_>, Vec<_>) = proposals(facts, component)
        .into_iter()
        .partition(|explained| explained.proposal.phase == Phase::Workload);
    prepare.extend(handovers(facts, component, leaving));
    let mut steps = Vec::new();
    let id = format!("prepare-{component}");
    let title = format!("Prepare SCCs and Roles of {component}");
    steps.extend(writes_step(&id, Some(component), &title, prepare, request));
    let mut changes = workloads;
    changes.extend(restarts(facts, component, leaving));
    for workload in in_order(facts, component) {
        let (own, rest): (Vec<_>, Vec<_>) = changes
            .into_iter()
            .partition(|it| workload.reference().as_ref() == Some(it.proposal.write.object()));
        changes = rest;
        steps.extend(workload_step(workload, component, own, request));
    }
    steps
}

fn proposals(facts: &Facts<'_>, component: Component) -> Vec<Explained> {
    let rules = MIGRATION.iter().filter(|rule| rule.component == component);
    rules
        .flat_map(|rule| {
            let explained = |proposal| Explained {
                proposal,
                rule: rule.id,
                why: rule.why,
                source: rule.source,
            };
            rule.proposals(facts).into_iter().map(explained)
        })
        .collect()
}

/// An old SCC of the same kind comes before the new one in OpenShift's order, so that new pods
/// would be its again: it loses its users before they are made, and is still there to get them back.
fn handovers(facts: &Facts<'_>, component: Component, leaving: &Leaving) -> Vec<Explained> {
    let carrying = leaving.carrying(facts.snapshot, component);
    carrying
        .into_iter()
        .map(|name| Explained {
            proposal: Proposal {
                write: Write::Patch {
                    object: ObjectRef::scc(name),
                    patch: PatchKind::Merge,
                    body: json!({"users": [], "groups": []}),
                },
                what: "loses its users".to_owned(),
                phase: Phase::Prepare,
            },
            rule: "scc-handover",
            why: "OpenShift would admit the next pods by it again",
            source: "OpenShift: SCCs of equal priority and points are tried by name",
        })
        .collect()
}

/// The workloads whose pods an SCC that goes away has admitted.
fn restarts(facts: &Facts<'_>, component: Component, leaving: &Leaving) -> Vec<Explained> {
    let snapshot = facts.snapshot;
    let carried = in_order(facts, component)
        .into_iter()
        .filter(|workload| leaving.carries(snapshot, *workload))
        .filter_map(|workload| workload.reference());
    carried
        .map(|object| {
            let restarted = json!({"kubectl.kubernetes.io/restartedAt": snapshot.taken_at});
            let body = json!({"spec": {"template": {"metadata": {"annotations": restarted}}}});
            Explained {
                proposal: Proposal {
                    write: Write::Patch { object, patch: PatchKind::Strategic, body },
                    what: "new pods, admitted by the new SCC".to_owned(),
                    phase: Phase::Workload,
                },
                rule: "scc-carry",
                why: "an SCC goes away only when a new one carries every pod",
                source: GUIDE,
            }
        })
        .collect()
}

/// The product's workloads of a component, what others depend on first.
fn in_order<'a>(facts: &Facts<'a>, component: Component) -> Vec<Workload<'a>> {
    let own = facts.snapshot.workloads();
    let mut own: Vec<Workload<'_>> =
        own.filter(|workload| component_of(workload.name()) == Some(component)).collect();
    own.sort_by_key(|workload| {
        let name = workload.name();
        (WORKLOAD_ORDER.iter().position(|it| *it == name).unwrap_or(usize::MAX), name.to_owned())
    });
    own
}

/// All changes of one workload as one patch: one rollout, one reversal.
fn workload_step(
    workload: Workload<'_>,
    component: Component,
    own: Vec<Explained>,
    request: &Request,
) -> Option<Step> {
    let object = workload.reference()?;
    let changes: Vec<Change> = own.iter().map(change).collect();
    let mut body = json!({});
    for explained in own {
        if let Write::Patch { body: more, .. } = explained.proposal.write {
            merge_patches(&mut body, &more);
        }
    }
    if changes.is_empty() || is_satisfied(workload.object(), &body) {
        return None;
    }
    let nodes = workload.object()["status"]["desiredNumberScheduled"].as_u64().unwrap_or(0);
    let write = Write::Patch { object: object.clone(), patch: PatchKind::Strategic, body };
    Some(Step {
        id: object.name.clone(),
        component: Some(component),
        title: format!("Have the pods of {object} admitted anew"),
        action: Action::Write { writes: vec![write] },
        changes,
        undo: Undo::Restore,
        verify: vec![Verification::Rollout { object }],
        timeout_seconds: request.timeout_seconds.unwrap_or(600 + 60 * nodes),
    })
}

fn writes_step(
    id: &str,
    component: Option<Component>,
    title: &str,
    proposals: Vec<Explained>,
    request: &Request,
) -> Option<Step> {
    if proposals.is_empty() {
        return None;
    }
    Some(Step {
        id: id.to_owned(),
        component,
        title: title.to_owned(),
        changes: proposals.iter().map(change).collect(),
        action: Action::Write {
            writes: proposals.into_iter().map(|explained| explained.proposal.write).collect(),
        },
        undo: Undo::Restore,
        verify: Vec::new(),
        timeout_seconds: request.timeout_seconds.unwrap_or(60),
    })
}

fn change(explained: &Explained) -> Change {
    Change {
        rule: explained.rule.to_owned(),
        object: Some(explained.proposal.write.object().clone()),
        what: explained.proposal.what.clone(),
        why: explained.why.to_owned(),
        source: explained.source.to_owned(),
    }
}

/// The databases before what needs them.
const WORKLOAD_ORDER: [&str; 4] = ["central-db", "central", "scanner-db", "scanner"];
