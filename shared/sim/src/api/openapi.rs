//! OpenAPI documents, made from the field types: what kubectl needs to apply, patch and explain.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::header;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::body::{self, Answer};
use super::discovery::{cached, groups};
use super::openapi_protobuf;
use super::service::Call;
use crate::schema::fields::{Field, ListKind, Shape, Type, built_in_type};
use crate::schema::kinds::Resource;
use crate::store::{Status, Store, meta};

/// The media type in which kubectl up to 1.28 takes OpenAPI 2.0.
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// Serves a path below `/openapi`.
pub(crate) fn serve(call: &Call) -> Answer {
    let store = &call.shared.options.store;
    match call.path.trim_matches('/') {
        "openapi/v3" => cached(call, "application/json", index(store).to_string()),
        "openapi/v2" => {
            let accept = call.header(header::ACCEPT).unwrap_or("*/*");
            if accept.contains("com.github.proto-openapi.spec.v2") {
                return cached(call, PROTOBUF, openapi_protobuf::encode(&swagger(store)));
            }
            if accept.contains("json") || accept.contains("*/*") {
                return cached(call, "application/json", swagger(store).to_string());
            }
            let message = "only the following media types are accepted: application/json";
            body::refusal(&Status::new(406, "NotAcceptable", message))
        }
        path => match path.strip_prefix("openapi/v3/").and_then(|path| document(store, path)) {
            Some(document) => cached(call, "application/json", document.to_string()),
            None => body::text(404, "404 page not found\n"),
        },
    }
}

fn index(store: &Store) -> Value {
    let mut paths = Map::new();
    for (group, versions) in groups(store) {
        for (version, resources) in versions {
            let path = group_path(&group, &version);
            let hash = hash(&path, &resources);
            let url = format!("/openapi/v3/{path}?hash={hash}");
            paths.insert(path, json!({"serverRelativeURL": url}));
        }
    }
    json!({"paths": paths})
}

/// A hash that changes when the document at a path does: with its resources and definitions.
fn hash(path: &str, resources: &[Arc<Resource>]) -> String {
    let mut digest = Sha256::new_with_prefix(path);
    for resource in resources {
        digest.update(resource.key());
        if let Some(definition) = &resource.custom {
            digest.update(meta::uid(definition));
            digest.update(meta::generation(definition).to_le_bytes());
        }
    }
    digest.finalize().iter().map(|byte| format!("{byte:02X}")).collect()
}

fn group_path(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

fn document(store: &Store, path: &str) -> Option<Value> {
    let parts: Vec<&str> = path.split('/').collect();
    let (group, version) = match parts.as_slice() {
        ["api", version] => ("", *version),
        ["apis", group, version] => (*group, *version),
        _ => return None,
    };
    let all = groups(store);
    let (_, resources) = all.get(group)?.iter().find(|(name, _)| name == version)?;
    let mut paths = Map::new();
    let mut schemas = Schemas::new(Era::Three);
    for resource in resources {
        schemas.add_resource(resource, version);
        add_paths(&mut paths, resource, version, Era::Three);
    }
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.36.2"},
        "paths": paths, "components": {"schemas": schemas.done},
    }))
}

fn swagger(store: &Store) -> Value {
    let mut paths = Map::new();
    let mut schemas = Schemas::new(Era::Two);
    for resource in store.resources() {
        for version in &resource.versions {
            schemas.add_resource(&resource, version);
            add_paths(&mut paths, &resource, version, Era::Two);
        }
    }
    json!({"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.36.2"}, "paths": paths,
        "definitions": schemas.done})
}

/// The version of OpenAPI that a document is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Era {
    Two,
    Three,
}

/// Adds the paths of a resource in one of its versions.
fn add_paths(paths: &mut Map<String, Value>, resource: &Resource, version: &str, era: Era) {
    let scope = if resource.namespaced { "namespaces/{namespace}/" } else { "" };
    let path = group_path(&resource.group, version);
    let collection = format!("/{path}/{scope}{}", resource.plural);
    let operation = operation(resource, version, era);
    let of = |verbs: &[&str]| -> Value {
        let found = verbs.iter().map(|verb| ((*verb).to_owned(), operation.clone()));
        Value::Object(found.collect())
    };
    paths.insert(format!("{collection}/{{name}}"), of(&["get", "put", "patch", "delete"]));
    paths.insert(collection, of(&["get", "post"]));
}

