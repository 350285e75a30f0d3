//! Loading objects of any kind, in the order in which they can be created.

use serde_json::Value;

use super::{Status, Store, Writer, meta};

/// Creates the objects of a YAML text of several documents; see [`objects`].
///
/// # Errors
/// 400 for what is no YAML, and those of [`objects`].
pub fn text(store: &Store, text: &str, by: &Writer) -> Result<(), Status> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)
        .map_err(|error| Status::bad_request(format!("error decoding YAML: {error}")))?;
    objects(store, documents, by)
}

/// Creates objects, with the namespaces they need; lists are taken apart, what exists is kept.
///
/// # Errors
/// What the store refuses, or 404 for a kind that is not served.
pub fn objects(store: &Store, objects: Vec<Value>, by: &Writer) -> Result<(), Status> {
    let mut pending = Vec::new();
    for object in objects {
        match object["items"].as_array() {
            Some(items) if object["kind"] == "List" => pending.extend(items.iter().cloned()),
            _ if object.is_object() => pending.push(object),
            _ => {}
        }
    }
    pending.sort_by_key(|object| match object["kind"].as_str() {
        Some("Namespace") => 0,
        Some("CustomResourceDefinition") => 1,
        _ => 2,
    });
    for mut object in pending {
        let api_version = object["apiVersion"].as_str().unwrap_or_default().to_owned();
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", &api_version));
        let found = store
            .resources()
            .into_iter()
            .find(|resource| resource.group == group && resource.kind == kind);
        let Some(resource) = found else {
            let message = format!("no matches for kind \"{kind}\" in version \"{api_version}\"");
            return Err(Status::new(404, "NotFound", message));
        };
        if !resource.versions.iter().any(|served| served == version) {
            // A cluster of the manifest's time served that version, and converted it since.
            object["apiVersion"] = resource.api_version().into();
        }
        if resource.namespaced {
            ensure_namespace(store, &mut object, by)?;
        }
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        match store.create(resource.key(), object, by) {
            Err(status) if status.reason != "AlreadyExists" => return Err(status),
            _ => {}
        }
    }
    Ok(())
}

fn ensure_namespace(store: &Store, object: &mut Value, by: &Writer) -> Result<(), Status> {
    if meta::namespace(object).is_empty() {
        meta::of(object).insert("namespace".to_owned(), "default".into());
    }
    let namespace = meta::namespace(object);
    if store.read("namespaces", None, namespace).is_none() {
        let object = serde_json::json!({"metadata": {"name": namespace}});
        store.create("namespaces", object, by)?;
    }
    Ok(())
}
