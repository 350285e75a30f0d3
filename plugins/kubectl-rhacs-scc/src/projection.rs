//! What a cluster's objects are after a plan, and which SCC admits the pods then. Pure.

use common::plan::{Before, PatchKind, Plan, Write, apply_patch};
use common::rhacs::scc::{Admission, Refused, pod_of};
use common::rhacs::{ObjectRef, Snapshot, Workload};
use serde_json::Value;

/// The objects of `snapshot` as `plan` leaves them.
#[must_use]
pub fn objects_after(snapshot: &Snapshot, plan: &Plan) -> Vec<Value> {
    let mut objects = snapshot.objects.clone();
    for write in plan.steps.iter().flat_map(|step| step.action.writes()) {
        let place = objects.iter().position(|object| is(object, write.object()));
        let now = place.map(|place| &objects[place]);
        match (after(write, now), place) {
            (Some(object), Some(place)) => objects[place] = object,
            (Some(object), None) => objects.push(object),
            (None, Some(place)) => drop(objects.remove(place)),
            (None, None) => {}
        }
    }
    objects
}

/// Which SCC admits the pods of each workload of `namespace` among `objects`, and why none does.
#[must_use]
pub fn verdicts(objects: &[Value], namespace: &str) -> Vec<(ObjectRef, Result<String, Refused>)> {
    let admission = Admission::new(objects);
    let workloads = objects.iter().filter(|object| {
        matches!(object["kind"].as_str(), Some("Deployment" | "DaemonSet" | "StatefulSet"))
            && object["metadata"]["namespace"] == namespace
    });
    workloads
        .filter_map(|workload| {
            let verdict = admission.admit(&pod_of(workload)).map(|admitted| admitted.constraint);
            Some((ObjectRef::of(workload)?, verdict))
        })
        .collect()
}

/// The workload of `snapshot` that a pod is of, told by its selector.
#[must_use]
pub fn workload_of<'a>(snapshot: &'a Snapshot, pod: &Value) -> Option<Workload<'a>> {
    let labels = &pod["metadata"]["labels"];
    snapshot.workloads().find(|workload| {
        let wanted = workload.object()["spec"]["selector"]["matchLabels"].as_object();
        wanted.is_some_and(|wanted| {
            !wanted.is_empty() && wanted.iter().all(|(key, value)| labels[key] == *value)
        })
    })
}

fn after(write: &Write, now: Option<&Value>) -> Option<Value> {
    match write {
        Write::Patch { patch, body, .. } => now.map(|now| apply_patch(now, body, *patch)),
        Write::Apply { manifest, .. } => Some(match now {
            Some(now) => apply_patch(now, manifest, PatchKind::Merge),
            None => manifest.clone(),
        }),
        Write::Delete { .. } => None,
        Write::Restore { before: Before::Manifest { manifest }, .. } => Some(manifest.clone()),
        // The data of Secrets decides about no SCC.
        Write::Restore { before: Before::Recorded { .. }, .. } => now.cloned(),
    }
}

fn is(object: &Value, reference: &ObjectRef) -> bool {
    ObjectRef::of(object).is_some_and(|it| {
        it.kind == reference.kind
            && it.name == reference.name
            && it.namespace == reference.namespace
    })
}
