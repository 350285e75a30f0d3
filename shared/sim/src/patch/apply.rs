//! Server-side apply: merge what a manager wants, drop what it no longer wants, respect the others.

use serde_json::{Map, Value, json};

use super::compare::{self, Parts, child_shape, item_step, parts};
use super::managed::{self, Entry};
use super::set::FieldSet;
use crate::schema::fields::{Shape, shape_of};
use crate::schema::kinds::Resource;
use crate::store::{Status, Subresource};

/// What is applied, by whom.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What the manager wants.
    pub config: &'a Value,
    /// The manager's name.
    pub manager: &'a str,
    /// Whether it takes over fields of others.
    pub force: bool,
    /// The part it applies to.
    pub subresource: Subresource,
}

/// The object after an apply, its `managedFields` included.
///
/// # Errors
/// 409 that names the fields others own, unless forced.
pub fn apply(
    resource: &Resource,
    live: Option<&Value>,
    request: &Request<'_>,
) -> Result<Value, Status> {
    let shape = shape_of(resource);
    let wanted = managed::owned_part(resource, request.config, request.subresource);
    let applied = to_set(&shape, &wanted);
    let mut entries = live.map(managed::entries).unwrap_or_default();
    let subresource = match request.subresource {
        Subresource::Main => "",
        Subresource::Status => "status",
        Subresource::Scale => "scale",
    };
    let is_mine = |entry: &Entry| {
        entry.manager == request.manager
            && entry.operation == "Apply"
            && entry.subresource == subresource
    };
    let last = entries.iter().find(|entry| is_mine(entry)).cloned();
    entries.retain(|entry| !is_mine(entry));

    let before = live.cloned().unwrap_or_else(|| json!({}));
    let mut after = before.clone();
    merge(&shape, &mut after, request.config);
    if let Some(last) = &last {
        let mut others = FieldSet::default();
        entries.iter().for_each(|entry| others.unite(&entry.fields));
        prune(&shape, &mut after, &last.fields, Some(&applied), Some(&others));
    }
    let left = managed::owned_part(resource, &before, request.subresource);
    let right = managed::owned_part(resource, &after, request.subresource);
    let change = compare::compare(&shape, Some(&left), Some(&right));
    let written = change.written();
    if !request.force {
        refuse_conflicts(&entries, &written)?;
    }
    for entry in &mut entries {
        entry.fields.subtract(&written);
        entry.fields.subtract(&change.removed);
    }
    entries.push(Entry {
        manager: request.manager.to_owned(),
        operation: "Apply".to_owned(),
        api_version: resource.api_version(),
        subresource: subresource.to_owned(),
        time: last.map(|last| last.time).unwrap_or_default(),
        fields: applied,
    });
    managed::write(&mut after, entries);
    Ok(after)
}

/// The fields a configuration names.
fn to_set(shape: &Shape, value: &Value) -> FieldSet {
    let mut set = FieldSet::default();
    match parts(shape, Some(value)) {
        Parts::Map(Some(map)) if !map.is_empty() => {
            for (key, item) in map {
                set.insert(format!("f:{key}"), to_set(child_shape(shape, key), item));
            }
        }
        Parts::List(items) if !items.is_empty() => {
            for (step, item) in items {
                let mut below = to_set(child_shape(shape, ""), item);
                below.own = true;
                set.insert(step, below);
            }
        }
        _ => set.own = true,
    }
    set
}

