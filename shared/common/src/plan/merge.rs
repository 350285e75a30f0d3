//! Reading strategic merge patches: joining two, and asking whether an object has one already.
//!
//! Only what plans write is understood: maps, lists keyed as in [`merge_key`], `null` to remove a
//! field, and `$patch: delete` to remove a list item. The API server does the real merge.

use serde_json::{Map, Value};

/// Joins `patch` into `target`, so that applying the result is applying both.
pub fn merge_patches(target: &mut Value, patch: &Value) {
    merge_at(target, patch, "");
}

/// Whether `object` already is as `patch` asks: applying it would change nothing.
#[must_use]
pub fn is_satisfied(object: &Value, patch: &Value) -> bool {
    holds(object, patch, "")
}

fn merge_at(target: &mut Value, patch: &Value, field: &str) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (name, value) in patch {
                match target.get_mut(name) {
                    Some(known) => merge_at(known, value, name),
                    None => {
                        target.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(target), Value::Array(patch)) if merge_key(field).is_some() => {
            for item in patch {
                match position(target, item, field) {
                    Some(index) => merge_at(&mut target[index], item, ""),
                    None => target.push(item.clone()),
                }
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}

fn holds(object: &Value, patch: &Value, field: &str) -> bool {
    match patch {
        Value::Null => object.is_null(),
        Value::Object(patch) if patch.is_empty() => true,
        Value::Object(patch) => {
            object.is_object()
                && patch.iter().all(|(name, value)| {
                    name.starts_with('$') || holds(&object[name.as_str()], value, name)
                })
        }
        Value::Array(items) if merge_key(field).is_some() => {
            items.iter().all(|item| holds_item(object, item, field))
        }
        scalar => object == scalar,
    }
}

fn holds_item(list: &Value, item: &Value, field: &str) -> bool {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let found = position(list, item, field).map(|index| &list[index]);
    if is_deletion(item) {
        return found.is_none();
    }
    found.is_some_and(|found| holds(found, item, ""))
}

fn is_deletion(item: &Value) -> bool {
    item.as_object().is_some_and(|fields: &Map<_, _>| {
        fields.get("$patch").is_some_and(|directive| directive == "delete")
    })
}

fn position(list: &[Value], item: &Value, field: &str) -> Option<usize> {
    let key = merge_key(field)?;
    list.iter().position(|known| !known[key].is_null() && known[key] == item[key])
}

/// The key by which Kubernetes merges the items of a list field of a pod template.
fn merge_key(field: &str) -> Option<&'static str> {
    match field {
        "containers" | "initContainers" | "env" | "volumes" | "imagePullSecrets" => Some("name"),
        "volumeMounts" => Some("mountPath"),
        "ports" => Some("containerPort"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn container(fields: &Value) -> Value {
        json!({"spec": {"template": {"spec": {"containers": [fields]}}}})
    }

    #[test]
    fn two_changes_of_one_container_become_one_patch() {
        let mut patch = container(&json!({"name": "central", "image": "main:1"}));
        let env = json!({"name": "central", "env": [{"name": "A", "value": "1"}]});
        merge_patches(&mut patch, &container(&env));
        let both =
            json!({"name": "central", "image": "main:1", "env": [{"name": "A", "value": "1"}]});
        assert_eq!(patch, container(&both));
    }

    #[test]
    fn an_object_that_has_it_all_needs_nothing() {
        let object = container(&json!({
            "name": "db", "image": "x:1", "volumeMounts": [{"mountPath": "/data", "name": "data"}],
        }));
        assert!(is_satisfied(&object, &container(&json!({"name": "db", "image": "x:1"}))));
        assert!(!is_satisfied(&object, &container(&json!({"name": "db", "image": "x:2"}))));
        assert!(!is_satisfied(&object, &container(&json!({"name": "init"}))));
        let gone =
            json!({"name": "db", "volumeMounts": [{"mountPath": "/old", "$patch": "delete"}]});
        assert!(is_satisfied(&object, &container(&gone)));
        let there =
            json!({"name": "db", "volumeMounts": [{"mountPath": "/data", "$patch": "delete"}]});
        assert!(!is_satisfied(&object, &container(&there)));
        let no_context = json!({"spec": {"template": {"spec": {"securityContext": null}}}});
        assert!(is_satisfied(&object, &no_context));
    }
}
