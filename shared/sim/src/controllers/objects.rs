//! Small questions that every controller asks of the JSON of an object.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::store::{DeleteOptions, Store, meta};

/// Letters that Kubernetes uses in generated names: none that could spell a word.
const SAFE_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The string at a JSON pointer, or the empty one.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    meta::at(object, pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The whole number at a JSON pointer, or a default.
pub(crate) fn number(object: &Value, pointer: &str, default: i64) -> i64 {
    meta::at(object, pointer).and_then(Value::as_i64).unwrap_or(default)
}

/// The elements of the array at a JSON pointer.
pub(crate) fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    meta::at(object, pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A `Time` of the API as a timestamp.
pub(crate) fn time(object: &Value, pointer: &str) -> Option<Timestamp> {
    text(object, pointer).parse().ok()
}

/// A moment moved by seconds.
pub(crate) fn after(moment: Timestamp, seconds: i64) -> Timestamp {
    moment.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

/// The hash of a pod template as it goes into names and labels.
pub(crate) fn template_hash(template: &Value, collision: i64) -> String {
    let digest = Sha256::digest(format!("{template}#{collision}"));
    digest
        .iter()
        .take(10)
        .map(|byte| char::from(SAFE_LETTERS[usize::from(*byte) % SAFE_LETTERS.len()]))
        .collect()
}

/// The objects of a list that this owner controls.
pub(crate) fn owned_by(owner: &Value, candidates: Vec<Arc<Value>>) -> Vec<Arc<Value>> {
    let uid = meta::uid(owner);
    candidates
        .into_iter()
        .filter(|candidate| {
            meta::owners(candidate)
                .any(|reference| reference["controller"] == true && reference["uid"] == *uid)
        })
        .collect()
}

/// Takes away again what was made for an owner that has been deleted since it was looked at: the
/// garbage collector looks for what has no owner, not only for what loses it.
pub(crate) fn collect_if_orphaned(store: &Store, owner: &Value, resource: &str, made: &Value) {
    let owners = match owner["kind"].as_str() {
        Some("Deployment") => "deployments.apps",
        Some("ReplicaSet") => "replicasets.apps",
        Some("DaemonSet") => "daemonsets.apps",
        Some("StatefulSet") => "statefulsets.apps",
        _ => return,
    };
    let namespace = Some(meta::namespace(made));
    let now = store.read(owners, namespace, meta::name(owner));
    if now.is_none_or(|now| meta::uid(&now) != meta::uid(owner)) {
        let at_once = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
        // Somebody else may have been faster.
        drop(store.delete(resource, namespace, meta::name(made), &at_once));
    }
}

/// The owner reference with which a controller marks what it makes.
pub(crate) fn owner_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta::name(owner),
        "uid": meta::uid(owner),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// A pod that counts: not ending, not ended.
pub(crate) fn is_active(pod: &Value) -> bool {
    !meta::is_being_deleted(pod) && !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// The condition of a type.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    items(object, "/status/conditions").iter().find(|condition| condition["type"] == kind)
}

/// Whether a condition is `True`.
pub(crate) fn is_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| condition["status"] == "True")
}

/// When a ready pod counts as available; none while it is not ready.
pub(crate) fn available_at(pod: &Value, minimum_ready_seconds: i64) -> Option<Timestamp> {
    let ready = condition(pod, "Ready").filter(|condition| condition["status"] == "True")?;
    Some(after(time(ready, "/lastTransitionTime")?, minimum_ready_seconds))
}

/// A percentage or a number of pods, as `maxSurge` and `maxUnavailable` have it.
pub(crate) fn portion(value: Option<&Value>, default: &str, of: i64, round_up: bool) -> i64 {
    let default = Value::from(default);
    let value = value.unwrap_or(&default);
    if let Some(number) = value.as_i64() {
        return number;
    }
    let text = value.as_str().unwrap_or_default();
    match text.strip_suffix('%').map(str::parse::<i64>) {
        Some(Ok(percent)) if round_up => (of * percent + 99) / 100,
        Some(Ok(percent)) => of * percent / 100,
        _ => text.parse().unwrap_or_default(),
    }
}

/// The labels of a selector as the list of pairs it demands.
pub(crate) fn selects(selector: &Value, object: &Value) -> bool {
    selector.as_object().is_some_and(|pairs| {
        pairs.iter().all(|(key, wanted)| meta::label(object, key) == wanted.as_str())
    })
}

/// The kind and name of the workload behind a pod: a ReplicaSet stands for its Deployment.
pub(crate) fn workload(pod: &Value) -> (String, String) {
    let Some(owner) = meta::owners(pod).find(|reference| reference["controller"] == json!(true))
    else {
        return ("Pod".to_owned(), meta::name(pod).to_owned());
    };
    let (kind, name) = (text(owner, "/kind"), text(owner, "/name"));
    if kind == "ReplicaSet"
        && let Some(hash) = meta::label(pod, "pod-template-hash")
        && let Some(deployment) = name.strip_suffix(&format!("-{hash}"))
    {
        return ("Deployment".to_owned(), deployment.to_owned());
    }
    (kind.to_owned(), name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Writer;

    #[test]
    fn what_is_made_for_an_owner_that_is_gone_is_collected() {
        let store = Store::new(Arc::new(|| "2026-01-01T00:00:00Z".parse().unwrap()));
        let by = Writer::new("test");
        let labels = json!({"app": "a"});
        let set = json!({"metadata": {"name": "a", "namespace": "default"}, "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels},
                "spec": {"containers": [{"name": "a", "image": "a:1"}]}}}});
        let create = || store.create("replicasets.apps", set.clone(), &by).unwrap();
        let first = create();
        let pod = |name: &str| {
            let mut pod = json!({"metadata": {"name": name, "namespace": "default"},
                "spec": {"containers": [{"name": "a", "image": "a:1"}]}});
            pod["metadata"]["ownerReferences"] = json!([owner_reference(&first)]);
            let pod = store.create("pods", pod, &by).unwrap();
            collect_if_orphaned(&store, &first, "pods", &pod);
            store.read("pods", Some("default"), name)
        };
        assert!(pod("one").is_some());
        store.delete("replicasets.apps", Some("default"), "a", &DeleteOptions::default()).unwrap();
        assert!(pod("two").is_none(), "its owner is gone");
        create();
        assert!(pod("three").is_none(), "another has the name");
    }

    #[test]
    fn surge_rounds_up_and_unavailability_down() {
        let quarter = json!("25%");
        assert_eq!(portion(Some(&quarter), "25%", 3, true), 1);
        assert_eq!(portion(Some(&quarter), "25%", 3, false), 0);
        assert_eq!(portion(Some(&json!(2)), "25%", 3, false), 2);
        assert_eq!(portion(None, "25%", 8, false), 2);
    }

    #[test]
    fn a_pod_knows_the_deployment_behind_its_replica_set() {
        let pod = json!({"metadata": {
            "name": "central-abc-xyz", "labels": {"pod-template-hash": "abc"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "central-abc", "controller": true}],
        }});
        assert_eq!(workload(&pod), ("Deployment".to_owned(), "central".to_owned()));
    }
}
