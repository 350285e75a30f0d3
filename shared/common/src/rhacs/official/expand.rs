//! Turns the short forms of the data files into the objects they stand for.

mod short;

use serde_json::{Map, Value, json};

use super::condition::Point;
use super::load::Template;
use super::node::Node;
use super::resolve::{resolve, substitute};
use super::standard::{Origin, api_version, is_cluster_wide};

/// The object of `template` at `point`; `None` when its body is not a map.
pub(super) fn object(template: &Template, point: &Point<'_>) -> Option<Value> {
    let Node::Map(entries) = resolve(&template.body, point)? else { return None };
    let mut object = Object::new(template, point);
    for (key, node) in entries {
        object.add(&key, node, point);
    }
    Some(object.finish(point))
}

/// An object on its way: what the special keys said, and the fields as they are.
struct Object {
    fields: Map<String, Value>,
    metadata: Map<String, Value>,
    origin: Option<String>,
    app: Option<String>,
    pod: Option<Value>,
    pod_metadata: Map<String, Value>,
}

impl Object {
    fn new(template: &Template, point: &Point<'_>) -> Self {
        let kind = template.kind.as_str();
        let mut metadata = Map::new();
        metadata.insert("name".to_owned(), json!(substitute(&template.name, point)));
        if !is_cluster_wide(kind) {
            metadata.insert("namespace".to_owned(), json!(point.namespace));
        }
        let mut fields = Map::new();
        fields.insert("apiVersion".to_owned(), json!(api_version(kind)));
        fields.insert("kind".to_owned(), json!(kind));
        let (origin, app, pod, pod_metadata) = (None, None, None, Map::new());
        Self { fields, metadata, origin, app, pod, pod_metadata }
    }

    fn add(&mut self, key: &str, node: Node, point: &Point<'_>) {
        match key {
            "of" => self.origin = node.text().map(str::to_owned),
            "app" => self.app = node.text().map(str::to_owned),
            "pod" => self.pod = Some(value(node)),
            "podMetadata" => merge(&mut self.pod_metadata, value(node)),
            "metadata" => merge(&mut self.metadata, value(node)),
            "binds" => {
                self.fields.insert("roleRef".to_owned(), short::role_reference(&node));
            }
            "to" => {
                self.fields.insert("subjects".to_owned(), short::accounts(node, point.namespace));
            }
            _ => match key.strip_prefix("placeholders.") {
                Some(field) => {
                    let placeholders = short::placeholders(field, node);
                    self.fields.insert(field.to_owned(), placeholders);
                }
                None => insert(&mut self.fields, key, node),
            },
        }
    }

    fn finish(mut self, point: &Point<'_>) -> Value {
        let origin = self.origin.as_deref().map(Origin::parse);
        if let Some(app) = &self.app {
            add_entry(&mut self.metadata, "labels", "app", app);
            add_entry(&mut self.pod_metadata, "labels", "app", app);
        }
        if let Some(origin) = origin {
            standard_metadata(&mut self.metadata, origin, point);
        }
        if let Some(pod) = self.pod {
            if let Some(origin) = origin {
                standard_metadata(&mut self.pod_metadata, origin.of_pod(), point);
            }
            let spec = self.fields.entry("spec").or_insert_with(|| json!({}));
            if let Some(app) = &self.app {
                spec["selector"] = json!({"matchLabels": {"app": app}});
            }
            spec["template"] = json!({"metadata": self.pod_metadata, "spec": pod});
        }
        self.fields.insert("metadata".to_owned(), Value::Object(self.metadata));
        Value::Object(self.fields)
    }
}

/// A resolved tree with its short forms worked out.
fn value(node: Node) -> Value {
    match node {
        Node::Map(entries) => {
            let mut map = Map::new();
            for (key, node) in entries {
                insert(&mut map, &key, node);
            }
            Value::Object(map)
        }
        Node::List(items) => items.into_iter().map(value).collect(),
        Node::Scalar(_) | Node::Text(_) => node.into_value(),
    }
}

/// Adds one entry of a map, whose key may stand for a short form of its value.
fn insert(map: &mut Map<String, Value>, key: &str, node: Node) {
    if let Some((list, field)) = key.strip_suffix(']').and_then(|key| key.split_once('[')) {
        map.insert(list.to_owned(), keyed_list(list, field, node));
        return;
    }
    let value = match key {
        "resources" => short::resources(node),
        "rules" => short::rules(node),
        "affinity" => short::affinity(node),
        _ => value(node),
    };
    map.insert(key.to_owned(), value);
}

/// The list `list` of maps told apart by `field`, from a map by that field or a list of names.
fn keyed_list(list: &str, field: &str, node: Node) -> Value {
    let entries = match node {
        Node::Map(entries) => entries,
        Node::List(names) => names
            .into_iter()
            .filter_map(|name| Some((name.text()?.to_owned(), Node::Map(Vec::new()))))
            .collect(),
        Node::Scalar(_) | Node::Text(_) => Vec::new(),
    };
    entries
        .into_iter()
        .map(|(name, node)| {
            let mut item = match (list, node) {
                ("env", Node::Text(text)) => short::variable(&text),
                ("volumes", Node::Text(text)) => short::volume(&text),
                ("volumeMounts", Node::Text(text)) => short::mount(&text),
                ("ports", Node::Scalar(number)) => json!({"containerPort": number}),
                (_, node) => value(node),
            };
            item[field] = json!(name);
            item
        })
        .collect()
}

fn standard_metadata(metadata: &mut Map<String, Value>, origin: Origin<'_>, point: &Point<'_>) {
    for (field, standard) in
        [("labels", origin.labels(point)), ("annotations", origin.annotations(point))]
    {
        let mut merged = standard;
        if let Some(Value::Object(own)) = metadata.remove(field) {
            merged.extend(own);
        }
        metadata.insert(field.to_owned(), Value::Object(merged));
    }
}

fn merge(map: &mut Map<String, Value>, value: Value) {
    if let Value::Object(entries) = value {
        map.extend(entries);
    }
}

fn add_entry(map: &mut Map<String, Value>, field: &str, key: &str, value: &str) {
    let inner = map.entry(field).or_insert_with(|| json!({}));
    inner[key] = json!(value);
}
