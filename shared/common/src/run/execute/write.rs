//! Writing objects: guarded by the state that is known, repeated only when nothing of it moved.

use std::sync::PoisonError;

use serde_json::{Value, json};

use super::cluster::ClusterExecutor;
use super::covers::covers;
use super::diff::changed_paths;
use super::writer::writer;
use crate::cluster::{ClusterError, FIELD_MANAGER, WriteOptions};
use crate::plan::{Before, Operation, Plan, Write, apply_patch, basis_digest, is_satisfied};
use crate::rhacs::{ObjectRef, essence};
use crate::run::event::Event;
use crate::run::execute::StepContext;
use crate::run::record::{Captured, Wrote};
use crate::run::step_error::StepError;
use crate::run::undo::{Restoration, restoration};

/// How often a write is tried whose object moves only where it does not matter.
pub(super) const MOST_ATTEMPTS: u32 = 5;

/// What became of a write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Written {
    Changed,
    Unchanged,
}

impl ClusterExecutor {
    /// Whether `write` would change nothing, by what is known.
    pub(super) async fn is_written(&self, write: &Write) -> Result<bool, StepError> {
        let write = &*self.complete(write).await?;
        let object = write.object();
        let live = self.known.get(&self.cluster, object).await?;
        if !holds(write, live.as_ref())? {
            return Ok(false);
        }
        // Leaving a step out needs knowledge that is not older than the wait before it.
        let live = self.known.get_fresh(&self.cluster, object).await?;
        holds(write, live.as_ref())
    }

    /// Carries out `write`.
    pub(super) async fn write(
        &self,
        write: &Write,
        context: &StepContext<'_>,
    ) -> Result<Written, StepError> {
        let write = &*self.complete(write).await?;
        let object = write.object();
        for attempt in 2..=MOST_ATTEMPTS + 1 {
            let live = self.known.get(&self.cluster, object).await?;
            if matches!(write, Write::Delete { .. }) {
                unmoved(object, live.as_ref(), self.stored(object).as_ref(), context)?;
            }
            if holds(write, live.as_ref())? {
                return Ok(Written::Unchanged);
            }
            match self.send(write, live.as_ref(), context, WriteOptions::default()).await {
                Ok(after) => {
                    self.note_write(object, after, context);
                    self.announce_change(object, context);
                    return Ok(Written::Changed);
                }
                // Creating again what was deleted may find that the lost first attempt went through.
                Err(
                    ClusterError::Conflict { message } | ClusterError::AlreadyExists { message },
                ) => {
                    let now = self.known.refresh(&self.cluster, object).await?;
                    if holds(write, now.as_ref())? {
                        // The first answer was lost: this is our own write.
                        self.note_write(object, now, context);
                        return Ok(Written::Changed);
                    }
                    let moved = same_basis(object, live.as_ref(), now.as_ref());
                    moved.map_err(|error| by_whom(error, now.as_ref()))?;
                    context.events.emit(Event::Retry {
                        what: format!("writing `{object}`"),
                        attempt,
                        of: Some(MOST_ATTEMPTS),
                        left_seconds: None,
                        reason: message,
                        next_in_seconds: 0.0,
                    });
                }
                Err(error) => {
                    let may_be_its_end = matches!(
                        error,
                        ClusterError::Forbidden { .. } | ClusterError::NotFound { .. }
                    );
                    let failure = error.into_failure(format!("cannot {} `{object}`", verb(write)));
                    return Err(match may_be_its_end {
                        true => self.with_fate_of_namespace(failure.into()).await,
                        false => failure.into(),
                    });
                }
            }
        }
        Err(StepError::failed(format!("`{object}` changes faster than it can be written")))
    }

