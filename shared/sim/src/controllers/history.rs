//! Revisions of a Deployment: numbers in annotations, and how many old ReplicaSets are kept.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Round;
use super::deployments::{REVISION, Rollout};
use super::objects::{number, text};
use crate::store::{DeleteOptions, meta};

const PAST: &str = "deployment.kubernetes.io/revision-history";

/// The revision of a ReplicaSet, 0 when it has none yet.
pub(crate) fn revision(set: &Value) -> u64 {
    let annotation =
        set.pointer("/metadata/annotations").and_then(|annotations| annotations.get(REVISION));
    annotation.and_then(Value::as_str).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The highest revision among ReplicaSets.
pub(crate) fn newest(sets: &[Arc<Value>]) -> u64 {
    sets.iter().map(|set| revision(set)).max().unwrap_or(0)
}

/// Notes a revision that a ReplicaSet had before it became current again.
pub(crate) fn remember(annotations: &mut Map<String, Value>, revision: u64) {
    let past = annotations.get(PAST).and_then(Value::as_str).unwrap_or_default();
    let past = if past.is_empty() { revision.to_string() } else { format!("{past},{revision}") };
    annotations.insert(PAST.to_owned(), json!(past));
}

/// Deletes the oldest unused ReplicaSets beyond `revisionHistoryLimit`.
pub(crate) fn clean(round: &Round<'_>, rollout: &Rollout) {
    let limit = number(&rollout.deployment, "/spec/revisionHistoryLimit", 10);
    let unused: Vec<&Arc<Value>> = rollout
        .old
        .iter()
        .filter(|set| {
            number(set, "/spec/replicas", 0) == 0 && number(set, "/status/replicas", 0) == 0
        })
        .filter(|set| text(set, "/metadata/deletionTimestamp").is_empty())
        .collect();
    let surplus = unused.len().saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
    for set in unused.into_iter().take(surplus) {
        let (namespace, name) = (meta::namespace(set), meta::name(set));
        let _ = round.store().delete(
            "replicasets.apps",
            Some(namespace),
            name,
            &DeleteOptions::default(),
        );
    }
}
