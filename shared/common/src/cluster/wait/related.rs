//! What is looked at beside a workload: its pods, and what is told of them. Pure.

use std::time::Duration;

use serde_json::Value;

use crate::cluster::list::Collection;
use crate::cluster::rollout::makes_room;
use crate::rhacs::ObjectRef;

/// The objects of a kind where the workload is.
pub(super) fn beside(workload: &ObjectRef, api_version: &str, kind: &str) -> Collection {
    Collection { namespace: workload.namespace.clone(), ..Collection::all(api_version, kind) }
}

/// How long a rollout may stand still before its pods are looked at. While it goes on, its own status
/// says all, and thousands of pods need not be read: the more there are, the more it takes to read
/// them, and the more likely one of them just pulls its image.
pub(super) fn quiet(workload: &Value) -> Duration {
    const LEAST: Duration = Duration::from_secs(2);
    const PER_POD: Duration = Duration::from_millis(10);
    let wanted = [&workload["status"]["desiredNumberScheduled"], &workload["spec"]["replicas"]];
    let pods = wanted.iter().find_map(|number| number.as_u64()).unwrap_or_default();
    LEAST.max(PER_POD.saturating_mul(u32::try_from(pods).unwrap_or(u32::MAX)))
}

/// The pods of a workload as a label selector; none where it says none.
pub(super) fn selector(workload: &Value) -> Option<String> {
    let labels = workload["spec"]["selector"]["matchLabels"].as_object()?;
    let labels = labels.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
    let pairs: Vec<String> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    (!pairs.is_empty()).then(|| pairs.join(","))
}

/// The events but for those of a pod that does well, of which there are eight of each.
pub(super) const BESIDE_THE_USUAL: &str = "reason!=SuccessfulCreate,reason!=Scheduled,\
     reason!=Pulling,reason!=Pulled,reason!=Created,reason!=Started,reason!=Killing,\
     reason!=SuccessfulDelete";

/// An event that says something of a rollout.
pub(super) fn telling(event: Value) -> Option<Value> {
    let is_meant = event["type"] == "Warning" || makes_room(&event);
    is_meant.then_some(event)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_pods_of_a_workload_are_those_of_its_labels() {
        let workload = |labels: Value| json!({"spec": {"selector": {"matchLabels": labels}}});
        let two = workload(json!({"app": "central", "tier": "a"}));
        assert_eq!(selector(&two).as_deref(), Some("app=central,tier=a"));
        assert_eq!(selector(&workload(json!({}))), None, "everything is none of its own");
        assert_eq!(selector(&json!({})), None);
    }

    #[test]
    fn the_more_pods_there_are_the_later_they_are_read() {
        let set = |nodes: u64| json!({"status": {"desiredNumberScheduled": nodes}});
        for (workload, seconds) in
            [(json!({}), 2), (json!({"spec": {"replicas": 3}}), 2), (set(200), 2), (set(3_000), 30)]
        {
            assert_eq!(quiet(&workload), Duration::from_secs(seconds), "{workload}");
        }
    }

    #[test]
    fn of_events_those_that_say_something_of_a_rollout_are_kept() {
        let event = |kind: &str, reason: &str| json!({"type": kind, "reason": reason});
        for (kind, reason, is_kept) in [
            ("Warning", "FailedMount", true),
            ("Warning", "FailedCreate", true),
            ("Normal", "TriggeredScaleUp", true),
            ("Normal", "Pulled", false),
            ("Normal", "Scheduled", false),
        ] {
            assert_eq!(telling(event(kind, reason)).is_some(), is_kept, "{reason}");
        }
    }
}
