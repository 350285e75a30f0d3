//! Whether objects are still as they were when a plan was made.

use serde_json::Value;

use super::{Basis, Plan, basis_digest};
use crate::rhacs::{ObjectRef, Snapshot};

/// The state of `objects` in `snapshot`, each once.
#[must_use]
pub fn basis_of(snapshot: &Snapshot, objects: &[ObjectRef]) -> Vec<Basis> {
    let mut basis: Vec<Basis> = Vec::new();
    for object in objects {
        if basis.iter().any(|known| known.object == *object) {
            continue;
        }
        basis.push(state(object, snapshot.find(object)));
    }
    basis
}

/// The objects of `plan` that are no longer as they were when it was made; `now` knows each of them
/// as it is.
#[must_use]
pub fn moved<'a>(plan: &Plan, now: impl Fn(&ObjectRef) -> Option<&'a Value>) -> Vec<ObjectRef> {
    let has_moved = |then: &&Basis| state(&then.object, now(&then.object)) != **then;
    plan.basis.iter().filter(has_moved).map(|then| then.object.clone()).collect()
}

/// The state of `object`, which is `now`; none when it does not exist.
#[must_use]
pub fn state(object: &ObjectRef, now: Option<&Value>) -> Basis {
    Basis {
        object: object.clone(),
        uid: now.and_then(|now| now["metadata"]["uid"].as_str()).map(str::to_owned),
        digest: now.map(basis_digest),
    }
}
