//! Whether a consumer has to restart, and the patch that makes it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::fingerprint::Fingerprint;
use super::secret::KeyState;

/// The annotation of a pod template that says with which secret its pods started.
pub const STARTED_WITH: &str = "sf-token/secret-hash";

/// What a consumer needs so that all of its pods run with the secret that the key holds now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Need {
    /// Its template was made for this secret: only its rollout has to finish.
    Wait,
    /// Somebody else restarted it after the key was written.
    Nothing,
    /// It has pods that started with another secret.
    Restart,
}

/// The mark of a template made for the secret that a key holds: its fingerprint, and when the key
/// was written, because a key that was put back and written again holds the same secret for pods of
/// two kinds.
#[must_use]
pub fn mark(state: &KeyState, secret: &Fingerprint) -> String {
    let written = state.written_at.as_deref().unwrap_or("unknown");
    format!("{secret}@{written}")
}

/// What `workload` needs; `pods` are its own.
#[must_use]
pub fn need(workload: &Value, pods: &[Value], mark: &str, written_at: Option<&str>) -> Need {
    let has = &workload["spec"]["template"]["metadata"]["annotations"][STARTED_WITH];
    if has == mark {
        return Need::Wait;
    }
    let Some(written_at) = written_at.and_then(time) else { return Need::Restart };
    let alive = || pods.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    // Times have whole seconds: a pod of the same second may have started before.
    let is_newer = |pod: &Value| {
        pod["metadata"]["creationTimestamp"].as_str().and_then(time).is_some_and(|t| t > written_at)
    };
    if alive().next().is_some() && alive().all(is_newer) { Need::Nothing } else { Need::Restart }
}

/// A merge patch of a workload that makes it replace its pods. Without a resource version: it says
/// the same whatever else changed, so it may be sent again.
#[must_use]
pub fn restart_patch(mark: &str) -> Value {
    json!({"spec": {"template": {"metadata": {"annotations": {STARTED_WITH: mark}}}}})
}

/// The pods that `workload` owns, directly or through ReplicaSets.
pub fn pods_of<'a>(
    workload: &'a Value,
    replica_sets: &'a [Value],
    pods: &'a [Value],
) -> impl Iterator<Item = &'a Value> {
    let uid = &workload["metadata"]["uid"];
    let sets: Vec<&Value> = replica_sets
        .iter()
        .filter(|set| is_owned_by(set, uid))
        .map(|set| &set["metadata"]["uid"])
        .collect();
    pods.iter()
        .filter(move |pod| is_owned_by(pod, uid) || sets.iter().any(|set| is_owned_by(pod, set)))
}

fn is_owned_by(object: &Value, uid: &Value) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    !uid.is_null() && owners.into_iter().flatten().any(|owner| owner["uid"] == *uid)
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::deliver::secret::key_state;

    const WRITTEN: &str = "2026-01-02T12:00:00Z";

    fn workload(mark: Option<&str>) -> Value {
        json!({"metadata": {"uid": "w"},
               "spec": {"template": {"metadata": {"annotations": {STARTED_WITH: mark}}}}})
    }

    fn pod(created: &str) -> Value {
        json!({"metadata": {"creationTimestamp": created, "ownerReferences": [{"uid": "w"}]}})
    }

    #[test]
    fn a_consumer_restarts_until_all_of_its_pods_are_newer_than_the_key() {
        let (older, same, newer) =
            (pod("2026-01-02T11:59:59Z"), pod(WRITTEN), pod("2026-01-02T12:00:01Z"));
        for (has, pods, written_at, expected) in [
            (Some("m"), vec![older.clone()], Some(WRITTEN), Need::Wait),
            (None, vec![older.clone()], Some(WRITTEN), Need::Restart),
            (None, vec![newer.clone()], Some(WRITTEN), Need::Nothing),
            (None, vec![newer.clone(), same], Some(WRITTEN), Need::Restart),
            (Some("old"), vec![newer.clone(), older], Some(WRITTEN), Need::Restart),
            (None, vec![], Some(WRITTEN), Need::Restart),
            (None, vec![newer], None, Need::Restart),
        ] {
            assert_eq!(need(&workload(has), &pods, "m", written_at), expected, "{has:?} {pods:?}");
        }
    }

    #[test]
    fn pods_that_are_ending_do_not_count() {
        let mut ending = pod("2026-01-02T11:00:00Z");
        ending["metadata"]["deletionTimestamp"] = json!(WRITTEN);
        let pods = [ending, pod("2026-01-02T12:00:01Z")];
        assert_eq!(need(&workload(None), &pods, "m", Some(WRITTEN)), Need::Nothing);
    }

    #[test]
    fn a_key_that_was_written_again_has_another_mark() {
        let fingerprint = Fingerprint::of(&SecretString::from("new".to_owned()));
        let state = |time: &str| {
            key_state(
                &json!({"metadata": {"managedFields": [
                    {"time": time, "fieldsV1": {"f:data": {"f:k": {}}}}]}}),
                "k",
            )
        };
        let first = mark(&state(WRITTEN), &fingerprint);
        assert_ne!(first, mark(&state("2026-01-02T13:00:00Z"), &fingerprint));
        assert!(first.starts_with(fingerprint.as_str()) && !first.contains("new"));
    }

    #[test]
    fn pods_belong_to_a_deployment_through_its_replica_sets() {
        let deployment = json!({"metadata": {"uid": "w"}});
        let set = json!({"metadata": {"uid": "s", "ownerReferences": [{"uid": "w"}]}});
        let of = |uid: &str| json!({"metadata": {"name": uid, "ownerReferences": [{"uid": uid}]}});
        let pods = [of("s"), of("w"), of("other")];
        let sets = [set];
        let names: Vec<&Value> =
            pods_of(&deployment, &sets, &pods).map(|pod| &pod["metadata"]["name"]).collect();
        assert_eq!(names, ["s", "w"]);
    }
}