/// What kubectl reads of an operation: its kind, and that fields can be validated.
fn operation(resource: &Resource, version: &str, era: Era) -> Value {
    let parameter = |name: &str| match era {
        Era::Two => json!({"name": name, "in": "query", "type": "string"}),
        Era::Three => json!({"name": name, "in": "query", "schema": {"type": "string"}}),
    };
    json!({
        "parameters": [parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation")],
        "responses": {},
        "x-kubernetes-group-version-kind": kind_of(resource, version),
    })
}

fn kind_of(resource: &Resource, version: &str) -> Value {
    json!({"group": resource.group, "version": version, "kind": resource.kind})
}

/// The schemas of a document, gathered as they are referred to.
struct Schemas {
    era: Era,
    done: Map<String, Value>,
    begun: BTreeSet<String>,
}

impl Schemas {
    fn new(era: Era) -> Self {
        Self { era, done: Map::new(), begun: BTreeSet::new() }
    }

    fn add_resource(&mut self, resource: &Resource, version: &str) {
        let kind = json!([kind_of(resource, version)]);
        let (name, mut schema) = match &resource.custom {
            Some(definition) => {
                let mut parts: Vec<&str> = resource.group.split('.').collect();
                parts.reverse();
                (
                    format!("{}.{version}.{}", parts.join("."), resource.kind),
                    self.of_definition(definition, version),
                )
            }
            None => {
                let schema = built_in_type(&resource.kind).map(|found| self.of_type(found));
                let Some(schema) = schema else { return };
                (full_name(&resource.kind), schema)
            }
        };
        schema["x-kubernetes-group-version-kind"] = kind;
        self.done.insert(name, schema);
    }

    /// The schema a definition carries, with the parts every object has.
    fn of_definition(&mut self, definition: &Value, version: &str) -> Value {
        let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
        let found = versions.into_iter().flatten().find(|entry| entry["name"] == version);
        let schema = found.and_then(|entry| entry.pointer("/schema/openAPIV3Schema")).cloned();
        let mut schema = schema.unwrap_or_else(|| json!({"type": "object"}));
        let properties = meta::field(&mut schema, "properties");
        properties.insert("apiVersion".to_owned(), json!({"type": "string"}));
        properties.insert("kind".to_owned(), json!({"type": "string"}));
        properties.insert("metadata".to_owned(), self.reference("ObjectMeta"));
        schema
    }

    fn of_type(&mut self, found: &Type) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, field) in &found.fields {
            properties.insert(name.clone(), self.of_field(field));
            // Built-in kinds cannot be without metadata, but are not said to need it.
            if field.required && name != "metadata" {
                required.push(name.as_str());
            }
        }
        let mut schema = json!({"type": "object", "properties": properties});
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        if found.atomic {
            schema["x-kubernetes-map-type"] = "atomic".into();
        }
        schema
    }

    fn of_field(&mut self, field: &Field) -> Value {
        let mut schema = self.of_shape(&field.shape);
        let mut strategies = Vec::new();
        if let Shape::List(_, kind) = &field.shape {
            match kind {
                ListKind::Atomic => schema["x-kubernetes-list-type"] = "atomic".into(),
                ListKind::Set => {
                    schema["x-kubernetes-list-type"] = "set".into();
                    strategies.push("merge");
                }
                ListKind::Keyed(keys) => {
                    schema["x-kubernetes-list-type"] = "map".into();
                    schema["x-kubernetes-list-map-keys"] = json!(keys);
                    schema["x-kubernetes-patch-merge-key"] = json!(keys.first());
                    strategies.push("merge");
                }
            }
        }
        if field.retain_keys {
            strategies.push("retainKeys");
        }
        if !strategies.is_empty() {
            schema["x-kubernetes-patch-strategy"] = strategies.join(",").into();
        }
        schema
    }

    fn of_shape(&mut self, shape: &Shape) -> Value {
        match shape {
            Shape::Text => json!({"type": "string"}),
            Shape::Integer => json!({"type": "integer", "format": "int64"}),
            Shape::Boolean => json!({"type": "boolean"}),
            Shape::Number => json!({"type": "number", "format": "double"}),
            Shape::Quantity => self.scalar("Quantity", None),
            Shape::IntegerOrText => self.scalar("IntOrString", Some("int-or-string")),
            Shape::Time => self.scalar("Time", Some("date-time")),
            Shape::MicroTime => self.scalar("MicroTime", Some("date-time")),
            Shape::Bytes => json!({"type": "string", "format": "byte"}),
            Shape::Any => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
            Shape::Named(name) => self.reference(name),
            Shape::Inline(inline) => self.of_type(inline),
            Shape::List(item, _) => json!({"type": "array", "items": self.of_shape(item)}),
            Shape::Map(value, _) => {
                json!({"type": "object", "additionalProperties": self.of_shape(value)})
            }
        }
    }

    fn reference(&mut self, name: &str) -> Value {
        if self.begun.insert(name.to_owned())
            && let Some(found) = built_in_type(name)
        {
            let schema = self.of_type(found);
            self.done.insert(full_name(name), schema);
        }
        self.link(name)
    }

    /// A reference to text of a form that has a name.
    fn scalar(&mut self, name: &str, format: Option<&str>) -> Value {
        let mut schema = json!({"type": "string"});
        if let Some(format) = format {
            schema["format"] = format.into();
        }
        self.done.entry(full_name(name)).or_insert(schema);
        self.link(name)
    }

    fn link(&self, name: &str) -> Value {
        match self.era {
            Era::Two => json!({"$ref": format!("#/definitions/{}", full_name(name))}),
            // A reference takes no siblings in OpenAPI 3.0, hence `allOf`.
            Era::Three => {
                let path = format!("#/components/schemas/{}", full_name(name));
                json!({"allOf": [{"$ref": path}]})
            }
        }
    }
}

fn full_name(name: &str) -> String {
    format!("io.k8s.api.{name}")
}
