//! Black-box tests of `kubectl rhacs rollback` against the embedded cluster.

mod crash;
mod failures;
mod flow;
mod input;
mod pairs;
mod plans;
mod rehearsals;
mod scc;
mod upgrader;

use common::exit::Exit;
use rhacs_tests::{Finished, Installation};
use serde_json::{Value, json};

/// The binary under test.
const ROLLBACK: &str = env!("CARGO_BIN_EXE_kubectl-rhacs-rollback");

/// What says that lost data is accepted.
const ACCEPT: &str = "--accept RHACS-ROLLBACK-DATA-LOST";

/// Every part of an installation.
const ALL: &str = "--components central,scanner,secured";

/// Kinds that a cluster makes and changes by itself.
const OWN: [&str; 9] = [
    "ControllerRevision",
    "Endpoints",
    "EndpointSlice",
    "Event",
    "Lease",
    "Namespace",
    "Node",
    "Pod",
    "ReplicaSet",
];

/// Runs `kubectl rhacs rollback` with these words.
fn rollback(installation: &Installation, words: &str) -> Finished {
    let words: Vec<&str> = words.split_whitespace().collect();
    installation.run(ROLLBACK, &words)
}

/// Runs `kubectl rhacs upgrade` inside this process; returns how it ended and what it printed.
fn upgrade(installation: &Installation, words: &str) -> (Exit, String) {
    let env = installation.env("kubectl-rhacs-upgrade", words);
    let exit = kubectl_rhacs_upgrade::run(&env);
    (exit, format!("{}{}", env.stderr().captured(), env.stdout().captured()))
}

/// Upgrades, which has to work.
#[track_caller]
fn upgraded(installation: &Installation, words: &str) {
    let (exit, text) = upgrade(installation, words);
    assert_eq!(exit, Exit::Done, "upgrade {words}: {text}");
}

/// Every object that is not the cluster's own, Secrets included, without what a cluster owns in it
/// and without the records of runs.
fn state(installation: &Installation) -> Vec<Value> {
    let mut all: Vec<Value> = installation
        .objects()
        .iter()
        .filter(|object| object["kind"].as_str().is_some_and(|kind| !OWN.contains(&kind)))
        .filter(|object| object["type"] != "rhacs.kubectl/run")
        .map(common::rhacs::essence)
        .collect();
    all.sort_by_key(|object| {
        let metadata = &object["metadata"];
        format!("{}/{}/{}", object["kind"], metadata["namespace"], metadata["name"])
    });
    all
}

/// Asserts that nothing but what a cluster owns differs.
#[track_caller]
fn assert_same(before: &[Value], after: &[Value], what: &str) {
    let only = |these: &[Value], those: &[Value]| -> Vec<String> {
        let mut missing = these.iter().filter(|object| !those.contains(object));
        let line = |object: &Value| format!("{} {}", object["kind"], object["metadata"]["name"]);
        missing.by_ref().map(line).collect()
    };
    let (lost, new) = (only(before, after), only(after, before));
    if lost.is_empty() && new.is_empty() {
        return;
    }
    let show = |these: &[Value], those: &[Value]| {
        let differs = these.iter().find(|object| !those.contains(object));
        let shown = differs.filter(|object| object["kind"] != "Secret").cloned();
        serde_json::to_string_pretty(&shown.unwrap_or(json!(null))).expect("json")
    };
    panic!(
        "{what}: gone {lost:?}, new {new:?}\nbefore {}\nafter {}",
        show(before, after),
        show(after, before)
    );
}

fn runs(installation: &Installation) -> Vec<Value> {
    let history = rollback(installation, "history -o json").ends_with(0).json()["runs"].clone();
    history.as_array().expect("runs").clone()
}
