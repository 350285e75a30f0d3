//! The fields of every kind: their types, how lists merge, and what an unset field is.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::kinds::Resource;

/// The type of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Text.
    Text,
    /// A number without fraction.
    Integer,
    /// True or false.
    Boolean,
    /// A number.
    Number,
    /// An amount such as `1500m`.
    Quantity,
    /// A number or text, such as a port or a percentage.
    IntegerOrText,
    /// An instant to the second.
    Time,
    /// An instant to the microsecond.
    MicroTime,
    /// Base64.
    Bytes,
    /// Anything.
    Any,
    /// A built-in type by name.
    Named(&'static str),
    /// A type of a custom resource.
    Inline(Arc<Type>),
    /// A list.
    List(Box<Self>, ListKind),
    /// A map; atomic if it is replaced as a whole.
    Map(Box<Self>, bool),
}

/// What identifies the items of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// Nothing: the list is one value.
    Atomic,
    /// Their value.
    Set,
    /// The values of these fields; the first is the key of a strategic merge.
    Keyed(Vec<String>),
}

/// A type with named fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Type {
    /// The name, empty for types of custom resources.
    pub name: String,
    /// Whether the value has one owner as a whole.
    pub atomic: bool,
    /// Whether fields that are not listed stay.
    pub open: bool,
    /// The fields by name.
    pub fields: BTreeMap<String, Field>,
}

/// A field of a type.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// What it holds.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// Whether `$retainKeys` may name the keys that stay.
    pub retain_keys: bool,
    /// Whether false and 0 mean unset.
    pub zero_is_unset: bool,
    /// The default of a custom resource's field.
    pub default: Option<Value>,
    /// The values a custom resource's field may have.
    pub allowed: Vec<Value>,
    /// Whether null is a value of its own.
    pub nullable: bool,
}

impl Shape {
    /// The type with fields, if it is one.
    #[must_use]
    pub fn as_type(&self) -> Option<&Type> {
        match self {
            Self::Named(name) => built_in_type(name),
            Self::Inline(inline) => Some(inline),
            _ => None,
        }
    }

    /// The shape of a field of it or of a map's values.
    #[must_use]
    pub fn child(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(value, _) => Some(value),
            _ => self.as_type()?.fields.get(key).map(|field| &field.shape),
        }
    }
}

/// The shape of a resource's objects in its stored version.
#[must_use]
pub fn shape_of(resource: &Resource) -> Shape {
    if let Some(definition) = &resource.custom {
        return super::custom::shape(definition, resource.version());
    }
    built_in()
        .get_key_value(resource.kind.as_str())
        .map_or(Shape::Any, |(name, _)| Shape::Named(name))
}

/// The shape of a built-in type, such as `DeleteOptions`.
#[must_use]
pub fn shape_named(name: &str) -> Shape {
    built_in().get_key_value(name).map_or(Shape::Any, |(name, _)| Shape::Named(name))
}

/// A built-in type.
#[must_use]
pub fn built_in_type(name: &str) -> Option<&'static Type> {
    built_in().get(name)
}

/// All built-in types by name.
#[must_use]
pub fn built_in() -> &'static BTreeMap<&'static str, Type> {
    static TYPES: OnceLock<BTreeMap<&'static str, Type>> = OnceLock::new();
    TYPES.get_or_init(|| {
        let mut types = BTreeMap::new();
        let mut current = "";
        for line in include_str!("fields.txt").lines().filter(|line| !line.starts_with('#')) {
            if let Some(row) = line.strip_prefix(' ') {
                let owner: Option<&mut Type> = types.get_mut(current);
                if let (Some(owner), Some((name, field))) = (owner, parse(row)) {
                    owner.fields.insert(name, field);
                }
            } else if let Some(name) = line.split_whitespace().next() {
                current = name;
                let atomic = line.ends_with(" atomic");
                types.insert(name, Type { name: name.to_owned(), atomic, ..Type::default() });
            }
        }
        types
    })
}

/// A row of `fields.txt`, as its head explains.
fn parse(row: &'static str) -> Option<(String, Field)> {
    let mut cells = row.split(' ');
    let (name, code) = (cells.next()?, cells.next()?);
    let mut field = Field::of(Shape::Any);
    let mut list = ListKind::Atomic;
    let mut whole_map = false;
    for cell in cells {
        match cell {
            "retain" => field.retain_keys = true,
            "zero" => field.zero_is_unset = true,
            "!" => whole_map = true,
            "@" => list = ListKind::Set,
            keys => {
                let keys = keys.trim_start_matches('@').split(',').map(str::to_owned);
                list = ListKind::Keyed(keys.collect());
            }
        }
    }
    field.shape = shape(code, list, whole_map);
    field.required = name.ends_with('!');
    Some((name.trim_end_matches('!').to_owned(), field))
}

fn shape(code: &'static str, list: ListKind, whole_map: bool) -> Shape {
    if let Some(item) = code.strip_prefix('*') {
        return Shape::List(Box::new(shape(item, ListKind::Atomic, false)), list);
    }
    if let Some(value) = code.strip_prefix('%') {
        return Shape::Map(Box::new(shape(value, ListKind::Atomic, false)), whole_map);
    }
    match code {
        "s" => Shape::Text,
        "i" | "l" => Shape::Integer,
        "b" => Shape::Boolean,
        "f" => Shape::Number,
        "q" => Shape::Quantity,
        "x" => Shape::IntegerOrText,
        "t" => Shape::Time,
        "u" => Shape::MicroTime,
        "bytes" => Shape::Bytes,
        "any" => Shape::Any,
        name => Shape::Named(name),
    }
}

impl Field {
    /// An optional field of that shape.
    #[must_use]
    pub fn of(shape: Shape) -> Self {
        Self {
            shape,
            required: false,
            retain_keys: false,
            zero_is_unset: false,
            default: None,
            allowed: Vec::new(),
            nullable: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ListKind, Shape, built_in, built_in_type};

    #[test]
    fn every_named_type_exists() {
        fn named(shape: &Shape) -> Option<&'static str> {
            match shape {
                Shape::Named(name) => Some(name),
                Shape::List(inner, _) | Shape::Map(inner, _) => named(inner),
                _ => None,
            }
        }
        for (owner, found) in built_in() {
            for (field, shape) in found.fields.iter().map(|(name, field)| (name, &field.shape)) {
                if let Some(name) = named(shape) {
                    assert!(built_in_type(name).is_some(), "{owner}.{field} is a {name}");
                }
            }
        }
    }

    #[test]
    fn ports_are_identified_by_number_and_protocol() {
        let ports = &built_in_type("Container").unwrap().fields["ports"].shape;
        let Shape::List(_, ListKind::Keyed(keys)) = ports else { panic!("ports is a keyed list") };
        assert_eq!(keys, &["containerPort", "protocol"]);
    }
}
