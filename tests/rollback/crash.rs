//! A rollback that is killed at any request can be resumed to the same end.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rhacs_tests::Installation;
use sim::faults::{RequestAction, RequestRule, Script};

use crate::{ACCEPT, ROLLBACK, assert_same, rollback, runs, state, upgraded};

#[test]
fn a_rollback_killed_at_any_odd_request_is_resumed_to_the_same_end() {
    every_second_request(1);
}

#[test]
fn a_rollback_killed_at_any_even_request_is_resumed_to_the_same_end() {
    every_second_request(2);
}

/// Two tests share the requests, so that they run side by side.
fn every_second_request(first: usize) {
    let (whole, wanted) = installation();
    let before = ours(&whole);
    rollback(&whole, &words()).ends_with(0);
    assert_same(&wanted, &state(&whole), "an undisturbed rollback");
    for number in (first..=ours(&whole) - before).step_by(2) {
        let (installation, wanted) = installation();
        kill_at(&installation, number);
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

fn ours(installation: &Installation) -> usize {
    let requests = installation.simulation().requests();
    requests.iter().filter(|request| request.user_agent.starts_with("kubectl-rhacs")).count()
}

/// Holds the request `number` of a rollback back, and kills the process while it waits for it.
fn kill_at(installation: &Installation, number: usize) {
    let before = ours(installation);
    let hold = RequestAction::Delay { milliseconds: 3_600_000 };
    let rule = RequestRule::api(hold).user_agent("kubectl-rhacs*").nth(number as u64);
    installation.simulation().faults().replace(Script::default().request(rule));
    let words = words();
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut command = installation.command(ROLLBACK, &words);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let began = Instant::now();
    let (mut seen, mut since) = (before, Instant::now());
    loop {
        std::thread::sleep(Duration::from_millis(10));
        let now = ours(installation);
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
        let still = since.elapsed() > Duration::from_millis(250);
        let is_there = seen - before + 1 >= number && still;
        if is_there || child.try_wait().expect("waited").is_some() {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(300), "request {number} never came");
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    installation.simulation().faults().clear();
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
