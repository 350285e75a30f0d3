//! The row kubectl shows of a pod.

use serde_json::Value;

use super::table::age;
use crate::store::meta;

/// The cells of a pod, in the order of its columns.
pub(crate) fn cells(pod: &Value, created: &str, now: jiff::Timestamp) -> Vec<Value> {
    let (ready, total, restarts, last) = counts(pod);
    let mut shown = restarts.to_string();
    if let Some(last) = last.filter(|_| restarts > 0) {
        shown = format!("{restarts} ({} ago)", age(Some(&last), now));
    }
    let or_none = |pointer: &str| -> Value {
        let found = pod.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        found.unwrap_or("<none>").into()
    };
    vec![
        meta::name(pod).into(),
        format!("{ready}/{total}").into(),
        word(pod).into(),
        shown.into(),
        created.into(),
        or_none("/status/podIP"),
        or_none("/spec/nodeName"),
        or_none("/status/nominatedNodeName"),
        "<none>".into(),
    ]
}

fn statuses<'a>(pod: &'a Value, list: &str) -> impl DoubleEndedIterator<Item = &'a Value> {
    pod["status"][list].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Containers that are ready, all of them, restarts, and when the last one ended.
fn counts(pod: &Value) -> (usize, usize, i64, Option<Value>) {
    let total = pod["spec"]["containers"].as_array().map_or(0, Vec::len);
    let ready = statuses(pod, "containerStatuses").filter(|it| it["ready"] == true).count();
    let restarts =
        statuses(pod, "containerStatuses").filter_map(|it| it["restartCount"].as_i64()).sum();
    let last = statuses(pod, "containerStatuses")
        .filter_map(|it| it.pointer("/lastState/terminated/finishedAt").cloned())
        .max_by_key(|stamp| stamp.as_str().unwrap_or_default().to_owned());
    (ready, total, restarts, last)
}

/// The word for a pod's state, found as kubectl's printer finds it.
fn word(pod: &Value) -> String {
    if meta::is_being_deleted(pod) {
        return "Terminating".to_owned();
    }
    if let Some(word) = initializing(pod) {
        return word;
    }
    let reason = text(pod, "/status/reason");
    let mut word = if reason.is_empty() { text(pod, "/status/phase") } else { reason }.to_owned();
    let mut running = false;
    for container in statuses(pod, "containerStatuses").rev() {
        let waiting = text(container, "/state/waiting/reason");
        let terminated = text(container, "/state/terminated/reason");
        if !waiting.is_empty() {
            word = waiting.to_owned();
        } else if !terminated.is_empty() {
            word = terminated.to_owned();
        } else if container["ready"] == true && container.pointer("/state/running").is_some() {
            running = true;
        }
    }
    if word == "Completed" && running { "Running".to_owned() } else { word }
}

/// The word for the first init container that is not done.
fn initializing(pod: &Value) -> Option<String> {
    let total = pod["spec"]["initContainers"].as_array().map_or(0, Vec::len);
    let done = |container: &Value| {
        container.pointer("/state/terminated").is_some_and(|it| it["exitCode"] == 0)
    };
    let mut all = statuses(pod, "initContainerStatuses").enumerate();
    let (index, container) = all.find(|(_, container)| !done(container))?;
    let waiting = text(container, "/state/waiting/reason");
    Some(match container.pointer("/state/terminated") {
        Some(ended) if text(ended, "/reason").is_empty() => {
            format!("Init:ExitCode:{}", ended["exitCode"])
        }
        Some(ended) => format!("Init:{}", text(ended, "/reason")),
        None if !waiting.is_empty() && waiting != "PodInitializing" => format!("Init:{waiting}"),
        None => format!("Init:{index}/{total}"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::word;

    #[test]
    fn the_reason_of_a_waiting_container_is_the_word() {
        let waiting = json!({"state": {"waiting": {"reason": "ImagePullBackOff"}}});
        let pod = json!({"status": {"phase": "Pending", "containerStatuses": [waiting]}});
        assert_eq!(word(&pod), "ImagePullBackOff");
        let init = json!({"state": {"running": {}}});
        let pod = json!({
            "spec": {"initContainers": [{}, {}]},
            "status": {"phase": "Pending", "initContainerStatuses": [init]},
        });
        assert_eq!(word(&pod), "Init:0/2");
    }
}
