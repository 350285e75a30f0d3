//! The way back through the records of runs: in each phase the newest change first, each object to
//! what it was before the oldest of them.

use common::plan::{
    Action, Before, Change, PatchKind, Step, ThreeWay, Write, apply_patch, basis_digest, digest_of,
};
use common::rhacs::rules::component_of_object;
use common::rhacs::{Component, ObjectRef, Version, Workload, essence};
use common::run::{Captured, Record, Restoration, StepState, Wrote, restoration};
use serde_json::Value;

use super::difference::{Difference, differences, foreign};
use super::findings::Told;
use super::revision::version_of;
use super::steps::{Part, Phase};
use super::view::View;

/// So many fields are named in one change; all of them are in the plan.
const MOST_FIELDS: usize = 4;

/// One step of one run that may have changed something.
#[derive(Clone, Copy)]
struct Source<'a> {
    record: &'a Record,
    step: &'a Step,
    captured: &'a [Captured],
    wrote: &'a [Wrote],
}

/// What has to be done with one object.
enum Verdict {
    /// Nothing: it is as it was.
    AsBefore,
    /// It goes back; somebody changed it meanwhile when there is a conflict.
    Back { conflict: Option<Conflict> },
    /// It stays; the words say why.
    Left { why: String },
}

/// What somebody changed in an object since the run.
#[derive(Debug, Default)]
pub(super) struct Conflict {
    /// In words; empty when the fields say it.
    pub(super) words: String,
    /// Field by field, where that is known.
    pub(super) fields: Vec<ThreeWay>,
}

impl Conflict {
    fn of(words: impl Into<String>) -> Self {
        Self { words: words.into(), fields: Vec::new() }
    }
}

/// The parts of the way back through `records`, newest first, for `components`.
pub(super) fn parts(
    view: View<'_>,
    records: &[Record],
    components: &[Component],
    told: &mut Told,
) -> Vec<Part> {
    let mut seen: Vec<&ObjectRef> = Vec::new();
    let mut parts = Vec::new();
    for source in records.iter().flat_map(sources) {
        let mut of_step: Vec<Part> = Vec::new();
        for captured in source.captured.iter().rev() {
            if seen.contains(&&captured.object) {
                continue;
            }
            seen.push(&captured.object);
            // A step for all components is taken apart.
            let component =
                source.step.component.unwrap_or_else(|| component_of_object(&captured.object));
            let origin = origin(records, &captured.object);
            let before = origin.and_then(|origin| former_state(records, origin));
            if components.contains(&component) {
                let origin = origin.map(|(record, _)| (record, before.as_ref()));
                let back = back(view, source, captured, origin, told);
                of_step.extend(back.map(|back| part(source.step, component, back)));
            } else if is_changed(view, &captured.object, before.as_ref()) {
                told.stays(component);
            }
        }
        parts.extend(joined(of_step, source.step));
    }
    // Within a phase the newest change comes first.
    parts.sort_by_key(|part| part.phase);
    parts
}

/// The part of one write.
fn part(step: &Step, component: Component, (write, change): (Write, Change)) -> Part {
    let id = match step.component {
        Some(_) => step.id.clone(),
        None => format!("{}-{component}", step.id),
    };
    Part {
        id,
        phase: Phase::of(&write),
        component,
        title: String::new(),
        writes: vec![write],
        changes: vec![change],
        timeout: step.timeout_seconds,
    }
}

/// The parts of one step, those joined that go back at the same time.
fn joined(parts: Vec<Part>, step: &Step) -> Vec<Part> {
    let mut joined: Vec<Part> = Vec::new();
    for part in parts {
        let is_its =
            |other: &&mut Part| (other.phase, other.component) == (part.phase, part.component);
        match joined.iter_mut().find(is_its) {
            Some(other) => {
                other.writes.extend(part.writes);
                other.changes.extend(part.changes);
            }
            None => joined.push(part),
        }
    }
    for part in &mut joined {
        part.title = title(part, step);
    }
    joined
}

/// The fields that go back, in words.
pub(super) fn going_back(differences: &[Difference]) -> String {
    let mut words: Vec<String> =
        differences.iter().take(MOST_FIELDS).map(Difference::going_back).collect();
    if differences.len() > MOST_FIELDS {
        words.push(format!("{} more", differences.len() - MOST_FIELDS));
    }
    words.join(", ")
}

