//! What a wait has seen of a rollout so far: what is wrong now may be what was wrong before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{condition, is_late};

/// What was seen since a wait began.
///
/// A kubelet tries a broken container or image again after up to five minutes, and the controller
/// of a Deployment that gave up says so until there is progress: neither says anything of a rollout
/// whose cause of trouble was mended a moment ago.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    started: Option<Timestamp>,
    /// The newest template had been noticed by its controller before: its pods may be old.
    was_settled: bool,
    /// `lastUpdateTime` of the condition with which the controller gave up before.
    old_deadline: Option<Value>,
    /// Restarts of the containers that waited when the pods were seen first.
    waited_before: Option<BTreeMap<Container, u64>>,
    /// Since when a container waits for its present reason.
    waits: BTreeMap<Container, (String, Timestamp)>,
    /// What a registry said last.
    pull_errors: BTreeMap<Container, String>,
    /// The uids of all pods that were seen last, and since when it is these.
    pods: BTreeSet<String>,
    pods_since: Option<Timestamp>,
}

/// The uid of a pod and the name of a container in it.
type Container = (String, String);

impl Memory {
    /// The memory of a wait that begins at `started`, by the API server's clock, with the workload
    /// `seen`, as the write before it left it.
    #[must_use]
    pub fn of(seen: Option<&Value>, started: Timestamp) -> Self {
        let progressing = seen.and_then(|seen| condition(seen, "Progressing"));
        let late = progressing.filter(|found| found["reason"] == "ProgressDeadlineExceeded");
        let generations = seen.map(|seen| {
            (seen["status"]["observedGeneration"].as_i64(), seen["metadata"]["generation"].as_i64())
        });
        Self {
            started: Some(started),
            was_settled: generations.is_none_or(|(observed, newest)| observed >= newest),
            old_deadline: late.map(|found| found["lastUpdateTime"].clone()),
            ..Self::default()
        }
    }

    /// Takes in the pods as they are at `now`; they are all there are.
    pub fn note(&mut self, pods: &[Arc<Value>], now: Timestamp) {
        let uids = pods.iter().filter_map(|pod| pod["metadata"]["uid"].as_str());
        let uids: BTreeSet<String> = uids.map(str::to_owned).collect();
        if self.pods != uids {
            self.pods = uids;
            self.pods_since = Some(now);
        }
        let mut waiting = BTreeMap::new();
        for pod in pods {
            for status in statuses(pod) {
                let container = identity(pod, status);
                let state = &status["state"]["waiting"];
                let Some(reason) = state["reason"].as_str() else {
                    self.waits.remove(&container);
                    continue;
                };
                if reason == "ErrImagePull" {
                    let message = state["message"].as_str().unwrap_or_default().to_owned();
                    self.pull_errors.insert(container.clone(), message);
                }
                let known = self.waits.get(&container).filter(|(known, _)| known == reason);
                if known.is_none() {
                    self.waits.insert(container.clone(), (reason.to_owned(), now));
                }
                waiting.insert(container, restarts(status));
            }
        }
        if !self.was_settled {
            waiting.clear();
        }
        self.waited_before.get_or_insert(waiting);
    }

    /// When the wait began; none when nobody remembers.
    #[must_use]
    pub const fn started(&self) -> Option<Timestamp> {
        self.started
    }

    /// Since when no pod came or went, as far as anybody saw it.
    pub(super) const fn pods_since(&self) -> Option<Timestamp> {
        self.pods_since
    }

    /// Whether what the controller of the newest template said at `time` may be of before the wait.
    pub(super) fn is_old(&self, time: Option<Timestamp>) -> bool {
        self.was_settled && time.zip(self.started).is_some_and(|(time, started)| time < started)
    }

    /// Whether the container waits since before the wait began, and has not been tried since.
    pub(super) fn waited_before(&self, pod: &Value, status: &Value) -> bool {
        let before = self.waited_before.as_ref();
        let count = before.and_then(|before| before.get(&identity(pod, status)));
        count.is_some_and(|count| *count == restarts(status))
    }

    /// Since when the container waits for its present reason.
    pub(super) fn waits_since(&self, pod: &Value, status: &Value) -> Option<Timestamp> {
        self.waits.get(&identity(pod, status)).map(|(_, since)| *since)
    }

    /// What the registry said when the image was pulled last.
    pub(super) fn pull_error(&self, pod: &Value, status: &Value) -> &str {
        self.pull_errors.get(&identity(pod, status)).map_or("", String::as_str)
    }

