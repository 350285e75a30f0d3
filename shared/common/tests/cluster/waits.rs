//! Waiting for rollouts while watches break, expire and are forbidden.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::cluster::{Collection, List, WaitError, wait};
use common::rhacs::ObjectRef;
use serde_json::{Value, json};

use crate::server::{Answer, Seen, Server};
use crate::support::{connect, status};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/stackrox/deployments";
const LIMIT: Duration = Duration::from_secs(20);

fn deployment(version: u32, done: bool) -> Value {
    let ready = u32::from(done);
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "central", "namespace": "stackrox", "uid": "d", "generation": 2,
                     "resourceVersion": version.to_string(),
                     "annotations": {"deployment.kubernetes.io/revision": "2"}},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "central"}}},
        "status": {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1,
                   "availableReplicas": ready},
    })
}

fn list(items: &[Value]) -> Answer {
    Answer::json(200, &json!({"metadata": {"resourceVersion": "10"}, "items": items}))
}

fn event(kind: &str, object: &Value) -> String {
    format!("{}\n", json!({"type": kind, "object": object}))
}

fn is_watch(seen: &Seen) -> bool {
    seen.query().contains("watch=true")
}

/// These objects, which do not change.
fn present(seen: &Seen, objects: &[Value]) -> Answer {
    if is_watch(seen) { Answer::new(200).pause(60_000) } else { list(objects) }
}

/// Answers for pods and ReplicaSets of a rollout that is in no trouble.
fn calm(seen: &Seen) -> Answer {
    present(seen, &[])
}

async fn rollout(server: &Server, limit: Duration) -> (Result<Value, WaitError>, Vec<String>) {
    let (cluster, _) = connect(server, Duration::from_secs(5)).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let messages = Arc::clone(&told);
    let mut on = move |waiting: common::cluster::Waiting| {
        messages.lock().unwrap().push(waiting.message);
    };
    let central = ObjectRef::deployment("stackrox", "central");
    let mut written = deployment(4, false);
    written["status"]["observedGeneration"] = json!(1);
    let result = wait::rollout(&cluster, &central, Some(&written), limit, &mut on).await;
    let told = told.lock().unwrap().clone();
    (result, told)
}

#[tokio::test]
async fn a_rollout_that_is_known_to_be_complete_costs_nothing() {
    let server = Server::start(None, |_| status(500, "InternalError", "asked")).await;
    let (cluster, _) = connect(&server, Duration::from_secs(5)).await;
    let central = ObjectRef::deployment("stackrox", "central");
    let seen = deployment(5, true);
    let done = wait::rollout(&cluster, &central, Some(&seen), LIMIT, &mut |_| {}).await;
    assert_eq!(done.unwrap()["metadata"]["name"], "central");
    assert!(server.requests().is_empty(), "{:?}", server.requests());
}

#[tokio::test]
async fn all_waits_of_a_connection_share_one_watch_that_goes_on_from_a_list() {
    let server = Server::start(None, |seen| {
        if seen.path() != DEPLOYMENTS || !is_watch(seen) {
            return calm(seen);
        }
        let changed = |version| event("MODIFIED", &deployment(version, true));
        Answer::new(200).data(changed(12)).pause(200).data(changed(13)).pause(60_000)
    })
    .await;
    let (cluster, _) = connect(&server, Duration::from_secs(5)).await;
    let central = ObjectRef::deployment("stackrox", "central");
    let deployments = Collection::of(&central);
    let (items, resource_version) = (vec![deployment(7, false)], "10".to_owned());
    cluster.remember_list(&deployments, &List { items, resource_version, served: true });
    let mut versions = Vec::new();
    for written in [11, 13] {
        // As a write left it: what the watch says of before does not count.
        let seen = deployment(written, false);
        let done = wait::rollout(&cluster, &central, Some(&seen), LIMIT, &mut |_| {}).await;
        versions.push(done.unwrap()["metadata"]["resourceVersion"].clone());
        if written == 11 {
            assert_eq!(cluster.seen(&central).unwrap().0["metadata"]["resourceVersion"], "12");
        }
    }
    assert_eq!(versions, ["12", "13"]);
    let all = server.seen();
    let of_deployments: Vec<&Seen> = all.iter().filter(|seen| seen.path() == DEPLOYMENTS).collect();
    assert_eq!(of_deployments.len(), 1, "{:?}", server.requests());
    assert!(of_deployments[0].query().contains("resourceVersion=10"));
    assert_eq!(all.len(), 1, "pods are read when a rollout stands still: {:?}", server.requests());
}