    /// Sends `write` once; returns the object after it.
    pub(super) async fn send(
        &self,
        write: &Write,
        live: Option<&Value>,
        context: &StepContext<'_>,
        options: WriteOptions,
    ) -> Result<Option<Value>, ClusterError> {
        match write {
            Write::Patch { object, patch, body } => {
                let mut body = body.clone();
                guard(&mut body, live);
                if is_workload(object) {
                    body["metadata"]["annotations"]["kubernetes.io/change-cause"] =
                        change_cause(&self.plan, context).into();
                }
                self.cluster.patch(object, *patch, &body, &options).await.map(Some)
            }
            Write::Apply { manifest, .. } => {
                let mut manifest = manifest.clone();
                guard(&mut manifest, live);
                self.cluster.apply(&manifest, &options.forced()).await.map(Some)
            }
            Write::Delete { object } => {
                let as_known = live.map_or(Value::Null, |live| {
                    let metadata = &live["metadata"];
                    json!({"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]})
                });
                let answer = self.cluster.delete_now(object, as_known, options.dry_run).await?;
                Ok(answer.filter(|answer| !answer["metadata"]["deletionTimestamp"].is_null()))
            }
            Write::Restore { before: Before::Manifest { manifest }, .. } => {
                match restoration(manifest, live) {
                    Restoration::Nothing => Ok(live.cloned()),
                    Restoration::Create(manifest) => {
                        self.cluster.create(&manifest, &options).await.map(Some)
                    }
                    Restoration::Replace(manifest) => {
                        self.cluster.replace(&manifest, &options).await.map(Some)
                    }
                }
            }
            Write::Restore { object, before: Before::Recorded { run, .. } } => {
                let message = format!("`{object}` was not loaded from the record of run `{run}`");
                Err(ClusterError::Config { message })
            }
        }
    }

    /// Remembers and records an object as a write left it.
    pub(super) fn note_write(
        &self,
        object: &ObjectRef,
        after: Option<Value>,
        context: &StepContext<'_>,
    ) {
        let text = |field: &str| {
            after.as_ref().and_then(|after| after["metadata"][field].as_str().map(str::to_owned))
        };
        context.note_write(Wrote {
            object: object.clone(),
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            digest: after.as_ref().map(basis_digest),
        });
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        match &after {
            Some(after) => drop(stored.insert(object.clone(), essence(after))),
            None => drop(stored.remove(object)),
        }
        drop(stored);
        self.known.remember(object, after);
    }
}

/// Adds who wrote an object last.
fn by_whom(error: StepError, now: Option<&Value>) -> StepError {
    match now.and_then(|now| writer(now, &[], FIELD_MANAGER)) {
        Some(writer) => error.because(writer.words()),
        None => error,
    }
}

/// What is deleted must be as this run left or captured it, not what somebody made of it since.
fn unmoved(
    object: &ObjectRef,
    live: Option<&Value>,
    stored: Option<&Value>,
    context: &StepContext<'_>,
) -> Result<(), StepError> {
    let Some(live) = live else { return Ok(()) };
    let step = context.record.captured.get(context.step_id());
    let captured = step.into_iter().flatten().find(|captured| captured.object == *object);
    match (last_write(object, context), captured) {
        (Some(wrote), _) if is_as_left(&wrote, live) => Ok(()),
        (Some(_), _) => Err(moved(object, stored, live)),
        // A process that died within an earlier step could not record what it wrote.
        (None, Some(captured)) if is_left_by_earlier_steps(captured, live, context) => Ok(()),
        (None, Some(captured)) => same_object(object, captured.before.as_ref(), live),
        (None, None) => Ok(()),
    }
}

/// Whether `live` is the captured object with nothing but what earlier steps of the plan change.
fn is_left_by_earlier_steps(captured: &Captured, live: &Value, context: &StepContext<'_>) -> bool {
    let Some(before) = &captured.before else { return false };
    let steps = &context.record.plan.steps;
    let earlier = steps.iter().take_while(|step| step.id != context.step_id());
    let writes = earlier.flat_map(|step| step.action.writes());
    let left = writes.fold(before.clone(), |object, write| match write {
        Write::Patch { object: patched, patch, body } if *patched == captured.object => {
            apply_patch(&object, body, *patch)
        }
        _ => object,
    });
    left["metadata"]["uid"] == live["metadata"]["uid"] && basis_digest(&left) == basis_digest(live)
}

/// The last write of this run to `object`.
fn last_write(object: &ObjectRef, context: &StepContext<'_>) -> Option<Wrote> {
    let record = context.record;
    let steps = record.plan.steps.iter().rev().filter_map(|step| record.steps.get(&step.id));
    let mut recorded = steps.flat_map(|entry| &entry.wrote);
    let is_it = |wrote: &&Wrote| wrote.object == *object;
    context.last_write(object).or_else(|| recorded.find(is_it).cloned())
}

/// Whether `live` is what is to be deleted: the object that was captured, unchanged.
fn same_object(object: &ObjectRef, before: Option<&Value>, live: &Value) -> Result<(), StepError> {
    let uid = |object: &Value| object["metadata"]["uid"].as_str().map(str::to_owned);
    match before.map(uid) {
        Some(before) if before.is_some() && before != uid(live) => Err(moved(object, None, live)),
        _ => same_basis(object, before, Some(live)),
    }
}

fn is_as_left(wrote: &Wrote, live: &Value) -> bool {
    wrote.uid.as_deref() == live["metadata"]["uid"].as_str()
        && wrote.digest.as_deref() == Some(basis_digest(live).as_str())
}

fn moved(object: &ObjectRef, stored: Option<&Value>, live: &Value) -> StepError {
    let paths = stored.map(|stored| changed_paths(stored, live)).unwrap_or_default();
    let message = match paths.is_empty() {
        true => format!("`{object}` was changed or created anew by someone else"),
        false => format!("`{object}` was changed by someone else: `{}`", paths.join("`, `")),
    };
    by_whom(StepError::stale(message), Some(live)).hint("look at the change, then make a new plan")
}

/// Whether `live` is as `write` wants it.
pub(super) fn holds(write: &Write, live: Option<&Value>) -> Result<bool, StepError> {
    match (write, live) {
        (Write::Delete { .. }, live) => Ok(live.is_none()),
        (Write::Apply { manifest, .. }, live) => {
            Ok(live.is_some_and(|live| covers(live, manifest)))
        }
        (Write::Restore { before: Before::Manifest { manifest }, .. }, live) => {
            Ok(restoration(manifest, live) == Restoration::Nothing)
        }
        (Write::Restore { before: Before::Recorded { .. }, .. }, _) => Ok(false),
        (Write::Patch { body, .. }, Some(live)) => Ok(is_satisfied(live, body)),
        (Write::Patch { object, .. }, None) => {
            Err(StepError::stale(format!("`{object}` is gone, so it cannot be changed"))
                .hint("make a new plan"))
        }
    }
}

/// The object may have moved only where it does not matter to the plan.
pub(super) fn same_basis(
    object: &ObjectRef,
    before: Option<&Value>,
    now: Option<&Value>,
) -> Result<(), StepError> {
    if before.map(basis_digest) == now.map(basis_digest) {
        return Ok(());
    }
    let error = match (before, now) {
        (Some(before), Some(now)) => {
            let paths = changed_paths(before, now).join("`, `");
            StepError::stale(format!("`{object}` was changed by someone else: `{paths}`"))
        }
        (Some(_), None) => StepError::stale(format!("`{object}` was deleted by someone else")),
        (None, _) => StepError::stale(format!("`{object}` was created by someone else")),
    };
    Err(error.hint("look at the change, then make a new plan"))
}

/// Makes a write fail when the object is not the one that is known.
fn guard(body: &mut Value, live: Option<&Value>) {
    if let Some(version) = live.and_then(|live| live["metadata"].get("resourceVersion")) {
        body["metadata"]["resourceVersion"] = version.clone();
    }
}

/// What `kubectl rollout history` shows as the cause of a revision.
pub(super) fn change_cause(plan: &Plan, context: &StepContext<'_>) -> String {
    let command = match plan.operation {
        Operation::Upgrade => format!("kubectl rhacs upgrade --to {}", plan.to),
        Operation::Rollback => format!("kubectl rhacs rollback to {}", plan.to),
        Operation::Scc => format!("kubectl rhacs scc apply --for {}", plan.to),
    };
    format!("{command} (run {}, {})", context.record.id, context.step_id())
}

pub(super) fn is_workload(object: &ObjectRef) -> bool {
    matches!(object.kind.as_str(), "Deployment" | "DaemonSet" | "StatefulSet")
}

const fn verb(write: &Write) -> &'static str {
    match write {
        Write::Patch { .. } => "patch",
        Write::Apply { .. } => "apply",
        Write::Delete { .. } => "delete",
        Write::Restore { .. } => "put back",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Action, PatchKind};
    use crate::run::event::Events;
    use crate::run::interrupt::Interrupt;
    use crate::run::testing::{plan_of, record_of};

    #[test]
    fn a_write_is_guarded_by_the_version_that_is_known() {
        let mut body = json!({"spec": {}});
        guard(&mut body, Some(&json!({"metadata": {"resourceVersion": "7"}})));
        assert_eq!(body["metadata"]["resourceVersion"], "7");
        let mut new = json!({"spec": {}});
        guard(&mut new, None);
        assert_eq!(new, json!({"spec": {}}));
    }

    #[test]
    fn a_foreign_change_is_named() {
        let central = ObjectRef::deployment("stackrox", "central");
        let before = json!({"spec": {"replicas": 1, "paused": false}});
        let scaled = json!({"spec": {"replicas": 2, "paused": false}});
        let paused = json!({"spec": {"replicas": 1, "paused": true}});
        same_basis(&central, Some(&before), Some(&scaled)).unwrap();
        let error = same_basis(&central, Some(&before), Some(&paused)).unwrap_err();
        assert_eq!(error.message, "`deploy/central` was changed by someone else: `spec.paused`");
        let error = same_basis(&central, Some(&before), None).unwrap_err();
        assert_eq!(error.message, "`deploy/central` was deleted by someone else");
    }

    #[test]
    fn what_a_process_wrote_and_could_not_record_is_its_own() {
        let object = ObjectRef::scc("central");
        let mut plan = plan_of(&["empty", "delete"]);
        let (patch, body) = (PatchKind::Merge, json!({"users": []}));
        let empty = Write::Patch { object: object.clone(), patch, body };
        let delete = Write::Delete { object: object.clone() };
        plan.steps[0].action = Action::Write { writes: vec![empty] };
        plan.steps[1].action = Action::Write { writes: vec![delete] };
        let before = json!({"kind": "SecurityContextConstraints", "priority": 0, "users": ["a"],
            "metadata": {"name": "central", "uid": "1", "resourceVersion": "7"}});
        let mut record = record_of(plan);
        record
            .captured
            .insert("delete".to_owned(), vec![Captured::new(object.clone(), Some(&before))]);
        let events = Events::new("r", jiff::Timestamp::now, |_| {});
        let interrupt = Interrupt::never();
        let delete = record.plan.steps[1].clone();
        let context = StepContext::new(&delete, &record, &events, &interrupt);
        let mut live = before;
        unmoved(&object, Some(&live), None, &context).unwrap();
        live["users"] = json!([]);
        live["metadata"]["resourceVersion"] = json!("9");
        unmoved(&object, Some(&live), None, &context).unwrap();
        for (path, value) in [("/priority", json!(5)), ("/metadata/uid", json!("2"))] {
            let mut other = live.clone();
            *other.pointer_mut(path).unwrap() = value;
            unmoved(&object, Some(&other), None, &context).unwrap_err();
        }
    }

    #[test]
    fn patching_what_is_gone_makes_the_plan_stale() {
        let object = ObjectRef::deployment("stackrox", "collector");
        let delete = Write::Delete { object: object.clone() };
        assert!(holds(&delete, None).unwrap());
        let patch = PatchKind::Merge;
        let patch = Write::Patch { object, patch, body: json!({}) };
        assert_eq!(holds(&patch, None).unwrap_err().exit, crate::exit::Exit::PlanStale);
    }
}
