//! What a cluster's objects are after writes, as far as that is known without asking it.

use super::{Before, PatchKind, Plan, Write, apply_patch};
use crate::rhacs::{ObjectRef, Snapshot};
use serde_json::Value;

/// The objects of `snapshot` as `plan` leaves them.
#[must_use]
pub fn objects_after(snapshot: &Snapshot, plan: &Plan) -> Vec<Value> {
    after_writes(&snapshot.objects, plan.steps.iter().flat_map(|step| step.action.writes()))
}

/// `objects` as `writes` leave them.
#[must_use]
pub fn after_writes<'a>(
    objects: &[Value],
    writes: impl IntoIterator<Item = &'a Write>,
) -> Vec<Value> {
    let mut objects = objects.to_vec();
    for write in writes {
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

fn after(write: &Write, now: Option<&Value>) -> Option<Value> {
    match write {
        Write::Patch { patch, body, .. } => now.map(|now| apply_patch(now, body, *patch)),
        Write::Apply { manifest, .. } => Some(match now {
            Some(now) => apply_patch(now, manifest, PatchKind::Merge),
            None => manifest.clone(),
        }),
        Write::Delete { .. } => None,
        Write::Restore { before: Before::Manifest { manifest }, .. } => Some(manifest.clone()),
        // The data of Secrets decides about nothing that is looked at here.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scc(name: &str, users: &Value) -> Value {
        json!({"apiVersion": "security.openshift.io/v1", "kind": "SecurityContextConstraints",
            "metadata": {"name": name}, "users": users})
    }

    #[test]
    fn writes_follow_one_another() {
        let objects = [scc("old", &json!(["a"])), scc("kept", &json!(["b"]))];
        let writes = [
            Write::Apply { object: ObjectRef::scc("new"), manifest: scc("new", &json!([])) },
            Write::Patch {
                object: ObjectRef::scc("new"),
                patch: PatchKind::Merge,
                body: json!({"users": ["a"]}),
            },
            Write::Delete { object: ObjectRef::scc("old") },
            Write::Delete { object: ObjectRef::scc("never there") },
        ];
        let after = after_writes(&objects, &writes);
        assert_eq!(after, [scc("kept", &json!(["b"])), scc("new", &json!(["a"]))]);
    }
}
