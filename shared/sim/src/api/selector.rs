//! Label and field selectors.

use serde_json::Value;

use crate::schema::kinds::Resource;
use crate::store::{Status, meta};

/// What a list or watch is narrowed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(String, bool, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
    Compared(String, bool, i64),
}

impl Selector {
    /// Parses both selectors of a request for a resource.
    ///
    /// # Errors
    /// 400 for what is no selector, or a field that cannot be selected by.
    pub(crate) fn parse(
        resource: &Resource,
        labels: Option<&str>,
        fields: Option<&str>,
    ) -> Result<Self, Status> {
        let labels = labels.map(parse_labels).transpose()?.unwrap_or_default();
        let fields = fields.map(|text| parse_fields(resource, text)).transpose()?;
        Ok(Self { labels, fields: fields.unwrap_or_default() })
    }

    /// Whether everything matches.
    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.labels.iter().all(|requirement| requirement.holds(object))
            && self
                .fields
                .iter()
                .all(|(path, equal, wanted)| (field(object, path) == *wanted) == *equal)
    }
}

impl Requirement {
    fn holds(&self, object: &Value) -> bool {
        match self {
            Self::In(key, values) => {
                meta::label(object, key).is_some_and(|is| values.iter().any(|value| value == is))
            }
            Self::NotIn(key, values) => {
                meta::label(object, key).is_none_or(|is| values.iter().all(|value| value != is))
            }
            Self::Exists(key) => meta::label(object, key).is_some(),
            Self::Absent(key) => meta::label(object, key).is_none(),
            Self::Compared(key, greater, bound) => {
                let number = meta::label(object, key).and_then(|is| is.parse::<i64>().ok());
                number.is_some_and(|is| if *greater { is > *bound } else { is < *bound })
            }
        }
    }
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>, Status> {
    split_outside_parentheses(text)
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            requirement(part).ok_or_else(|| {
                let message = format!(
                    "unable to parse requirement: found '{part}', expected: a label selector"
                );
                Status::bad_request(message)
            })
        })
        .collect()
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (index, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn requirement(part: &str) -> Option<Requirement> {
    let listed = |rest: &str| -> Option<Vec<String>> {
        let inner = rest.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(inner.split(',').map(|value| value.trim().to_owned()).collect())
    };
    let key = |text: &str| {
        let key = text.trim();
        (!key.is_empty() && !key.contains([' ', '(', ')', '='])).then(|| key.to_owned())
    };
    if let Some((name, value)) = part.split_once("!=") {
        return Some(Requirement::NotIn(key(name)?, vec![value.trim().to_owned()]));
    }
    if let Some((name, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Requirement::In(key(name)?, vec![value.trim().to_owned()]));
    }
    if let Some((name, rest)) = part.split_once(" notin") {
        return Some(Requirement::NotIn(key(name)?, listed(rest)?));
    }
    if let Some((name, rest)) = part.split_once(" in") {
        return Some(Requirement::In(key(name)?, listed(rest)?));
    }
    for (sign, greater) in [('>', true), ('<', false)] {
        if let Some((name, bound)) = part.split_once(sign) {
            return Some(Requirement::Compared(key(name)?, greater, bound.trim().parse().ok()?));
        }
    }
    match part.strip_prefix('!') {
        Some(name) => Some(Requirement::Absent(key(name)?)),
        None => Some(Requirement::Exists(key(part)?)),
    }
}

fn parse_fields(resource: &Resource, text: &str) -> Result<Vec<(String, bool, String)>, Status> {
    let mut fields = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (path, equal, value) = if let Some((path, value)) = part.split_once("!=") {
            (path, false, value)
        } else if let Some((path, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
            (path, true, value)
        } else {
            let message = format!("invalid selector: '{part}'; can't understand '{part}'");
            return Err(Status::bad_request(message));
        };
        if !is_selectable(resource, path) {
            let message = format!("field label not supported: {path}");
            return Err(Status::bad_request(message));
        }
        fields.push((path.to_owned(), equal, value.to_owned()));
    }
    Ok(fields)
}

fn is_selectable(resource: &Resource, path: &str) -> bool {
    let own: &[&str] = match resource.key() {
        "pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        "events" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        "secrets" => &["type"],
        "namespaces" => &["status.phase"],
        "nodes" => &["spec.unschedulable"],
        "replicasets.apps" => &["status.replicas"],
        _ => &[],
    };
    matches!(path, "metadata.name" | "metadata.namespace") || own.contains(&path)
}

fn field(object: &Value, path: &str) -> String {
    if path == "source" {
        return object["source"]["component"].as_str().unwrap_or_default().to_owned();
    }
    let found = path.split('.').try_fold(object, |value, key| value.get(key));
    match found {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None if path.ends_with("unschedulable") => "false".to_owned(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Selector;
    use crate::schema::kinds::built_in;

    fn matches(labels: &str, fields: &str) -> bool {
        let object = json!({
            "metadata": {"name": "central-1", "labels": {"app": "central", "tier": "2"}},
            "status": {"phase": "Running"},
        });
        let pods = &built_in()["pods"];
        Selector::parse(pods, Some(labels), Some(fields)).unwrap().matches(&object)
    }

    #[test]
    fn labels_are_compared_by_equality_and_by_sets() {
        for yes in [
            "app=central",
            "app==central",
            "app!=x",
            "app in (a,central)",
            "!x",
            "app,tier=2",
            "tier>1",
        ] {
            assert!(matches(yes, ""), "{yes}");
        }
        for no in ["app=x", "app notin (central)", "x", "!app", "app=central,tier=3", "tier<2"] {
            assert!(!matches(no, ""), "{no}");
        }
    }

    #[test]
    fn fields_are_compared_where_the_kind_has_them() {
        assert!(matches("", "status.phase=Running,metadata.name!=x"));
        assert!(!matches("", "metadata.name=x"));
        let refused = Selector::parse(&built_in()["pods"], None, Some("spec.x=1")).unwrap_err();
        assert_eq!(refused.message, "field label not supported: spec.x");
    }
}
