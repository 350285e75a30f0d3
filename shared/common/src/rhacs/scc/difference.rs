//! Where two constraints do not mean the same, whichever way each is written.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::with_defaults;

/// A field in which an SCC is not as the release has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The field, such as `priority`.
    pub field: String,
    /// What the SCC has.
    pub is: Value,
    /// What the release's has.
    pub official: Value,
}

/// The fields in which an SCC does not mean what `official` means; names, labels and the like do
/// not count.
#[must_use]
pub fn differences(scc: &Value, official: &Value) -> Vec<Difference> {
    let (left, right) = (canonical(scc), canonical(official));
    let fields: BTreeSet<&String> =
        [&left, &right].into_iter().filter_map(Value::as_object).flat_map(Map::keys).collect();
    fields
        .into_iter()
        .filter(|field| !matches!(field.as_str(), "apiVersion" | "kind" | "metadata"))
        .filter(|field| left[field.as_str()] != right[field.as_str()])
        .map(|field| Difference {
            field: field.clone(),
            is: left[field].clone(),
            official: right[field].clone(),
        })
        .collect()
}

/// The one way to write what an SCC means: with OpenShift's defaults, lists as sets without what
/// an entry for all of them includes, and no field that says nothing.
#[must_use]
pub fn canonical(scc: &Value) -> Value {
    let mut scc = with_defaults(scc);
    let Some(fields) = scc.as_object_mut() else { return scc };
    for (field, value) in fields.iter_mut() {
        if !matches!(field.as_str(), "apiVersion" | "kind" | "metadata") {
            simplify(field, value);
        }
    }
    fields.retain(|field, value| !says_nothing(field, value));
    scc
}

/// Sorts lists, and empties what is written out of emptiness: `{"type": …, "ranges": []}`.
fn simplify(field: &str, value: &mut Value) {
    match value {
        Value::Array(list) => {
            let all = if field == "requiredDropCapabilities" { "ALL" } else { "*" };
            if list.iter().any(|entry| entry == all) {
                *list = vec![json!(all)];
            }
            list.sort_by_key(Value::to_string);
            list.dedup();
        }
        Value::Object(fields) => {
            fields.values_mut().for_each(|value| simplify("", value));
            fields.retain(|field, value| !says_nothing(field, value));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether a field means the same as its absence.
fn says_nothing(field: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        // Both may be left open, and then mean something else than `false`.
        Value::Bool(is) => {
            !is && !matches!(field, "allowPrivilegeEscalation" | "defaultAllowPrivilegeEscalation")
        }
        Value::Number(_) => field == "priority" && *value == json!(0),
        // Newer versions of OpenShift add this one to every SCC.
        Value::String(text) => field == "userNamespaceLevel" && text == "AllowHostLevel",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rhacs::Version;
    use crate::rhacs::scc::official_constraint;

    fn official(account: &str) -> Value {
        official_constraint(&Version::release(3, 69, 2), "stackrox", account).unwrap()
    }

    fn differing(scc: &Value, official: &Value) -> Vec<String> {
        differences(scc, official).into_iter().map(|it| it.field).collect()
    }

    #[test]
    fn what_the_cluster_fills_in_is_no_difference() {
        for account in ["central", "scanner", "admission-control", "collector", "sensor"] {
            let spec = official(account);
            let mut live = with_defaults(&spec);
            live["userNamespaceLevel"] = json!("AllowHostLevel");
            live["metadata"]["labels"]["helm.sh/chart"] = json!("other");
            for field in ["groups", "priority", "defaultAddCapabilities", "allowedCapabilities"] {
                if says_nothing(field, &live[field]) {
                    live[field] = Value::Null;
                }
            }
            assert_eq!(differences(&live, &spec), [], "{account}");
        }
    }

    #[test]
    fn each_field_that_means_something_else_is_told() {
        let spec = official("central");
        let mut live = with_defaults(&spec);
        live["priority"] = json!(20);
        live["allowHostDirVolumePlugin"] = json!(true);
        live["allowPrivilegeEscalation"] =
            json!(!spec["allowPrivilegeEscalation"].as_bool().unwrap_or(true));
        live["users"] = json!([]);
        let found = differences(&live, &spec);
        let fields: Vec<&str> = found.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "allowHostDirVolumePlugin",
                "allowPrivilegeEscalation",
                "priority",
                "users",
                "volumes"
            ]
        );
        assert_eq!(found[2].is, 20);
    }

    #[test]
    fn lists_are_sets_and_nothing_is_written_in_many_ways() {
        let scc = |fields: Value| {
            let mut scc = json!({"volumes": ["secret"], "runAsUser": {"type": "RunAsAny"}});
            let (all, fields) = (scc.as_object_mut().unwrap(), fields.as_object().unwrap());
            all.extend(fields.clone());
            scc
        };
        for (left, right) in [
            (json!({"users": ["b", "a", "b"]}), json!({"users": ["a", "b"]})),
            (json!({"users": null, "groups": []}), json!({})),
            (json!({"priority": null}), json!({"priority": 0})),
            (json!({"allowHostIPC": false}), json!({})),
            (json!({"allowPrivilegeEscalation": true}), json!({})),
            (json!({"defaultAddCapabilities": null}), json!({"defaultAddCapabilities": []})),
            (json!({"volumes": ["secret", "nfs"]}), json!({"volumes": ["nfs", "secret"]})),
            (
                json!({"seccompProfiles": ["*", "runtime/default"]}),
                json!({"seccompProfiles": ["*"]}),
            ),
            (
                json!({"requiredDropCapabilities": ["KILL", "ALL"]}),
                json!({"requiredDropCapabilities": ["ALL"]}),
            ),
            (
                json!({"fsGroup": {"type": "RunAsAny", "ranges": []}, "supplementalGroups": {}}),
                json!({}),
            ),
            (
                json!({"seLinuxContext": {"type": "MustRunAs", "seLinuxOptions": null}}),
                json!({"seLinuxContext": {"type": "MustRunAs"}}),
            ),
        ] {
            assert_eq!(differing(&scc(left.clone()), &scc(right.clone())), [""; 0], "{left}");
        }
        for (left, right, field) in [
            (
                json!({"defaultAllowPrivilegeEscalation": false}),
                json!({}),
                "defaultAllowPrivilegeEscalation",
            ),
            (json!({"allowPrivilegeEscalation": false}), json!({}), "allowPrivilegeEscalation"),
            (json!({"allowedCapabilities": ["*"]}), json!({}), "allowedCapabilities"),
            (
                json!({"fsGroup": {"type": "MustRunAs", "ranges": [{"min": 1, "max": 2}]}}),
                json!({"fsGroup": {"type": "MustRunAs"}}),
                "fsGroup",
            ),
        ] {
            assert_eq!(differing(&scc(left.clone()), &scc(right)), [field], "{left}");
        }
    }
}
