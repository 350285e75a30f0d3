//! A migration that is killed at any request can be resumed to the same end.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rhacs_tests::Installation;
use serde_json::{Value, json};
use sim::faults::{RequestAction, RequestRule, Script};

use crate::{SCC, carried, scc};

/// A migration.
#[derive(Clone, Copy)]
struct Migration {
    from: &'static str,
    words: &'static str,
}

const FROM_BARE: Migration =
    Migration { from: "3.63.0", words: "apply --for 3.69.2 --prune --yes" };
const TO_BUILT_IN: Migration =
    Migration { from: "4.3.8", words: "apply --for 4.4.0 --prune --yes" };

#[test]
fn one_from_the_bare_names_killed_at_any_odd_request_is_resumed() {
    every_second_request(FROM_BARE, 1);
}

#[test]
fn one_from_the_bare_names_killed_at_any_even_request_is_resumed() {
    every_second_request(FROM_BARE, 0);
}

#[test]
fn one_to_the_sccs_of_openshift_killed_at_any_odd_request_is_resumed() {
    every_second_request(TO_BUILT_IN, 1);
}

#[test]
fn one_to_the_sccs_of_openshift_killed_at_any_even_request_is_resumed() {
    every_second_request(TO_BUILT_IN, 0);
}

/// Two tests share the requests of a migration, so that they run side by side.
fn every_second_request(migration: Migration, parity: usize) {
    let whole = migration.start();
    scc(&whole, migration.words).ends_with(0);
    let (wanted, wanted_pods) = (state(&whole), carried(&whole));
    let requests = ours(&whole);
    // Up to the lock it only reads; once is enough there. Events are written beside the run.
    let locked = requests.iter().position(|path| path.ends_with("/leases")).expect("a lock");
    let is_waited_for = |number: &usize| !requests[number - 1].ends_with("/events");
    let numbers: Vec<usize> = (locked..=requests.len()).filter(is_waited_for).collect();
    for number in numbers.into_iter().skip(parity).step_by(2) {
        let installation = migration.start();
        kill_at(&installation, migration, number);
        finish(&installation, migration, number);
        assert_eq!(state(&installation), wanted, "killed at request {number}");
        assert_eq!(carried(&installation), wanted_pods, "killed at request {number}");
    }
}

impl Migration {
    fn start(self) -> Installation {
        Installation::at(self.from).on_openshift().start()
    }
}

/// What people decide about the product's objects. When a workload was restarted differs from run
/// to run; that it was does not.
fn state(installation: &Installation) -> Vec<Value> {
    let mut all = installation.essences();
    for object in &mut all {
        let restarted = object
            .pointer_mut("/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt");
        if let Some(restarted) = restarted {
            *restarted = json!("once");
        }
    }
    all
}

/// The paths of the plugin's requests, in order.
fn ours(installation: &Installation) -> Vec<String> {
    let requests = installation.simulation().requests();
    let ours = requests.iter().filter(|request| request.user_agent.starts_with("kubectl-rhacs"));
    ours.map(|request| request.path.clone()).collect()
}

/// Holds the request `number` of a migration back, and kills the process while it waits for it; a
/// migration that needs fewer requests this time comes to its end.
fn kill_at(installation: &Installation, migration: Migration, number: usize) {
    let hold = RequestAction::Delay { milliseconds: 3_600_000 };
    let rule = RequestRule::api(hold).user_agent("kubectl-rhacs*").nth(number as u64);
    let faults = installation.simulation().faults();
    faults.replace(Script::default().request(rule));
    let words: Vec<&str> = migration.words.split_whitespace().collect();
    let mut command = installation.command(SCC, &words);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let began = Instant::now();
    while faults.decided() == 0 && child.try_wait().expect("waited").is_none() {
        assert!(began.elapsed() < Duration::from_secs(120), "request {number} never came");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    faults.clear();
}

/// Resumes the run, or starts it again when it was killed before it was recorded or at its end.
fn finish(installation: &Installation, migration: Migration, number: usize) {
    scc(installation, "unlock --reason crashed --force --yes").ends_with(0);
    let runs = scc(installation, "history -o json").ends_with(0).json()["runs"].clone();
    let unfinished = runs.as_array().expect("runs").iter().any(|run| run["state"] != "finished");
    let words = if unfinished { "resume --yes" } else { migration.words };
    let done = scc(installation, words);
    assert_eq!(done.code, Some(0), "after a kill at request {number}: {done:?}");
    assert!(installation.object("Lease", "kubectl-rhacs").is_none(), "the lock is given back");
}
