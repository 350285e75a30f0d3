//! The objects of the input, one after another into the store.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::prepare::Prepared;
use super::{Error, cluster_error};
use crate::controllers::objects::text;
use crate::store::{Status, Store, Writer, meta};

/// Defines SecurityContextConstraints before objects of them are loaded, in the same way as the API server.
pub(super) fn define_constraints(store: &Store) -> Result<(), Status> {
    if store.resource("securitycontextconstraints.security.openshift.io").is_some() {
        return Ok(());
    }
    let definition: Value = serde_saphyr::from_str(include_str!("../schema/scc.yaml"))
        .map_err(|error| Status::new(500, "InternalError", error.to_string()))?;
    store.create(
        "customresourcedefinitions.apiextensions.k8s.io",
        definition,
        &Writer::new("cluster-version-operator"),
    )?;
    Ok(())
}

/// Creates the namespaces that objects are in, as they are described where they are.
pub(super) fn namespaces(store: &Store, prepared: &Prepared) -> Result<(), Error> {
    for namespace in &prepared.namespaces {
        if store.read("namespaces", None, namespace).is_none() {
            let described = prepared.objects.iter().find(|object| {
                object["kind"] == "Namespace" && text(object, "/metadata/name") == namespace
            });
            let mut object = json!({"metadata": {"name": namespace}});
            for field in ["labels", "annotations"] {
                let value = described.map(|it| it["metadata"][field].clone());
                if let Some(value) = value.filter(Value::is_object) {
                    object["metadata"][field] = value;
                }
            }
            store
                .create("namespaces", object, &Writer::new("kubectl-create"))
                .map_err(cluster_error)?;
        }
    }
    Ok(())
}

/// Creates the objects; the kinds that the server does not know are returned.
pub(super) fn objects(store: &Store, objects: Vec<Value>) -> Result<Vec<String>, Error> {
    let mut skipped = Vec::new();
    let mut uids: HashMap<String, String> = HashMap::new();
    for mut object in objects {
        let described = format!("{}/{}", text(&object, "/kind"), text(&object, "/metadata/name"));
        let Some(resource) = resource_of(store, &object) else {
            skipped.push(described);
            continue;
        };
        let namespace = text(&object, "/metadata/namespace").to_owned();
        let present = store.read(
            &resource,
            Some(&namespace).filter(|name| !name.is_empty()).map(String::as_str),
            text(&object, "/metadata/name"),
        );
        if present.is_some() {
            continue;
        }
        let old_uid = text(&object, "/metadata/uid").to_owned();
        for owner in object
            .pointer_mut("/metadata/ownerReferences")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Some(uid) = uids.get(text(owner, "/uid")) {
                owner["uid"] = json!(uid);
            }
        }
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("uid");
        }
        let created = store
            .create(&resource, object, &Writer::new("kubectl-client-side-apply"))
            .map_err(|status| Error::Object { object: described, status: Box::new(status) })?;
        uids.insert(old_uid, meta::uid(&created).to_owned());
    }
    Ok(skipped)
}

/// The key of the resource that objects like this one belong to; none if the server knows none.
pub(crate) fn resource_of(store: &Store, object: &Value) -> Option<String> {
    let group = text(object, "/apiVersion").split_once('/').map_or("", |(group, _)| group);
    let kind = text(object, "/kind");
    store
        .resources()
        .iter()
        .find(|resource| resource.kind == kind && resource.group == group)
        .map(|resource| resource.key().to_owned())
}
