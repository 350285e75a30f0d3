//! Requests, retries, errors, lists and watches against the small server.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use common::cluster::{ClusterError, Collection, Stage, WatchEvent, WriteOptions};
use common::plan::PatchKind;
use common::rhacs::ObjectRef;
use serde_json::json;

use crate::server::{Answer, Server};
use crate::support::{connect, status};

const SECOND: Duration = Duration::from_secs(5);

fn central() -> ObjectRef {
    ObjectRef::deployment("stackrox", "central")
}

#[tokio::test]
async fn every_request_says_who_asks_and_each_warning_is_told_once() {
    let server = Server::start(None, |_| {
        Answer::json(200, &json!({"kind": "Deployment"})).header("warning", "299 - \"old API\"")
    })
    .await;
    let (cluster, told) = connect(&server, SECOND).await;
    for _ in 0..2 {
        assert!(cluster.read(&central()).await.unwrap().is_some());
    }
    assert_eq!(*told.warnings.lock().unwrap(), ["old API"]);
    let seen = server.seen();
    let agent = seen[0].headers["user-agent"].to_str().unwrap();
    assert!(agent.starts_with("kubectl-rhacs/"), "{agent}");
    assert_eq!(seen[0].headers["authorization"], "Bearer canary");
}

#[tokio::test]
async fn reading_is_repeated_visibly_until_the_server_is_back() {
    let count = AtomicU32::new(0);
    let server = Server::start(None, move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => status(503, "ServiceUnavailable", "starting"),
        1 => status(500, "ServerTimeout", "slow"),
        2 => Answer::new(200).data("{\"kind\":").broken(),
        _ => Answer::json(200, &json!({"kind": "Deployment"})),
    })
    .await;
    let (cluster, told) = connect(&server, SECOND).await;
    assert!(cluster.read(&central()).await.unwrap().is_some());
    let retries = told.retries.lock().unwrap();
    let attempts: Vec<u32> = retries.iter().map(|retry| retry.attempt).collect();
    assert_eq!(attempts, [2, 3, 4]);
    assert!(retries[0].reason.contains("starting"), "{}", retries[0].reason);
    assert_eq!(retries[0].what, "GET /apis/apps/v1/namespaces/stackrox/deployments/central");
}

#[tokio::test]
async fn a_write_is_repeated_only_when_it_is_guarded() {
    let server = Server::start(None, |_| status(503, "", "down")).await;
    let (cluster, _) = connect(&server, SECOND).await;
    let options = WriteOptions::default();
    let patch = json!({"spec": {"paused": false}});
    let unguarded = cluster.patch(&central(), PatchKind::Merge, &patch, &options).await;
    assert!(unguarded.unwrap_err().is_transient());
    assert_eq!(server.seen().len(), 1);
    let guarded = json!({"metadata": {"resourceVersion": "7"}});
    assert!(cluster.patch(&central(), PatchKind::Strategic, &guarded, &options).await.is_err());
    assert_eq!(server.seen().len(), 5, "four attempts");
    assert!(cluster.delete(&central(), None, false).await.is_err());
    assert_eq!(server.seen().len(), 6);
    assert!(cluster.delete(&central(), Some("uid"), true).await.is_err());
    assert_eq!(server.seen().len(), 10);
    let seen = server.seen();
    assert_eq!(seen[1].headers["content-type"], "application/strategic-merge-patch+json");
    assert_eq!(seen[0].query(), "fieldManager=kubectl-rhacs");
    assert!(String::from_utf8_lossy(&seen[9].body).contains("\"dryRun\":[\"All\"]"));
}