#[tokio::test]
async fn a_watch_that_breaks_expires_and_stumbles_is_renewed_until_the_rollout_is_done() {
    let count = AtomicU32::new(0);
    let server = Server::start(None, move |seen| {
        if seen.path() != DEPLOYMENTS {
            return calm(seen);
        }
        if !is_watch(seen) {
            return list(&[deployment(7, false)]);
        }
        match count.fetch_add(1, Ordering::SeqCst) {
            0 => Answer::new(200).data(event("MODIFIED", &deployment(11, false))).broken(),
            1 => Answer::new(200),
            2 => Answer::new(200).data(event("ERROR", &json!({"code": 410, "reason": "Expired"}))),
            _ => Answer::new(200)
                .data(event("BOOKMARK", &json!({"metadata": {"resourceVersion": "11"}})))
                .pause(20)
                .data(event("MODIFIED", &deployment(12, true)))
                .pause(60_000),
        }
    })
    .await;
    let (result, told) = rollout(&server, LIMIT).await;
    assert_eq!(result.unwrap()["metadata"]["resourceVersion"], "12");
    assert!(told.contains(&"0 of 1 new pods to be available".to_owned()), "{told:?}");
    assert!(told.iter().any(|message| message.ends_with("trying again")), "{told:?}");
    let watches: Vec<String> = server
        .seen()
        .iter()
        .filter(|seen| seen.path() == DEPLOYMENTS && is_watch(seen))
        .map(|seen| {
            let version = seen.query().split('&').find(|pair| pair.starts_with("resourceVersion="));
            version.unwrap_or("none").to_owned()
        })
        .collect();
    assert_eq!(
        watches,
        ["resourceVersion=10", "resourceVersion=11", "resourceVersion=11", "resourceVersion=10"]
    );
}

#[tokio::test]
async fn without_the_right_to_watch_the_rollout_is_read_again_and_again() {
    let lists = AtomicU32::new(0);
    let server = Server::start(None, move |seen| {
        if is_watch(seen) {
            return status(403, "Forbidden", "no");
        }
        if seen.path() != DEPLOYMENTS {
            return status(403, "Forbidden", "no");
        }
        list(&[deployment(5, lists.fetch_add(1, Ordering::SeqCst) > 0)])
    })
    .await;
    let (result, _) = rollout(&server, LIMIT).await;
    assert!(result.is_ok(), "{result:?}");
}

#[tokio::test]
async fn a_refusal_of_what_could_be_read_before_passes() {
    let (lists, watches) = (AtomicU32::new(0), AtomicU32::new(0));
    let server = Server::start(None, move |seen| {
        if seen.path() != DEPLOYMENTS {
            return calm(seen);
        }
        let expired = event("ERROR", &json!({"code": 410, "reason": "Expired"}));
        match (is_watch(seen), if is_watch(seen) { &watches } else { &lists }) {
            (true, count) => match count.fetch_add(1, Ordering::SeqCst) {
                0 => Answer::new(200).data(expired),
                _ => Answer::new(200).pause(60_000),
            },
            (false, count) => match count.fetch_add(1, Ordering::SeqCst) {
                0 => list(&[deployment(7, false)]),
                1 => status(403, "Forbidden", "no rules were read yet"),
                2 => status(401, "Unauthorized", "the token is being renewed"),
                _ => list(&[deployment(12, true)]),
            },
        }
    })
    .await;
    let (result, told) = rollout(&server, LIMIT).await;
    assert_eq!(result.unwrap()["metadata"]["resourceVersion"], "12", "{told:?}");
    assert!(told.iter().any(|message| message.contains("no rules were read yet")), "{told:?}");
}

