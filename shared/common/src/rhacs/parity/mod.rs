//! What a live installation has otherwise than the official objects of its version, and why.
//!
//! What the cluster owns (status, identities, values the API server fills in) is no difference;
//! everything else is reported with a reason from the table in [`reasons`], or as unexplained.

pub mod defaults;
pub mod diff;
pub mod essence;
pub mod reasons;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rhacs::{Platform, Version, official};
pub use reasons::Reason;

/// One thing a live installation has otherwise than the official objects.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// `Kind/name`.
    pub object: String,
    /// The field, as [`diff`] writes paths; empty when the whole object is missing or superfluous.
    pub path: String,
    /// What the installation has; none when it lacks it. Never a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is: Option<Value>,
    /// What the official object has; none when it has no such field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub official: Option<Value>,
    /// Why that is so, as far as the table knows.
    pub reason: Reason,
}

/// What `live` (objects as the API server returns them) has otherwise than the official objects of
/// `version` in `namespace`, ordered by object and path.
///
/// `live` has to hold the objects of every kind the product has: one that is not there is reported
/// as missing. Objects that no release of the product has are not looked at.
#[must_use]
pub fn compare(
    live: &[Value],
    version: &Version,
    platform: Platform,
    namespace: &str,
) -> Vec<Difference> {
    let official: BTreeMap<String, Value> = official::objects(version, platform, namespace)
        .into_iter()
        .map(|object| (object_name(&object), object))
        .collect();
    let live: BTreeMap<String, &Value> = live
        .iter()
        .map(|object| (object_name(object), object))
        .filter(|(name, object)| {
            // Monitoring has objects of the product in namespaces of the platform.
            let found = &object["metadata"]["namespace"];
            match official.get(name) {
                Some(official) => *found == official["metadata"]["namespace"],
                None => found.is_null() || found == namespace,
            }
        })
        .collect();
    let ever = official::names(platform, namespace);
    let names: BTreeSet<&String> = official.keys().chain(live.keys()).collect();
    let mut found = Vec::new();
    for name in names {
        match (live.get(name), official.get(name)) {
            (Some(live), Some(official)) => compare_object(name, live, official, &mut found),
            (Some(live), None) if ever.contains(name) => {
                let shown = essence::essence(live);
                found.push(difference(name, String::new(), Some(shown), None));
            }
            (None, Some(official)) => {
                let shown = essence::essence(official);
                found.push(difference(name, String::new(), None, Some(shown)));
            }
            (Some(_) | None, None) => {}
        }
    }
    found
}

fn compare_object(name: &str, live: &Value, official: &Value, found: &mut Vec<Difference>) {
    let (live, official) = (essence::essence(live), essence::essence(official));
    for field in diff::differences(&live, &official) {
        let owned = field.right.is_none() && defaults::is_cluster_owned(name, &field.path);
        let (is, wanted) = (field.left.as_ref(), field.right.as_ref());
        if !owned && !defaults::is_same(&field.path, is, wanted) {
            let is = if wanted.is_none() { field.left.map(without_value) } else { field.left };
            found.push(difference(name, field.path, is, field.right));
        }
    }
}

/// A variable of one's own may hold a password: only its name is told.
fn without_value(mut field: Value) -> Value {
    let variable = field.get("name").is_some() && field.get("value").is_some();
    if let Some(map) = field.as_object_mut().filter(|_| variable) {
        map.remove("value");
    }
    field
}

fn difference(
    object: &str,
    path: String,
    is: Option<Value>,
    official: Option<Value>,
) -> Difference {
    let reason = reasons::reason(object, &path, is.as_ref(), official.as_ref());
    Difference { object: object.to_owned(), path, is, official, reason }
}

/// `Kind/name`; the random suffix of the one object that has one is replaced.
fn object_name(object: &Value) -> String {
    let kind = object["kind"].as_str().unwrap_or_default();
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let name = if name.starts_with(GENERATED) { "stackrox-generated-xxxxxx" } else { name };
    format!("{kind}/{name}")
}

const GENERATED: &str = "stackrox-generated-";
