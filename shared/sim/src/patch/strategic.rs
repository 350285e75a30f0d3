//! Strategic merge patch: lists merge by their keys, directives delete, replace, retain and order.

use serde_json::{Map, Value};

use crate::schema::fields::{ListKind, Shape};
use crate::store::Status;

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_PRIMITIVES: &str = "$deleteFromPrimitiveList/";
const ELEMENT_ORDER: &str = "$setElementOrder/";

/// Applies a strategic merge patch to an object of that type.
///
/// # Errors
/// 400 for a malformed directive, 500 for a list item without its merge key, as a server answers.
pub fn apply(shape: &Shape, object: &mut Value, patch: &Value) -> Result<(), Status> {
    let Value::Object(patch) = patch else {
        return Err(Status::bad_request("invalid JSON document"));
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    if let Value::Object(map) = object {
        merge_map(shape, map, patch)?;
    }
    Ok(())
}

fn merge_map(
    shape: &Shape,
    object: &mut Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<(), Status> {
    match patch.get(DIRECTIVE).and_then(Value::as_str) {
        None | Some("merge") => {}
        Some("delete") => {
            object.clear();
            return Ok(());
        }
        Some("replace") => {
            object.clear();
            for (key, value) in patch.iter().filter(|(key, _)| *key != DIRECTIVE) {
                object.insert(key.clone(), without_directives(value));
            }
            return Ok(());
        }
        Some(other) => {
            let message = format!("Unknown patch type: {other} in map");
            return Err(Status::bad_request(message));
        }
    }
    retain_keys(object, patch)?;
    for (key, value) in patch {
        if let Some(field) = key.strip_prefix(DELETE_PRIMITIVES) {
            delete_primitives(object, field, value);
        }
    }
    for (key, value) in patch.iter().filter(|(key, _)| !key.starts_with('$')) {
        let child = shape.child(key).unwrap_or(&Shape::Any);
        merge_field(child, object, key, value, patch.get(&format!("{ELEMENT_ORDER}{key}")))?;
    }
    order_untouched_lists(shape, object, patch)
}

fn merge_field(
    shape: &Shape,
    object: &mut Map<String, Value>,
    key: &str,
    value: &Value,
    order: Option<&Value>,
) -> Result<(), Status> {
    match (value, object.get_mut(key)) {
        (Value::Null, _) => {
            object.remove(key);
        }
        (Value::Object(patch), Some(Value::Object(existing))) => {
            let delete = patch.get(DIRECTIVE).and_then(Value::as_str) == Some("delete");
            merge_map(shape, existing, patch)?;
            if delete {
                object.remove(key);
            }
        }
        (Value::Array(patch), Some(Value::Array(existing))) => {
            let merged = merge_list(shape, existing, patch, order)?;
            object.insert(key.to_owned(), merged.into());
        }
        (Value::Array(patch), None) if matches!(shape, Shape::List(_, ListKind::Keyed(_))) => {
            let merged = merge_list(shape, &[], patch, order)?;
            object.insert(key.to_owned(), merged.into());
        }
        (value, _) => {
            object.insert(key.to_owned(), without_directives(value));
        }
    }
    Ok(())
}

fn merge_list(
    shape: &Shape,
    original: &[Value],
    patch: &[Value],
    order: Option<&Value>,
) -> Result<Vec<Value>, Status> {
    let Shape::List(item, kind) = shape else {
        return Ok(patch.iter().map(without_directives).collect());
    };
    let order = order.and_then(Value::as_array).map(Vec::as_slice);
    match kind {
        ListKind::Atomic => Ok(patch.iter().map(without_directives).collect()),
        ListKind::Set => {
            let mut merged = original.to_vec();
            for value in patch.iter().filter(|value| !original.contains(value)) {
                merged.push(value.clone());
            }
            Ok(in_order(merged, order.unwrap_or(patch), original, |a, b| a == b))
        }
        ListKind::Keyed(keys) => {
            let key = keys.first().map_or("name", String::as_str);
            merge_keyed(item, key, original, patch, order)
        }
    }
}

fn merge_keyed(
    item: &Shape,
    key: &str,
    original: &[Value],
    patch: &[Value],
    order: Option<&[Value]>,
) -> Result<Vec<Value>, Status> {
    let directive = |value: &Value| value.get(DIRECTIVE).and_then(Value::as_str).map(str::to_owned);
    let bare_replace = |value: &Value| directive(value).as_deref() == Some("replace");
    if patch.iter().any(bare_replace) {
        let kept = patch.iter().filter(|value| !bare_replace(value) || value.get(key).is_some());
        return Ok(kept.map(without_directives).collect());
    }
    let mut merged = original.to_vec();
    let mut named: Vec<Value> = Vec::new();
    for value in patch {
        let Some(identity) = value.get(key).filter(|identity| !identity.is_null()) else {
            let message = format!("map: {} does not contain declared merge key: {key}", go(value));
            return Err(Status::new(500, "InternalError", message));
        };
        if directive(value).as_deref() == Some("delete") {
            merged.retain(|existing| existing.get(key) != Some(identity));
            continue;
        }
        named.push(value.clone());
        match merged.iter_mut().find(|existing| existing.get(key) == Some(identity)) {
            Some(existing) => apply(item, existing, value)?,
            None => merged.push(without_directives(value)),
        }
    }
    let same = |a: &Value, b: &Value| a.get(key) == b.get(key);
    Ok(in_order(merged, order.unwrap_or(&named), original, same))
}

/// Lists the patch only orders, without changing an item.
fn order_untouched_lists(
    shape: &Shape,
    object: &mut Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<(), Status> {
    for (directive, order) in patch {
        let Some(key) = directive.strip_prefix(ELEMENT_ORDER) else { continue };
        if patch.contains_key(key) {
            continue;
        }
        let child = shape.child(key).unwrap_or(&Shape::Any);
        if let Some(Value::Array(existing)) = object.get(key) {
            let ordered = merge_list(child, &existing.clone(), &[], Some(order))?;
            if !matches!(child, Shape::List(_, ListKind::Atomic)) {
                object.insert(key.to_owned(), ordered.into());
            }
        }
    }
    Ok(())
}

/// The items of `wanted` in its order, the others where the original order puts them between.
fn in_order(
    merged: Vec<Value>,
    wanted: &[Value],
    original: &[Value],
    same: impl Fn(&Value, &Value) -> bool,
) -> Vec<Value> {
    let place = |list: &[Value], value: &Value| list.iter().position(|other| same(other, value));
    let (mut listed, others): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|value| place(wanted, value).is_some());
    listed.sort_by_key(|value| place(wanted, value));
    let mut result = Vec::with_capacity(listed.len() + others.len());
    let mut others = others.into_iter().peekable();
    for value in listed {
        while let Some(other) = others.peek() {
            let before = match (place(original, other), place(original, &value)) {
                (Some(other), Some(value)) => other < value,
                _ => false,
            };
            if !before {
                break;
            }
            result.extend(others.next());
        }
        result.push(value);
    }
    result.extend(others);
    result
}

fn retain_keys(object: &mut Map<String, Value>, patch: &Map<String, Value>) -> Result<(), Status> {
    let Some(retained) = patch.get(RETAIN_KEYS) else { return Ok(()) };
    let Some(retained) = retained.as_array() else {
        return Err(Status::bad_request("invalid patch format of retainKeys"));
    };
    object.retain(|key, _| retained.iter().any(|kept| kept == key));
    Ok(())
}

fn delete_primitives(object: &mut Map<String, Value>, field: &str, deleted: &Value) {
    if let (Some(Value::Array(items)), Some(deleted)) = (object.get_mut(field), deleted.as_array())
    {
        items.retain(|item| !deleted.contains(item));
    }
}

/// What a patch adds where nothing was: its values without nulls and directives.
fn without_directives(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, value)| !value.is_null() && !is_directive(key));
            Value::Object(
                kept.map(|(key, value)| (key.clone(), without_directives(value))).collect(),
            )
        }
        Value::Array(items) => {
            let kept = items
                .iter()
                .filter(|item| item.get(DIRECTIVE).and_then(Value::as_str) != Some("delete"));
            kept.map(without_directives).collect()
        }
        other => other.clone(),
    }
}

