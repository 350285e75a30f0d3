//! Pods that may not even be created: quotas, security constraints, webhooks.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::condition;
use super::diagnose::{Observed, RETRIED, Trouble, event_age, is_owned_by, text};
use crate::rhacs::ObjectRef;

/// Pods that may not be created may be waiting for old ones to free their quota, or for the API
/// server to notice an account or a constraint that was created a moment ago.
const REFUSED_GRACE: SignedDuration = SignedDuration::from_secs(15);
/// A webhook that does not answer may just be restarting.
const WEBHOOK_GRACE: SignedDuration = SignedDuration::from_secs(90);

/// A pod that ends is gone so long after the time it was given, unless its node is lost.
const ENDING_GRACE: SignedDuration = SignedDuration::from_secs(30);

/// What is said of a pod for which a quota has no room, as others have it.
const QUOTA: &str = "exceeded quota";
/// Refusals that depend on the pod alone: it stays as it is, so they do not go away.
const NEVER: [&str; 8] = [
    "denied the request",
    "violates PodSecurity",
    "is invalid: ",
    "no PriorityClass with name",
    "failed quota",
    "usage per Container is",
    "usage per Pod is",
    "limit to request ratio per",
];

/// A ReplicaSet says in a condition why it may not create pods.
pub(super) fn refused_pods(set: &Value, observed: &Observed<'_>) -> Option<Trouble> {
    let failure = condition(set, "ReplicaFailure").filter(|found| found["status"] == "True")?;
    let message = text(&failure["message"]);
    let mut since = time(&failure["lastTransitionTime"]);
    let started = observed.memory.started();
    let is_old = observed.memory.is_old(since) && !was_tried_again(set, observed);
    let mut room_is_made = false;
    if message.contains(QUOTA) {
        since = since.max(observed.memory.pods_since());
        room_is_made = room_is_made_for(set, observed);
    }
    let waits = |since: Option<Timestamp>| {
        since.map_or(SignedDuration::ZERO, |since| observed.now.duration_since(since))
    };
    let fatal = match is_old {
        true => waits(started) >= RETRIED,
        false => refusal_is_final(&message, waits(since)),
    };
    Some(Trouble {
        object: ObjectRef::of(set)?,
        container: None,
        reason: text(&failure["reason"]),
        fatal: fatal && !room_is_made,
        message,
        crashed: false,
    })
}

/// Whether the controller has tried to create a pod since the wait began. It tries less and less
/// often, and its condition keeps the time of the first refusal.
fn was_tried_again(set: &Value, observed: &Observed<'_>) -> bool {
    let uid = &set["metadata"]["uid"];
    let events = observed.events.iter().filter(|event| event["involvedObject"]["uid"] == *uid);
    events.filter(|event| event["reason"] == "FailedCreate").any(|event| {
        let last = time(&event["lastTimestamp"]).or_else(|| time(&event["eventTime"]));
        last >= observed.memory.started()
    })
}

/// Whether pods are about to leave room in the quota: those that end, and old ones that are
/// replaced by new ones that are coming up.
fn room_is_made_for(set: &Value, observed: &Observed<'_>) -> bool {
    let status = &set["status"];
    let number = |field: &str| status[field].as_u64().unwrap_or(0);
    let comes_up = number("replicas") > number("availableReplicas");
    let ends = |pod: &Arc<Value>| {
        // The time a pod has to be gone by; one that is not gone long after it may never be.
        let end = time(&pod["metadata"]["deletionTimestamp"]);
        end.is_some_and(|end| observed.now.duration_since(end) < ENDING_GRACE)
    };
    comes_up || observed.pods.iter().any(ends)
}

/// A DaemonSet or StatefulSet says it in events only, which outlive what they tell of: only those
/// of the wait count, and only while no pod was made after them.
pub(super) fn refused_by_event(observed: &Observed<'_>) -> Option<Trouble> {
    let owner = observed.workload;
    if owner["kind"] == "Deployment" {
        return None;
    }
    let uid = &owner["metadata"]["uid"];
    let event = observed
        .events
        .iter()
        .filter(|event| event["reason"] == "FailedCreate" && event["involvedObject"]["uid"] == *uid)
        .filter(|event| event_age(event, observed.now) < SignedDuration::from_secs(120))
        .max_by_key(|event| text(&event["lastTimestamp"]))?;
    let last = time(&event["lastTimestamp"]).or_else(|| time(&event["eventTime"]))?;
    let made_later = |pod: &&Arc<Value>| time(&pod["metadata"]["creationTimestamp"]) > Some(last);
    let owned = observed.pods.iter().filter(|pod| is_owned_by(pod, uid));
    let started = observed.memory.started();
    if started.is_some_and(|started| last < started) || owned.filter(made_later).count() > 0 {
        return None;
    }
    let message = text(&event["message"]);
    let repeated = event["count"].as_u64().unwrap_or(1) > 3;
    let since = time(&event["firstTimestamp"]).max(started).unwrap_or(last);
    Some(Trouble {
        object: ObjectRef::of(owner)?,
        container: None,
        reason: "FailedCreate".to_owned(),
        fatal: repeated && refusal_is_final(&message, last.duration_since(since)),
        message,
        crashed: false,
    })
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn refusal_is_final(message: &str, since: SignedDuration) -> bool {
    if NEVER.iter().any(|refusal| message.contains(refusal)) {
        return true;
    }
    let webhook_is_silent = message.contains("failed calling webhook");
    since >= if webhook_is_silent { WEBHOOK_GRACE } else { REFUSED_GRACE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_go_away_is_final_at_once() {
        for (message, grace) in [
            ("admission webhook \"a.b\" denied the request: unsigned image", 0),
            ("pods \"x\" is forbidden: violates PodSecurity \"restricted:latest\": …", 0),
            ("Pod \"x\" is invalid: spec.containers[0].name: Required value", 0),
            ("pods \"x\" is forbidden: no PriorityClass with name high was found", 0),
            ("pods \"x\" is forbidden: failed quota: q: must specify limits.cpu", 0),
            ("pods \"x\" is forbidden: maximum cpu usage per Pod is 2, but limit is 4", 0),
            ("pods \"x\" is forbidden: memory max limit to request ratio per Container is 1", 0),
            ("pods \"x\" is forbidden: exceeded quota: q, requested: pods=1", 15),
            ("pods \"x\" is forbidden: unable to validate against any security context …", 15),
            ("error looking up service account stackrox/central: serviceaccount not found", 15),
            ("Internal error occurred: failed calling webhook \"a.b\": no endpoints", 90),
        ] {
            let is_final = |seconds| refusal_is_final(message, SignedDuration::from_secs(seconds));
            assert!(is_final(grace), "{message}");
            assert!(grace == 0 || !is_final(grace - 1), "{message}");
        }
    }
}
