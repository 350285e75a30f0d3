//! Finding what keeps the pods of a rollout from coming up.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::condition;
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
/// So many restarts are no accident.
const CRASHES: u64 = 2;

/// The objects around one rollout, as they are now.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The Deployment, DaemonSet or StatefulSet.
    pub workload: &'a Value,
    /// ReplicaSets of the namespace; only those of the workload are looked at.
    pub replica_sets: &'a [Value],
    /// Pods of the namespace; only those of the new template are looked at.
    pub pods: &'a [Value],
    /// Events of the namespace (core/v1).
    pub events: &'a [Value],
    /// The events are those of now: reading them succeeded when it was tried last.
    pub events_are_known: bool,
    /// The time of the observation.
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
    let newest = newest_replica_set(observed);
    let mut troubles = Vec::new();
    troubles.extend(newest.and_then(|set| refused_pods(set, observed.now)));
    troubles.extend(refused_by_event(observed, newest));
    for pod in current_pods(observed, newest) {
        troubles.extend(pod_trouble(pod, observed));
    }
    let fatal = troubles.iter().position(|trouble| trouble.fatal);
    troubles.into_iter().nth(fatal.unwrap_or(0))
}

/// The ReplicaSet a Deployment is rolling to: the one with the Deployment's revision.
fn newest_replica_set<'a>(observed: &Observed<'a>) -> Option<&'a Value> {
    let revision = |object: &Value| {
        let text = &object["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
        text.as_str().and_then(|text| text.parse::<u64>().ok())
    };
    let uid = &observed.workload["metadata"]["uid"];
    let wanted = revision(observed.workload);
    observed
        .replica_sets
        .iter()
        .filter(|set| is_owned_by(set, uid))
        .filter(|set| wanted.is_none() || revision(set) == wanted)
        .max_by_key(|set| revision(set))
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
    observed.pods.iter().filter(move |pod| {
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

fn is_owned_by(object: &Value, uid: &Value) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    !uid.is_null() && owners.into_iter().flatten().any(|owner| owner["uid"] == *uid)
}

fn pod_trouble(pod: &Value, observed: &Observed<'_>) -> Option<Trouble> {
    let object = ObjectRef::of(pod)?;
    let status = &pod["status"];
    let lists = [&status["initContainerStatuses"], &status["containerStatuses"]];
    let containers = lists.into_iter().filter_map(Value::as_array).flatten();
    let troubles: Vec<Trouble> = containers
        .filter_map(|container| container_trouble(&object, pod, container, observed.now))
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
    now: Timestamp,
) -> Option<Trouble> {
    let waiting = &container["state"]["waiting"];
    let ended = [&container["state"]["terminated"], &container["lastState"]["terminated"]]
        .into_iter()
        .find(|state| state.is_object());
    let restarts = container["restartCount"].as_u64().unwrap_or(0);
    let out_of_memory = ended.is_some_and(|ended| ended["reason"] == "OOMKilled");
    let reason = waiting["reason"].as_str().unwrap_or_default();
    let age = age(&pod["status"]["startTime"], now);
    let (fatal, crashed) = match reason {
        "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "RunContainerError"
        | "CreateContainerError" => (true, false),
        "CreateContainerConfigError" => (age >= CONFIGURATION_GRACE, false),
        "ErrImagePull" => (false, false),
        "CrashLoopBackOff" => (restarts >= CRASHES, true),
        _ if out_of_memory && container["ready"] != true => (restarts >= CRASHES, true),
        _ => return None,
    };
    let ending = ended.filter(|_| crashed).map(|ended| describe_end(ended, restarts));
    Some(Trouble {
        object: object.clone(),
        container: container["name"].as_str().map(str::to_owned),
        reason: if out_of_memory { "OOMKilled".to_owned() } else { reason.to_owned() },
        message: ending.unwrap_or_else(|| text(&waiting["message"])),
        crashed,
        fatal,
    })
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
    let room_is_made = events_of(pod, observed)
        .filter_map(|event| event["reason"].as_str())
        .any(|reason| MAKING_ROOM.contains(&reason));
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
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-03-01T12:00:00Z";

    struct Scene {
        workload: Value,
        replica_sets: Vec<Value>,
        pods: Vec<Value>,
        events: Vec<Value>,
        events_are_known: bool,
    }

    impl Scene {
        /// A Deployment at revision 2 with one pod of each revision.
        fn deployment(new_pod_status: &Value) -> Self {
            let set = |revision: &str| {
                json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {
                    "name": format!("central-{revision}"), "uid": format!("set-{revision}"),
                    "annotations": {"deployment.kubernetes.io/revision": revision},
                    "ownerReferences": [{"uid": "central"}],
                }})
            };
            let pod = |revision: &str, status: &Value| {
                json!({"apiVersion": "v1", "kind": "Pod", "metadata": {
                    "name": format!("central-{revision}-x"), "uid": format!("pod-{revision}"),
                    "namespace": "stackrox",
                    "ownerReferences": [{"uid": format!("set-{revision}")}],
                }, "status": status})
            };
            let broken = waiting("CrashLoopBackOff", 9);
            Self {
                workload: json!({"kind": "Deployment", "metadata": {
                    "uid": "central", "generation": 2,
                    "annotations": {"deployment.kubernetes.io/revision": "2"},
                }, "status": {"observedGeneration": 2}}),
                replica_sets: vec![set("1"), set("2")],
                pods: vec![pod("1", &broken), pod("2", new_pod_status)],
                events: Vec::new(),
                events_are_known: true,
            }
        }

        fn diagnose(&self) -> Option<Trouble> {
            diagnose(&Observed {
                workload: &self.workload,
                replica_sets: &self.replica_sets,
                pods: &self.pods,
                events: &self.events,
                events_are_known: self.events_are_known,
                now: NOW.parse().unwrap(),
            })
        }
    }

    fn waiting(reason: &str, restarts: u64) -> Value {
        json!({
            "startTime": "2026-03-01T11:59:58Z",
            "containerStatuses": [{
                "name": "central", "restartCount": restarts, "ready": false,
                "state": {"waiting": {"reason": reason, "message": "because"}},
                "lastState": {"terminated": {"exitCode": 132, "reason": "Error"}},
            }],
        })
    }

    #[test]
    fn each_reason_has_its_grace() {
        for (reason, restarts, fatal) in [
            ("ErrImagePull", 0, false),
            ("ImagePullBackOff", 0, true),
            ("InvalidImageName", 0, true),
            ("CrashLoopBackOff", 1, false),
            ("CrashLoopBackOff", 2, true),
            ("RunContainerError", 0, true),
            ("CreateContainerConfigError", 0, false),
        ] {
            let trouble = Scene::deployment(&waiting(reason, restarts)).diagnose().unwrap();
            assert_eq!((trouble.reason.as_str(), trouble.fatal), (reason, fatal));
            assert_eq!(trouble.object.name, "central-2-x");
            assert_eq!(trouble.container.as_deref(), Some("central"));
        }
        assert_eq!(Scene::deployment(&waiting("ContainerCreating", 0)).diagnose(), None);
    }

    #[test]
    fn a_crash_tells_its_exit_code() {
        let trouble = Scene::deployment(&waiting("CrashLoopBackOff", 3)).diagnose().unwrap();
        assert_eq!(trouble.message, "exit code 132 (Error), 3 restarts");
        assert!(trouble.crashed);
    }

    #[test]
    fn pods_of_the_old_template_do_not_count() {
        let mut scene = Scene::deployment(&json!({"phase": "Running"}));
        assert_eq!(scene.diagnose(), None, "only the old pod is broken");
        scene.pods[1]["status"] = waiting("ImagePullBackOff", 0);
        scene.workload["metadata"]["generation"] = json!(3);
        assert_eq!(scene.diagnose(), None, "the controller has not made the new template yet");
    }

    #[test]
    fn a_pod_that_fits_nowhere_is_fatal_after_a_while_unless_room_is_made() {
        let status = |since: &str| {
            json!({"phase": "Pending", "conditions": [{
                "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": "0/3 nodes are available", "lastTransitionTime": since,
            }]})
        };
        let fresh = Scene::deployment(&status("2026-03-01T11:59:45Z")).diagnose().unwrap();
        assert!(!fresh.fatal && fresh.reason == "Unschedulable");
        let mut scene = Scene::deployment(&status("2026-03-01T11:59:00Z"));
        assert!(scene.diagnose().unwrap().fatal);
        for (reason, fatal) in
            [("TriggeredScaleUp", false), ("Nominated", false), ("FailedScheduling", true)]
        {
            scene.events = vec![json!({"reason": reason, "involvedObject": {"uid": "pod-2"}})];
            assert_eq!(scene.diagnose().unwrap().fatal, fatal, "{reason}");
        }
    }

    #[test]
    fn a_pod_that_fits_nowhere_has_longer_when_nobody_can_tell_whether_room_is_made() {
        let status = |since: &str| {
            json!({"phase": "Pending", "conditions": [{
                "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": "0/3 nodes are available", "lastTransitionTime": since,
            }]})
        };
        for (since, fatal) in [("2026-03-01T11:59:00Z", false), ("2026-03-01T11:58:00Z", true)] {
            let mut scene = Scene::deployment(&status(since));
            scene.events_are_known = false;
            assert_eq!(scene.diagnose().unwrap().fatal, fatal, "{since}");
        }
    }

    #[test]
    fn a_quota_ends_the_wait_and_a_restarting_webhook_does_not() {
        let refused = |message: &str, since: &str| {
            json!({"conditions": [{"type": "ReplicaFailure", "status": "True",
                "reason": "FailedCreate", "message": message, "lastTransitionTime": since}]})
        };
        let mut scene = Scene::deployment(&json!({}));
        scene.pods.clear();
        scene.replica_sets[1]["status"] = refused("exceeded quota: x", "2026-03-01T11:59:40Z");
        let trouble = scene.diagnose().unwrap();
        assert!(trouble.fatal && trouble.object.name == "central-2", "{trouble:?}");
        let message = "Internal error: failed calling webhook \"x\": connection refused";
        scene.replica_sets[1]["status"] = refused(message, "2026-03-01T11:59:40Z");
        assert!(!scene.diagnose().unwrap().fatal);
    }

    #[test]
    fn a_container_that_runs_out_of_memory_is_named_so() {
        let mut status = waiting("CrashLoopBackOff", 2);
        status["containerStatuses"][0]["lastState"]["terminated"]["reason"] = json!("OOMKilled");
        let trouble = Scene::deployment(&status).diagnose().unwrap();
        assert!(trouble.reason == "OOMKilled" && trouble.fatal);
    }

    #[test]
    fn only_the_current_generation_of_a_daemon_set_counts() {
        let pod = |generation: &str| {
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {
                "name": format!("collector-{generation}"), "ownerReferences": [{"uid": "ds"}],
                "labels": {"pod-template-generation": generation},
            }, "status": waiting("ImagePullBackOff", 0)})
        };
        let mut scene = Scene::deployment(&json!({}));
        scene.workload = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {
            "uid": "ds", "generation": 5, "name": "collector",
            "annotations": {"deprecated.daemonset.template.generation": "5"},
        }, "status": {"observedGeneration": 5}});
        scene.pods = vec![pod("4")];
        assert_eq!(scene.diagnose(), None);
        scene.pods.push(pod("5"));
        assert_eq!(scene.diagnose().unwrap().object.name, "collector-5");
    }
}
