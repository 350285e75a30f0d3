//! The fields of custom resources, from the schema in their definition.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value;

use super::fields::{Field, ListKind, Shape, Type, shape_named};
use crate::store::meta;

/// The shape a definition gives to objects of a version; anything if it has no schema.
#[must_use]
pub fn shape(definition: &Arc<Value>, version: &str) -> Shape {
    type Known = Mutex<HashMap<(String, String, String), Shape>>;
    static KNOWN: OnceLock<Known> = OnceLock::new();
    let known = KNOWN.get_or_init(Known::default);
    let generation = meta::generation(definition).to_string();
    let key = (meta::uid(definition).to_owned(), generation, version.to_owned());
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(key).or_insert_with(|| derive(definition, version)).clone()
}

fn derive(definition: &Value, version: &str) -> Shape {
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    let found = versions.into_iter().flatten().find(|entry| entry["name"] == version);
    let Some(schema) = found.and_then(|entry| entry.pointer("/schema/openAPIV3Schema")) else {
        return Shape::Any;
    };
    let mut root = of_object(schema);
    for (key, shape) in [
        ("apiVersion", Shape::Text),
        ("kind", Shape::Text),
        ("metadata", shape_named("ObjectMeta")),
    ] {
        root.fields.insert(key.to_owned(), Field::of(shape));
    }
    Shape::Inline(Arc::new(root))
}

fn of_schema(schema: &Value) -> Shape {
    if schema["x-kubernetes-int-or-string"] == true {
        return Shape::IntegerOrText;
    }
    match schema["type"].as_str() {
        Some("string") => Shape::Text,
        Some("integer") => Shape::Integer,
        Some("number") => Shape::Number,
        Some("boolean") => Shape::Boolean,
        Some("array") => Shape::List(Box::new(of_schema(&schema["items"])), list_kind(schema)),
        Some("object") if schema.get("additionalProperties").is_some_and(Value::is_object) => {
            let atomic = schema["x-kubernetes-map-type"] == "atomic";
            Shape::Map(Box::new(of_schema(&schema["additionalProperties"])), atomic)
        }
        Some("object") if schema.get("properties").is_some() => {
            Shape::Inline(Arc::new(of_object(schema)))
        }
        _ => Shape::Any,
    }
}

fn of_object(schema: &Value) -> Type {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let properties = schema["properties"].as_object().into_iter().flatten();
    let fields = properties.map(|(name, property)| {
        let field = Field {
            required: required.iter().any(|required| required == name),
            default: property.get("default").cloned(),
            allowed: property["enum"].as_array().cloned().unwrap_or_default(),
            nullable: property["nullable"] == true,
            ..Field::of(of_schema(property))
        };
        (name.clone(), field)
    });
    Type {
        name: String::new(),
        atomic: schema["x-kubernetes-map-type"] == "atomic",
        open: schema["x-kubernetes-preserve-unknown-fields"] == true,
        fields: fields.collect(),
    }
}

fn list_kind(schema: &Value) -> ListKind {
    match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => ListKind::Set,
        Some("map") => {
            let keys = schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten();
            ListKind::Keyed(keys.filter_map(|key| key.as_str().map(str::to_owned)).collect())
        }
        _ => ListKind::Atomic,
    }
}
