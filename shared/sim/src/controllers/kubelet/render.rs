//! The status of a pod, as its life tells it.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::life::{Container, Exit, Life, Phase};
use crate::controllers::nodes;
use crate::controllers::objects::{condition, items};
use crate::store::meta;

/// The status of a pod at a moment; conditions that did not change keep their times.
pub(crate) fn status(pod: &Value, life: &Life, now: Timestamp) -> Value {
    let mut status = Map::new();
    let running = life.is_initialised()
        && life.containers.iter().any(|container| !container.is_init && has_started(container));
    let phase = match (life.is_done(), running) {
        (true, _) => "Succeeded",
        (false, true) => "Running",
        (false, false) => "Pending",
    };
    status.insert("phase".to_owned(), json!(phase));
    status.insert("conditions".to_owned(), json!(conditions(pod, life, now)));
    status.insert("qosClass".to_owned(), json!("Burstable"));
    let Some(node) = &life.node else { return Value::Object(status) };
    let number = node.bytes().last().map_or(0, |digit| digit % 10);
    let address = nodes::address(node);
    status.insert("hostIP".to_owned(), json!(address));
    status.insert("hostIPs".to_owned(), json!([{"ip": address}]));
    if let Some(started) = life.started {
        status.insert("startTime".to_owned(), json!(meta::time(started)));
    }
    if running {
        let digest = Sha256::digest(meta::uid(pod));
        let address = format!("10.{}.{}.{}", 128 + number, digest[0], digest[1].max(2));
        status.insert("podIP".to_owned(), json!(address));
        status.insert("podIPs".to_owned(), json!([{"ip": address}]));
    }
    for (key, is_init) in [("initContainerStatuses", true), ("containerStatuses", false)] {
        let statuses: Vec<Value> = life
            .containers
            .iter()
            .filter(|container| container.is_init == is_init)
            .map(|container| container_status(pod, life, container))
            .collect();
        if !statuses.is_empty() {
            status.insert(key.to_owned(), json!(statuses));
        }
    }
    let ephemeral = ephemeral_statuses(pod, now);
    if running && !ephemeral.is_empty() {
        status.insert("ephemeralContainerStatuses".to_owned(), json!(ephemeral));
    }
    Value::Object(status)
}

/// Containers that somebody added to look around: they run from the moment they are seen.
fn ephemeral_statuses(pod: &Value, now: Timestamp) -> Vec<Value> {
    let known = items(pod, "/status/ephemeralContainerStatuses");
    let status = |container: &Value| {
        let known = known.iter().find(|status| status["name"] == container["name"]);
        known.cloned().unwrap_or_else(|| {
            json!({"name": container["name"], "image": container["image"], "imageID": "",
                "ready": false, "restartCount": 0, "lastState": {},
                "state": {"running": {"startedAt": meta::time(now)}}})
        })
    };
    items(pod, "/spec/ephemeralContainers").iter().map(status).collect()
}

fn conditions(pod: &Value, life: &Life, now: Timestamp) -> Vec<Value> {
    let scheduled = life.node.is_some();
    if !scheduled {
        // The scheduler's own message, if it had one, stays.
        return items(pod, "/status/conditions").to_vec();
    }
    let unready: Vec<&str> = life
        .containers
        .iter()
        .filter(|container| container.counts() && !is_ready(container))
        .map(|container| container.name.as_str())
        .collect();
    let message = format!("containers with unready status: [{}]", unready.join(" "));
    let initialised = life.is_initialised();
    let not_ready = if life.is_done() {
        Some(("PodCompleted", ""))
    } else {
        (!unready.is_empty()).then_some(("ContainersNotReady", message.as_str()))
    };
    let waiting: Vec<&str> = life
        .containers
        .iter()
        .filter(|container| container.is_init && !container.is_sidecar)
        .map(|container| &*container.name)
        .collect();
    let incomplete = format!("containers with incomplete status: [{}]", waiting.join(" "));
    [
        ("PodReadyToStartContainers", life.started.is_some(), None),
        ("Initialized", initialised, (!initialised).then_some(("ContainersNotInitialized", incomplete.as_str()))),
        ("Ready", life.is_ready(), not_ready),
        ("ContainersReady", life.is_ready(), not_ready),
        ("PodScheduled", scheduled, None),
    ]
    .into_iter()
    .map(|(kind, holds, why)| {
        let status = if holds { "True" } else { "False" };
        let before = condition(pod, kind).filter(|before| before["status"] == status);
        let since = before.map_or_else(|| json!(meta::time(now)), |before| before["lastTransitionTime"].clone());
        let mut fresh = json!({"type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": since});
        if let Some((reason, message)) = why.filter(|_| !holds) {
            fresh["reason"] = json!(reason);
            if !message.is_empty() {
                fresh["message"] = json!(message);
            }
        }
        fresh
    })
    .collect()
}

