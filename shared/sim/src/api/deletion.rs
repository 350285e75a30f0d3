//! Deletion of one object, of many, and eviction.

use serde_json::{Value, json};

use super::body::{self, Answer};
use super::listing::selected;
use super::route::Target;
use super::service::Call;
use super::verbs::{parse, show};
use crate::store::{DeleteOptions, Propagation, Status, meta};

/// Serves the deletion of one object.
pub(crate) fn delete(call: &Call, target: &Target) -> Result<Answer, Status> {
    let options = options(call)?;
    remove(call, target, &options)
}

/// Serves the deletion of what a list would show.
pub(crate) fn delete_collection(call: &Call, target: &Target) -> Result<Answer, Status> {
    let options = options(call)?;
    let store = &call.shared.options.store;
    let (objects, version) = selected(call, target)?;
    for object in &objects {
        let namespace = target.resource.namespaced.then(|| meta::namespace(object));
        let result = store.delete(target.resource.key(), namespace, meta::name(object), &options);
        match result {
            Err(status) if status.code != 404 => return Err(status),
            _ => {}
        }
    }
    let items: Vec<Value> = objects.iter().map(|object| Value::clone(object)).collect();
    Ok(body::json(
        200,
        &json!({
            "kind": format!("{}List", target.resource.kind),
            "apiVersion": target.resource.api_version_of(&target.version),
            "metadata": {"resourceVersion": version.to_string()},
            "items": items,
        }),
    ))
}

/// Serves the eviction of a pod.
pub(crate) fn evict(call: &Call, target: &Target) -> Result<Answer, Status> {
    let eviction = parse(call)?;
    let options = from_value(&eviction["deleteOptions"]);
    let store = &call.shared.options.store;
    store.delete("pods", target.namespace(), target.name(), &options)?;
    Ok(body::json(
        201,
        &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "code": 201}),
    ))
}

fn remove(call: &Call, target: &Target, options: &DeleteOptions) -> Result<Answer, Status> {
    let store = &call.shared.options.store;
    let (key, namespace, name) = (target.resource.key(), target.namespace(), target.name());
    let object = store.delete(key, namespace, name, options)?;
    let stays = meta::is_being_deleted(&object) || matches!(key, "namespaces" | "pods");
    if stays {
        return show(call, target, 200, &object);
    }
    let mut details = json!({"name": name, "kind": target.resource.plural,
        "uid": meta::uid(&object)});
    if !target.resource.group.is_empty() {
        details["group"] = target.resource.group.as_str().into();
    }
    Ok(body::json(
        200,
        &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": details}),
    ))
}

/// The options in the body and in the query.
fn options(call: &Call) -> Result<DeleteOptions, Status> {
    let given = if call.body.is_empty() { json!({}) } else { parse(call)? };
    let mut options = from_value(&given);
    if let Some(policy) = call.query.get("propagationPolicy") {
        options.propagation = propagation(policy);
    }
    if let Some(seconds) = call.query.number("gracePeriodSeconds")? {
        options.grace_period_seconds = Some(seconds);
    }
    options.dry_run |= call.query.dry_run("DeleteOptions")?;
    Ok(options)
}

fn from_value(given: &Value) -> DeleteOptions {
    let text = |pointer: &str| given.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let orphan = given["orphanDependents"] == true;
    DeleteOptions {
        uid: text("/preconditions/uid"),
        resource_version: text("/preconditions/resourceVersion"),
        propagation: match text("/propagationPolicy") {
            Some(policy) => propagation(&policy),
            None if orphan => Propagation::Orphan,
            None => Propagation::Background,
        },
        grace_period_seconds: given["gracePeriodSeconds"].as_i64(),
        dry_run: given["dryRun"].as_array().is_some_and(|list| !list.is_empty()),
    }
}

fn propagation(policy: &str) -> Propagation {
    match policy {
        "Orphan" => Propagation::Orphan,
        "Foreground" => Propagation::Foreground,
        _ => Propagation::Background,
    }
}
