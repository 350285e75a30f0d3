//! The status that a kubelet reports of a pod: pure.

use serde_json::{Value, json};

use crate::nodes::now;

/// What a container does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// It waits for an init container.
    Initialising,
    /// It is being made.
    Creating,
    /// Its image could not be pulled; it is tried again later.
    PullBackOff,
    /// It runs, and answers its readiness probe or not.
    Running {
        /// Whether it answers.
        ready: bool,
    },
    /// It has done its work.
    Done,
}

/// The containers or init containers of a pod.
pub fn containers<'a>(pod: &'a Value, list: &str) -> &'a [Value] {
    pod["spec"][list].as_array().map_or(&[], Vec::as_slice)
}

/// Whether the last report says that the pod is ready and it is not ending.
pub fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let mut ready = conditions.filter(|condition| condition["type"] == "Ready");
    !is_ending(pod) && ready.any(|condition| condition["status"] == "True")
}

/// Whether the pod was told to end.
pub fn is_ending(pod: &Value) -> bool {
    !pod["metadata"]["deletionTimestamp"].is_null()
}

/// The application a pod belongs to, by its label.
pub fn app(pod: &Value) -> &str {
    pod["metadata"]["labels"]["app"].as_str().unwrap_or_default()
}

/// The text of a field of the metadata.
pub fn meta<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// The status of a pod whose containers are in these states: init containers, then main ones.
pub fn status(pod: &Value, init: &[State], main: &[State]) -> Value {
    let initialised = init.iter().all(|state| *state == State::Done);
    let ready = main.iter().all(|state| *state == State::Running { ready: true });
    let runs = main.iter().any(|state| matches!(state, State::Running { .. }));
    json!({"status": {
        "phase": if runs { "Running" } else { "Pending" },
        "hostIP": "127.0.0.1",
        "startTime": pod["metadata"]["creationTimestamp"],
        "conditions": [
            condition("PodScheduled", true),
            condition("Initialized", initialised),
            condition("ContainersReady", ready),
            condition("Ready", ready),
        ],
        "initContainerStatuses": statuses(containers(pod, "initContainers"), init),
        "containerStatuses": statuses(containers(pod, "containers"), main),
    }})
}

fn condition(kind: &str, holds: bool) -> Value {
    let status = if holds { "True" } else { "False" };
    json!({"type": kind, "status": status, "lastTransitionTime": now()})
}

fn statuses(containers: &[Value], states: &[State]) -> Vec<Value> {
    let pairs = containers.iter().zip(states);
    pairs.map(|(container, state)| container_status(container, *state)).collect()
}

fn container_status(container: &Value, state: State) -> Value {
    let image = container["image"].as_str().unwrap_or_default();
    let waiting = |reason: &str| json!({"waiting": {"reason": reason}});
    let shown = match state {
        State::Initialising => waiting("PodInitializing"),
        State::Creating => waiting("ContainerCreating"),
        State::PullBackOff => json!({"waiting": {"reason": "ImagePullBackOff",
            "message": format!("Back-off pulling image \"{image}\": ErrImagePull: {image}: not found")}}),
        State::Running { .. } => json!({"running": {"startedAt": now()}}),
        State::Done => json!({"terminated": {"exitCode": 0, "reason": "Completed",
            "startedAt": now(), "finishedAt": now()}}),
    };
    json!({
        "name": container["name"],
        "image": image,
        "imageID": "",
        "ready": matches!(state, State::Running { ready: true } | State::Done),
        "started": matches!(state, State::Running { .. }),
        "restartCount": 0,
        "state": shown,
    })
}
