//! ReplicaSets: as many pods as asked for, and the counts they report.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::events::Told;
use super::objects::{available_at, is_active, is_true, number, owned_by, text};
use super::{Round, manager, pods};
use crate::store::{DeleteOptions, Subresource, meta};

const SOURCE: &str = "replicaset-controller";
/// Virtual seconds until a refused pod is tried again.
const RETRY: i64 = 30;

/// Moves every ReplicaSet one step on.
pub(crate) fn reconcile(round: &mut Round<'_>) {
    for set in round.store().list("replicasets.apps", None) {
        if !meta::is_being_deleted(&set) {
            reconcile_one(round, &set);
        }
    }
}

fn reconcile_one(round: &mut Round<'_>, set: &Value) {
    let all = owned_by(set, round.store().list("pods", Some(meta::namespace(set))));
    let active: Vec<Arc<Value>> = all.iter().filter(|pod| is_active(pod)).cloned().collect();
    let wanted = usize::try_from(number(set, "/spec/replicas", 1)).unwrap_or(0);
    let mut refused = None;
    if active.len() < wanted {
        for _ in active.len()..wanted {
            refused = add_pod(round, set);
            if refused.is_some() {
                round.wake_at(super::objects::after(round.now, RETRY));
                break;
            }
        }
    } else {
        remove_pods(round, set, &active, active.len() - wanted);
    }
    report(round, set, refused);
}

/// Creates a pod; the refusal when it is not admitted.
fn add_pod(round: &mut Round<'_>, set: &Value) -> Option<String> {
    match pods::create(round, set, &set["spec"]["template"], None) {
        Ok(pod) => {
            let message = format!("Created pod: {}", meta::name(&pod));
            round.tell(set, Told::normal(SOURCE, "SuccessfulCreate", &message));
            None
        }
        Err(message) => {
            let known = super::objects::condition(set, "ReplicaFailure")
                .is_some_and(|condition| text(condition, "/message") == message);
            if !known {
                let told = format!("Error creating: {message}");
                round.tell(set, Told::warning(SOURCE, "FailedCreate", &told));
            }
            Some(message)
        }
    }
}

/// Deletes the pods that are worth least: not ready before ready, younger before older.
fn remove_pods(round: &mut Round<'_>, set: &Value, active: &[Arc<Value>], surplus: usize) {
    let mut order: Vec<&Arc<Value>> = active.iter().collect();
    order.sort_by_key(|pod| (is_true(pod, "Ready"), std::cmp::Reverse(meta::version(pod))));
    for pod in order.into_iter().take(surplus) {
        let name = meta::name(pod);
        let namespace = Some(meta::namespace(pod));
        if round.store().delete("pods", namespace, name, &DeleteOptions::default()).is_ok() {
            let message = format!("Deleted pod: {name}");
            round.tell(set, Told::normal(SOURCE, "SuccessfulDelete", &message));
        }
    }
}

fn report(round: &mut Round<'_>, set: &Value, refused: Option<String>) {
    let pods = owned_by(set, round.store().list("pods", Some(meta::namespace(set))));
    let minimum = number(set, "/spec/minReadySeconds", 0);
    let (mut replicas, mut ready, mut available, mut terminating) = (0, 0, 0, 0);
    for pod in &pods {
        if !is_active(pod) {
            terminating += i64::from(meta::is_being_deleted(pod));
            continue;
        }
        replicas += 1;
        if let Some(moment) = available_at(pod, minimum) {
            ready += 1;
            if moment <= round.now {
                available += 1;
            } else {
                round.wake_at(moment);
            }
        }
    }
    let mut status = Map::new();
    status.insert("replicas".to_owned(), json!(replicas));
    for (key, value) in [
        ("fullyLabeledReplicas", replicas),
        ("readyReplicas", ready),
        ("availableReplicas", available),
    ] {
        if value != 0 {
            status.insert(key.to_owned(), json!(value));
        }
    }
    status.insert("terminatingReplicas".to_owned(), json!(terminating));
    status.insert("observedGeneration".to_owned(), json!(meta::generation(set)));
    if let Some(message) = refused {
        let before = super::objects::condition(set, "ReplicaFailure").map_or_else(
            || json!(meta::time(round.now)),
            |before| before["lastTransitionTime"].clone(),
        );
        let failure = json!({"type": "ReplicaFailure", "status": "True", "lastTransitionTime": before,
            "reason": "FailedCreate", "message": message});
        status.insert("conditions".to_owned(), json!([failure]));
    }
    let status = Value::Object(status);
    if set.get("status") == Some(&status) {
        return;
    }
    let _ = round.store().modify(
        "replicasets.apps",
        Some(meta::namespace(set)),
        meta::name(set),
        Subresource::Status,
        &manager(),
        |object| object["status"] = status,
    );
}
