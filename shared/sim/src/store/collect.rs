//! Deletion: preconditions, finalizers, grace, and the garbage collection of dependents.

use std::sync::Arc;

use serde_json::{Value, json};

use super::commit::{self, Address};
use super::log::{Event, EventKind};
use super::{DeleteOptions, Inner, Propagation, Status, meta};
use crate::schema::kinds::Resource;

pub(crate) fn delete(
    inner: &mut Inner,
    address: &Address<'_>,
    options: &DeleteOptions,
) -> Result<Arc<Value>, Status> {
    let resource = commit::resource(inner, address.resource)?;
    let object = inner
        .tables
        .read(address.resource, address.namespace, address.name)
        .ok_or_else(|| Status::not_found(&resource, address.name))?;
    check_preconditions(&resource, &object, options)?;
    if options.dry_run {
        return Ok(object);
    }
    match options.propagation {
        Propagation::Orphan => orphan(inner, meta::uid(&object)),
        Propagation::Foreground => remove_dependents(inner, meta::uid(&object)),
        Propagation::Background => {}
    }
    if resource.key() == "namespaces" {
        return Ok(delete_namespace(inner, &resource, object));
    }
    let grace = grace_period(&resource, &object, options);
    if grace > 0 || meta::finalizers(&object).next().is_some() {
        return Ok(mark(inner, &resource, object, grace));
    }
    Ok(remove(inner, &resource, &object))
}

/// Takes the object out for good, and with it what it owned.
pub(crate) fn remove(
    inner: &mut Inner,
    resource: &Arc<Resource>,
    object: &Arc<Value>,
) -> Arc<Value> {
    let taken = inner.tables.take(resource.key(), meta::namespace(object), meta::name(object));
    let Some(old) = taken else { return Arc::clone(object) };
    let version = inner.log.next_version();
    let mut last = Value::clone(&old);
    meta::of(&mut last).insert("resourceVersion".to_owned(), version.to_string().into());
    let last = Arc::new(last);
    inner.log.append(Event {
        kind: EventKind::Deleted,
        resource: Arc::clone(resource),
        object: Arc::clone(&last),
        version,
        old: Some(old),
    });
    if resource.kind == "CustomResourceDefinition" {
        remove_custom_resource(inner, meta::name(object));
    }
    remove_dependents(inner, meta::uid(object));
    last
}

fn check_preconditions(
    resource: &Resource,
    object: &Value,
    options: &DeleteOptions,
) -> Result<(), Status> {
    let name = meta::name(object);
    if let Some(asked) = &options.uid
        && asked != meta::uid(object)
    {
        return Err(Status::precondition(resource, name, "UID", asked, meta::uid(object)));
    }
    if let Some(asked) = &options.resource_version
        && asked.parse() != Ok(meta::version(object))
    {
        let is = meta::version(object).to_string();
        return Err(Status::precondition(resource, name, "ResourceVersion", asked, &is));
    }
    Ok(())
}

/// Seconds before the object goes: only pods on a node have any.
fn grace_period(resource: &Resource, object: &Value, options: &DeleteOptions) -> i64 {
    let on_a_node = object.pointer("/spec/nodeName").and_then(Value::as_str).is_some();
    let ended = matches!(
        object.pointer("/status/phase").and_then(Value::as_str),
        Some("Succeeded" | "Failed")
    );
    if resource.key() != "pods" || !on_a_node || ended {
        return 0;
    }
    let own = object.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64);
    options.grace_period_seconds.or(own).unwrap_or(30).max(0)
}

/// Marks the object as being deleted; marking it twice shortens the grace period only.
fn mark(inner: &mut Inner, resource: &Arc<Resource>, object: Arc<Value>, grace: i64) -> Arc<Value> {
    let current = object.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64);
    if meta::is_being_deleted(&object) && current.is_some_and(|current| current <= grace) {
        return object;
    }
    let mut marked = Value::clone(&object);
    let moment = inner.moment;
    let end = moment.checked_add(jiff::SignedDuration::from_secs(grace)).unwrap_or(moment);
    let generation = meta::generation(&object);
    let metadata = meta::of(&mut marked);
    metadata.insert("deletionTimestamp".to_owned(), meta::time(end).into());
    metadata.insert("deletionGracePeriodSeconds".to_owned(), grace.into());
    if generation > 0 {
        metadata.insert("generation".to_owned(), (generation + 1).into());
    }
    commit::store(inner, resource, marked, Some(object))
}

/// A namespace ends with everything in it.
fn delete_namespace(inner: &mut Inner, resource: &Arc<Resource>, object: Arc<Value>) -> Arc<Value> {
    let marked = mark(inner, resource, object, 0);
    let mut ending = Value::clone(&marked);
    ending["status"] = json!({"phase": "Terminating"});
    let ending = commit::store(inner, resource, ending, Some(marked));
    let name = meta::name(&ending).to_owned();
    let inside: Vec<(String, Arc<Value>)> = inner
        .tables
        .all()
        .filter(|(_, object)| meta::namespace(object) == name)
        .map(|(key, object)| (key.to_owned(), Arc::clone(object)))
        .collect();
    let mut held = false;
    for (key, object) in inside {
        let Some(resource) = inner.tables.resource(&key) else { continue };
        if meta::finalizers(&object).next().is_some() {
            mark(inner, &resource, object, 0);
            held = true;
        } else {
            remove(inner, &resource, &object);
        }
    }
    if held { ending } else { remove(inner, resource, &ending) }
}

fn remove_custom_resource(inner: &mut Inner, key: &str) {
    if let Some(resource) = inner.tables.resource(key) {
        for object in inner.tables.list(key, None) {
            remove(inner, &resource, &object);
        }
    }
    inner.tables.undefine(key);
}

/// Removes the objects whose last owner this was.
fn remove_dependents(inner: &mut Inner, uid: &str) {
    for (key, object) in dependents(inner, uid) {
        let Some(resource) = inner.tables.resource(&key) else { continue };
        let others = meta::owners(&object).any(|owner| {
            let other = owner["uid"].as_str().unwrap_or_default();
            other != uid && inner.tables.all().any(|(_, object)| meta::uid(object) == other)
        });
        if others {
            continue;
        }
        let grace = grace_period(&resource, &object, &DeleteOptions::default());
        if grace > 0 || meta::finalizers(&object).next().is_some() {
            mark(inner, &resource, object, grace);
        } else {
            remove(inner, &resource, &object);
        }
    }
}

fn orphan(inner: &mut Inner, uid: &str) {
    for (key, object) in dependents(inner, uid) {
        let Some(resource) = inner.tables.resource(&key) else { continue };
        let mut freed = Value::clone(&object);
        if let Some(Value::Array(owners)) = meta::of(&mut freed).get_mut("ownerReferences") {
            owners.retain(|owner| owner["uid"] != uid);
            if owners.is_empty() {
                meta::of(&mut freed).remove("ownerReferences");
            }
        }
        commit::store(inner, &resource, freed, Some(object));
    }
}

fn dependents(inner: &Inner, uid: &str) -> Vec<(String, Arc<Value>)> {
    if !inner.owners.contains(uid) {
        return Vec::new();
    }
    let owned = |object: &Value| meta::owners(object).any(|owner| owner["uid"] == uid);
    let found = inner.tables.all().filter(|(_, object)| owned(object));
    found.map(|(key, object)| (key.to_owned(), Arc::clone(object))).collect()
}
