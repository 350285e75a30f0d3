//! Sets of fields, in the tree form of `FieldsV1`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A set of fields below a point; `own` is whether the point itself is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    /// Whether the point itself is a member.
    pub own: bool,
    /// The sets below, by `f:name`, `k:{"name":"x"}` or `v:"x"`.
    pub below: BTreeMap<String, Self>,
}

impl FieldSet {
    /// The set of the point alone.
    #[must_use]
    pub fn point() -> Self {
        Self { own: true, below: BTreeMap::new() }
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.own && self.below.values().all(Self::is_empty)
    }

    /// The set of a `fieldsV1` value.
    #[must_use]
    pub fn parse(fields: &Value) -> Self {
        let Some(map) = fields.as_object() else { return Self::default() };
        let below = map.iter().filter(|(key, _)| *key != ".").map(|(key, value)| {
            let mut set = Self::parse(value);
            set.own |= value.as_object().is_some_and(Map::is_empty);
            (key.clone(), set)
        });
        Self { own: map.contains_key("."), below: below.collect() }
    }

    /// The set as a `fieldsV1` value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        for (key, set) in self.below.iter().filter(|(_, set)| !set.is_empty()) {
            map.insert(key.clone(), set.to_value());
        }
        if self.own && !map.is_empty() {
            map.insert(".".to_owned(), Value::Object(Map::new()));
        }
        Value::Object(map)
    }

    /// Adds a set below a step.
    pub fn insert(&mut self, step: String, set: Self) {
        if !set.is_empty() {
            self.below.entry(step).or_default().unite(&set);
        }
    }

    /// Adds the members of another.
    pub fn unite(&mut self, other: &Self) {
        self.own |= other.own;
        for (key, set) in &other.below {
            self.below.entry(key.clone()).or_default().unite(set);
        }
    }

    /// Takes out the members of another.
    pub fn subtract(&mut self, other: &Self) {
        self.own &= !other.own;
        for (key, set) in &other.below {
            if let Some(mine) = self.below.get_mut(key) {
                mine.subtract(set);
            }
        }
        self.below.retain(|_, set| !set.is_empty());
    }

    /// The members that are also in another.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut common = Self { own: self.own && other.own, below: BTreeMap::new() };
        for (key, set) in &self.below {
            if let Some(theirs) = other.below.get(key) {
                common.insert(key.clone(), set.intersection(theirs));
            }
        }
        common
    }

    /// Takes out the subtree at a path of steps.
    pub fn remove(&mut self, path: &[&str]) {
        match path {
            [] => {}
            [last] => {
                self.below.remove(*last);
            }
            [first, rest @ ..] => {
                if let Some(set) = self.below.get_mut(*first) {
                    set.remove(rest);
                    if set.is_empty() {
                        self.below.remove(*first);
                    }
                }
            }
        }
    }

    /// The members as paths such as `.spec.containers[name="a"].image`.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.collect_paths("", &mut found);
        found
    }

    fn collect_paths(&self, prefix: &str, found: &mut Vec<String>) {
        if self.own {
            found.push(prefix.to_owned());
        }
        for (key, set) in &self.below {
            set.collect_paths(&format!("{prefix}{}", show_step(key)), found);
        }
    }
}

fn show_step(step: &str) -> String {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    match step.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("k", keys)) => {
            let keys = parse(keys);
            let parts = keys.as_object().into_iter().flatten();
            let parts: Vec<String> = parts.map(|(key, value)| format!("{key}={value}")).collect();
            format!("[{}]", parts.join(","))
        }
        Some(("v", value)) => format!("[={value}]"),
        _ => format!("[{step}]"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::FieldSet;

    #[test]
    fn a_set_survives_the_round_trip() {
        let fields = json!({"f:spec": {"f:replicas": {}, "f:containers": {
            "k:{\"name\":\"a\"}": {".": {}, "f:image": {}}}}});
        assert_eq!(FieldSet::parse(&fields).to_value(), fields);
    }

    #[test]
    fn paths_name_list_items_by_their_keys() {
        let fields = json!({"f:containers": {"k:{\"name\":\"a\"}": {"f:image": {}}}});
        assert_eq!(FieldSet::parse(&fields).paths(), [".containers[name=\"a\"].image"]);
    }

    #[test]
    fn what_is_subtracted_is_gone_and_leaves_no_husk() {
        let mut set = FieldSet::parse(&json!({"f:a": {"f:b": {}}, "f:c": {}}));
        set.subtract(&FieldSet::parse(&json!({"f:a": {"f:b": {}}})));
        assert_eq!(set.to_value(), json!({"f:c": {}}));
    }
}
