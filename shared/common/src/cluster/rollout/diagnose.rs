//! Finding what keeps the pods of a rollout from coming up.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::condition;
use super::memory::{Memory, restarts, statuses};
use super::refused::{refused_by_event, refused_pods};
use crate::rhacs::ObjectRef;

/// A pod that fits nowhere may be waiting for the old one to leave.
const UNSCHEDULABLE_GRACE: SignedDuration = SignedDuration::from_secs(30);
/// Without events nobody knows whether room is made for it: a new node takes a minute or two.
const UNSCHEDULABLE_GRACE_UNSEEN: SignedDuration = SignedDuration::from_secs(120);
/// What the cluster autoscaler and Karpenter say of a pod for which they make room.
const MAKING_ROOM: [&str; 2] = ["TriggeredScaleUp", "Nominated"];
/// A Secret or ConfigMap may be on its way.
const CONFIGURATION_GRACE: SignedDuration = SignedDuration::from_secs(15);
/// A loaded node may need a second attempt to make or start a container.
const START_GRACE: SignedDuration = SignedDuration::from_secs(60);
/// A registry that is busy or away is asked again by then.
const PULL_GRACE: SignedDuration = SignedDuration::from_secs(120);
/// By then a kubelet has tried again what failed before the wait: it pauses five minutes at most.
pub(super) const RETRIED: SignedDuration = SignedDuration::from_secs(330);
/// So many restarts are no accident.
const CRASHES: u64 = 2;
/// What registries and networks say of trouble that passes, in lower case.
const PASSES: [&str; 15] = [
    "toomanyrequests",
    "too many requests",
    "timeout",
    "timed out",
    "deadline exceeded",
    "connection refused",
    "connection reset",
    "network is unreachable",
    "no route to host",
    "no such host",
    "unexpected eof",
    "500 internal server error",
    "502 bad gateway",
    "503 service unavailable",
    "504 gateway",
];

/// The objects around one rollout, as they are now.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The Deployment, DaemonSet or StatefulSet.
    pub workload: &'a Value,
    /// ReplicaSets of the namespace; only those of the workload are looked at.
    pub replica_sets: &'a [Arc<Value>],
    /// Pods of the namespace; only those of the new template are looked at.
    pub pods: &'a [Arc<Value>],
    /// Events of the namespace (core/v1).
    pub events: &'a [Value],
    /// The events are those of now: reading them succeeded when it was tried last.
    pub events_are_known: bool,
    /// What was seen before.
    pub memory: &'a Memory,
    /// The time of the observation, by the API server's clock.
    pub now: Timestamp,
}

/// What is wrong with one object of a rollout.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trouble {
    /// The object, most often a pod.
    pub object: ObjectRef,
    /// The container of the pod that is meant, if one is.
    pub container: Option<String>,
    /// The machine-readable reason, such as `ImagePullBackOff`.
    pub reason: String,
    /// The cluster's words.
    pub message: String,
    /// Whether the log of the container's previous run tells more than that of this one.
    pub crashed: bool,
    /// Waiting longer does not help.
    pub fatal: bool,
}

/// The worst trouble of the pods of the newest template: a fatal one if there is one.
///
/// Nothing is said about a workload whose controller has not seen its newest generation: its pods
/// are those of the template before.
#[must_use]
pub fn diagnose(observed: &Observed<'_>) -> Option<Trouble> {
    let metadata = &observed.workload["metadata"];
    let seen = observed.workload["status"]["observedGeneration"].as_i64().unwrap_or(0);
    if seen < metadata["generation"].as_i64().unwrap_or(0) {
        return None;
    }
    let newest = newest_replica_set(observed.workload, observed.replica_sets);
    let mut troubles = Vec::new();
    troubles.extend(newest.and_then(|set| refused_pods(set, observed)));
    troubles.extend(refused_by_event(observed));
    for pod in current_pods(observed, newest) {
        troubles.extend(pod_trouble(pod, observed));
    }
    let fatal = troubles.iter().position(|trouble| trouble.fatal);
    troubles.into_iter().nth(fatal.unwrap_or(0))
}

/// Whether something may keep pods of a Deployment from coming up, so that it is worth to find out
/// by its ReplicaSets whether they are of the newest template.
#[must_use]
pub fn is_suspicious(observed: &Observed<'_>) -> bool {
    let wanted = observed.workload["spec"]["selector"]["matchLabels"].as_object();
    let is_selected = |pod: &&Arc<Value>| {
        let labels = &pod["metadata"]["labels"];
        wanted.is_none_or(|wanted| wanted.iter().all(|(name, value)| labels[name] == *value))
    };
    is_refused(observed.workload)
        || observed.pods.iter().filter(is_selected).any(|pod| pod_trouble(pod, observed).is_some())
}

/// Whether the controller of a Deployment may not create some of its pods.
#[must_use]
pub fn is_refused(workload: &Value) -> bool {
    condition(workload, "ReplicaFailure").is_some_and(|found| found["status"] == "True")
}

