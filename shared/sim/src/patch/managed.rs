//! `managedFields`: which manager wrote which field, kept as a real server keeps it.

use serde_json::{Map, Value, json};

use super::compare::compare;
use super::set::FieldSet;
use crate::schema::fields::{Shape, shape_of};
use crate::schema::kinds::Resource;
use crate::store::{Subresource, Writer, meta};

/// One manager's entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The manager's name.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// The version the fields were written in.
    pub api_version: String,
    /// The subresource it was written through, or empty.
    pub subresource: String,
    /// When it last changed something.
    pub time: String,
    /// The fields.
    pub fields: FieldSet,
}

/// Fields of `metadata` that nobody owns.
const UNOWNED: [&str; 9] = [
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "generation",
    "managedFields",
    "resourceVersion",
    "clusterName",
];

/// Structures a server writes even when they are empty, below those that it always writes.
const ALWAYS_THERE: [(&str, &str); 24] = [
    ("", "metadata"),
    ("", "spec"),
    ("", "status"),
    ("DeploymentSpec", "strategy"),
    ("DeploymentSpec", "template"),
    ("DaemonSetSpec", "updateStrategy"),
    ("DaemonSetSpec", "template"),
    ("StatefulSetSpec", "updateStrategy"),
    ("StatefulSetSpec", "template"),
    ("ReplicaSetSpec", "template"),
    ("JobSpec", "template"),
    ("CronJobSpec", "jobTemplate"),
    ("JobTemplateSpec", "metadata"),
    ("JobTemplateSpec", "spec"),
    ("PodTemplateSpec", "metadata"),
    ("PodTemplateSpec", "spec"),
    ("PersistentVolumeClaimSpec", "resources"),
    ("NetworkPolicySpec", "podSelector"),
    ("HorizontalPodAutoscalerSpec", "scaleTargetRef"),
    ("ServiceStatus", "loadBalancer"),
    ("Event", "source"),
    ("Event", "involvedObject"),
    ("RoleBinding", "roleRef"),
    ("ClusterRoleBinding", "roleRef"),
];

/// Writes into `new` who owns what after an update of `old` by a writer.
pub fn record(
    resource: &Resource,
    old: Option<&Value>,
    new: &mut Value,
    by: &Writer,
    subresource: Subresource,
    moment: jiff::Timestamp,
) {
    let shape = shape_of(resource);
    let base = old.cloned().unwrap_or_else(|| empty_object(resource, &shape));
    let left = owned_part(resource, &base, subresource);
    let right = owned_part(resource, new, subresource);
    let change = compare(&shape, Some(&left), Some(&right));
    let mut entries = sent_or_kept(old, new);
    if !change.is_empty() {
        let written = change.written();
        for entry in &mut entries {
            entry.fields.subtract(&written);
            entry.fields.subtract(&change.removed);
        }
        let mine = Entry {
            manager: by.manager.clone(),
            operation: "Update".to_owned(),
            api_version: resource.api_version(),
            subresource: subresource_name(subresource).to_owned(),
            time: meta::time(moment),
            fields: written,
        };
        upsert(&mut entries, mine);
    }
    write(new, entries);
}

/// Stamps the entry of an apply that changed something.
pub fn finish_apply(new: &mut Value, old: Option<&Value>, by: &Writer, moment: jiff::Timestamp) {
    if old.is_some_and(|old| old == new) {
        return;
    }
    let mut entries = entries(new);
    for entry in &mut entries {
        if entry.operation == "Apply" && entry.manager == by.manager {
            entry.time = meta::time(moment);
        }
    }
    write(new, entries);
}

/// The entries of an object.
#[must_use]
pub fn entries(object: &Value) -> Vec<Entry> {
    let list = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let list = list.into_iter().flatten().filter(|entry| entry["manager"].is_string());
    list.map(|entry| Entry {
        manager: text(entry, "manager"),
        operation: text(entry, "operation"),
        api_version: text(entry, "apiVersion"),
        subresource: text(entry, "subresource"),
        time: text(entry, "time"),
        fields: FieldSet::parse(&entry["fieldsV1"]),
    })
    .collect()
}

