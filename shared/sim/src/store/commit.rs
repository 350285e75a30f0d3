//! How a write becomes a stored object: checks, defaults, ownership, version, event.

use std::sync::Arc;

use serde_json::Value;

use super::log::{Event, EventKind};
use super::{Inner, Operation, Status, Subresource, Writer, collect, meta};
use crate::patch::managed;
use crate::schema::kinds::Resource;
use crate::schema::{convert, decode, defaults, fields, validate};

/// Where an object is.
pub(crate) struct Address<'a> {
    pub(crate) resource: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
}

pub(crate) fn create(
    inner: &mut Inner,
    key: &str,
    mut object: Value,
    by: &Writer,
) -> Result<Arc<Value>, Status> {
    let resource = resource(inner, key)?;
    let moment = inner.moment;
    object = decoded(&resource, object)?;
    let number = inner.tables.next_number();
    stamp_new(&resource, &mut object, number, moment);
    let namespace = meta::namespace(&object).to_owned();
    if resource.namespaced {
        check_namespace(inner, &resource, &namespace, &object)?;
    }
    defaults::apply(&resource, &mut object);
    defaults::on_create(&resource, &mut object);
    validate::object(&resource, &object, None)?;
    let name = meta::name(&object).to_owned();
    if inner.tables.read(key, &namespace, &name).is_some() {
        return Err(Status::already_exists(&resource, &name));
    }
    if by.operation == Operation::Update {
        let whole = Subresource::Main;
        managed::record(&resource, None, &mut object, by, whole, moment);
    } else {
        managed::finish_apply(&mut object, None, by, moment);
    }
    defaults::admit(&resource, &mut object, number);
    meta::of(&mut object)
        .insert("resourceVersion".to_owned(), (inner.log.version() + 1).to_string().into());
    if by.dry_run {
        meta::of(&mut object).remove("resourceVersion");
        return Ok(Arc::new(object));
    }
    Ok(store(inner, &resource, object, None))
}

pub(crate) fn update(
    inner: &mut Inner,
    address: &Address<'_>,
    subresource: Subresource,
    by: &Writer,
    change: impl FnOnce(&Value) -> Result<Value, Status>,
) -> Result<Arc<Value>, Status> {
    let resource = resource(inner, address.resource)?;
    let moment = inner.moment;
    let old = inner
        .tables
        .read(address.resource, address.namespace, address.name)
        .ok_or_else(|| Status::not_found(&resource, address.name))?;
    let mut new = change(&old)?;
    // Most writes of controllers say what is so already.
    if new == *old && by.operation == Operation::Update {
        return Ok(old);
    }
    new = decoded(&resource, new)?;
    check_version(&resource, &old, &new)?;
    keep_identity(&resource, &old, &mut new)?;
    keep_other_parts(&resource, &old, &mut new, subresource);
    defaults::apply(&resource, &mut new);
    defaults::on_update(&resource, &old, &mut new);
    count_generation(&resource, &old, &mut new);
    validate::object(&resource, &new, Some(&old))?;
    if by.operation == Operation::Update {
        managed::record(&resource, Some(&old), &mut new, by, subresource, moment);
    } else {
        managed::finish_apply(&mut new, Some(&old), by, moment);
    }
    if new == *old {
        return Ok(old);
    }
    if by.dry_run {
        return Ok(Arc::new(new));
    }
    let finished = meta::is_being_deleted(&new) && meta::finalizers(&new).next().is_none();
    if finished && meta::finalizers(&old).next().is_some() {
        let stored = store(inner, &resource, new, Some(old));
        collect::remove(inner, &resource, &stored);
        return Ok(stored);
    }
    Ok(store(inner, &resource, new, Some(old)))
}

/// Puts the object under the next version and tells the log.
pub(crate) fn store(
    inner: &mut Inner,
    resource: &Arc<Resource>,
    mut object: Value,
    old: Option<Arc<Value>>,
) -> Arc<Value> {
    let version = inner.log.next_version();
    meta::of(&mut object).insert("resourceVersion".to_owned(), version.to_string().into());
    let object = Arc::new(object);
    for owner in meta::owners(&object).filter_map(|owner| owner["uid"].as_str()) {
        if !inner.owners.contains(owner) {
            inner.owners.insert(owner.to_owned());
        }
    }
    inner.tables.put(resource.key(), Arc::clone(&object));
    if resource.kind == "CustomResourceDefinition"
        && let Some(defined) = Resource::of_definition(&object)
    {
        inner.tables.define(defined);
    }
    let kind = if old.is_some() { EventKind::Modified } else { EventKind::Added };
    let resource = Arc::clone(resource);
    inner.log.append(Event { kind, resource, object: Arc::clone(&object), version, old });
    object
}

/// The resource of a key.
pub(crate) fn resource(inner: &Inner, key: &str) -> Result<Arc<Resource>, Status> {
    inner.tables.resource(key).ok_or_else(|| {
        Status::new(404, "NotFound", "the server could not find the requested resource")
    })
}