    /// Whether `failure` of a rollout is that its controller gave it up before the wait began.
    #[must_use]
    pub fn is_old_deadline(&self, workload: &Value, failure: &str) -> bool {
        let Some(old) = &self.old_deadline else { return false };
        let updated = condition(workload, "Progressing").map(|found| &found["lastUpdateTime"]);
        is_late(failure) && updated == Some(old)
    }
}

/// The statuses of all containers of a pod.
pub(super) fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    let lists = [&pod["status"]["initContainerStatuses"], &pod["status"]["containerStatuses"]];
    lists.into_iter().filter_map(Value::as_array).flatten()
}

pub(super) fn restarts(status: &Value) -> u64 {
    status["restartCount"].as_u64().unwrap_or(0)
}

fn identity(pod: &Value, status: &Value) -> Container {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&pod["metadata"]["uid"]), text(&status["name"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn workload(observed: u64, deadline_at: &str) -> Value {
        json!({"metadata": {"generation": 5}, "status": {
            "observedGeneration": observed,
            "conditions": [{"type": "Progressing", "status": "False",
                "reason": "ProgressDeadlineExceeded", "lastUpdateTime": deadline_at}],
        }})
    }

    fn pod(reason: &str, restarts: u64) -> Arc<Value> {
        let state = if reason.is_empty() {
            json!({"running": {}})
        } else {
            json!({"waiting": {"reason": reason, "message": "because"}})
        };
        Arc::new(json!({"metadata": {"uid": "p"}, "status": {"containerStatuses": [
            {"name": "central", "restartCount": restarts, "state": state}]}}))
    }

    fn container(pod: &Value) -> &Value {
        &pod["status"]["containerStatuses"][0]
    }

    #[test]
    fn a_controller_that_gave_up_before_may_still_succeed() {
        let memory = Memory::of(Some(&workload(4, "t0")), at(0));
        let failure = "it made no progress for 600 s (ProgressDeadlineExceeded)";
        assert!(memory.is_old_deadline(&workload(5, "t0"), failure));
        assert!(!memory.is_old_deadline(&workload(5, "t1"), failure), "it gave up again");
        assert!(!memory.is_old_deadline(&workload(5, "t0"), "its rollout is paused"));
        let fresh = Memory::of(None, at(0));
        assert!(!fresh.is_old_deadline(&workload(5, "t0"), failure));
    }

    #[test]
    fn a_container_that_waited_before_is_told_from_one_that_was_tried_again() {
        let mut memory = Memory::of(Some(&workload(5, "t0")), at(0));
        let before = pod("CrashLoopBackOff", 7);
        memory.note(std::slice::from_ref(&before), at(0));
        assert!(memory.waited_before(&before, container(&before)));
        let again = pod("CrashLoopBackOff", 8);
        memory.note(std::slice::from_ref(&again), at(9));
        assert!(!memory.waited_before(&again, container(&again)), "it crashed once more");
    }

    #[test]
    fn pods_of_a_template_nobody_has_seen_are_new() {
        let mut memory = Memory::of(Some(&workload(4, "t0")), at(0));
        let pod = pod("ImagePullBackOff", 0);
        memory.note(std::slice::from_ref(&pod), at(0));
        assert!(!memory.waited_before(&pod, container(&pod)));
    }

    #[test]
    fn pods_that_come_and_go_are_noticed() {
        let named = |uid: &str| Arc::new(json!({"metadata": {"uid": uid}}));
        let mut memory = Memory::of(None, at(0));
        assert_eq!(memory.pods_since(), None);
        for (second, pods) in [(1, vec!["a"]), (2, vec!["a"]), (3, vec!["a", "b"])] {
            memory.note(&pods.into_iter().map(named).collect::<Vec<_>>(), at(second));
            let expected = if second == 3 { at(3) } else { at(1) };
            assert_eq!(memory.pods_since(), Some(expected));
        }
    }

    #[test]
    fn what_a_registry_said_and_since_when_a_container_waits_is_kept() {
        let mut memory = Memory::of(None, at(0));
        memory.note(&[pod("ErrImagePull", 0)], at(1));
        let last = pod("ImagePullBackOff", 0);
        for second in [3, 4] {
            memory.note(std::slice::from_ref(&last), at(second));
        }
        assert_eq!(memory.pull_error(&last, container(&last)), "because");
        assert_eq!(memory.waits_since(&last, container(&last)), Some(at(3)));
        memory.note(&[pod("", 0)], at(5));
        assert_eq!(memory.waits_since(&last, container(&last)), None);
    }
}