fn container_status(pod: &Value, life: &Life, container: &Container) -> Value {
    let started = has_started(container);
    let mut status = json!({
        "name": container.name,
        "image": container.image,
        "imageID": if started { image_id(&container.image) } else { String::new() },
        "ready": is_ready(container),
        "started": matches!(container.phase, Phase::Running { .. }),
        "restartCount": container.restarts,
        "state": state(life, container),
        "lastState": container.last.as_ref().map_or_else(|| json!({}), |exit| json!({"terminated": terminated(exit)})),
    });
    if started {
        let digest =
            Sha256::digest(format!("{}/{}/{}", meta::uid(pod), container.name, container.restarts));
        status["containerID"] = json!(format!("cri-o://{}", hexadecimal(&digest)));
    }
    status
}

fn state(life: &Life, container: &Container) -> Value {
    let waiting = |reason: &str, message: Option<String>| {
        let mut waiting = json!({"reason": reason});
        if let Some(message) = message {
            waiting["message"] = json!(message);
        }
        json!({"waiting": waiting})
    };
    match &container.phase {
        Phase::New if !container.is_init && !life.is_initialised() => {
            waiting("PodInitializing", None)
        }
        Phase::New | Phase::Pulling { .. } | Phase::Starting { .. } => {
            waiting(if container.is_init { "PodInitializing" } else { "ContainerCreating" }, None)
        }
        Phase::PullBackOff { first: true, .. } => {
            waiting("ErrImagePull", Some(pull_error(&container.image)))
        }
        Phase::PullBackOff { first: false, .. } => waiting(
            "ImagePullBackOff",
            Some(format!("Back-off pulling image \"{}\"", container.image)),
        ),
        Phase::Running { since, .. } => json!({"running": {"startedAt": meta::time(*since)}}),
        Phase::CrashBackOff { .. } => {
            let seconds = container.back_off / 2;
            let pod = format!("{}_{}", life.name, life.namespace);
            waiting(
                "CrashLoopBackOff",
                Some(format!(
                    "back-off {seconds}s restarting failed container={} pod={pod}",
                    container.name
                )),
            )
        }
        Phase::Done(exit) => json!({"terminated": terminated(exit)}),
    }
}

fn terminated(exit: &Exit) -> Value {
    json!({
        "exitCode": exit.code,
        "reason": if exit.code == 0 { "Completed" } else { "Error" },
        "startedAt": meta::time(exit.started),
        "finishedAt": meta::time(exit.finished),
    })
}

/// What a runtime says of an image that is not there.
pub(crate) fn pull_error(image: &str) -> String {
    format!(
        "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": {image}: not found"
    )
}

fn is_ready(container: &Container) -> bool {
    match &container.phase {
        Phase::Running { ready, .. } => *ready,
        Phase::Done(exit) => container.is_init && exit.code == 0,
        _ => false,
    }
}

fn has_started(container: &Container) -> bool {
    matches!(container.phase, Phase::Running { .. } | Phase::Done(_) | Phase::CrashBackOff { .. })
        || container.restarts > 0
}

fn image_id(image: &str) -> String {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let slash = name.rfind('/').unwrap_or(0);
    let repository = match name[slash..].find(':') {
        Some(colon) => &name[..slash + colon],
        None => name,
    };
    format!("{repository}@sha256:{}", hexadecimal(&Sha256::digest(image)))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_id_is_a_digest_of_its_repository() {
        assert!(
            image_id("r.example:5000/a/main:3.69.2").starts_with("r.example:5000/a/main@sha256:")
        );
        assert!(image_id("main").starts_with("main@sha256:"));
    }
}
