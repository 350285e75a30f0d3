//! From the record of a run to what puts back the SCCs that it removed or changed. Pure.

use common::plan::{
    Action, Before, Change, Course, Finding, Guide, Operation, Proposed, Step, Undo, Verification,
    Write, basis_digest,
};
use common::rhacs::rules::component_of_object;
use common::rhacs::scc::KIND;
use common::rhacs::{Component, ObjectRef, Snapshot};
use common::run::{Captured, Record, Restoration, StepState, Wrote, restoration};

use crate::checks::CHANGED;
use crate::planner::sealed;

/// The way back from `record`, with what somebody changed since.
#[must_use]
pub fn plan(record: &Record, snapshot: &Snapshot, timeout_seconds: Option<u64>) -> Proposed {
    let undone: Vec<Captured> =
        captured(record).into_iter().filter(|captured| is_pending(captured, snapshot)).collect();
    let findings = undone.iter().filter_map(|it| changed(record, it, snapshot)).collect();
    let way = Way { record, timeout_seconds };
    let steps = way.steps(&undone);
    let (from, to) = (record.plan.to.clone(), record.plan.from.clone());
    let components = record.plan.components.clone();
    let plan = sealed(snapshot, (from, to), components, steps, course(record));
    Proposed { plan, findings }
}

/// Says that nothing is left of the run, so that it cannot be resumed afterwards; of another kind
/// of run there is.
fn course(record: &Record) -> Option<Course> {
    (record.operation == Operation::Scc).then(|| Course {
        guide: Guide::Runs { runs: vec![record.id.clone()], named: true, whole: true },
        forced: false,
    })
}

/// What each object was before the run first touched it, in the order in which that happened. Of
/// another kind of run only what decides about SCCs counts.
fn captured(record: &Record) -> Vec<Captured> {
    let mut first: Vec<Captured> = Vec::new();
    let started = record.plan.steps.iter().filter(|step| {
        matches!(
            record.step_state(&step.id),
            StepState::Started | StepState::Done | StepState::Failed
        )
    });
    for captured in started.filter_map(|step| record.captured.get(&step.id)).flatten() {
        let is_known = first.iter().any(|known| known.object == captured.object);
        let counts = record.operation == Operation::Scc || decides(&captured.object);
        if counts && !is_known {
            first.push(captured.clone());
        }
    }
    first
}

fn decides(object: &ObjectRef) -> bool {
    let is_grant = matches!(object.kind.as_str(), "Role" | "RoleBinding");
    object.kind == KIND || (is_grant && object.name.ends_with("-scc"))
}

/// Whether the object is not as it was.
fn is_pending(captured: &Captured, snapshot: &Snapshot) -> bool {
    let now = snapshot.find(&captured.object);
    match &captured.before {
        Some(before) => restoration(before, now) != Restoration::Nothing,
        None => now.is_some(),
    }
}

/// What is said when the object is not as the run left it either.
fn changed(record: &Record, captured: &Captured, snapshot: &Snapshot) -> Option<Finding> {
    let object = &captured.object;
    let now = snapshot.find(object);
    let steps = record.plan.steps.iter().rev().filter_map(|step| record.steps.get(&step.id));
    let wrote: &Wrote = steps.flat_map(|step| &step.wrote).find(|it| it.object == *object)?;
    if wrote.digest == now.map(basis_digest) {
        return None;
    }
    let what = match (&wrote.digest, now) {
        (_, None) => format!("{object} was deleted since"),
        (None, Some(_)) => format!("{object} was created anew since"),
        (Some(_), Some(_)) => format!("{object} was changed since"),
    };
    let fix = format!("look at it: `kubectl get {object} -o yaml`");
    Some(CHANGED.found(what, fix))
}

struct Way<'a> {
    record: &'a Record,
    timeout_seconds: Option<u64>,
}

impl Way<'_> {
    /// First what pods need to be admitted as before. Then, part by part, what the run created goes,
    /// as it would admit the pods again, and the pods are made anew.
    fn steps(&self, undone: &[Captured]) -> Vec<Step> {
        let (workloads, others): (Vec<&Captured>, Vec<&Captured>) =
            undone.iter().partition(|captured| is_workload(&captured.object));
        let (restored, created): (Vec<&Captured>, Vec<&Captured>) =
            others.into_iter().partition(|captured| captured.before.is_some());
        let mut steps = Vec::new();
        steps.extend(self.step("restore", "Put back SCCs and Roles", &restored, Vec::new()));
        for component in Component::ALL {
            let is_its = |captured: &&&Captured| component_of_object(&captured.object) == component;
            let created: Vec<&Captured> = created.iter().filter(is_its).copied().collect();
            let (id, title) = (
                format!("remove-{component}"),
                format!("Remove what the run made for {component}"),
            );
            steps.extend(self.step(&id, &title, &created, Vec::new()));
            for captured in workloads.iter().filter(is_its) {
                let object = &captured.object;
                let verify = vec![Verification::Rollout { object: object.clone() }];
                let title = format!("Have the pods of {object} admitted as before");
                steps.extend(self.step(&object.name, &title, &[captured], verify));
            }
        }
        steps
    }

    fn step(
        &self,
        id: &str,
        title: &str,
        captured: &[&Captured],
        verify: Vec<Verification>,
    ) -> Option<Step> {
        let component = component_of_object(&captured.first()?.object);
        let component = (id != "restore").then_some(component);
        let default = if verify.is_empty() { 60 } else { 1800 };
        Some(Step {
            id: id.to_owned(),
            component,
            title: title.to_owned(),
            action: Action::Write { writes: captured.iter().map(|it| write(it)).collect() },
            changes: captured.iter().map(|it| self.change(it)).collect(),
            undo: Undo::Restore,
            verify,
            timeout_seconds: self.timeout_seconds.unwrap_or(default),
        })
    }

    fn change(&self, captured: &Captured) -> Change {
        let what = match captured.before {
            Some(_) => "as it was before the run",
            None => "away again",
        };
        Change {
            rule: "scc-restore".to_owned(),
            object: Some(captured.object.clone()),
            what: what.to_owned(),
            why: "the run changed it".to_owned(),
            source: format!("the record of run {}", self.record.id),
        }
    }
}

fn write(captured: &Captured) -> Write {
    let object = captured.object.clone();
    match &captured.before {
        Some(manifest) => {
            Write::Restore { object, before: Before::Manifest { manifest: manifest.clone() } }
        }
        None => Write::Delete { object },
    }
}

fn is_workload(object: &ObjectRef) -> bool {
    matches!(object.kind.as_str(), "Deployment" | "DaemonSet" | "StatefulSet")
}
