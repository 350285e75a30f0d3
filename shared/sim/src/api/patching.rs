//! The four kinds of patches.

use serde_json::Value;

use super::body::{self, Answer};
use super::route::Target;
use super::service::Call;
use super::verbs::{field_notes, parse_json, parse_yaml, show, writer};
use crate::patch::{apply, compare, json, strategic};
use crate::schema::{convert, decode, fields, warnings};
use crate::store::{Cause, Operation, Status, Subresource, Writer, meta};

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// Serves a patch of an object or of its status.
pub(crate) fn patch(call: &Call, target: &Target, part: Subresource) -> Result<Answer, Status> {
    let custom = target.resource.custom.is_some();
    match call.content_type() {
        APPLY => apply(call, target, part),
        kind @ (JSON_PATCH | MERGE_PATCH) => change(call, target, part, kind),
        STRATEGIC if !custom => change(call, target, part, STRATEGIC),
        _ => {
            let mut known = vec![JSON_PATCH, MERGE_PATCH, APPLY];
            if !custom {
                known.insert(2, STRATEGIC);
            }
            let message = format!(
                "the body of the request was in an unknown format - accepted media types include: {}",
                known.join(", ")
            );
            Err(Status::new(415, "UnsupportedMediaType", message))
        }
    }
}

fn change(call: &Call, target: &Target, part: Subresource, kind: &str) -> Result<Answer, Status> {
    let store = &call.shared.options.store;
    // A missing object is reported before a malformed patch.
    let before = super::verbs::live(call, target)?;
    let patch = parse_json(&call.body)?;
    let by = writer(call, call.query.dry_run("PatchOptions")?);
    let mut notes = Vec::new();
    let (key, namespace, name) = (target.resource.key(), target.namespace(), target.name());
    let patched = store.try_modify(key, namespace, name, part, &by, |live| {
        let shown = convert::to_version(&target.resource, &target.version, live);
        let mut object = shown.into_owned();
        apply_to(target, kind, &mut object, &patch)?;
        object = convert::to_stored(&target.resource, object);
        let report = decode::decode(&fields::shape_of(&target.resource), &mut object);
        notes = field_notes(call, report.unknown, |errors| {
            let shown = if kind == STRATEGIC { strategic::go(&patch) } else { object.to_string() };
            strict_refusal(&shown, errors)
        })?;
        Ok(object)
    })?;
    notes.extend(warnings::of(&target.resource, &patched, Some(&*before)));
    let mut answer = show(call, target, 200, &patched)?;
    body::warn(&mut answer, &notes);
    Ok(answer)
}

fn apply_to(target: &Target, kind: &str, object: &mut Value, patch: &Value) -> Result<(), Status> {
    match kind {
        JSON_PATCH => json::apply_operations(object, patch),
        MERGE_PATCH => {
            json::merge(object, patch);
            Ok(())
        }
        _ => strategic::apply(&fields::shape_of(&target.resource), object, patch),
    }
}

fn strict_refusal(shown: &str, errors: &str) -> Status {
    let why = format!("strict decoding error: {errors}");
    let cause = Cause::invalid("patch", &Value::from(shown).to_string(), &why);
    let mut status = Status::invalid_kind("", "", "", std::slice::from_ref(&cause));
    status.message = format!(" \"\" is invalid: patch: {}", cause.message);
    status
}

fn apply(call: &Call, target: &Target, part: Subresource) -> Result<Answer, Status> {
    let manager = call.query.get("fieldManager").unwrap_or_default();
    if manager.is_empty() {
        let cause = Cause::required("fieldManager", "is required for apply patch");
        return Err(Status::invalid_kind("PatchOptions", "meta.k8s.io", "", &[cause]));
    }
    let mut config = parse_yaml(&call.body)?;
    if config["metadata"].get("managedFields").is_some_and(|managed| !managed.is_null()) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    check_identity(target, &config)?;
    config = convert::to_stored(&target.resource, config);
    let report = decode::decode_sparse(&fields::shape_of(&target.resource), &mut config);
    let mut notes = field_notes(call, report.unknown, |errors| {
        let message = format!("failed to create typed patch object: {errors}");
        Status::new(500, "InternalError", message)
    })?;
    refuse_duplicates(target, &config)?;
    let metadata = meta::of(&mut config);
    metadata.insert("name".to_owned(), target.name().into());
    if let Some(namespace) = target.namespace() {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    let dry_run = call.query.dry_run("PatchOptions")?;
    let by = Writer { dry_run, operation: Operation::Apply, ..Writer::new(manager) };
    let force = call.query.is_set("force");
    let wanted = apply::Request { config: &config, manager, force, subresource: part };
    let store = &call.shared.options.store;
    let (key, namespace, name) = (target.resource.key(), target.namespace(), target.name());
    let before = store.read(key, namespace, name);
    let (code, applied) = if before.is_some() {
        let applied = store.try_modify(key, namespace, name, part, &by, |live| {
            apply::apply(&target.resource, Some(live), &wanted)
        })?;
        (200, applied)
    } else {
        let object = apply::apply(&target.resource, None, &wanted)?;
        (201, store.create(key, object, &by)?)
    };
    notes.extend(warnings::of(&target.resource, &applied, before.as_deref()));
    let mut answer = show(call, target, code, &applied)?;
    body::warn(&mut answer, &notes);
    Ok(answer)
}

/// Items of a list are known by their keys, so that none can be applied twice.
fn refuse_duplicates(target: &Target, config: &Value) -> Result<(), Status> {
    let Some(words) = compare::duplicate(&fields::shape_of(&target.resource), config) else {
        return Ok(());
    };
    let group = &target.resource.group;
    let version = target.resource.version();
    let kind = &target.resource.kind;
    let place = match target.namespace() {
        Some(namespace) => format!("{namespace}/{}", target.name()),
        None => format!("/{}", target.name()),
    };
    let message = format!(
        "failed to create typed patch object ({place}; {group}/{version}, Kind={kind}): {words}"
    );
    Err(Status::new(500, "", message))
}

/// An applied configuration says which object it is.
fn check_identity(target: &Target, config: &Value) -> Result<(), Status> {
    let expected = target.resource.api_version_of(&target.version);
    if config["apiVersion"] != expected.as_str() || config["kind"] != target.resource.kind.as_str()
    {
        let message = format!(
            "invalid object type: {}, Kind={}",
            config["apiVersion"].as_str().unwrap_or_default(),
            config["kind"].as_str().unwrap_or_default()
        );
        return Err(Status::bad_request(message));
    }
    let name = meta::name(config);
    if !name.is_empty() && name != target.name() {
        let message = format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            target.name()
        );
        return Err(Status::bad_request(message));
    }
    Ok(())
}
