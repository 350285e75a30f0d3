//! The status of a Deployment: counts, availability, progress and its deadline.

use serde_json::{Map, Value, json};

use super::deployments::Rollout;
use super::objects::{after, condition, items, number, text, time};
use super::{Round, manager, rollout};
use crate::store::{Subresource, meta};

/// The sums over ReplicaSets that the status is made of.
struct Totals {
    desired: i64,
    replicas: i64,
    updated: i64,
    ready: i64,
    available: i64,
    terminating: i64,
}

/// Reports the counts and conditions, when they changed.
pub(super) fn report(round: &mut Round<'_>, rollout: &Rollout) {
    let deployment = &rollout.deployment;
    let sum = |pointer: &str| -> i64 {
        rollout.old.iter().chain(&rollout.new).map(|set| number(set, pointer, 0)).sum()
    };
    let totals = Totals {
        desired: number(deployment, "/spec/replicas", 1),
        replicas: sum("/status/replicas"),
        updated: rollout.new.as_ref().map_or(0, |set| number(set, "/status/replicas", 0)),
        ready: sum("/status/readyReplicas"),
        available: sum("/status/availableReplicas"),
        terminating: sum("/status/terminatingReplicas"),
    };
    let conditions = conditions(round, rollout, &totals);
    let mut status = Map::new();
    status.insert("observedGeneration".to_owned(), json!(meta::generation(deployment)));
    for (key, value) in [
        ("replicas", totals.replicas),
        ("updatedReplicas", totals.updated),
        ("readyReplicas", totals.ready),
        ("availableReplicas", totals.available),
        ("unavailableReplicas", (totals.replicas.max(totals.desired) - totals.available).max(0)),
    ] {
        if value != 0 {
            status.insert(key.to_owned(), json!(value));
        }
    }
    status.insert("terminatingReplicas".to_owned(), json!(totals.terminating));
    status.insert("conditions".to_owned(), json!(conditions));
    let status = Value::Object(status);
    if deployment.get("status") == Some(&status) {
        return;
    }
    let _ = round.store().modify(
        "deployments.apps",
        Some(meta::namespace(deployment)),
        meta::name(deployment),
        Subresource::Status,
        &manager(),
        |object| object["status"] = status,
    );
}

fn conditions(round: &mut Round<'_>, rollout: &Rollout, totals: &Totals) -> Vec<Value> {
    let mut kept: Vec<Value> = items(&rollout.deployment, "/status/conditions").to_vec();
    let needed = totals.desired - rollout::limits(&rollout.deployment).unavailable;
    let available = if totals.available >= needed {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.".to_owned())
    } else {
        (
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.".to_owned(),
        )
    };
    set_condition(&mut kept, round, "Available", available, false);
    if let Some((verdict, moved)) = progress(round, rollout, totals) {
        set_condition(&mut kept, round, "Progressing", verdict, moved);
    }
    let failure =
        rollout.new.iter().chain(&rollout.old).find_map(|set| condition(set, "ReplicaFailure"));
    match failure {
        Some(failure) => {
            let verdict = ("True", "FailedCreate", text(failure, "/message").to_owned());
            set_condition(&mut kept, round, "ReplicaFailure", verdict, false);
        }
        None => kept.retain(|condition| condition["type"] != "ReplicaFailure"),
    }
    kept
}

type Verdict = (&'static str, &'static str, String);

/// What the rollout's progress is, and whether it moved since the last report.
fn progress(round: &mut Round<'_>, rollout: &Rollout, totals: &Totals) -> Option<(Verdict, bool)> {
    let deployment = &rollout.deployment;
    // Between the old pods of Recreate and the new ones there is no ReplicaSet to speak of.
    let subject = rollout.new.as_ref().map_or_else(
        || format!("Deployment \"{}\"", meta::name(deployment)),
        |set| format!("ReplicaSet \"{}\"", meta::name(set)),
    );
    let before = condition(deployment, "Progressing");
    let reason = before.map_or("", |condition| text(condition, "/reason"));
    let complete = rollout.new.is_some()
        && totals.updated == totals.desired
        && totals.replicas == totals.desired
        && totals.available >= totals.desired;
    if complete {
        let message = format!("{subject} has successfully progressed.");
        return Some((("True", "NewReplicaSetAvailable", message), false));
    }
    // Once a template is out, the loss of a pod is no new rollout.
    let same_set =
        before.is_some_and(|condition| text(condition, "/message").starts_with(&subject));
    if reason == "NewReplicaSetAvailable" && same_set {
        return None;
    }
    let moved = [
        ("/status/updatedReplicas", totals.updated, 1),
        ("/status/replicas", totals.replicas - totals.updated, -1),
        ("/status/readyReplicas", totals.ready, 1),
        ("/status/availableReplicas", totals.available, 1),
    ]
    .into_iter()
    .any(|(pointer, now, direction)| {
        let was = match pointer {
            "/status/replicas" => {
                number(deployment, pointer, 0) - number(deployment, "/status/updatedReplicas", 0)
            }
            _ => number(deployment, pointer, 0),
        };
        (now - was) * direction > 0
    });
    let progressing = ("True", "ReplicaSetUpdated", format!("{subject} is progressing."));
    // Who gave up takes it back for progress only, and for a ReplicaSet that was just made: not for
    // one that is used again.
    let is_made =
        rollout.new.as_ref().is_some_and(|set| set["status"]["observedGeneration"].is_null());
    let gave_up = reason == "ProgressDeadlineExceeded";
    if before.is_none() || moved || is_made || (!same_set && !gave_up) {
        return Some((progressing, true));
    }
    if gave_up {
        return None;
    }
    let started = before.and_then(|condition| time(condition, "/lastUpdateTime"))?;
    let deadline = after(started, number(deployment, "/spec/progressDeadlineSeconds", 600));
    if round.now < deadline {
        round.wake_at(deadline);
        return None;
    }
    let message = format!("{subject} has timed out progressing.");
    Some((("False", "ProgressDeadlineExceeded", message), false))
}

/// Sets a condition; the transition time moves with the status, the update time with any change or on request.
fn set_condition(
    conditions: &mut Vec<Value>,
    round: &Round<'_>,
    kind: &str,
    (status, reason, message): Verdict,
    touch: bool,
) {
    let now = json!(meta::time(round.now));
    let position = conditions.iter().position(|condition| condition["type"] == kind);
    let before = position.map(|position| conditions[position].clone());
    let same = before.as_ref().is_some_and(|before| {
        before["status"] == status
            && before["reason"] == reason
            && before["message"] == json!(message)
    });
    if same && !touch {
        return;
    }
    let transition = before
        .as_ref()
        .filter(|before| before["status"] == status)
        .map_or_else(|| now.clone(), |before| before["lastTransitionTime"].clone());
    let fresh = json!({
        "type": kind, "status": status, "lastUpdateTime": now, "lastTransitionTime": transition,
        "reason": reason, "message": message,
    });
    match position {
        Some(position) => conditions[position] = fresh,
        None => conditions.push(fresh),
    }
}
