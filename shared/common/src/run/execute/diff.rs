//! Which fields of an object differ: for people, by path.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::rhacs::essence;

/// So many paths are named; nobody reads more.
const MOST_PATHS: usize = 5;

/// The paths of the fields that differ in what a plan depends on, such as
/// `spec.template.spec.containers[central].image`; at most a handful.
pub(super) fn changed_paths(before: &Value, after: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    compare(&without_replicas(before), &without_replicas(after), "", &mut paths);
    let more = paths.len().saturating_sub(MOST_PATHS);
    paths.truncate(MOST_PATHS);
    if more > 0 {
        paths.push(format!("and {more} more"));
    }
    paths
}

fn without_replicas(object: &Value) -> Value {
    let mut object = essence(object);
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("replicas");
    }
    object
}

fn compare(before: &Value, after: &Value, path: &str, paths: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(&before[name.as_str()], &after[name.as_str()], &below, paths);
            }
        }
        (Value::Array(old), Value::Array(new)) => compare_lists(old, new, path, paths),
        _ if before == after => {}
        _ => paths.push(path.to_owned()),
    }
}

/// Lists are compared by the names of their items where all have one, else as a whole.
fn compare_lists(old: &[Value], new: &[Value], path: &str, paths: &mut Vec<String>) {
    let all = || old.iter().chain(new);
    if !all().all(|item| item["name"].is_string()) {
        if old != new {
            paths.push(path.to_owned());
        }
        return;
    }
    let names: BTreeSet<&str> = all().filter_map(|item| item["name"].as_str()).collect();
    let find = |list: &[Value], name: &str| {
        list.iter().find(|item| item["name"] == name).cloned().unwrap_or_default()
    };
    for name in names {
        compare(&find(old, name), &find(new, name), &format!("{path}[{name}]"), paths);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_named_as_people_write_them() {
        let before = json!({
            "metadata": {"name": "central", "resourceVersion": "1"},
            "spec": {"replicas": 1, "template": {"spec": {
                "containers": [{"name": "central", "image": "main:1", "args": ["a"]}],
                "volumes": [{"name": "data"}],
            }}},
            "status": {"replicas": 1},
        });
        let mut after = before.clone();
        after["metadata"]["resourceVersion"] = json!("2");
        after["spec"]["replicas"] = json!(2);
        after["status"] = json!({});
        assert!(changed_paths(&before, &after).is_empty());
        let spec = &mut after["spec"]["template"]["spec"];
        spec["containers"][0]["image"] = json!("main:2");
        spec["containers"][0]["args"] = json!(["a", "b"]);
        spec["volumes"] = json!([]);
        assert_eq!(
            changed_paths(&before, &after),
            [
                "spec.template.spec.containers[central].args",
                "spec.template.spec.containers[central].image",
                "spec.template.spec.volumes[data]",
            ]
        );
    }

    #[test]
    fn only_a_handful_is_named() {
        let many: Value = (0..9).map(|number| (number.to_string(), json!(number))).collect();
        let paths = changed_paths(&json!({}), &many);
        assert_eq!(paths.len(), 6);
        assert_eq!(paths[5], "and 4 more");
    }
}
