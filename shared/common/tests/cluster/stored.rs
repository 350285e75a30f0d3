//! The lock and the records, over a store that keeps resource versions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use common::cluster::{ClusterError, Held, Lease, LeaseError, Records};
use serde_json::json;

use crate::server::{Answer, Server};
use crate::support::{Store, connect, status};

const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/stackrox/leases/kubectl-rhacs";
const LIMIT: Duration = Duration::from_secs(5);

async fn stored() -> (Server, Store) {
    let store = Store::default();
    let answers = store.clone();
    (Server::start(None, move |seen| answers.answer(seen)).await, store)
}

#[tokio::test]
async fn only_one_run_holds_the_lock_until_it_gives_it_back() {
    let (server, store) = stored().await;
    let (cluster, _) = connect(&server, LIMIT).await;
    let held = Lease::acquire(&cluster, "eve@laptop").await.unwrap();
    let locked = Lease::acquire(&cluster, "bob@desk").await.unwrap_err();
    let LeaseError::Locked(lease) = locked else { unreachable!("{locked}") };
    assert_eq!(lease.holder, "eve@laptop");
    held.release().await.unwrap();
    assert!(store.paths().is_empty());
    assert!(Lease::acquire(&cluster, "bob@desk").await.is_ok());
}

#[tokio::test]
async fn of_two_that_want_a_lock_just_released_the_slower_is_told_who_has_it() {
    let store = Store::default();
    let (answers, asked) = (store.clone(), AtomicU32::new(0));
    let lease = |holder: &str| {
        json!({"metadata": {"name": "kubectl-rhacs", "uid": "u"}, "spec": {
            "holderIdentity": holder, "leaseDurationSeconds": 60,
            "renewTime": "2999-01-01T00:00:00.000000Z"}})
    };
    let server = Server::start(None, move |seen| match asked.fetch_add(1, Ordering::SeqCst) {
        0 | 2 => status(409, "AlreadyExists", "exists"),
        1 => status(404, "NotFound", "released"),
        3 => Answer::json(200, &lease("bob@desk")),
        _ => answers.answer(seen),
    })
    .await;
    let (cluster, _) = connect(&server, LIMIT).await;
    let locked = Lease::acquire(&cluster, "eve@laptop").await.unwrap_err();
    let LeaseError::Locked(lease) = locked else { unreachable!("{locked}") };
    assert_eq!(lease.holder, "bob@desk");
    assert_eq!(server.seen().len(), 4);
    assert!(store.paths().is_empty());
}

#[tokio::test]
async fn an_expired_lock_is_taken_over_and_its_old_holder_notices() {
    let (server, store) = stored().await;
    let (cluster, _) = connect(&server, LIMIT).await;
    let second = Duration::from_secs(1);
    let old = Lease::acquire_for(&cluster, "eve@laptop", second).await.unwrap();
    store.edit(LEASE, |lease| lease["spec"]["renewTime"] = json!("2020-01-01T00:00:00.000000Z"));
    let new = Lease::acquire_for(&cluster, "bob@desk", second).await.unwrap();
    until_lost(&old).await;
    // What the old holder gives back must not be the new one's.
    old.release().await.unwrap();
    let current = Lease::current(&cluster).await.unwrap().unwrap();
    assert_eq!((current.holder.as_str(), new.is_ours().await), ("bob@desk", true));
}