/// Puts the configuration over the object.
fn merge(shape: &Shape, object: &mut Value, config: &Value) {
    match parts(shape, Some(config)) {
        Parts::Map(Some(wanted)) if object.is_object() => {
            let Some(map) = object.as_object_mut() else { return };
            for (key, value) in wanted {
                match map.get_mut(key) {
                    Some(existing) => merge(child_shape(shape, key), existing, value),
                    None => {
                        map.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        Parts::List(wanted) if object.is_array() => {
            let (Some(items), Shape::List(_, kind)) = (object.as_array_mut(), shape) else {
                return;
            };
            for (step, value) in wanted {
                match items.iter_mut().find(|item| item_step(kind, item) == step) {
                    Some(existing) => merge(child_shape(shape, ""), existing, value),
                    None => items.push(value.clone()),
                }
            }
        }
        _ => *object = config.clone(),
    }
}

/// Takes out what the manager applied before, does not apply now, and nobody else owns.
fn prune(
    shape: &Shape,
    object: &mut Value,
    last: &FieldSet,
    applied: Option<&FieldSet>,
    others: Option<&FieldSet>,
) {
    for (step, below) in &last.below {
        let now = applied.and_then(|set| set.below.get(step));
        let theirs = others.and_then(|set| set.below.get(step)).filter(|set| !set.is_empty());
        if now.is_none() && theirs.is_none() {
            remove_step(shape, object, step);
        } else if let Some((child, child_shape)) = child_mut(shape, object, step) {
            prune(child_shape, child, below, now, theirs);
        }
    }
}

fn child_mut<'a, 's>(
    shape: &'s Shape,
    object: &'a mut Value,
    step: &str,
) -> Option<(&'a mut Value, &'s Shape)> {
    if let Some(key) = step.strip_prefix("f:") {
        return Some((object.get_mut(key)?, child_shape(shape, key)));
    }
    let Shape::List(item, kind) = shape else { return None };
    let items = object.as_array_mut()?;
    let child = items.iter_mut().find(|value| item_step(kind, value) == step)?;
    Some((child, item))
}

fn remove_step(shape: &Shape, object: &mut Value, step: &str) {
    if let Some(key) = step.strip_prefix("f:") {
        object.as_object_mut().map(|map: &mut Map<String, Value>| map.remove(key));
    } else if let (Shape::List(_, kind), Some(items)) = (shape, object.as_array_mut()) {
        items.retain(|value| item_step(kind, value) != step);
    }
}

fn refuse_conflicts(entries: &[Entry], written: &FieldSet) -> Result<(), Status> {
    let mut conflicts: Vec<(String, String)> = Vec::new();
    for entry in entries {
        let paths = entry.fields.intersection(written).paths();
        conflicts.extend(paths.into_iter().map(|path| (describe(entry), path)));
    }
    let message = match conflicts.as_slice() {
        [] => return Ok(()),
        [(manager, path)] => {
            format!("Apply failed with 1 conflict: conflict with {manager}: {path}")
        }
        many => {
            let mut groups: std::collections::BTreeMap<&str, Vec<String>> = Default::default();
            for (manager, path) in many {
                groups.entry(manager).or_default().push(format!("- {path}"));
            }
            let groups: Vec<String> = groups
                .iter()
                .map(|(manager, paths)| format!("conflicts with {manager}:\n{}", paths.join("\n")))
                .collect();
            format!("Apply failed with {} conflicts: {}", many.len(), groups.join("\n"))
        }
    };
    let causes: Vec<Value> = conflicts
        .iter()
        .map(|(manager, path)| {
            let message = format!("conflict with {manager}");
            json!({"reason": "FieldManagerConflict", "message": message, "field": path})
        })
        .collect();
    let mut status = Status::new(409, "Conflict", message);
    status.details = Some(json!({"causes": causes}));
    Err(status)
}

fn describe(entry: &Entry) -> String {
    let mut text = format!("\"{}\"", entry.manager);
    if !entry.subresource.is_empty() {
        text.push_str(&format!(" with subresource \"{}\"", entry.subresource));
    }
    if entry.operation == "Update" {
        text.push_str(&format!(" using {}", entry.api_version));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Request, apply};
    use crate::schema::kinds::built_in;
    use crate::store::{Status, Subresource};

    fn run(
        live: Option<&Value>,
        config: Value,
        manager: &str,
        force: bool,
    ) -> Result<Value, Status> {
        let resource = built_in()["deployments.apps"].clone();
        let subresource = Subresource::Main;
        apply(&resource, live, &Request { config: &config, manager, force, subresource })
    }

    fn image(name: &str) -> Value {
        json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": name}]}}}})
    }

    #[test]
    fn another_managers_value_is_a_conflict_unless_forced() {
        let live = run(None, image("one"), "first", false).unwrap();
        let refusal = run(Some(&live), image("two"), "second", false).unwrap_err();
        assert_eq!(refusal.code, 409);
        assert_eq!(
            refusal.message,
            "Apply failed with 1 conflict: conflict with \"first\": \
             .spec.template.spec.containers[name=\"a\"].image"
        );
        let forced = run(Some(&live), image("two"), "second", true).unwrap();
        let shown = forced.pointer("/spec/template/spec/containers/0/image").unwrap();
        assert_eq!(shown, "two");
    }

    #[test]
    fn what_is_no_longer_applied_goes_unless_another_owns_it() {
        let both = json!({"metadata": {"labels": {"a": "1", "b": "2"}}});
        let one = json!({"metadata": {"labels": {"a": "1"}}});
        let live = run(None, both.clone(), "first", false).unwrap();
        let after = run(Some(&live), one.clone(), "first", false).unwrap();
        assert_eq!(after["metadata"]["labels"], json!({"a": "1"}));

        let shared = run(Some(&live), both, "second", false).unwrap();
        let after = run(Some(&shared), one, "first", false).unwrap();
        assert_eq!(after["metadata"]["labels"], json!({"a": "1", "b": "2"}));
    }

    #[test]
    fn the_same_again_changes_nothing() {
        let live = run(None, image("one"), "first", false).unwrap();
        assert_eq!(run(Some(&live), image("one"), "first", false).unwrap(), live);
    }
}
