//! Which fields of an object are not as a patch or a manifest wants them.

use std::fmt;

use serde_json::Value;

use super::merge::{is_deletion, is_empty, merge_key, merges_by_key, position};

/// One field that is not as wanted.
#[derive(Clone, PartialEq)]
pub struct Deviation {
    /// The way to it, from the object down.
    pub path: Vec<Part>,
    /// What it is; null when it is absent.
    pub is: Value,
    /// What it should be; null when it should be absent.
    pub wanted: Value,
}

/// One step down to a field.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Part {
    /// A field of an object.
    Field(String),
    /// The item of a list that has this name, path or port.
    Item(String),
}

impl Deviation {
    /// The path as people write it, such as `spec.template.spec.containers[central].image`.
    #[must_use]
    pub fn path_text(&self) -> String {
        let mut text = String::new();
        for part in &self.path {
            match part {
                Part::Field(name) if text.is_empty() => text.push_str(name),
                Part::Field(name) => text.push_str(&format!(".{name}")),
                Part::Item(name) => text.push_str(&format!("[{name}]")),
            }
        }
        text
    }

    /// Whether it is the image of a container.
    #[must_use]
    pub fn is_image(&self) -> bool {
        let last = self.path.last();
        last.is_some_and(|last| *last == Part::Field("image".to_owned())) && self.path.len() > 1
    }
}

impl fmt::Debug for Deviation {
    /// Leaves the values out: they may be those of a Secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Deviation").field(&self.path_text()).finish()
    }
}

/// The fields of `object` that are not as `patch` asks; none when applying it would change nothing.
#[must_use]
pub fn unsatisfied(object: &Value, patch: &Value) -> Vec<Deviation> {
    let mut walk = Walk::default();
    walk.patch(object, patch, "");
    walk.found
}

/// The fields of `manifest` that `live` does not have. What is in `live` besides, such as the
/// defaults of the API server, does not matter.
#[must_use]
pub fn lacking(live: &Value, manifest: &Value) -> Vec<Deviation> {
    let mut walk = Walk::default();
    walk.manifest(live, manifest);
    walk.found
}

#[derive(Default)]
struct Walk {
    path: Vec<Part>,
    found: Vec<Deviation>,
}

impl Walk {
    fn found(&mut self, is: &Value, wanted: &Value) {
        self.found.push(Deviation {
            path: self.path.clone(),
            is: is.clone(),
            wanted: wanted.clone(),
        });
    }

    fn below(&mut self, part: Part, walk: impl FnOnce(&mut Self)) {
        self.path.push(part);
        walk(self);
        self.path.pop();
    }

    fn patch(&mut self, object: &Value, patch: &Value, field: &str) {
        match patch {
            Value::Null if is_empty(object) => {}
            Value::Object(fields) if fields.is_empty() => {}
            Value::Object(fields) if object.is_object() => {
                for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with('$')) {
                    self.below(Part::Field(name.clone()), |walk| {
                        walk.patch(&object[name.as_str()], value, name);
                    });
                }
            }
            Value::Array(items) if merges_by_key(field, items) => {
                for item in items {
                    self.item(object, item, field);
                }
            }
            other if object != other => self.found(object, patch),
            _ => {}
        }
    }

    fn item(&mut self, list: &Value, item: &Value, field: &str) {
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
        let found = position(list, item, field).map(|index| &list[index]);
        let key = merge_key(field, item).map(|key| words(&item[key])).unwrap_or_default();
        self.below(Part::Item(key), |walk| match (found, is_deletion(item)) {
            (None, true) => {}
            (Some(found), true) => walk.found(found, &Value::Null),
            (Some(found), false) => walk.patch(found, item, ""),
            (None, false) => walk.found(&Value::Null, item),
        });
    }

    fn manifest(&mut self, live: &Value, wanted: &Value) {
        match (live, wanted) {
            (Value::Null, Value::Array(items)) if items.is_empty() => {}
            (Value::Object(_) | Value::Null, Value::Object(fields)) => {
                for (name, value) in fields {
                    self.below(Part::Field(name.clone()), |walk| {
                        walk.manifest(&live[name.as_str()], value);
                    });
                }
            }
            (Value::Array(there), Value::Array(items)) if there.len() == items.len() => {
                for (index, (there, item)) in there.iter().zip(items).enumerate() {
                    let name =
                        item["name"].as_str().map_or_else(|| index.to_string(), str::to_owned);
                    self.below(Part::Item(name), |walk| walk.manifest(there, item));
                }
            }
            (live, wanted) if live != wanted => self.found(live, wanted),
            _ => {}
        }
    }
}

fn words(key: &Value) -> String {
    key.as_str().map_or_else(|| key.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(found: &[Deviation]) -> Vec<String> {
        found.iter().map(Deviation::path_text).collect()
    }

    #[test]
    fn fields_that_are_not_as_a_patch_wants_them_are_named() {
        let object = json!({"spec": {"replicas": 0, "template": {"spec": {"containers": [
            {"name": "a", "image": "x:1", "env": [{"name": "E", "value": "1"}]}]}}}});
        let patch = json!({"spec": {"replicas": 1, "paused": null, "template": {"spec": {
            "containers": [{"name": "a", "image": "x:2", "env": [{"name": "E", "$patch": "delete"}]},
                           {"name": "b", "image": "y:2"}]}}}});
        let found = unsatisfied(&object, &patch);
        let expected = [
            "spec.replicas",
            "spec.template.spec.containers[a].env[E]",
            "spec.template.spec.containers[a].image",
            "spec.template.spec.containers[b]",
        ];
        assert_eq!(paths(&found), expected);
        assert!(found[2].is_image() && found[2].is == "x:1" && found[2].wanted == "x:2");
        assert!(!format!("{found:?}").contains("x:1"), "values stay out of debug output");
    }

    #[test]
    fn a_list_of_words_is_replaced_as_a_whole_whatever_its_name() {
        let scc = json!({"volumes": ["secret", "configMap"]});
        assert!(unsatisfied(&scc, &json!({"volumes": ["secret", "configMap"]})).is_empty());
        assert_eq!(paths(&unsatisfied(&scc, &json!({"volumes": ["*"]}))), ["volumes"]);
    }

    #[test]
    fn what_a_manifest_has_and_the_object_lacks_is_named() {
        let manifest =
            json!({"data": {"a": "1", "b": "2"}, "rules": [{"name": "x", "verbs": ["get"]}]});
        let live = json!({"data": {"a": "1", "b": "3", "c": "4"},
                          "rules": [{"name": "x", "verbs": ["list"]}]});
        assert_eq!(paths(&lacking(&live, &manifest)), ["data.b", "rules[x].verbs[0]"]);
        assert_eq!(paths(&lacking(&json!({}), &manifest)), ["data.a", "data.b", "rules"]);
    }
}
