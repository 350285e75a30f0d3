//! Whether objects are still as they were when a plan was made.

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
        let live = snapshot.find(object);
        basis.push(Basis {
            object: object.clone(),
            uid: live.and_then(|live| live["metadata"]["uid"].as_str()).map(str::to_owned),
            digest: live.map(basis_digest),
        });
    }
    basis
}

/// The objects of `plan` that are no longer as they were when it was made, as of `snapshot`.
#[must_use]
pub fn moved(plan: &Plan, snapshot: &Snapshot) -> Vec<ObjectRef> {
    let touched: Vec<ObjectRef> = plan.basis.iter().map(|basis| basis.object.clone()).collect();
    let now = basis_of(snapshot, &touched);
    let pairs = plan.basis.iter().zip(&now);
    pairs.filter(|(then, now)| then != now).map(|(then, _)| then.object.clone()).collect()
}