/// Those of `pods` that a Deployment made from the template it has, which of its `replica_sets`
/// tells.
#[must_use]
pub fn pods_of_template(
    deployment: &Value,
    replica_sets: &[Arc<Value>],
    pods: &[Arc<Value>],
) -> Vec<Arc<Value>> {
    let Some(newest) = newest_replica_set(deployment, replica_sets) else { return Vec::new() };
    let uid = &newest["metadata"]["uid"];
    pods.iter().filter(|pod| is_owned_by(pod, uid)).cloned().collect()
}

/// The newest ReplicaSet with the Deployment's own pod template, if there is one yet.
///
/// The revision the Deployment tells is not enough: with the strategy Recreate its controller
/// reports the newest generation as observed while the pods before still end, and only then makes
/// the new ReplicaSet.
fn newest_replica_set<'a>(workload: &Value, replica_sets: &'a [Arc<Value>]) -> Option<&'a Value> {
    let revision = |object: &Value| {
        let text = &object["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
        text.as_str().and_then(|text| text.parse::<u64>().ok())
    };
    let uid = &workload["metadata"]["uid"];
    let wanted = template(workload);
    replica_sets
        .iter()
        .map(Arc::as_ref)
        .filter(|set| is_owned_by(set, uid))
        .filter(|set| template(set) == wanted)
        .max_by_key(|set| revision(set))
}

/// The pod template of a Deployment or ReplicaSet as their controller compares it: without the
/// hash it adds itself, and nothing is the same as an empty list.
fn template(workload: &Value) -> Value {
    let mut template = workload["spec"]["template"].clone();
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove("pod-template-hash");
    }
    drop_empty(&mut template);
    template
}

fn drop_empty(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(drop_empty);
            fields.retain(|_, field| !is_empty(field));
        }
        Value::Array(items) => items.iter_mut().for_each(drop_empty),
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn current_pods<'a>(
    observed: &Observed<'a>,
    newest: Option<&'a Value>,
) -> impl Iterator<Item = &'a Value> {
    let workload = observed.workload;
    let owner = match workload["kind"].as_str() {
        Some("Deployment") => newest.map(|set| &set["metadata"]["uid"]),
        _ => Some(&workload["metadata"]["uid"]),
    };
    observed.pods.iter().map(Arc::as_ref).filter(move |pod| {
        let alive = pod["metadata"]["deletionTimestamp"].is_null();
        alive && owner.is_some_and(|uid| is_owned_by(pod, uid)) && is_of_template(pod, workload)
    })
}

/// Whether a pod of a DaemonSet or StatefulSet was made from the newest template.
fn is_of_template(pod: &Value, workload: &Value) -> bool {
    let labels = &pod["metadata"]["labels"];
    match workload["kind"].as_str() {
        Some("DaemonSet") => {
            let annotations = &workload["metadata"]["annotations"];
            let wanted = annotations["deprecated.daemonset.template.generation"].as_str();
            let has = labels["pod-template-generation"].as_str();
            wanted.is_none() || has.is_none() || wanted == has
        }
        Some("StatefulSet") => {
            let wanted = &workload["status"]["updateRevision"];
            wanted.is_null() || labels["controller-revision-hash"] == *wanted
        }
        _ => true,
    }
}

pub(super) fn is_owned_by(object: &Value, uid: &Value) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    !uid.is_null() && owners.into_iter().flatten().any(|owner| owner["uid"] == *uid)
}

fn pod_trouble(pod: &Value, observed: &Observed<'_>) -> Option<Trouble> {
    let object = ObjectRef::of(pod)?;
    let troubles: Vec<Trouble> = statuses(pod)
        .filter_map(|container| container_trouble(&object, pod, container, observed))
        .collect();
    let fatal = troubles.iter().position(|trouble| trouble.fatal).unwrap_or(0);
    troubles
        .into_iter()
        .nth(fatal)
        .or_else(|| unschedulable(&object, pod, observed))
        .or_else(|| evicted(&object, pod))
        .or_else(|| slow_volume(&object, pod, observed))
}

fn container_trouble(
    object: &ObjectRef,
    pod: &Value,
    container: &Value,
    observed: &Observed<'_>,
) -> Option<Trouble> {
    let waiting = &container["state"]["waiting"];
    let ended = [&container["state"]["terminated"], &container["lastState"]["terminated"]]
        .into_iter()
        .find(|state| state.is_object());
    let restarts = restarts(container);
    let out_of_memory = ended.is_some_and(|ended| ended["reason"] == "OOMKilled");
    let reason = waiting["reason"].as_str().unwrap_or_default();
    let waits = waits_for(pod, container, observed);
    let (fatal, crashed) = match reason {
        "ImagePullBackOff" => (!may_pass(pod, container, observed) || waits >= PULL_GRACE, false),
        "InvalidImageName" | "ErrImageNeverPull" => (true, false),
        "RunContainerError" | "CreateContainerError" => (waits >= START_GRACE, false),
        "CreateContainerConfigError" => (waits >= CONFIGURATION_GRACE, false),
        "ErrImagePull" => (false, false),
        "CrashLoopBackOff" => (restarts >= CRASHES, true),
        _ if out_of_memory && container["ready"] != true => (restarts >= CRASHES, true),
        _ => return None,
    };
    // Nobody has tried again since the wait began.
    let is_old = observed.memory.waited_before(pod, container) && waits < RETRIED;
    let ending = ended.filter(|_| crashed).map(|ended| describe_end(ended, restarts));
    Some(Trouble {
        object: object.clone(),
        container: container["name"].as_str().map(str::to_owned),
        reason: if out_of_memory { "OOMKilled".to_owned() } else { reason.to_owned() },
        message: ending.unwrap_or_else(|| text(&waiting["message"])),
        crashed,
        fatal: fatal && !is_old,
    })
}