/// The steps of a run that may have written something, newest first.
fn sources(record: &Record) -> impl Iterator<Item = Source<'_>> {
    record.plan.steps.iter().rev().filter_map(move |step| {
        let may_have_written = matches!(
            record.step_state(&step.id),
            StepState::Started | StepState::Done | StepState::Failed
        );
        let captured = record.captured.get(&step.id)?;
        let wrote = record.steps.get(&step.id).map(|entry| entry.wrote.as_slice());
        (step.undo.restores() && may_have_written).then_some(Source {
            record,
            step,
            captured,
            wrote: wrote.unwrap_or_default(),
        })
    })
}

/// The run that changed `object` first, and what it was before.
fn origin<'a>(records: &'a [Record], object: &ObjectRef) -> Option<(&'a Record, &'a Captured)> {
    records.iter().rev().find_map(|record| {
        let captured = sources(record)
            .flat_map(|source| source.captured)
            .find(|captured| captured.object == *object)?;
        Some((record, captured))
    })
}

/// What an object was, with `null` for each annotation that the runs gave it.
fn former_state(records: &[Record], (_, origin): (&Record, &Captured)) -> Option<Value> {
    let mut before = origin.before.clone()?;
    let own = records.iter().flat_map(sources).filter_map(|source| {
        let captured = source.captured.iter().find(|one| one.object == origin.object)?;
        written(source.step, captured)
    });
    for written in own {
        let annotations = written["metadata"]["annotations"].as_object().into_iter().flatten();
        for (name, _) in annotations.filter(|(_, value)| !value.is_null()) {
            if before["metadata"]["annotations"].get(name).is_none() {
                before["metadata"]["annotations"][name.as_str()] = Value::Null;
            }
        }
    }
    Some(before)
}

fn is_changed(view: View<'_>, object: &ObjectRef, before: Option<&Value>) -> bool {
    match (before, view.now(object)) {
        (None, now) => now.is_some(),
        (Some(before), now) => restoration(before, now) != Restoration::Nothing,
    }
}

/// What takes `captured` back; none when nothing does.
fn back(
    view: View<'_>,
    source: Source<'_>,
    captured: &Captured,
    origin: Option<(&Record, Option<&Value>)>,
    told: &mut Told,
) -> Option<(Write, Change)> {
    let (first, before) = origin?;
    let (object, now) = (&captured.object, view.now(&captured.object));
    let conflict = match judge(source, captured, before, now) {
        Verdict::AsBefore => return None,
        Verdict::Left { why } => {
            told.left(object, why);
            return None;
        }
        Verdict::Back { conflict } => conflict,
    };
    if is_newer_database(object, before, now) {
        told.postgres(object);
        return None;
    }
    if let Some(conflict) = conflict {
        told.conflict(object, &source.record.id, conflict);
    }
    let place = format!("record of run {}, step {}", source.record.id, source.step.id);
    let (write, rule, what) = match before {
        None => {
            let write = Write::Delete { object: object.clone() };
            (write, "remove-created", "deleted: it was not there before the run".to_owned())
        }
        Some(before) => {
            let what = now.map_or_else(
                || "created again as it was before the run".to_owned(),
                |now| words(object, before, now),
            );
            let write = Write::Restore { object: object.clone(), before: former(first, before) };
            (write, "restore-captured", what)
        }
    };
    let change = Change {
        rule: rule.to_owned(),
        object: Some(object.clone()),
        what,
        why: format!("it was so before run {}", first.id),
        source: place,
    };
    Some((write, change))
}

/// What becomes of an object that was `before` and is `now`.
fn judge(
    source: Source<'_>,
    captured: &Captured,
    before: Option<&Value>,
    now: Option<&Value>,
) -> Verdict {
    let recorded = source.wrote.iter().find(|wrote| wrote.object == captured.object);
    match (before, now) {
        (None, None) => Verdict::AsBefore,
        (None, Some(now)) => judge_created(recorded, now),
        (Some(before), now) if restoration(before, now) == Restoration::Nothing => {
            Verdict::AsBefore
        }
        (Some(_), None) => {
            let is_ours = match recorded {
                Some(wrote) => wrote.digest.is_none(),
                None => deletes(source.step, &captured.object),
            };
            let deleted = || Conflict::of("somebody deleted it since; it would be created again");
            Verdict::Back { conflict: (!is_ours).then(deleted) }
        }
        (Some(before), Some(now)) => {
            let conflict = match recorded {
                Some(wrote) if wrote.digest.as_deref() == Some(&basis_digest(now)) => None,
                _ => changed_since(source, captured, before, now, recorded.is_some()),
            };
            Verdict::Back { conflict }
        }
    }
}

