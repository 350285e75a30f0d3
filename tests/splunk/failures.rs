//! Any one request may fail or be cut: the exit code tells how far it came, nothing is lost, and
//! `sync` completes it.

use rhacs_tests::collector::TOKEN_KEY;
use rhacs_tests::{Finished, Stage};
use secrecy::ExposeSecret;
use sim::faults::{RequestAction, RequestRule};

use crate::clusters::{assert_delivered, one_cluster};
use crate::{OLD, rotations, sf};

const ROTATE: &str = "rotate myToken --graceful 604800 --to-collector monitoring";
const SYNC: &str = "sync myToken --to-collector monitoring";

/// What goes wrong with a request, in turn.
fn action(number: usize) -> RequestAction {
    match number % 4 {
        0 => RequestAction::CutBefore,
        1 => RequestAction::refuse(503),
        2 => RequestAction::CutAfter,
        _ => RequestAction::refuse(403),
    }
}

#[test]
fn any_request_to_splunk_may_go_wrong_in_any_way() {
    let whole = one_cluster();
    sf(&whole, ROTATE).ends_with(0);
    for number in 1..=whole.splunk().requests().len() {
        for variant in 0..4 {
            let stage = one_cluster();
            let rule = RequestRule::splunk(action(variant)).request(number as u64);
            stage.splunk().faults().add_rule(rule);
            let finished = sf(&stage, ROTATE);
            stage.splunk().faults().clear();
            is_true(&stage, &finished, &format!("{:?} at request {number}", action(variant)));
        }
    }
}

#[test]
fn any_request_to_the_cluster_may_go_wrong() {
    each_request_to_the_cluster(0);
}

#[test]
fn any_request_to_the_cluster_may_go_wrong_in_another_way() {
    each_request_to_the_cluster(1);
}

fn each_request_to_the_cluster(turn: usize) {
    let whole = one_cluster();
    sf(&whole, ROTATE).ends_with(0);
    let requests = whole.cluster("east").requests();
    let ours = requests.iter().filter(|request| request.user_agent.starts_with("sf-token"));
    for number in 1..=ours.count() {
        let stage = one_cluster();
        let action = action(number + turn);
        let rule = RequestRule::api(action.clone()).user_agent("sf-token*").nth(number as u64);
        stage.cluster("east").faults().add_rule(rule);
        let finished = sf(&stage, ROTATE);
        stage.cluster("east").faults().clear();
        is_true(&stage, &finished, &format!("{action:?} at request {number} to the cluster"));
    }
}

/// The exit code is true, and `sync` leads to the end without another rotation.
#[track_caller]
fn is_true(stage: &Stage, finished: &Finished, what: &str) {
    let held = stage.secret_value("east", "otel", TOKEN_KEY);
    let current = stage.splunk().secret("myToken").expect("a secret");
    let is_rotated = current.expose_secret() != OLD;
    let is_held = held.as_deref() == Some(current.expose_secret());
    match finished.code {
        Some(0) => assert!(is_rotated && is_held, "{what}: {finished:?}"),
        Some(3) => assert!(!is_rotated, "{what}: {finished:?}"),
        Some(4) => assert!(held.is_some(), "{what}: {finished:?}"),
        Some(5) => assert!(is_rotated && is_held, "{what}: {finished:?}"),
        _ => panic!("{what}: {finished:?}"),
    }
    assert!(stage.splunk().accepts(OLD), "{what}: the old secret works until its grace ends");
    let done = sf(stage, SYNC);
    assert_eq!(done.code, Some(0), "sync after {what}: {done:?}");
    assert_delivered(stage, "east", "otel");
    assert!(rotations(stage).len() <= 1, "{what}");
}
