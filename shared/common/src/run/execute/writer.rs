//! Who wrote a field, by the bookkeeping of the API server (`metadata.managedFields`). Pure.

use serde_json::Value;

use crate::plan::Part;

/// Who wrote a field last.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Writer {
    /// The field manager, such as `argocd-controller`.
    manager: String,
    /// `Update` or `Apply`.
    operation: String,
    /// When, RFC 3339; empty when that is not told.
    at: String,
}

impl Writer {
    /// In words, behind the name of what was changed.
    pub(super) fn words(&self) -> String {
        let Self { manager, operation, at } = self;
        match at.as_str() {
            "" => format!("`{manager}` wrote it ({operation})"),
            at => format!("`{manager}` wrote it at {at} ({operation})"),
        }
    }
}

/// Who wrote what is at `path` of `object`, other than `ours`: who owns the field, else the nearest
/// one around it, else who wrote the object last, which is who removed the field.
pub(super) fn writer(object: &Value, path: &[Part], ours: &str) -> Option<Writer> {
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    let others = entries.filter(|entry| {
        let is_status = entry["subresource"].as_str().is_some_and(|part| part == "status");
        entry["manager"] != ours && !is_status
    });
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rank = |entry: &&Value| (owns(&entry["fieldsV1"], path), text(&entry["time"]));
    others.max_by_key(rank).map(|entry| Writer {
        manager: text(&entry["manager"]),
        operation: text(&entry["operation"]),
        at: text(&entry["time"]),
    })
}

/// Whether the whole `path` is among `fields`.
fn owns(fields: &Value, path: &[Part]) -> bool {
    let Some((part, rest)) = path.split_first() else { return true };
    let below = match part {
        Part::Field(name) => fields.get(format!("f:{name}")),
        Part::Item(key) => fields.as_object().and_then(|fields| {
            fields.iter().find(|(name, _)| is_item(name, key)).map(|(_, below)| below)
        }),
    };
    below.is_some_and(|below| owns(below, rest))
}

/// Whether `name`, such as `k:{"name":"central"}`, is of the list item with this key.
fn is_item(name: &str, key: &str) -> bool {
    let Some(keys) = name.strip_prefix("k:") else { return false };
    let Ok(Value::Object(keys)) = serde_json::from_str(keys) else { return false };
    keys.values().any(|value| match value {
        Value::String(text) => text == key,
        other => {
            let text = other.to_string();
            text == key
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(manager: &str, time: &str, fields: &Value) -> Value {
        json!({"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields})
    }

    #[test]
    fn the_owner_of_the_field_is_told_before_whoever_wrote_later() {
        let image = json!({"f:spec": {"f:template": {"f:spec": {"f:containers":
            {"k:{\"name\":\"scanner\"}": {".": {}, "f:image": {}}}}}}});
        let status = json!({"manager": "kube-controller-manager", "subresource": "status",
                            "operation": "Update", "time": "2024-03-01T09:00:00Z"});
        let object = json!({"metadata": {"managedFields": [
            entry("argocd-controller", "2024-03-01T08:00:00Z", &image),
            entry("kubectl-scale", "2024-03-01T08:30:00Z", &json!({"f:spec": {"f:replicas": {}}})),
            entry("kubectl-rhacs", "2024-03-01T08:40:00Z", &json!({})),
            status,
        ]}});
        let field = |name: &str| Part::Field(name.to_owned());
        let path = [
            field("spec"),
            field("template"),
            field("spec"),
            field("containers"),
            Part::Item("scanner".to_owned()),
            field("image"),
        ];
        let found = writer(&object, &path, "kubectl-rhacs").expect("somebody");
        let expected = "`argocd-controller` wrote it at 2024-03-01T08:00:00Z (Update)";
        assert_eq!(found.words(), expected);
        let removed = writer(&object, &[field("spec"), field("paused")], "kubectl-rhacs");
        assert_eq!(removed.expect("somebody").manager, "kubectl-scale");
        assert_eq!(writer(&json!({}), &path, "kubectl-rhacs"), None);
    }
}