/// What was created by a run is deleted only when it certainly is that object.
fn judge_created(recorded: Option<&Wrote>, now: &Value) -> Verdict {
    let left = |why: &str| Verdict::Left { why: why.to_owned() };
    let Some(wrote) = recorded else {
        return left("it was not there before the run, and is not known to be created by it");
    };
    if wrote.uid.is_none() || wrote.uid.as_deref() != now["metadata"]["uid"].as_str() {
        return left("somebody created it anew since the run");
    }
    let is_same = wrote.digest.as_deref() == Some(&basis_digest(now));
    let changed =
        || Conflict::of("somebody changed it since the run created it; it would be deleted");
    Verdict::Back { conflict: (!is_same).then(changed) }
}

/// What somebody else changed in the object, three ways; none when it was the run alone.
fn changed_since(
    source: Source<'_>,
    captured: &Captured,
    before: &Value,
    now: &Value,
    is_recorded: bool,
) -> Option<Conflict> {
    if captured.object.kind == "Secret" {
        // Its fields are nobody's business.
        return Some(Conflict::of("its data is not what the run is known to have written"));
    }
    let Some(written) = written(source.step, captured) else {
        let fields = going_back(&differences(before, now));
        let words = format!("what the run left is not known; going back sets {fields}");
        return Some(Conflict::of(words));
    };
    let found = foreign(before, &written, now);
    let fields: Vec<ThreeWay> =
        found.iter().flat_map(|(difference, left)| difference.three_ways(left.as_ref())).collect();
    match (fields.is_empty(), is_recorded) {
        (false, _) => Some(Conflict { fields, ..Conflict::default() }),
        // Only what the API server adds tells it from what was sent.
        (true, false) => None,
        (true, true) => Some(Conflict::of("it moved since, in nothing that this tool can name")),
    }
}

/// What the step's own writes make of the object; none when that is not known.
fn written(step: &Step, captured: &Captured) -> Option<Value> {
    let mut object = captured.before.clone();
    let mut is_written = false;
    let Action::Write { writes } = &step.action else { return None };
    for write in writes.iter().filter(|write| *write.object() == captured.object) {
        is_written = true;
        object = match write {
            Write::Patch { patch, body, .. } => Some(apply_patch(&object?, body, *patch)),
            Write::Apply { manifest, .. } => {
                let object = object.unwrap_or(Value::Null);
                Some(apply_patch(&object, manifest, PatchKind::Strategic))
            }
            Write::Delete { .. } => None,
            Write::Restore { before: Before::Manifest { manifest }, .. } => Some(manifest.clone()),
            Write::Restore { before: Before::Recorded { .. }, .. } => return None,
        };
    }
    object.filter(|_| is_written)
}

fn deletes(step: &Step, object: &ObjectRef) -> bool {
    let mut writes = step.action.writes().iter().filter(|write| write.object() == object);
    writes.any(|write| matches!(write, Write::Delete { .. }))
}

/// What the object was: a Secret stays in its record.
fn former(record: &Record, before: &Value) -> Before {
    if before["kind"] == "Secret" {
        return Before::Recorded { run: record.id.clone(), digest: digest_of(&essence(before)) };
    }
    Before::Manifest { manifest: before.clone() }
}

fn words(object: &ObjectRef, before: &Value, now: &Value) -> String {
    if object.kind == "Secret" {
        return "its data as it was before the run".to_owned();
    }
    going_back(&differences(before, now))
}

/// Whether going back would start an older PostgreSQL on a data directory that a newer one has
/// converted: 13 became 15 with 4.8.
fn is_newer_database(object: &ObjectRef, before: Option<&Value>, now: Option<&Value>) -> bool {
    let version = |object: &Value| -> Option<Version> {
        let image = Workload::new(object).container("central-db")?.image().to_owned();
        version_of(&image)
    };
    object.name == "central-db"
        && object.kind == "Deployment"
        && before.and_then(version).is_some_and(|before| !before.is_at_least(4, 8))
        && now.and_then(version).is_some_and(|now| now.is_at_least(4, 8))
}

fn title(part: &Part, step: &Step) -> String {
    match part.writes.as_slice() {
        [Write::Restore { object, .. }] => format!("Put {object} back"),
        [Write::Delete { object }] => format!("Remove {object}, which the run created"),
        _ if part.phase == Phase::Clean => format!("Remove what was created by: {}", step.title),
        _ => format!("Take back: {}", step.title),
    }
}
