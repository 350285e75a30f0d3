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
    run(shape, value, true)
}

/// As [`decode`], without defaults: what an applied configuration itself says.
pub fn decode_sparse(shape: &Shape, value: &mut Value) -> Decoded {
    run(shape, value, false)
}

fn run(shape: &Shape, value: &mut Value, defaults: bool) -> Decoded {
    let mut decoder = Decoder { defaults, decoded: Decoded::default() };
    decoder.visit(shape, value, &Path { parent: None, step: Step::Root, owner: "" });
    decoder.decoded
}

/// Where a value is; it lives on the stack, because nearly no path is ever shown.
struct Path<'a> {
    parent: Option<&'a Self>,
    step: Step<'a>,
    owner: &'a str,
}

enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    fn below(&'a self, step: Step<'a>) -> Self {
        Self { parent: Some(self), step, owner: self.owner }
    }

    fn show(&self) -> String {
        let mut text = self.parent.map(Path::show).unwrap_or_default();
        match self.step {
            Step::Root => {}
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => {
                text.push('.');
                text.push_str(key);
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
        text
    }
}

struct Decoder {
    defaults: bool,
    decoded: Decoded,
}

impl Decoder {
    fn visit(&mut self, shape: &Shape, value: &mut Value, path: &Path<'_>) {
        match shape {
            Shape::List(item, _) => match value {
                Value::Array(items) => {
                    for (index, element) in items.iter_mut().enumerate() {
                        self.visit(item, element, &path.below(Step::Index(index)));
                    }
                }
                other => self.mismatch(other, path, "[]"),
            },
            Shape::Map(item, _) => match value {
                Value::Object(map) => {
                    for (key, element) in map.iter_mut() {
                        self.visit(item, element, &path.below(Step::Key(key)));
                    }
                }
                other => self.mismatch(other, path, "map[string]"),
            },
            _ => match (shape.as_type(), value) {
                (Some(found), Value::Object(map)) => {
                    self.visit_fields(found, map, path);
                    if let Shape::Inline(inline) = shape
                        && self.defaults
                    {
                        fill_defaults(inline, map);
                    }
                }
                (Some(found), other) => self.mismatch(other, path, &found.name),
                (None, value) => self.visit_scalar(shape, value, path),
            },
        }
    }

    fn visit_fields(&mut self, owner: &Type, map: &mut Map<String, Value>, path: &Path<'_>) {
        let built_in = !owner.name.is_empty();
        map.retain(|key, value| {
            let path = Path { parent: Some(path), step: Step::Key(key), owner: &owner.name };
            let Some(field) = owner.fields.get(key) else {
                if !owner.open {
                    self.decoded.unknown.push(path.show());
                }
                return owner.open;
            };
            if value.is_null() {
                return field.nullable;
            }
            self.visit(&field.shape, value, &path);
            let unset = is_empty(&owner.name, key, &field.shape, value)
                || field.zero_is_unset && is_zero(value);
            !(built_in && !field.required && unset)
        });
    }

    fn visit_scalar(&mut self, shape: &Shape, value: &mut Value, path: &Path<'_>) {
        let fits = match shape {
            Shape::Text | Shape::Bytes | Shape::Time | Shape::MicroTime => {
                value.is_string() || value.is_null()
            }
            Shape::Integer => value.is_i64() || value.is_u64(),
            Shape::Boolean => value.is_boolean(),
            Shape::Number => value.is_number(),
            Shape::IntegerOrText => value.is_string() || value.is_i64(),
            Shape::Quantity => return self.canonical_quantity(value, path),
            _ => true,
        };
        if !fits {
            let expected = match shape {
                Shape::Integer | Shape::IntegerOrText => "int32",
                Shape::Boolean => "bool",
                Shape::Number => "float64",
                _ => "string",
            };
            self.mismatch(value, path, expected);
        }
    }

    fn canonical_quantity(&mut self, value: &mut Value, path: &Path<'_>) {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            other => return self.mismatch(other, path, "resource.Quantity"),
        };
        match quantity::canonical(&text) {
            Some(canonical) => *value = canonical.into(),
            None => {
                let message = "quantities must match the regular expression \
                               '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
                self.decoded.mismatch.get_or_insert_with(|| message.to_owned());
            }
        }
    }

    fn mismatch(&mut self, value: &Value, path: &Path<'_>, expected: &str) {
        let found = match value {
            Value::Null => return,
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let (owner, field) = (path.owner, path.show());
        self.decoded.mismatch.get_or_insert_with(|| {
            format!(
                "json: cannot unmarshal {found} into Go struct field {owner}.{field} of type \
                 {expected}"
            )
        });
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
        let kept =
            json!({"containers": [{"name": "a"}], "volumes": [{"name": "v", "emptyDir": {}}]});
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