#[tokio::test]
async fn a_new_leader_of_the_store_interrupts_only_what_may_not_be_repeated() {
    let count = AtomicU32::new(0);
    let server = Server::start(None, move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 | 2 => status(500, "InternalError", "etcdserver: leader changed"),
        _ => Answer::json(200, &json!({"kind": "Deployment"})),
    })
    .await;
    let (cluster, _) = connect(&server, SECOND).await;
    let options = WriteOptions::default();
    let guarded = json!({"metadata": {"resourceVersion": "7"}});
    cluster.patch(&central(), PatchKind::Strategic, &guarded, &options).await.unwrap();
    assert_eq!(server.seen().len(), 2);
    let unguarded = json!({"spec": {"paused": false}});
    let result = cluster.patch(&central(), PatchKind::Merge, &unguarded, &options).await;
    assert!(result.unwrap_err().is_transient());
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn an_apply_names_its_manager_and_leaves_managed_fields_out() {
    let server = Server::start(None, |_| Answer::json(200, &json!({}))).await;
    let (cluster, _) = connect(&server, SECOND).await;
    let manifest = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "stackrox", "managedFields": []}});
    let options = WriteOptions::dry_run(true).forced();
    cluster.apply(&manifest, &options).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].query(), "fieldManager=kubectl-rhacs&dryRun=All&force=true");
    assert_eq!(seen[0].headers["content-type"], "application/apply-patch+yaml");
    assert!(!String::from_utf8_lossy(&seen[0].body).contains("managedFields"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_with_a_command_that_helps() {
    let server = Server::start(None, |_| Answer::new(200)).await;
    let (cluster, told) = connect(&server, SECOND).await;
    drop(server);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = cluster.read(&central()).await.unwrap_err();
    assert!(matches!(&error, ClusterError::Unreachable { stage: Stage::Connect, .. }), "{error:?}");
    assert_eq!(told.retries.lock().unwrap().len(), 3);
    let text = error.into_failure("cannot read `deploy/central`").render();
    assert!(text.contains("kubectl cluster-info") && text.contains("127.0.0.1"), "{text}");
}

#[tokio::test]
async fn a_request_ends_at_its_limit() {
    let server = Server::start(None, |_| Answer::new(200).data("{").pause(60_000)).await;
    let (cluster, _) = connect(&server, Duration::from_millis(100)).await;
    let error = cluster.read(&central()).await.unwrap_err();
    assert!(matches!(error, ClusterError::Timeout { .. }), "{error:?}");
    assert_eq!(server.seen().len(), 1, "a time-out is not repeated");
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_anew_when_a_page_expires() {
    let count = AtomicU32::new(0);
    let page = |name: &str, next: &str| {
        Answer::json(
            200,
            &json!({"metadata": {"resourceVersion": "9", "continue": next},
                                  "items": [{"metadata": {"name": name}}]}),
        )
    };
    let server = Server::start(None, move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => page("a", "next"),
        1 => status(410, "Expired", "too old"),
        _ => page("b", ""),
    })
    .await;
    let (cluster, _) = connect(&server, SECOND).await;
    let pods = Collection::namespaced("v1", "Pod", "stackrox").with_labels("app=central");
    let list = cluster.list(&pods).await.unwrap();
    assert_eq!(list.items.len(), 1, "{:?}", list.items);
    assert_eq!(ObjectRef::of(&list.items[0]).unwrap().to_string(), "pod/b");
    assert_eq!((list.resource_version.as_str(), list.served), ("9", true));
    let queries: Vec<String> = server.seen().iter().map(|seen| seen.query().to_owned()).collect();
    assert_eq!(
        queries,
        [
            "labelSelector=app%3Dcentral&limit=500",
            "labelSelector=app%3Dcentral&limit=500&continue=next",
            "labelSelector=app%3Dcentral",
        ]
    );
}

#[tokio::test]
async fn a_kind_that_is_not_served_is_an_empty_list() {
    let server = Server::start(None, |_| Answer::new(404).data("404 page not found")).await;
    let (cluster, _) = connect(&server, SECOND).await;
    let sccs = Collection::all("security.openshift.io/v1", "SecurityContextConstraints");
    let list = cluster.list(&sccs).await.unwrap();
    assert!(list.items.is_empty() && !list.served);
}

#[tokio::test]
async fn a_watch_is_read_across_pieces_and_ends_with_an_expired_version() {
    let server = Server::start(None, |_| {
        Answer::new(200)
            .data("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"na")
            .pause(10)
            .data("me\":\"a\"}}}\n\n{\"type\":\"DELETED\",\"object\":{}}\n")
            .data("{\"type\":\"ERROR\",\"object\":{\"code\":410,\"reason\":\"Expired\"}}\n")
    })
    .await;
    let (cluster, _) = connect(&server, SECOND).await;
    let pods = Collection::all("v1", "Pod");
    let mut watch = cluster.watch(&pods, "5", SECOND).await.unwrap();
    let WatchEvent::Added(object) = watch.next().await.unwrap().unwrap() else { unreachable!() };
    assert_eq!(object["metadata"]["name"], "a");
    assert!(matches!(watch.next().await, Some(Ok(WatchEvent::Deleted(_)))));
    assert!(matches!(watch.next().await, Some(Err(ClusterError::Gone { .. }))));
    assert!(watch.next().await.is_none());
    assert!(server.seen()[0].query().contains("resourceVersion=5"));
}

#[tokio::test]
async fn who_one_is_may_be_unknown() {
    let server = Server::start(None, |seen| match seen.path() {
        "/apis/authentication.k8s.io/v1beta1/selfsubjectreviews" => Answer::json(
            200,
            &json!({"status": {"userInfo": {"username": "eve", "groups": ["ops"]}}}),
        ),
        _ => Answer::new(404),
    })
    .await;
    let (cluster, _) = connect(&server, SECOND).await;
    assert_eq!(cluster.whoami().await.unwrap().unwrap().name, "eve");
    let server = Server::start(None, |_| status(404, "NotFound", "no such kind")).await;
    let (cluster, _) = connect(&server, SECOND).await;
    assert_eq!(cluster.whoami().await.unwrap(), None);
}