fn is_directive(key: &str) -> bool {
    key == DIRECTIVE
        || key == RETAIN_KEYS
        || key.starts_with(DELETE_PRIMITIVES)
        || key.starts_with(ELEMENT_ORDER)
}

/// A value as Go prints it in messages.
#[must_use]
pub fn go(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(go).collect::<Vec<_>>().join(" "))
        }
        Value::Object(map) => {
            let parts: Vec<_> =
                map.iter().map(|(key, value)| format!("{key}:{}", go(value))).collect();
            format!("map[{}]", parts.join(" "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::apply;
    use crate::schema::fields::shape_named;

    fn patched(kind: &str, mut object: Value, patch: Value) -> Value {
        apply(&shape_named(kind), &mut object, &patch).unwrap();
        object
    }

    #[test]
    fn containers_merge_by_name_and_environments_too() {
        let pod = json!({"containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "x"}]}]});
        let patch = json!({"containers": [{"name": "a", "env": [{"name": "Y", "value": "y"}]}]});
        let expected = json!({"containers": [{"name": "a", "image": "1", "env": [
            {"name": "Y", "value": "y"}, {"name": "X", "value": "x"}]}]});
        assert_eq!(patched("PodSpec", pod, patch), expected);
    }

    #[test]
    fn a_delete_directive_takes_the_item_out() {
        let pod = json!({"containers": [{"name": "a"}, {"name": "b"}]});
        let patch = json!({"containers": [{"name": "a", "$patch": "delete"}]});
        assert_eq!(patched("PodSpec", pod, patch), json!({"containers": [{"name": "b"}]}));
    }

    #[test]
    fn a_replace_directive_replaces_the_list_or_the_map() {
        let pod = json!({"containers": [{"name": "a"}], "securityContext": {"runAsUser": 1}});
        let patch = json!({
            "containers": [{"name": "c"}, {"$patch": "replace"}],
            "securityContext": {"$patch": "replace", "fsGroup": 2},
        });
        let expected = json!({"containers": [{"name": "c"}], "securityContext": {"fsGroup": 2}});
        assert_eq!(patched("PodSpec", pod, patch), expected);
    }

    #[test]
    fn retained_keys_drop_the_others() {
        let spec = json!({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}});
        let patch = json!({"strategy": {"$retainKeys": ["type"], "type": "Recreate"}});
        let expected = json!({"strategy": {"type": "Recreate"}});
        assert_eq!(patched("DeploymentSpec", spec, patch), expected);
    }

    #[test]
    fn an_element_order_sorts_what_it_names_and_keeps_the_rest_before_what_followed_it() {
        let pod = json!({"volumes": [{"name": "a"}, {"name": "b"}, {"name": "c"}]});
        let patch = json!({
            "$setElementOrder/volumes": [{"name": "c"}, {"name": "d"}, {"name": "a"}],
            "volumes": [{"name": "d"}],
        });
        let expected =
            json!({"volumes": [{"name": "b"}, {"name": "c"}, {"name": "d"}, {"name": "a"}]});
        assert_eq!(patched("PodSpec", pod, patch), expected);
    }

    #[test]
    fn primitives_are_deleted_by_value() {
        let object = json!({"finalizers": ["a", "b"]});
        let patch = json!({"$deleteFromPrimitiveList/finalizers": ["a"]});
        assert_eq!(patched("ObjectMeta", object, patch), json!({"finalizers": ["b"]}));
    }

    #[test]
    fn an_item_without_its_key_is_refused() {
        let mut pod = json!({"containers": [{"name": "a"}]});
        let patch = json!({"containers": [{"image": "x"}]});
        let refusal = apply(&shape_named("PodSpec"), &mut pod, &patch).unwrap_err();
        assert_eq!(refusal.code, 500);
    }
}