/// The object in the form and version that is stored.
fn decoded(resource: &Resource, object: Value) -> Result<Value, Status> {
    if !object.is_object() {
        return Err(Status::bad_request("the object is no JSON object"));
    }
    let mut object = convert::to_stored(resource, object);
    let report = decode::decode(&fields::shape_of(resource), &mut object);
    match report.mismatch {
        Some(message) if resource.custom.is_none() => Err(Status::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: {message}",
            resource.kind,
            resource.version(),
            resource.kind
        ))),
        _ => Ok(object),
    }
}

fn stamp_new(resource: &Resource, object: &mut Value, number: u64, moment: jiff::Timestamp) {
    object["apiVersion"] = resource.api_version().into();
    object["kind"] = resource.kind.as_str().into();
    let generated = {
        let prefix = object.pointer("/metadata/generateName").and_then(Value::as_str);
        prefix.map(|prefix| format!("{prefix}{}", meta::make_suffix(number, prefix)))
    };
    let metadata = meta::of(object);
    if let Some(generated) = generated
        && metadata.get("name").and_then(Value::as_str).is_none_or(str::is_empty)
    {
        metadata.insert("name".to_owned(), generated.into());
    }
    for dropped in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"] {
        metadata.remove(dropped);
    }
    let name = metadata.get("name").and_then(Value::as_str).unwrap_or_default();
    let uid = meta::make_uid(number, &meta::uid_salt(&resource.kind, name));
    metadata.insert("uid".to_owned(), uid.into());
    metadata.insert("creationTimestamp".to_owned(), meta::time(moment).into());
    if resource.has_generation {
        metadata.insert("generation".to_owned(), 1.into());
    }
    if !resource.namespaced {
        metadata.remove("namespace");
    }
}

fn check_namespace(
    inner: &Inner,
    resource: &Resource,
    namespace: &str,
    object: &Value,
) -> Result<(), Status> {
    let Some(found) = inner.tables.read("namespaces", "", namespace) else {
        let namespaces = self::resource(inner, "namespaces")?;
        return Err(Status::not_found(&namespaces, namespace));
    };
    if meta::is_being_deleted(&found) {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        return Err(Status::forbidden(resource, meta::name(object), &why));
    }
    Ok(())
}

fn check_version(resource: &Resource, old: &Value, new: &Value) -> Result<(), Status> {
    let asked = new.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or("");
    if asked.is_empty() || asked.parse() == Ok(meta::version(old)) {
        return Ok(());
    }
    Err(Status::conflict(resource, meta::name(old)))
}

/// Takes over what a client cannot change, and refuses what it tried to.
fn keep_identity(resource: &Resource, old: &Value, new: &mut Value) -> Result<(), Status> {
    use super::Cause;
    let asked = meta::uid(new).to_owned();
    if !asked.is_empty() && asked != meta::uid(old) {
        let cause = Cause::invalid("metadata.uid", &format!("\"{asked}\""), "field is immutable");
        // A real server validates the metadata twice, and says so twice.
        return Err(Status::invalid(resource, meta::name(old), &[cause.clone(), cause]));
    }
    new["apiVersion"] = resource.api_version().into();
    new["kind"] = resource.kind.as_str().into();
    let kept = [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "generation",
        "generateName",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "resourceVersion",
    ];
    let metadata = meta::of(new);
    for key in kept {
        match old["metadata"].get(key) {
            Some(value) => metadata.insert(key.to_owned(), value.clone()),
            None => metadata.remove(key),
        };
    }
    metadata.remove("selfLink");
    Ok(())
}

/// A write to one subresource leaves the other parts as they were.
fn keep_other_parts(resource: &Resource, old: &Value, new: &mut Value, part: Subresource) {
    if !resource.has_status {
        return;
    }
    match part {
        Subresource::Main | Subresource::Scale => match old.get("status") {
            Some(status) => new["status"] = status.clone(),
            None => {
                new.as_object_mut().map(|map| map.remove("status"));
            }
        },
        Subresource::Status => {
            let status = new.get("status").cloned();
            let managers = new["metadata"].get("managedFields").cloned();
            *new = old.clone();
            if let Some(status) = status {
                new["status"] = status;
            }
            if let Some(managers) = managers {
                new["metadata"]["managedFields"] = managers;
            }
        }
    }
}

fn count_generation(resource: &Resource, old: &Value, new: &mut Value) {
    if !resource.has_generation {
        return;
    }
    let counted = |key: &str| key != "metadata" && !(resource.has_status && key == "status");
    let desired = |object: &Value| -> usize {
        object.as_object().map_or(0, |map| map.keys().filter(|key| counted(key)).count())
    };
    let fields = new.as_object().into_iter().flatten();
    let same = desired(old) == desired(new)
        && fields.filter(|(key, _)| counted(key)).all(|(key, value)| old.get(key) == Some(value));
    // Deployments count changes of their annotations too, because they hold the revision.
    let annotations = "/metadata/annotations";
    let annotated =
        resource.kind == "Deployment" && old.pointer(annotations) != new.pointer(annotations);
    if annotated || !same {
        let next = meta::generation(old) + 1;
        meta::of(new).insert("generation".to_owned(), next.into());
    }
}