#[tokio::test]
async fn what_may_not_be_read_at_all_ends_the_wait_at_once() {
    let server = Server::start(None, |_| status(403, "Forbidden", "no")).await;
    let (result, _) = rollout(&server, LIMIT).await;
    assert!(matches!(result, Err(WaitError::Cluster(_))), "{result:?}");
    let reads = server.seen().iter().filter(|seen| seen.path() == DEPLOYMENTS).count();
    assert_eq!(reads, 1, "{:?}", server.requests());
}

fn troubled(seen: &Seen, pod_status: &Value) -> Answer {
    let path = seen.path();
    if path == DEPLOYMENTS {
        return present(seen, &[deployment(5, false)]);
    }
    if path.ends_with("/replicasets") {
        return present(
            seen,
            &[json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {
            "name": "central-2", "uid": "r",
            "annotations": {"deployment.kubernetes.io/revision": "2"},
            "ownerReferences": [{"uid": "d"}]}})],
        );
    }
    if path.ends_with("/pods") {
        return present(
            seen,
            &[json!({"apiVersion": "v1", "kind": "Pod", "metadata": {
            "name": "central-2-x", "namespace": "stackrox", "labels": {"app": "central"},
            "ownerReferences": [{"uid": "r"}]}, "status": pod_status})],
        );
    }
    match path.ends_with("/log") {
        true if seen.query().contains("previous=true") => Answer::new(200).data("one\nboom\n"),
        true => Answer::new(200).data("starting\n"),
        false => status(404, "NotFound", path),
    }
}

#[tokio::test]
async fn a_crash_ends_the_wait_at_once_with_the_last_words_of_the_container() {
    let crash = json!({"containerStatuses": [{"name": "central", "restartCount": 3, "ready": false,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}]});
    let server = Server::start(None, move |seen| troubled(seen, &crash)).await;
    let (result, _) = rollout(&server, LIMIT).await;
    let error = result.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the rollout of `deploy/central` does not succeed: `pod/central-2-x` CrashLoopBackOff: \
         exit code 1 (Error), 3 restarts"
    );
    assert_eq!(error.logs(), ["one", "boom"]);
    let all = server.seen();
    let mut of_pods = all.iter().filter(|seen| seen.path().ends_with("/pods")).peekable();
    assert!(of_pods.peek().is_some());
    assert!(of_pods.all(|seen| seen.query().contains("labelSelector=app")), "no other pods");
}

#[tokio::test]
async fn a_slow_rollout_ends_at_its_limit_and_says_what_it_waited_for() {
    let pulling = json!({"containerStatuses": [{"name": "central", "restartCount": 0,
        "state": {"waiting": {"reason": "ErrImagePull", "message": "toomanyrequests"}}}]});
    let server = Server::start(None, move |seen| troubled(seen, &pulling)).await;
    let (result, _) = rollout(&server, Duration::from_millis(400)).await;
    let Err(WaitError::TimedOut { last, .. }) = result else { unreachable!("{result:?}") };
    assert_eq!(
        last,
        "0 of 1 new pods to be available; `pod/central-2-x` ErrImagePull: toomanyrequests"
    );
}

#[tokio::test]
async fn a_workload_that_is_deleted_ends_the_wait() {
    let server = Server::start(None, |seen| {
        if seen.path() != DEPLOYMENTS {
            return calm(seen);
        }
        if !is_watch(seen) {
            return list(&[deployment(5, false)]);
        }
        let end = event("DELETED", &deployment(11, false));
        Answer::new(200).pause(20).data(end).pause(60_000)
    })
    .await;
    let (result, _) = rollout(&server, LIMIT).await;
    assert!(matches!(result, Err(WaitError::Deleted { .. })), "{result:?}");
}
