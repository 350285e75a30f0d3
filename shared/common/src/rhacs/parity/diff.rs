//! Field by field comparison of two objects, in which list entries that have names go by them.

use serde_json::{Map, Value};

/// A field two objects do not agree about.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldDifference {
    /// The field: `spec.template.spec.containers[central].env[ROX_NAMESPACE]`. Entries of lists go
    /// by name (mounts by path, other maps by position), lists of plain values are one field.
    pub path: String,
    /// What the first object has.
    pub left: Option<Value>,
    /// What the second object has.
    pub right: Option<Value>,
}

/// The fields `left` and `right` do not agree about, in the order of their paths. An entry only
/// one of them has is one difference, however much it holds; null is the same as nothing.
#[must_use]
pub fn differences(left: &Value, right: &Value) -> Vec<FieldDifference> {
    let mut found = Vec::new();
    compare("", Some(left), Some(right), &mut found);
    found
}

fn compare(
    path: &str,
    left: Option<&Value>,
    right: Option<&Value>,
    found: &mut Vec<FieldDifference>,
) {
    let left = left.filter(|value| !value.is_null());
    let right = right.filter(|value| !value.is_null());
    match (left, right) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            compare_maps(path, left, right, found);
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) => {
            compare_lists(path, left, right, found);
        }
        // Entries with names are told one by one even when the other object has no such list.
        (Some(Value::Array(list)), None) if name_field(path, list, &[]).is_some() => {
            compare_lists(path, list, &[], found);
        }
        (None, Some(Value::Array(list))) if name_field(path, &[], list).is_some() => {
            compare_lists(path, &[], list, found);
        }
        (left, right) if left == right => {}
        (left, right) => found.push(FieldDifference {
            path: path.to_owned(),
            left: left.cloned(),
            right: right.cloned(),
        }),
    }
}

fn compare_maps(
    path: &str,
    left: &Map<String, Value>,
    right: &Map<String, Value>,
    found: &mut Vec<FieldDifference>,
) {
    let mut keys: Vec<&String> = left.keys().chain(right.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        compare(&join(path, key), left.get(key), right.get(key), found);
    }
}

fn compare_lists(path: &str, left: &[Value], right: &[Value], found: &mut Vec<FieldDifference>) {
    if let Some(field) = name_field(path, left, right) {
        let named =
            |list: &[Value], name: &Value| list.iter().find(|item| item[field] == *name).cloned();
        let mut names: Vec<Value> = Vec::new();
        for item in left.iter().chain(right) {
            if !names.contains(&item[field]) {
                names.push(item[field].clone());
            }
        }
        for name in names {
            let entry = format!("{path}[{}]", name.as_str().unwrap_or_default());
            compare(&entry, named(left, &name).as_ref(), named(right, &name).as_ref(), found);
        }
    } else if left.iter().chain(right).any(Value::is_object) {
        for index in 0..left.len().max(right.len()) {
            compare(&format!("{path}[{index}]"), left.get(index), right.get(index), found);
        }
    } else if left != right {
        let (left, right) = (Some(left.to_vec().into()), Some(right.to_vec().into()));
        found.push(FieldDifference { path: path.to_owned(), left, right });
    }
}

/// The field by which the entries of both lists go, when all of them have it and none twice.
fn name_field(path: &str, left: &[Value], right: &[Value]) -> Option<&'static str> {
    let field = if path.ends_with("volumeMounts") { "mountPath" } else { "name" };
    let unique = |list: &[Value]| {
        let mut names: Vec<&str> = list.iter().filter_map(|item| item[field].as_str()).collect();
        let all = names.len() == list.len();
        names.sort_unstable();
        all && names.windows(2).all(|pair| pair[0] != pair[1])
    };
    let some = !left.is_empty() || !right.is_empty();
    (some && unique(left) && unique(right)).then_some(field)
}

/// `path.key`, or `path[key]` for a key with dots, as labels and annotations have.
fn join(path: &str, key: &str) -> String {
    match (path.is_empty(), key.contains('.')) {
        (true, _) => key.to_owned(),
        (false, true) => format!("{path}[{key}]"),
        (false, false) => format!("{path}.{key}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(left: Value, right: Value) -> Vec<String> {
        differences(&left, &right).into_iter().map(|difference| difference.path).collect()
    }

    #[test]
    fn containers_and_variables_go_by_name_not_by_place() {
        let left = json!({"containers": [
            {"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]},
            {"name": "b"},
        ]});
        let right = json!({"containers": [
            {"name": "b"},
            {"name": "a", "env": [{"name": "Y", "value": "3"}, {"name": "X", "value": "1"}]},
        ]});
        assert_eq!(paths(left, right), ["containers[a].env[Y].value"]);
    }

    #[test]
    fn an_entry_only_one_has_is_one_difference() {
        let left =
            json!({"volumes": [{"name": "a", "secret": {"secretName": "s", "optional": true}}]});
        let right = json!({"volumes": []});
        let found = differences(&left, &right);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "volumes[a]");
        assert_eq!(found[0].right, None);
    }

    #[test]
    fn null_is_nothing_and_keys_with_dots_are_in_brackets() {
        assert!(paths(json!({"a": null}), json!({})).is_empty());
        let label = json!({"labels": {"app.kubernetes.io/name": "x"}});
        assert_eq!(paths(label, json!({"labels": {}})), ["labels[app.kubernetes.io/name]"]);
    }

    #[test]
    fn lists_of_plain_values_are_one_field() {
        let (left, right) = (json!({"verbs": ["get"]}), json!({"verbs": ["get", "list"]}));
        assert_eq!(paths(left, right), ["verbs"]);
    }
}
