//! Judging a rollout from the objects alone: how far it is, and what keeps it from going on.

mod diagnose;
mod memory;
mod refused;

use serde_json::Value;

pub use diagnose::{
    Observed, Trouble, diagnose, is_refused, is_suspicious, makes_room, pods_of_template,
};
pub use memory::Memory;

/// How far a rollout is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Progress {
    /// All pods run the new template and are available.
    Done,
    /// What it waits for, for people.
    Waiting(String),
    /// It will not finish by itself.
    Failed {
        /// Why, for people.
        reason: String,
    },
}

/// How many pods of a workload are available with the new template, and how many are wanted.
#[must_use]
pub fn counts(workload: &Value) -> (u64, u64) {
    let status = &workload["status"];
    match workload["kind"].as_str() {
        Some("DaemonSet") => {
            let updated = number(&status["updatedNumberScheduled"]);
            let available = number(&status["numberAvailable"]);
            (updated.min(available), number(&status["desiredNumberScheduled"]))
        }
        Some("StatefulSet") => {
            let updated = number(&status["updatedReplicas"]);
            (updated.min(number(&status["readyReplicas"])), replicas(workload))
        }
        _ => {
            let updated = number(&status["updatedReplicas"]);
            (updated.min(number(&status["availableReplicas"])), replicas(workload))
        }
    }
}

/// Judges a Deployment, DaemonSet or StatefulSet by the rules of `kubectl rollout status`; its
/// controller must have seen `min_generation` at least.
#[must_use]
pub fn judge(workload: &Value, min_generation: i64) -> Progress {
    let wanted = workload["metadata"]["generation"].as_i64().unwrap_or(0).max(min_generation);
    let seen = workload["status"]["observedGeneration"].as_i64().unwrap_or(0);
    if seen < wanted {
        return waiting("the change to be noticed by its controller");
    }
    match workload["kind"].as_str() {
        Some("Deployment") => deployment(workload),
        Some("DaemonSet") => daemon_set(workload),
        Some("StatefulSet") => stateful_set(workload),
        _ => failed("it is no workload that rolls out"),
    }
}

fn deployment(workload: &Value) -> Progress {
    let (spec, status) = (&workload["spec"], &workload["status"]);
    let progressing = condition(workload, "Progressing");
    if progressing.is_some_and(|found| found["reason"] == "ProgressDeadlineExceeded") {
        let limit = spec["progressDeadlineSeconds"].as_u64().unwrap_or(600);
        return failed(format!("it made no progress for {limit} s (ProgressDeadlineExceeded)"));
    }
    let wanted = replicas(workload);
    let updated = number(&status["updatedReplicas"]);
    let total = number(&status["replicas"]);
    let available = number(&status["availableReplicas"]);
    let unfinished = if updated < wanted {
        Some(format!("{updated} of {wanted} new pods to be created"))
    } else if total > updated {
        Some(format!("{} old pods to end", total - updated))
    } else if available < updated {
        Some(format!("{available} of {updated} new pods to be available"))
    } else {
        None
    };
    match unfinished {
        None => Progress::Done,
        Some(_) if spec["paused"] == true => failed("its rollout is paused"),
        Some(message) => Progress::Waiting(message),
    }
}

fn daemon_set(workload: &Value) -> Progress {
    let status = &workload["status"];
    let wanted = number(&status["desiredNumberScheduled"]);
    let updated = number(&status["updatedNumberScheduled"]);
    let available = number(&status["numberAvailable"]);
    if updated < wanted {
        if workload["spec"]["updateStrategy"]["type"] == "OnDelete" {
            return failed(format!(
                "its update strategy is OnDelete: {} of {wanted} pods run the old template until \
                 somebody deletes them",
                wanted - updated
            ));
        }
        return waiting(format!("{updated} of {wanted} pods to be updated"));
    }
    if available < wanted {
        return waiting(format!("{available} of {wanted} updated pods to be available"));
    }
    Progress::Done
}

fn stateful_set(workload: &Value) -> Progress {
    let (spec, status) = (&workload["spec"], &workload["status"]);
    let wanted = replicas(workload);
    let updated = number(&status["updatedReplicas"]);
    let ready = number(&status["readyReplicas"]);
    let strategy = &spec["updateStrategy"];
    let partition = number(&strategy["rollingUpdate"]["partition"]);
    let to_update = wanted.saturating_sub(partition);
    let is_current = status["updateRevision"] == status["currentRevision"];
    if updated < to_update && !(is_current && partition == 0) {
        if strategy["type"] == "OnDelete" {
            return failed(format!(
                "its update strategy is OnDelete: {} of {wanted} pods run the old template until \
                 somebody deletes them",
                to_update - updated
            ));
        }
        return waiting(format!("{updated} of {to_update} pods to be updated"));
    }
    if ready < wanted {
        return waiting(format!("{ready} of {wanted} pods to be ready"));
    }
    if partition == 0 && !is_current && strategy["type"] != "OnDelete" {
        return waiting("the new revision to become the current one");
    }
    Progress::Done
}

