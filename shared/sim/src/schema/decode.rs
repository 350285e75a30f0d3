//! Reading what a client sent the way a real server does: unknown fields, wrong types, empty values.

use serde_json::{Map, Value};

use super::fields::{Shape, Type};
use super::quantity;

/// Optional texts whose empty value is a value, by type and field.
const EMPTY_TEXT_COUNTS: [(&str, &str); 3] = [
    ("HostPathVolumeSource", "type"),
    ("PersistentVolumeClaimSpec", "storageClassName"),
    ("PersistentVolumeClaimTemplate", "storageClassName"),
];

/// What a client sent, as the server understands it.
#[derive(Debug, Default)]
pub struct Decoded {
    /// The fields that no type has, as paths; they are dropped.
    pub unknown: Vec<String>,
    /// The first value of a wrong type, if any.
    pub mismatch: Option<String>,
}

/// Brings `value` into the form a server stores: no unknown, null or empty optional fields, and
/// the defaults a definition gives.
pub fn decode(shape: &Shape, value: &mut Value) -> Decoded {
    let mut decoded = Decoded::default();
    let mut path = Path { defaults: true, ..Path::default() };
    visit(shape, value, &mut path, &mut decoded);
    decoded
}

/// As [`decode`], without defaults: what an applied configuration itself says.
pub fn decode_sparse(shape: &Shape, value: &mut Value) -> Decoded {
    let mut decoded = Decoded::default();
    visit(shape, value, &mut Path::default(), &mut decoded);
    decoded
}

#[derive(Default)]
struct Path {
    steps: Vec<String>,
    owner: String,
    defaults: bool,
}

impl Path {
    fn show(&self) -> String {
        self.steps.concat().trim_start_matches('.').to_owned()
    }
}

fn visit(shape: &Shape, value: &mut Value, path: &mut Path, decoded: &mut Decoded) {
    match shape {
        Shape::List(item, _) => match value {
            Value::Array(items) => {
                for (index, element) in items.iter_mut().enumerate() {
                    path.steps.push(format!("[{index}]"));
                    visit(item, element, path, decoded);
                    path.steps.pop();
                }
            }
            other => mismatch(other, path, "[]", decoded),
        },
        Shape::Map(item, _) => match value {
            Value::Object(map) => {
                for (key, element) in map.iter_mut() {
                    path.steps.push(format!(".{key}"));
                    visit(item, element, path, decoded);
                    path.steps.pop();
                }
            }
            other => mismatch(other, path, "map[string]", decoded),
        },
        _ => match (shape.as_type(), value) {
            (Some(found), Value::Object(map)) => {
                visit_fields(found, map, path, decoded);
                if let Shape::Inline(inline) = shape
                    && path.defaults
                {
                    fill_defaults(inline, map);
                }
            }
            (Some(found), other) => mismatch(other, path, &found.name, decoded),
            (None, value) => visit_scalar(shape, value, path, decoded),
        },
    }
}

fn visit_fields(
    owner: &Type,
    map: &mut Map<String, Value>,
    path: &mut Path,
    decoded: &mut Decoded,
) {
    let built_in = !owner.name.is_empty();
    let keys: Vec<String> = map.keys().cloned().collect();
    for key in keys {
        path.steps.push(format!(".{key}"));
        let outer = std::mem::replace(&mut path.owner, owner.name.clone());
        match owner.fields.get(&key) {
            None if owner.open => {}
            None => {
                decoded.unknown.push(path.show());
                map.remove(&key);
            }
            Some(field) => {
                let drop = map.get_mut(&key).is_some_and(|value| {
                    if value.is_null() {
                        return !field.nullable;
                    }
                    visit(&field.shape, value, path, decoded);
                    built_in
                        && !field.required
                        && (is_empty(&owner.name, &key, &field.shape, value)
                            || field.zero_is_unset && is_zero(value))
                });
                if drop {
                    map.remove(&key);
                }
            }
        }
        path.owner = outer;
        path.steps.pop();
    }
}

fn is_empty(owner: &str, key: &str, shape: &Shape, value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty() && !EMPTY_TEXT_COUNTS.contains(&(owner, key)),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty() && matches!(shape, Shape::Map(..)),
        _ => false,
    }
}

fn is_zero(value: &Value) -> bool {
    value == &Value::Bool(false) || value.as_i64() == Some(0)
}

fn fill_defaults(owner: &Type, map: &mut Map<String, Value>) {
    for (name, field) in &owner.fields {
        if let Some(default) = &field.default
            && map.get(name).is_none_or(|value| value.is_null() && !field.nullable)
        {
            map.insert(name.clone(), default.clone());
        }
    }
}

fn visit_scalar(shape: &Shape, value: &mut Value, path: &Path, decoded: &mut Decoded) {
    let fits = match shape {
        Shape::Text | Shape::Bytes | Shape::Time | Shape::MicroTime => {
            value.is_string() || value.is_null()
        }
        Shape::Integer => value.is_i64() || value.is_u64(),
        Shape::Boolean => value.is_boolean(),
        Shape::Number => value.is_number(),
        Shape::IntegerOrText => value.is_string() || value.is_i64(),
        Shape::Quantity => return canonical_quantity(value, path, decoded),
        _ => true,
    };
    if !fits {
        let expected = match shape {
            Shape::Integer | Shape::IntegerOrText => "int32",
            Shape::Boolean => "bool",
            Shape::Number => "float64",
            _ => "string",
        };
        mismatch(value, path, expected, decoded);
    }
}

fn canonical_quantity(value: &mut Value, path: &Path, decoded: &mut Decoded) {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => return mismatch(other, path, "resource.Quantity", decoded),
    };
    match quantity::canonical(&text) {
        Some(canonical) => *value = canonical.into(),
        None => {
            let message = "quantities must match the regular expression \
                           '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
            decoded.mismatch.get_or_insert_with(|| message.to_owned());
        }
    }
}

fn mismatch(value: &Value, path: &Path, expected: &str, decoded: &mut Decoded) {
    let found = match value {
        Value::Null => return,
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let (owner, field) = (&path.owner, path.show());
    decoded.mismatch.get_or_insert_with(|| {
        format!("json: cannot unmarshal {found} into Go struct field {owner}.{field} of type {expected}")
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::decode;
    use crate::schema::fields::shape_named;

    #[test]
    fn unknown_fields_are_named_and_dropped() {
        let mut value = json!({"spec": {"nope": 1, "replicas": 2}});
        let decoded = decode(&shape_named("Deployment"), &mut value);
        assert_eq!(decoded.unknown, ["spec.nope"]);
        assert_eq!(value, json!({"spec": {"replicas": 2}}));
    }

    #[test]
    fn what_is_empty_is_as_if_it_was_not_sent() {
        let mut value = json!({
            "hostNetwork": false, "containers": [{"name": "a", "env": null, "args": []}],
            "volumes": [{"name": "v", "emptyDir": {}}], "nodeSelector": {},
        });
        decode(&shape_named("PodSpec"), &mut value);
        let kept = json!({"containers": [{"name": "a"}], "volumes": [{"name": "v", "emptyDir": {}}]});
        assert_eq!(value, kept);
    }

    #[test]
    fn a_wrong_type_is_named_with_its_field() {
        let mut value = json!({"spec": {"replicas": "two"}});
        let decoded = decode(&shape_named("Deployment"), &mut value);
        let message = decoded.mismatch.unwrap();
        assert!(message.contains("cannot unmarshal string into Go struct field"), "{message}");
        assert!(message.contains("spec.replicas"), "{message}");
    }
}