#[tokio::test]
async fn a_lock_is_renewed_while_it_is_held_and_lost_when_it_is_broken() {
    let (server, store) = stored().await;
    let (cluster, _) = connect(&server, LIMIT).await;
    let held = Lease::acquire_for(&cluster, "eve@laptop", Duration::from_secs(1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(held.is_ours().await, "it was renewed");
    assert!(!Lease::current(&cluster).await.unwrap().unwrap().expired);
    let broken = Lease::break_lock(&cluster, "laptop was stolen").await.unwrap().unwrap();
    assert_eq!(broken.holder, "eve@laptop");
    until_lost(&held).await;
    let note = store.paths().into_iter().find(|path| path.contains("/events/")).unwrap();
    store.edit(&note, |event| {
        let message = "the lock of eve@laptop was broken: laptop was stolen";
        assert_eq!(event["message"], message);
    });
}

/// Waits until the holder has noticed that the lock is another's.
async fn until_lost(held: &Held) {
    let noticed = async {
        while held.is_ours().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, noticed).await.unwrap();
}

#[tokio::test]
async fn a_lock_outlives_an_api_server_that_was_away_unless_somebody_took_it() {
    let store = Store::default();
    let (answers, is_away) = (store.clone(), Arc::new(AtomicBool::new(false)));
    let away = Arc::clone(&is_away);
    let server = Server::start(None, move |seen| match away.load(Ordering::SeqCst) {
        true => status(503, "ServiceUnavailable", "starting"),
        false => answers.answer(seen),
    })
    .await;
    let (cluster, _) = connect(&server, LIMIT).await;
    let held = Lease::acquire_for(&cluster, "eve@laptop", Duration::from_secs(1)).await.unwrap();
    is_away.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let asked = tokio::time::timeout(Duration::from_millis(100), held.is_ours()).await;
    assert!(asked.is_err(), "nobody knows while the API server is away");
    is_away.store(false, Ordering::SeqCst);
    assert!(tokio::time::timeout(LIMIT, held.is_ours()).await.unwrap());
}

fn labels() -> BTreeMap<String, String> {
    BTreeMap::from([("rhacs.kubectl/operation".to_owned(), "upgrade".to_owned())])
}

#[tokio::test]
async fn a_record_is_saved_and_changed_only_by_who_knows_its_newest_version() {
    let (server, _) = stored().await;
    let (cluster, _) = connect(&server, LIMIT).await;
    let records = Records::new(&cluster);
    let first = records.save("a", &labels(), b"one", None).await.unwrap();
    let second = records.save("a", &labels(), b"two", Some(&first)).await.unwrap();
    let stale = records.save("a", &labels(), b"three", Some(&first)).await.unwrap_err();
    assert!(matches!(stale, ClusterError::Conflict { .. }), "{stale:?}");
    let again = records.save("a", &labels(), b"two", Some(&first)).await.unwrap();
    assert_eq!(again, second, "an answer that got lost is recognised");
    let stored = records.load("a").await.unwrap().unwrap();
    assert_eq!((stored.bytes.as_slice(), stored.resource_version), (b"two".as_slice(), second));
    assert!(records.load("b").await.unwrap().is_none());
}

#[tokio::test]
async fn a_large_record_is_split_and_whole_at_every_moment() {
    let (server, store) = stored().await;
    let (cluster, _) = connect(&server, LIMIT).await;
    let records = Records::new(&cluster);
    let large: Vec<u8> = (0..2_500_000_u32).map(|i| (i % 251) as u8).collect();
    let version = records.save("a", &labels(), &large, None).await.unwrap();
    assert_eq!(store.paths().len(), 3, "{:?}", store.paths());
    let mut larger = large.clone();
    larger.reverse();
    records.save("a", &labels(), &larger, Some(&version)).await.unwrap();
    assert_eq!(store.paths().len(), 3, "old parts are gone: {:?}", store.paths());
    assert_eq!(records.load("a").await.unwrap().unwrap().bytes, larger);
    assert_eq!(records.list().await.unwrap().len(), 1, "parts are no records");
    let part = store.paths().into_iter().find(|path| path.ends_with("part3")).unwrap();
    store.remove(&part);
    let error = records.load("a").await.unwrap_err().to_string();
    assert!(error.contains("part3` is missing"), "{error}");
    records.delete("a").await.unwrap();
    assert!(store.paths().is_empty(), "{:?}", store.paths());
}

#[tokio::test]
async fn a_record_that_became_small_has_no_parts_left() {
    let (server, store) = stored().await;
    let (cluster, _) = connect(&server, LIMIT).await;
    let records = Records::new(&cluster);
    let large = vec![7; 2_000_000];
    let first = records.save("a", &labels(), &large, None).await.unwrap();
    assert_eq!(store.paths().len(), 3);
    let second = records.save("a", &labels(), b"small", Some(&first)).await.unwrap();
    assert_eq!(store.paths().len(), 1, "{:?}", store.paths());
    let before = server.seen().len();
    let third = records.save("a", &labels(), b"smaller", Some(&second)).await.unwrap();
    assert_eq!(server.seen().len(), before + 1, "parts that cannot be there are not looked for");
    // What another process left is found by one that resumes the run.
    let fourth = records.save("a", &labels(), &large, Some(&third)).await.unwrap();
    let resumed = Records::new(&cluster);
    resumed.save("a", &labels(), b"small", Some(&fourth)).await.unwrap();
    assert_eq!(store.paths().len(), 1, "{:?}", store.paths());
}

#[tokio::test]
async fn the_record_that_was_just_saved_stays_however_old_it_is() {
    let (server, _) = stored().await;
    let (cluster, _) = connect(&server, LIMIT).await;
    let old = Records::new(&cluster);
    let version = old.save("1", &labels(), b"one", None).await.unwrap();
    for id in ["2", "3"] {
        Records::new(&cluster).save(id, &labels(), b"x", None).await.unwrap();
    }
    old.save("1", &labels(), b"resumed", Some(&version)).await.unwrap();
    assert_eq!(old.prune(1).await.unwrap(), 1);
    let left: Vec<String> = old.list().await.unwrap().into_iter().map(|found| found.id).collect();
    assert_eq!(left, ["3", "1"]);
}

#[tokio::test]
async fn only_the_newest_records_are_kept_and_those_of_runs_that_go_on() {
    let (server, _) = stored().await;
    let (cluster, _) = connect(&server, LIMIT).await;
    let records = Records::new(&cluster);
    for id in ["1", "2", "3", "4"] {
        let mut labels = labels();
        let state = if id == "1" { "running" } else { "finished" };
        labels.insert("rhacs.kubectl/state".to_owned(), state.to_owned());
        records.save(id, &labels, id.as_bytes(), None).await.unwrap();
    }
    assert_eq!(records.prune(2).await.unwrap(), 1);
    let left: Vec<String> =
        records.list().await.unwrap().into_iter().map(|record| record.id).collect();
    assert_eq!(left, ["4", "3", "1"]);
}
