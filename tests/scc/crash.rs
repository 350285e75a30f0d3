//! A migration that is killed at any request can be resumed to the same end.

use rhacs_tests::{Installation, KillSweep};
use serde_json::{Value, json};

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
    let sweep = KillSweep { program: SCC, words: migration.words };
    for number in KillSweep::numbers(&whole, 0).into_iter().skip(parity).step_by(2) {
        let installation = migration.start();
        sweep.kill_at(&installation, number);
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