/// Writes the entries into an object, in a server's order.
pub fn write(object: &mut Value, mut entries: Vec<Entry>) {
    entries.retain(|entry| !entry.fields.is_empty());
    entries.sort_by(|a, b| {
        (&a.operation, &a.time, &a.manager, &a.api_version, &a.subresource).cmp(&(
            &b.operation,
            &b.time,
            &b.manager,
            &b.api_version,
            &b.subresource,
        ))
    });
    if entries.is_empty() {
        meta::of(object).remove("managedFields");
        return;
    }
    let list: Vec<Value> = entries.into_iter().map(to_value).collect();
    meta::of(object).insert("managedFields".to_owned(), list.into());
}

/// The part of an object that can have owners, for a write to a subresource.
#[must_use]
pub fn owned_part(resource: &Resource, object: &Value, subresource: Subresource) -> Value {
    let status_only = subresource == Subresource::Status;
    let is_part = |key: &str, value: &Value| match key {
        "apiVersion" | "kind" => false,
        "status" if resource.has_status => status_only,
        // Nulls and empty texts are how events spell what is not set.
        _ if resource.has_status && status_only => false,
        _ => !value.is_null() && value != "",
    };
    let fields = object.as_object().into_iter().flatten();
    let fields = fields.filter(|(key, value)| is_part(key, value)).map(|(key, value)| {
        let value = match value {
            Value::Object(metadata) if key == "metadata" => {
                let owned = metadata.iter().filter(|(key, _)| !UNOWNED.contains(&key.as_str()));
                Value::Object(owned.map(|(key, value)| (key.clone(), value.clone())).collect())
            }
            other => other.clone(),
        };
        (key.clone(), value)
    });
    Value::Object(fields.collect())
}

/// What a server compares a new object with: the structures that are there even when empty.
#[must_use]
pub fn empty_object(resource: &Resource, shape: &Shape) -> Value {
    if resource.custom.is_some() {
        return json!({"metadata": {}});
    }
    empty_structure(shape, true)
}

fn empty_structure(shape: &Shape, top: bool) -> Value {
    let mut map = Map::new();
    if let Some(found) = shape.as_type() {
        for (name, field) in &found.fields {
            let there = |owner: &str| ALWAYS_THERE.contains(&(owner, name.as_str()));
            // A required list is written even when it has no items.
            if field.required && matches!(field.shape, Shape::List(..) | Shape::Map(..)) {
                map.insert(name.clone(), Value::Null);
            }
            if (there(&found.name) || top && there("")) && field.shape.as_type().is_some() {
                map.insert(name.clone(), empty_structure(&field.shape, false));
            }
        }
    }
    Value::Object(map)
}

/// A client may hand managers in, or clear them with an empty list; else the old ones stay.
fn sent_or_kept(old: Option<&Value>, new: &Value) -> Vec<Entry> {
    match (new.pointer("/metadata/managedFields"), old) {
        (Some(Value::Array(_)), _) | (_, None) => entries(new),
        (_, Some(old)) => entries(old),
    }
}

/// Adds what a manager wrote to the entry it has, or as a new one.
fn upsert(entries: &mut Vec<Entry>, mine: Entry) {
    let same = |entry: &&mut Entry| {
        entry.manager == mine.manager
            && entry.operation == mine.operation
            && entry.api_version == mine.api_version
            && entry.subresource == mine.subresource
    };
    match entries.iter_mut().find(same) {
        Some(entry) => {
            entry.fields.unite(&mine.fields);
            entry.time = mine.time;
        }
        None => entries.push(mine),
    }
}

fn subresource_name(subresource: Subresource) -> &'static str {
    match subresource {
        Subresource::Main => "",
        Subresource::Status => "status",
        Subresource::Scale => "scale",
    }
}

fn to_value(entry: Entry) -> Value {
    let mut value = json!({
        "manager": entry.manager,
        "operation": entry.operation,
        "apiVersion": entry.api_version,
        "time": entry.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": entry.fields.to_value(),
    });
    if !entry.subresource.is_empty() {
        value["subresource"] = entry.subresource.into();
    }
    value
}