/// How long a container has been waiting for the present reason, as far as anybody saw it.
fn waits_for(pod: &Value, container: &Value, observed: &Observed<'_>) -> SignedDuration {
    observed.memory.waits_since(pod, container).map_or_else(
        || age(&pod["status"]["startTime"], observed.now),
        |since| observed.now.duration_since(since),
    )
}

/// Whether an image that could not be pulled may be had later. Older kubelets tell the cause only
/// with the attempt itself, not while they back off from the next.
fn may_pass(pod: &Value, container: &Value, observed: &Observed<'_>) -> bool {
    let message = text(&container["state"]["waiting"]["message"]);
    let words = format!("{message} {}", observed.memory.pull_error(pod, container)).to_lowercase();
    PASSES.iter().any(|passes| words.contains(passes))
}

/// `exit code 139 (Error), 3 restarts`.
fn describe_end(ended: &Value, restarts: u64) -> String {
    let code = ended["exitCode"].as_i64().unwrap_or_default();
    let reason = ended["reason"].as_str().unwrap_or("no reason");
    let plural = if restarts == 1 { "" } else { "s" };
    format!("exit code {code} ({reason}), {restarts} restart{plural}")
}

fn unschedulable(object: &ObjectRef, pod: &Value, observed: &Observed<'_>) -> Option<Trouble> {
    let scheduled = condition(pod, "PodScheduled")
        .filter(|found| found["status"] == "False" && found["reason"] == "Unschedulable")?;
    let room_is_made = events_of(pod, observed).any(makes_room);
    let grace =
        if observed.events_are_known { UNSCHEDULABLE_GRACE } else { UNSCHEDULABLE_GRACE_UNSEEN };
    let since = age(&scheduled["lastTransitionTime"], observed.now);
    Some(Trouble {
        object: object.clone(),
        container: None,
        reason: "Unschedulable".to_owned(),
        message: text(&scheduled["message"]),
        crashed: false,
        fatal: since >= grace && !room_is_made,
    })
}

/// Whether an event says that room is made for a pod.
#[must_use]
pub fn makes_room(event: &Value) -> bool {
    event["reason"].as_str().is_some_and(|reason| MAKING_ROOM.contains(&reason))
}

/// A pod that failed as a whole is replaced by its controller; worth telling.
fn evicted(object: &ObjectRef, pod: &Value) -> Option<Trouble> {
    let status = &pod["status"];
    (status["phase"] == "Failed").then(|| Trouble {
        object: object.clone(),
        container: None,
        reason: status["reason"].as_str().unwrap_or("Failed").to_owned(),
        message: text(&status["message"]),
        crashed: false,
        fatal: false,
    })
}

/// A volume that does not come is told, but often comes after the old pod let it go.
fn slow_volume(object: &ObjectRef, pod: &Value, observed: &Observed<'_>) -> Option<Trouble> {
    if pod["status"]["phase"] != "Pending" {
        return None;
    }
    let event = events_of(pod, observed)
        .filter(|event| {
            matches!(event["reason"].as_str(), Some("FailedMount" | "FailedAttachVolume"))
        })
        .max_by_key(|event| text(&event["lastTimestamp"]))?;
    Some(Trouble {
        object: object.clone(),
        container: None,
        reason: text(&event["reason"]),
        message: text(&event["message"]),
        crashed: false,
        fatal: false,
    })
}

fn events_of<'a>(pod: &'a Value, observed: &Observed<'a>) -> impl Iterator<Item = &'a Value> {
    let uid = &pod["metadata"]["uid"];
    observed.events.iter().filter(move |event| event["involvedObject"]["uid"] == *uid)
}

pub(super) fn event_age(event: &Value, now: Timestamp) -> SignedDuration {
    let newest = [&event["lastTimestamp"], &event["eventTime"], &event["firstTimestamp"]]
        .into_iter()
        .find(|time| time.is_string());
    newest.map_or(SignedDuration::ZERO, |time| age(time, now))
}

/// How long ago a time of the API is; zero when it is unreadable, so that grace is given.
pub(super) fn age(time: &Value, now: Timestamp) -> SignedDuration {
    let parsed = time.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    parsed.map_or(SignedDuration::ZERO, |then| now.duration_since(then))
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests;
