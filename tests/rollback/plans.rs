//! Plans of a way back: saved, applied, refused.

use common::exit::Exit;
use rhacs_tests::{Finished, Installation};
use serde_json::json;
use sim::faults::ClusterFault;

use crate::{ACCEPT, ALL, assert_same, rollback, runs, state, upgrade, upgraded};

fn upgraded_installation() -> Installation {
    let installation = Installation::at("3.66.1").start();
    upgraded(&installation, "--to 3.69.2 --yes");
    installation
}

/// Saves the plan for these words as `name`.
fn save(installation: &Installation, words: &str, name: &str) -> Finished {
    let plan = rollback(installation, &format!("plan {words}")).ends_with(0);
    std::fs::write(installation.directory().join(name), &plan.stdout).expect("written");
    plan
}

#[test]
fn a_saved_plan_is_applied_as_it_was_reviewed() {
    let installation = Installation::at("3.66.1").start();
    let before = state(&installation);
    upgraded(&installation, "--to 3.69.2 --yes");
    for format in ["yaml", "json"] {
        save(&installation, &format!("{ALL} -o {format}"), format);
    }
    let edited = std::fs::read_to_string(installation.directory().join("yaml")).expect("read");
    std::fs::write(installation.directory().join("edited"), edited.replace("3.66.1", "3.66.0"))
        .expect("written");
    rollback(&installation, "apply edited --yes").ends_with(2).says("edited");
    rollback(&installation, "apply yaml --yes").ends_with(3).says("RHACS-ROLLBACK-DATA-LOST");
    rollback(&installation, &format!("apply yaml {ACCEPT} --dry-run=server")).ends_with(0);
    rollback(&installation, &format!("apply yaml {ACCEPT} --yes")).ends_with(0);
    assert_same(&before, &state(&installation), "apply");
    rollback(&installation, &format!("apply json {ACCEPT} --yes"))
        .ends_with(9)
        .says("no longer fits");
    assert_eq!(runs(&installation).len(), 2);
}

#[test]
fn a_forced_plan_has_accepted_the_loss() {
    let installation = upgraded_installation();
    save(&installation, "--force --to 3.66.1 -o json", "plan.json");
    rollback(&installation, "apply plan.json --yes").ends_with(0).says("is lost");
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.66.1"));
}

#[test]
fn a_plan_by_a_revision_is_applied() {
    let installation = upgraded_installation();
    save(&installation, "--to-revision 1 -o yaml", "plan.yaml");
    rollback(&installation, &format!("apply plan.yaml {ACCEPT} --yes")).ends_with(0);
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.66.1"));
}

#[test]
fn a_plan_of_before_a_change_is_stale() {
    let installation = upgraded_installation();
    save(&installation, &format!("{ALL} -o yaml"), "plan.yaml");
    let words = format!("apply plan.yaml {ACCEPT} --yes");
    installation.change("Secret", "scanner-tls", |secret| {
        secret["data"]["extra"] = json!("bWluZQ==");
    });
    rollback(&installation, &words).ends_with(9).says("secret/scanner-tls");
    installation.change("Deployment", "sensor", |sensor| {
        sensor["spec"]["template"]["spec"]["hostNetwork"] = json!(true);
    });
    rollback(&installation, &words).ends_with(9).says("deploy/sensor");
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.69.2"));
}

#[test]
fn a_plan_for_another_state_of_central_is_stale() {
    let installation = Installation::at("3.66.1").start();
    installation.simulation().faults().add(ClusterFault::failed_migration("disk on fire"));
    let (exit, text) = upgrade(&installation, "--to 3.69.2 --components central --yes");
    assert_eq!(exit, Exit::StepFailed, "{text}");
    let plan = save(&installation, "-o yaml", "plan.yaml");
    assert!(!plan.stdout.contains("force-rollback"), "{}", plan.stdout);
    // The objects stay as they are, but the newer Central comes up after all.
    installation.simulation().faults().clear();
    installation.wait_until_ready("central");
    rollback(&installation, &format!("apply plan.yaml {ACCEPT} --yes"))
        .ends_with(9)
        .says("another one now");
}

#[test]
fn a_plan_of_something_else_is_refused() {
    let (one, other) = (upgraded_installation(), upgraded_installation());
    let plan = save(&one, "-o yaml", "plan.yaml");
    std::fs::write(other.directory().join("plan.yaml"), plan.stdout).expect("written");
    rollback(&other, "apply plan.yaml --yes").ends_with(9).says("another cluster");
    let (_, upgrade) = upgrade(&one, "plan --to 3.74.9 -o json");
    let json = upgrade.find("{\n").map_or("", |start| &upgrade[start..]);
    std::fs::write(one.directory().join("upgrade.json"), json).expect("written");
    rollback(&one, "apply upgrade.json --yes").ends_with(2).says("plan of an upgrade");
    rollback(&one, "apply missing.yaml --yes").ends_with(2).says("missing.yaml");
}
