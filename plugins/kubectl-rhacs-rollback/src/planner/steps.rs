//! Parts of a way back, and the ordered steps that are made of them.

use common::plan::{Action, Before, Change, Step, Undo, Verification, Write};
use common::rhacs::{Component, ObjectRef, Version, Workload};

use super::Request;
use super::view::View;

/// When something goes back: as on the way there, first what pods need, then the pods themselves,
/// and at the very end what only the newer state needs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Phase {
    /// Accounts, Roles, SCCs, configuration: pods are admitted by it, or read it when they start.
    Prepare,
    /// What makes pods.
    Workload,
    /// What was not there before.
    Clean,
}

impl Phase {
    /// The phase of one write.
    pub(super) fn of(write: &Write) -> Self {
        match write {
            Write::Delete { .. } => Self::Clean,
            _ if makes_pods(write.object()) => Self::Workload,
            _ => Self::Prepare,
        }
    }
}

/// What goes back together: one step.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) id: String,
    pub(super) phase: Phase,
    pub(super) component: Component,
    pub(super) title: String,
    pub(super) writes: Vec<Write>,
    pub(super) changes: Vec<Change>,
    /// The step's own time limit, in seconds.
    pub(super) timeout: u64,
}

impl Part {
    /// Whether it writes Central's Deployment.
    pub(super) fn is_central(&self, namespace: &str) -> bool {
        let central = ObjectRef::deployment(namespace, "central");
        self.writes.iter().any(|write| *write.object() == central)
    }

    /// The image that it gives to Central.
    pub(super) fn central_image(&self, namespace: &str) -> Option<String> {
        image_in(&self.writes, namespace)
    }
}

/// The image that a step gives to Central.
pub(super) fn central_image(step: &Step, namespace: &str) -> Option<String> {
    image_in(step.action.writes(), namespace)
}

fn image_in(writes: &[Write], namespace: &str) -> Option<String> {
    let central = ObjectRef::deployment(namespace, "central");
    let write = writes.iter().find(|write| *write.object() == central)?;
    let body = match write {
        Write::Restore { before: Before::Manifest { manifest }, .. } => manifest,
        Write::Patch { body, .. } => body,
        Write::Apply { .. } | Write::Delete { .. } | Write::Restore { .. } => return None,
    };
    let image = Workload::new(body).container("central")?.image().to_owned();
    (!image.is_empty()).then_some(image)
}

/// The steps of the parts, in their order, and the look at everything afterwards.
pub(super) fn build(
    view: View<'_>,
    request: &Request,
    parts: Vec<Part>,
    to: &Version,
) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for part in parts {
        let id = unique(&part.id, &steps);
        steps.push(step(view, request, Part { id, ..part }, to));
    }
    if !steps.is_empty() {
        steps.push(verify(request, to));
    }
    steps
}

fn step(view: View<'_>, request: &Request, part: Part, to: &Version) -> Step {
    let is_central = part.is_central(&view.snapshot.namespace);
    let rolls_out =
        |write: &&Write| !matches!(write, Write::Delete { .. }) && makes_pods(write.object());
    let mut verify: Vec<Verification> = part
        .writes
        .iter()
        .filter(rolls_out)
        .map(|write| Verification::Rollout { object: write.object().clone() })
        .collect();
    if is_central {
        verify.push(Verification::CentralServes { version: to.clone() });
    }
    Step {
        id: part.id,
        component: Some(part.component),
        title: part.title,
        action: Action::Write { writes: part.writes },
        changes: part.changes,
        undo: Undo::Restore,
        verify,
        timeout_seconds: request.timeout_seconds.unwrap_or(part.timeout),
    }
}

fn verify(request: &Request, to: &Version) -> Step {
    Step {
        id: "verify".to_owned(),
        component: None,
        title: format!("Verify that what was rolled back runs {to}"),
        action: Action::VerifyAll { version: to.clone() },
        changes: vec![Change {
            rule: "verify".to_owned(),
            object: None,
            what: "workloads, Central's API, every secured cluster".to_owned(),
            why: "a rollback is done when everything that was rolled back says so".to_owned(),
            source: "upgrade guide 3.69, sections 2.4 and 2.5".to_owned(),
        }],
        undo: Undo::None { reason: "it only reads".to_owned() },
        verify: Vec::new(),
        timeout_seconds: request.timeout_seconds.unwrap_or(300),
    }
}

fn makes_pods(object: &ObjectRef) -> bool {
    matches!(object.kind.as_str(), "Deployment" | "DaemonSet" | "StatefulSet")
}

/// `id`, or the first of `id-2`, `id-3`, … that no step has: several runs may have had the same one.
fn unique(id: &str, steps: &[Step]) -> String {
    let is_free = |id: &str| steps.iter().all(|step| step.id != id);
    if is_free(id) {
        return id.to_owned();
    }
    let numbered = (2_u32..).map(|number| format!("{id}-{number}"));
    numbered.into_iter().find(|id| is_free(id)).unwrap_or_default()
}
