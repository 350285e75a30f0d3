//! What is looked at beside a workload: its pods, and what is told of them. Pure.

use serde_json::Value;

use crate::cluster::list::Collection;
use crate::cluster::rollout::makes_room;
use crate::rhacs::ObjectRef;

/// The objects of a kind where the workload is.
pub(super) fn beside(workload: &ObjectRef, api_version: &str, kind: &str) -> Collection {
    Collection { namespace: workload.namespace.clone(), ..Collection::all(api_version, kind) }
}

/// The pods of a workload as a label selector; none where it says none.
pub(super) fn selector(workload: &Value) -> Option<String> {
    let labels = workload["spec"]["selector"]["matchLabels"].as_object()?;
    let labels = labels.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
    let pairs: Vec<String> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    (!pairs.is_empty()).then(|| pairs.join(","))
}

/// An event that says something of a rollout: of each pod that does well there are five others.
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
