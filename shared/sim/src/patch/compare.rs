//! What differs between two states of an object, as sets of fields of its type.

use serde_json::{Map, Value};

use super::set::FieldSet;
use crate::schema::fields::{ListKind, Shape};

/// The fields that came, changed and went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Fields only the new state has.
    pub added: FieldSet,
    /// Fields with another value.
    pub modified: FieldSet,
    /// Fields only the old state had.
    pub removed: FieldSet,
}

impl Comparison {
    /// Whether the states are the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }

    /// The fields of the new state that the old one did not have so.
    #[must_use]
    pub fn written(&self) -> FieldSet {
        let mut written = self.added.clone();
        written.unite(&self.modified);
        written
    }

    fn insert(&mut self, step: String, below: Self) {
        self.added.insert(step.clone(), below.added);
        self.modified.insert(step.clone(), below.modified);
        self.removed.insert(step, below.removed);
    }

    fn mark(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (None, Some(_)) => self.added.own = true,
            (Some(_), None) => self.removed.own = true,
            (old, new) => self.modified.own = old != new,
        }
    }
}

/// The parts of a value that can have owners of their own.
pub(crate) enum Parts<'a> {
    /// None: the value is owned as a whole.
    Whole,
    /// Fields or keys.
    Map(Option<&'a Map<String, Value>>),
    /// Items, by the step that names each.
    List(Vec<(String, &'a Value)>),
}

/// Takes a value apart as its type says.
pub(crate) fn parts<'a>(shape: &Shape, value: Option<&'a Value>) -> Parts<'a> {
    match shape {
        Shape::Any => match value {
            Some(Value::Object(map)) => Parts::Map(Some(map)),
            Some(_) => Parts::Whole,
            None => Parts::Map(None),
        },
        Shape::Map(_, false) => Parts::Map(value.and_then(Value::as_object)),
        Shape::List(_, kind) if *kind != ListKind::Atomic => {
            let items = value.and_then(Value::as_array).into_iter().flatten();
            Parts::List(items.map(|item| (item_step(kind, item), item)).collect())
        }
        _ => match shape.as_type() {
            Some(found) if !found.atomic => Parts::Map(value.and_then(Value::as_object)),
            _ => Parts::Whole,
        },
    }
}

/// The step that names an item of a list.
pub(crate) fn item_step(kind: &ListKind, item: &Value) -> String {
    match kind {
        ListKind::Keyed(keys) => {
            let named = keys.iter().filter_map(|key| match item.get(key) {
                Some(value) => Some((key.clone(), value.clone())),
                None if key == "protocol" => Some((key.clone(), "TCP".into())),
                None => None,
            });
            format!("k:{}", Value::Object(named.collect()))
        }
        _ => format!("v:{item}"),
    }
}

/// The first list of a configuration in which two items have the same key, with that key.
#[must_use]
pub fn duplicate(shape: &Shape, value: &Value) -> Option<String> {
    duplicate_below(shape, value, "")
}

fn duplicate_below(shape: &Shape, value: &Value, path: &str) -> Option<String> {
    match (parts(shape, Some(value)), shape) {
        (Parts::Map(Some(map)), _) => map.iter().find_map(|(key, item)| {
            duplicate_below(child_shape(shape, key), item, &format!("{path}.{key}"))
        }),
        (Parts::List(items), Shape::List(_, kind)) => {
            let mut seen = std::collections::HashSet::new();
            items.into_iter().find_map(|(step, item)| {
                let key = item_key(kind, item);
                if seen.insert(step) {
                    duplicate_below(child_shape(shape, ""), item, &format!("{path}{key}"))
                } else {
                    Some(format!("{path}: duplicate entries for key {key}"))
                }
            })
        }
        _ => None,
    }
}

/// The key of an item as it is shown in errors.
fn item_key(kind: &ListKind, item: &Value) -> String {
    match kind {
        ListKind::Keyed(keys) => {
            let mut pairs: Vec<String> =
                keys.iter().filter_map(|key| Some(format!("{key}={}", item.get(key)?))).collect();
            pairs.sort();
            format!("[{}]", pairs.join(","))
        }
        _ => format!("[={item}]"),
    }
}

/// The type of what a step leads to.
pub(crate) fn child_shape<'a>(shape: &'a Shape, key: &str) -> &'a Shape {
    match shape {
        Shape::List(item, _) => item,
        _ => shape.child(key).unwrap_or(&Shape::Any),
    }
}

/// Compares two states of a value of that type.
#[must_use]
pub fn compare(shape: &Shape, old: Option<&Value>, new: Option<&Value>) -> Comparison {
    let mut found = Comparison::default();
    // Most of an object does not change in a write.
    if old == new {
        return found;
    }
    let pairs = match (parts(shape, old), parts(shape, new)) {
        (Parts::Map(left), Parts::Map(right)) => map_pairs(left, right),
        (Parts::List(left), Parts::List(right)) => list_pairs(left, right),
        _ => Vec::new(),
    };
    if pairs.is_empty() {
        found.mark(old, new);
        return found;
    }
    for (step, left, right) in pairs {
        let key = step.strip_prefix("f:").unwrap_or_default();
        let below = compare(child_shape(shape, key), left, right);
        found.insert(step, below);
    }
    found.added.own = old.is_none();
    found.removed.own = new.is_none();
    found
}

type Pair<'a> = (String, Option<&'a Value>, Option<&'a Value>);

fn map_pairs<'a>(
    left: Option<&'a Map<String, Value>>,
    right: Option<&'a Map<String, Value>>,
) -> Vec<Pair<'a>> {
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    for (key, value) in left.into_iter().flatten() {
        pairs.push((format!("f:{key}"), Some(value), right.and_then(|map| map.get(key))));
    }
    for (key, value) in right.into_iter().flatten() {
        if left.is_none_or(|map| !map.contains_key(key)) {
            pairs.push((format!("f:{key}"), None, Some(value)));
        }
    }
    pairs
}

fn list_pairs<'a>(
    left: Vec<(String, &'a Value)>,
    right: Vec<(String, &'a Value)>,
) -> Vec<Pair<'a>> {
    let find = |items: &[(String, &'a Value)], step: &str| {
        items.iter().find(|(its, _)| its == step).map(|(_, item)| *item)
    };
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    for (step, item) in &left {
        pairs.push((step.clone(), Some(*item), find(&right, step)));
    }
    for (step, item) in right {
        if find(&left, &step).is_none() {
            pairs.push((step, None, Some(item)));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::compare;
    use crate::schema::fields::shape_named;

    #[test]
    fn an_item_that_is_new_owns_itself_and_its_fields() {
        let old = json!({"containers": []});
        let new = json!({"containers": [{"name": "a", "image": "i"}]});
        let found = compare(&shape_named("PodSpec"), Some(&old), Some(&new));
        let expected = json!({"f:containers": {"k:{\"name\":\"a\"}": {
            ".": {}, "f:name": {}, "f:image": {}}}});
        assert_eq!(found.added.to_value(), expected);
    }

    #[test]
    fn an_atomic_list_changes_as_a_whole() {
        let old = json!({"command": ["a"]});
        let new = json!({"command": ["a", "b"]});
        let found = compare(&shape_named("Container"), Some(&old), Some(&new));
        assert_eq!(found.modified.to_value(), json!({"f:command": {}}));
    }
}
