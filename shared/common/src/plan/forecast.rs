//! What a plan will change, whoever changes it: what every check reads.

use std::borrow::Cow;

use serde_json::Value;

use super::{Before, PatchKind, Plan, Write, apply_patch};
use crate::rhacs::{ObjectRef, Snapshot};

/// One change of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast<'a> {
    /// The object.
    pub object: Cow<'a, ObjectRef>,
    /// How it is changed, as far as that is known before.
    pub change: Foreseen<'a>,
    /// By whom.
    pub by: ChangedBy,
}

/// What is known of a change before it is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Foreseen<'a> {
    /// All of it.
    Write(&'a Write),
    /// Only that it comes: what the object is to be is somebody else's knowledge.
    Unknown,
}

/// Who changes an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChangedBy {
    /// The run itself, with the rights of who starts it.
    Run,
    /// Central's upgrader in the secured cluster, with its own.
    Upgrader,
}

impl<'a> Forecast<'a> {
    /// A write of the run.
    #[must_use]
    pub const fn of(write: &'a Write) -> Self {
        Self {
            object: Cow::Borrowed(write.object()),
            change: Foreseen::Write(write),
            by: ChangedBy::Run,
        }
    }

    /// A change of which only the object is known.
    #[must_use]
    pub const fn unknown(object: ObjectRef, by: ChangedBy) -> Self {
        Self { object: Cow::Owned(object), change: Foreseen::Unknown, by }
    }

    /// Whether the object is gone afterwards.
    #[must_use]
    pub const fn deletes(&self) -> bool {
        match self.change {
            Foreseen::Write(Write::Delete { .. }) => true,
            Foreseen::Write(Write::Patch { .. } | Write::Apply { .. } | Write::Restore { .. })
            | Foreseen::Unknown => false,
        }
    }

    /// What is written into the object, whole or in part: none where that is not known, or nothing.
    #[must_use]
    pub fn content(&self) -> Option<&'a Value> {
        match self.change {
            Foreseen::Write(Write::Patch { body, .. }) => Some(body),
            Foreseen::Write(Write::Apply { manifest, .. }) => Some(manifest),
            Foreseen::Write(Write::Restore { before: Before::Manifest { manifest }, .. }) => {
                Some(manifest)
            }
            Foreseen::Write(
                Write::Restore { before: Before::Recorded { .. }, .. } | Write::Delete { .. },
            )
            | Foreseen::Unknown => None,
        }
    }
}

impl Plan {
    /// Every change it makes or causes, in order.
    pub fn forecast(&self) -> impl Iterator<Item = Forecast<'_>> {
        self.steps.iter().flat_map(|step| step.action.forecast(&self.namespace))
    }
}

impl Snapshot {
    /// The installation as `plan` leaves it, as far as that is known without asking the cluster.
    #[must_use]
    pub fn after(&self, plan: &Plan) -> Self {
        let mut after = self.clone();
        for forecast in plan.forecast() {
            if let Foreseen::Write(write) = forecast.change {
                carry_out(&mut after.objects, write);
            }
        }
        after
    }
}

/// `objects` as `writes` leave them.
#[must_use]
pub fn after_writes<'a>(
    objects: &[Value],
    writes: impl IntoIterator<Item = &'a Write>,
) -> Vec<Value> {
    let mut objects = objects.to_vec();
    for write in writes {
        carry_out(&mut objects, write);
    }
    objects
}

fn carry_out(objects: &mut Vec<Value>, write: &Write) {
    let place = objects.iter().position(|object| is(object, write.object()));
    let now = place.map(|place| &objects[place]);
    match (after(write, now), place) {
        (Some(object), Some(place)) => objects[place] = object,
        (Some(object), None) => objects.push(object),
        (None, Some(place)) => drop(objects.remove(place)),
        (None, None) => {}
    }
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
    use crate::plan::{Action, ScannerConfig};
    use crate::rhacs::Version;
    use crate::run::testing::plan_of;

    fn scc(name: &str, users: &Value) -> Value {
        json!({"apiVersion": "security.openshift.io/v1", "kind": "SecurityContextConstraints",
            "metadata": {"name": name}, "users": users})
    }

    #[test]
    fn what_is_not_known_before_is_foreseen_but_not_guessed() {
        let mut plan = plan_of(&["scanner", "upgrader"]);
        plan.steps[0].action = Action::ScannerBundle { config: ScannerConfig::Keep };
        plan.steps[1].action = Action::AwaitUpgrader { version: Version::release(3, 69, 2) };
        let foreseen: Vec<(String, ChangedBy)> =
            plan.forecast().map(|it| (it.object.to_string(), it.by)).collect();
        let (run, upgrader) = (ChangedBy::Run, ChangedBy::Upgrader);
        let expected = [
            ("secret/scanner-tls", run),
            ("secret/scanner-db-tls", run),
            ("cm/scanner-config", run),
            ("deploy/sensor", upgrader),
            ("deploy/admission-control", upgrader),
            ("ds/collector", upgrader),
        ];
        assert_eq!(foreseen, expected.map(|(name, by)| (name.to_owned(), by)));
        let sensor = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "sensor", "namespace": "stackrox"}, "spec": {"replicas": 1}});
        let snapshot = Snapshot { objects: vec![sensor], ..Snapshot::default() };
        assert_eq!(snapshot.after(&plan).objects, snapshot.objects);
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
