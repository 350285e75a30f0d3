//! An upgrade that fails at Central and takes itself back.

use common::exit::Exit;
use rhacs_tests::Installation;
use sim::faults::{ClusterFault, RequestAction, RequestRule};

use crate::{assert_same, rollback, runs, state, upgrade};

/// Upgrades under a fault with `--rollback-on-failure`: the old Central serves, both are told.
fn fails_and_goes_back(fault: ClusterFault, words: &str) {
    let installation = Installation::at("3.66.1").start();
    let before = state(&installation);
    installation.simulation().faults().add(fault.clone());
    let (exit, text) = upgrade(
        &installation,
        "--to 3.69.2 --components central --rollback-on-failure --timeout 120s --yes",
    );
    assert_eq!(exit, Exit::StepFailed, "{fault:?}: {text}");
    let failure = text.find(words).unwrap_or_else(|| panic!("no {words:?} in:\n{text}"));
    let rollback = text.find("3.69.2 → 3.66.1").or_else(|| text.rfind("rolled back"));
    assert!(rollback.is_some_and(|rollback| failure < rollback), "{text}");
    assert_eq!(installation.simulation().central().version(), "3.66.1".parse().ok(), "{text}");
    assert_same(&before, &state(&installation), words);
    let runs = runs(&installation);
    assert_eq!(runs[0]["operation"], "rollback", "{runs:?}");
    assert_eq!(runs[0]["state"], "finished", "{runs:?}");
    assert_eq!(runs[1]["state"], "rolledBack", "{runs:?}");
}

#[test]
fn a_failed_migration_goes_back() {
    fails_and_goes_back(ClusterFault::failed_migration("disk on fire"), "disk on fire");
}

#[test]
fn a_broken_pull_goes_back() {
    fails_and_goes_back(ClusterFault::broken_pull("*rhacs-main*:3.69.2"), "ImagePull");
}

#[test]
fn a_crash_loop_goes_back() {
    let crash = ClusterFault::CrashLoop {
        workload: "deployment/central".to_owned(),
        image: Some("*:3.69.2".to_owned()),
    };
    fails_and_goes_back(crash, "CrashLoopBackOff");
}

#[test]
fn a_resumed_rollback_closes_the_run_that_it_takes_back() {
    let installation = Installation::at("3.66.1").start();
    let before = state(&installation);
    let faults = installation.simulation().faults();
    faults.add(ClusterFault::failed_migration("disk on fire"));
    let (exit, text) = upgrade(&installation, "--to 3.69.2 --components central --yes");
    assert_eq!(exit, Exit::StepFailed, "{text}");
    let refuse = RequestRule::api(RequestAction::refuse(422)).method("PUT");
    faults.add_rule(refuse.path("*/deployments/central*").times(1));
    rollback(&installation, "--yes").ends_with(4).says("rollback resume");
    assert_eq!(runs(&installation)[1]["state"], "failed");
    rollback(&installation, "resume --dry-run --yes").ends_with(2).says("--dry-run");
    rollback(&installation, "resume --yes").ends_with(0);
    let runs = runs(&installation);
    assert_eq!([&runs[0]["state"], &runs[1]["state"]], ["finished", "rolledBack"], "{runs:?}");
    assert_same(&before, &state(&installation), "a resumed rollback");
}