/// Whether a rollout failed only by taking longer than its Deployment's progress deadline.
#[must_use]
pub fn is_late(reason: &str) -> bool {
    reason.contains("ProgressDeadlineExceeded")
}

/// The condition of that type, if the object has it.
fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

/// The wanted pods; the API's default is one.
fn replicas(workload: &Value) -> u64 {
    workload["spec"]["replicas"].as_u64().unwrap_or(1)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn waiting(message: impl Into<String>) -> Progress {
    Progress::Waiting(message.into())
}

fn failed(reason: impl Into<String>) -> Progress {
    Progress::Failed { reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workload(kind: &str, spec: &Value, status: &Value) -> Value {
        json!({"kind": kind, "metadata": {"generation": 4}, "spec": spec, "status": status})
    }

    #[test]
    fn a_deployment_is_judged_as_kubectl_judges_it() {
        let two = json!({"replicas": 2});
        let paused = json!({"replicas": 2, "paused": true});
        let deadline = json!([{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]);
        for (spec, status, expected) in [
            (
                &two,
                json!({"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2,
                       "availableReplicas": 2}),
                waiting("the change to be noticed by its controller"),
            ),
            (
                &two,
                json!({"observedGeneration": 4, "replicas": 2, "updatedReplicas": 1}),
                waiting("1 of 2 new pods to be created"),
            ),
            (
                &two,
                json!({"observedGeneration": 4, "replicas": 3, "updatedReplicas": 2}),
                waiting("1 old pods to end"),
            ),
            (
                &two,
                json!({"observedGeneration": 4, "replicas": 2, "updatedReplicas": 2,
                       "availableReplicas": 1}),
                waiting("1 of 2 new pods to be available"),
            ),
            (
                &two,
                json!({"observedGeneration": 4, "replicas": 2, "updatedReplicas": 2,
                       "availableReplicas": 2}),
                Progress::Done,
            ),
            (
                &two,
                json!({"observedGeneration": 4, "replicas": 2, "conditions": deadline}),
                failed("it made no progress for 600 s (ProgressDeadlineExceeded)"),
            ),
            (&paused, json!({"observedGeneration": 4}), failed("its rollout is paused")),
            (&json!({"replicas": 0}), json!({"observedGeneration": 4}), Progress::Done),
        ] {
            assert_eq!(judge(&workload("Deployment", spec, &status), 0), expected, "{status}");
        }
    }

    #[test]
    fn a_generation_not_yet_seen_is_never_done() {
        let status = json!({"observedGeneration": 4, "replicas": 1, "updatedReplicas": 1,
                            "availableReplicas": 1});
        let object = workload("Deployment", &json!({}), &status);
        assert_eq!(judge(&object, 4), Progress::Done);
        assert!(matches!(judge(&object, 5), Progress::Waiting(_)));
    }

    #[test]
    fn a_daemon_set_that_updates_on_deletion_is_told() {
        let status = json!({"observedGeneration": 4, "desiredNumberScheduled": 3,
                            "updatedNumberScheduled": 1, "numberAvailable": 3});
        let rolling = workload("DaemonSet", &json!({}), &status);
        assert_eq!(judge(&rolling, 0), waiting("1 of 3 pods to be updated"));
        let on_delete = json!({"updateStrategy": {"type": "OnDelete"}});
        let Progress::Failed { reason } = judge(&workload("DaemonSet", &on_delete, &status), 0)
        else {
            unreachable!("it never finishes by itself")
        };
        assert!(reason.contains("2 of 3 pods run the old template"), "{reason}");
        let done = json!({"observedGeneration": 4, "desiredNumberScheduled": 3,
                          "updatedNumberScheduled": 3, "numberAvailable": 3});
        assert_eq!(judge(&workload("DaemonSet", &on_delete, &done), 0), Progress::Done);
        assert_eq!(counts(&workload("DaemonSet", &on_delete, &done)), (3, 3));
    }

    #[test]
    fn a_stateful_set_waits_for_its_revision() {
        let spec = json!({"replicas": 2, "updateStrategy": {"type": "RollingUpdate"}});
        let status = |updated: u64, ready: u64, current: &str| {
            json!({"observedGeneration": 4, "updatedReplicas": updated, "readyReplicas": ready,
                   "updateRevision": "b", "currentRevision": current})
        };
        for (status, expected) in [
            (status(1, 2, "a"), waiting("1 of 2 pods to be updated")),
            (status(2, 1, "a"), waiting("1 of 2 pods to be ready")),
            (status(2, 2, "a"), waiting("the new revision to become the current one")),
            (status(2, 2, "b"), Progress::Done),
        ] {
            assert_eq!(judge(&workload("StatefulSet", &spec, &status), 0), expected, "{status}");
        }
    }
}
