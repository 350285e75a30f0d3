//! A rollback that is killed at any request can be resumed to the same end.

use rhacs_tests::kill::requests;
use rhacs_tests::{Installation, KillSweep};

use crate::{ACCEPT, ROLLBACK, assert_same, rollback, runs, state, upgraded};

#[test]
fn a_rollback_killed_at_any_odd_request_is_resumed_to_the_same_end() {
    every_second_request(1);
}

#[test]
fn a_rollback_killed_at_any_even_request_is_resumed_to_the_same_end() {
    every_second_request(0);
}

/// Two tests share the requests, so that they run side by side.
fn every_second_request(parity: usize) {
    let (whole, wanted) = installation();
    let before = requests(&whole).len();
    let words = words();
    rollback(&whole, &words).ends_with(0);
    assert_same(&wanted, &state(&whole), "an undisturbed rollback");
    let sweep = KillSweep { program: ROLLBACK, words: &words };
    for number in KillSweep::numbers(&whole, before).into_iter().skip(parity).step_by(2) {
        let (installation, wanted) = installation();
        sweep.kill_at(&installation, number);
        finish(&installation, number);
        assert_same(&wanted, &state(&installation), &format!("killed at request {number}"));
    }
}

/// An installation whose Central was upgraded, and what it was before.
fn installation() -> (Installation, Vec<serde_json::Value>) {
    let installation = Installation::at("3.66.1").start();
    let before = state(&installation);
    upgraded(&installation, "--to 3.69.2 --components central --yes");
    (installation, before)
}

fn words() -> String {
    format!("{ACCEPT} --yes")
}

/// Resumes the run, or starts it when it was killed before it was recorded.
fn finish(installation: &Installation, number: usize) {
    rollback(installation, "unlock --reason crashed --force --yes").ends_with(0);
    let newest = runs(installation)[0].clone();
    let is_rollback = newest["operation"] == "rollback";
    let words = match (is_rollback, newest["state"] == "finished") {
        (true, true) => return,
        (true, false) => "resume --yes".to_owned(),
        (false, _) => words(),
    };
    let done = rollback(installation, &words);
    assert_eq!(done.code, Some(0), "after a kill at request {number}: {done:?}");
}
