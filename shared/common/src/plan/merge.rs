//! Reading strategic merge patches: joining two, and asking whether an object has one already.
//!
//! Only what plans write is understood: maps, lists keyed as in [`merge_key`], `null` to remove a
//! field, and `$patch: delete` to remove a list item. The API server does the real merge.

use serde_json::{Map, Value};

use super::PatchKind;
use super::deviation::unsatisfied;

/// Joins `patch` into `target`, so that applying the result is applying both.
pub fn merge_patches(target: &mut Value, patch: &Value) {
    merge_at(target, patch, "");
}

/// Whether `object` already is as `patch` asks: applying it would change nothing.
#[must_use]
pub fn is_satisfied(object: &Value, patch: &Value) -> bool {
    unsatisfied(object, patch).is_empty()
}

/// `object` as `patch` leaves it, but for the defaults that the API server adds.
#[must_use]
pub fn apply_patch(object: &Value, patch: &Value, kind: PatchKind) -> Value {
    let mut object = object.clone();
    apply_at(&mut object, patch, "", kind);
    object
}

fn apply_at(object: &mut Value, patch: &Value, field: &str, kind: PatchKind) {
    match patch {
        Value::Object(fields) => {
            if !object.is_object() {
                *object = Value::Object(Map::new());
            }
            for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with('$')) {
                if value.is_null() {
                    object.as_object_mut().map(|object| object.remove(name));
                } else {
                    apply_at(&mut object[name.as_str()], value, name, kind);
                }
            }
        }
        Value::Array(items) if kind == PatchKind::Strategic && merges_by_key(field, items) => {
            if !object.is_array() {
                *object = Value::Array(Vec::new());
            }
            let list = object.as_array_mut().into_iter();
            list.for_each(|list| apply_items(list, items, field, kind));
        }
        other => *object = other.clone(),
    }
}

fn apply_items(list: &mut Vec<Value>, items: &[Value], field: &str, kind: PatchKind) {
    for item in items {
        match (position(list, item, field), is_deletion(item)) {
            (Some(index), true) => drop(list.remove(index)),
            (Some(index), false) => apply_at(&mut list[index], item, "", kind),
            (None, true) => {}
            (None, false) => {
                let mut new = Value::Null;
                apply_at(&mut new, item, "", kind);
                list.push(new);
            }
        }
    }
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
        (Value::Array(target), Value::Array(patch)) if merges_by_key(field, patch) => {
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

pub(super) fn is_deletion(item: &Value) -> bool {
    item.as_object().is_some_and(|fields: &Map<_, _>| {
        fields.get("$patch").is_some_and(|directive| directive == "delete")
    })
}

pub(super) fn position(list: &[Value], item: &Value, field: &str) -> Option<usize> {
    let key = merge_key(field, item)?;
    list.iter().position(|known| !known[key].is_null() && known[key] == item[key])
}

/// Whether there is nothing in `object`: API servers return `{}` for some fields that were removed.
pub(super) fn is_empty(object: &Value) -> bool {
    match object {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Whether Kubernetes merges `items` into this list field by a key; fields of other kinds have the
/// same names, such as the `volumes` of SCCs, which are words.
pub(super) fn merges_by_key(field: &str, items: &[Value]) -> bool {
    merge_key(field, &Value::Null).is_some() && items.iter().all(Value::is_object)
}

/// The key by which Kubernetes merges `item` into a list field of a pod template or of a Service.
pub(super) fn merge_key(field: &str, item: &Value) -> Option<&'static str> {
    match field {
        "containers" | "initContainers" | "env" | "volumes" | "imagePullSecrets" => Some("name"),
        "volumeMounts" => Some("mountPath"),
        // Those of a container and those of a Service have the same name.
        "ports" if item["port"].is_null() => Some("containerPort"),
        "ports" => Some("port"),
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
        for empty in [json!({}), json!([])] {
            let removed = json!({"spec": {"template": {"spec": {"securityContext": null}}}});
            let mut object = object.clone();
            object["spec"]["template"]["spec"]["securityContext"] = empty;
            assert!(is_satisfied(&object, &removed), "{object}");
            object["spec"]["template"]["spec"]["securityContext"] = json!({"fsGroup": 1});
            assert!(!is_satisfied(&object, &removed), "{object}");
        }
        let no_context = json!({"spec": {"template": {"spec": {"securityContext": null}}}});
        assert!(is_satisfied(&object, &no_context));
    }

    #[test]
    fn a_patch_that_is_applied_is_satisfied() {
        let object = container(&json!({
            "name": "db", "image": "x:1", "env": [{"name": "A", "value": "1"}],
            "volumeMounts": [{"mountPath": "/data", "name": "data"}],
        }));
        let patch = container(&json!({
            "name": "db", "image": "x:2", "env": [{"name": "B", "value": "2"}],
            "volumeMounts": [{"mountPath": "/data", "$patch": "delete"}], "command": null,
        }));
        let after = apply_patch(&object, &patch, PatchKind::Strategic);
        assert!(is_satisfied(&after, &patch), "{after}");
        let names = &after["spec"]["template"]["spec"]["containers"][0]["env"];
        assert_eq!(*names, json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]));
        let scc = json!({"priority": null, "users": ["a"]});
        let merged = apply_patch(&scc, &json!({"users": ["b"]}), PatchKind::Merge);
        assert_eq!(merged["users"], json!(["b"]));
    }

    #[test]
    fn ports_of_a_service_and_of_a_container_have_different_keys() {
        let service = json!({"spec": {"ports": [
            {"name": "api", "port": 443, "targetPort": "api"}, {"port": 8443, "targetPort": 1}]}});
        let wanted = |port: u32, target: Value| json!({"spec": {"ports": [{"port": port, "targetPort": target}]}});
        assert!(is_satisfied(&service, &wanted(443, json!("api"))));
        assert!(is_satisfied(&service, &wanted(8443, json!(1))));
        assert!(!is_satisfied(&service, &wanted(443, json!(1))));
        assert!(!is_satisfied(&service, &wanted(9090, json!(1))));
        let mut patch = wanted(443, json!("api"));
        merge_patches(&mut patch, &wanted(8443, json!(2)));
        merge_patches(&mut patch, &wanted(443, json!("other")));
        let both = json!([{"port": 443, "targetPort": "other"}, {"port": 8443, "targetPort": 2}]);
        assert_eq!(patch["spec"]["ports"], both);
        let container = container(&json!({"name": "a", "ports": [{"containerPort": 8443}]}));
        assert!(is_satisfied(&container, &container.clone()));
    }
}
