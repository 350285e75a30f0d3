//! Plans: shown, saved, applied, refused.

use rhacs_tests::Installation;
use serde_json::json;

use crate::{UPGRADE, upgrade};

#[test]
fn a_plan_changes_nothing_and_says_what_is_pending() {
    let installation = Installation::at("3.66.1").start();
    let before = installation.essences();
    upgrade(&installation, "plan --to 3.69.2 --exit-code").ends_with(10).says("deploy/central");
    upgrade(&installation, "--to 3.69.2 --dry-run").ends_with(0);
    upgrade(&installation, "--to 3.69.2 --dry-run=server").ends_with(0).says("would accept");
    assert_eq!(installation.essences(), before);
}

#[test]
fn a_saved_plan_is_applied_as_it_was_reviewed() {
    let installation = Installation::at("3.66.1").start();
    for format in ["yaml", "json"] {
        let plan = upgrade(&installation, &format!("plan --to 3.69.2 -o {format}")).ends_with(0);
        std::fs::write(installation.directory().join(format), plan.stdout).expect("written");
    }
    let edited = std::fs::read_to_string(installation.directory().join("yaml")).expect("read");
    std::fs::write(installation.directory().join("edited"), edited.replace("65534", "0"))
        .expect("written");
    upgrade(&installation, "apply edited --yes").ends_with(2).says("edited");
    upgrade(&installation, "apply yaml --yes").ends_with(0);
    upgrade(&installation, "apply json --yes").ends_with(9).says("no longer fits");
}

#[test]
fn a_plan_of_before_a_change_is_stale() {
    let installation = Installation::at("3.66.1").start();
    let plan = upgrade(&installation, "plan --to 3.69.2 -o yaml").ends_with(0);
    std::fs::write(installation.directory().join("plan.yaml"), plan.stdout).expect("written");
    let by = sim::store::Writer::new("somebody");
    let main = sim::store::Subresource::Main;
    let changed = installation.simulation().store().modify(
        "deployments.apps",
        Some("stackrox"),
        "sensor",
        main,
        &by,
        |sensor| sensor["spec"]["template"]["spec"]["hostNetwork"] = json!(true),
    );
    changed.expect("changed");
    upgrade(&installation, "apply plan.yaml --yes").ends_with(9).says("deploy/sensor");
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.66.1"));
}

#[test]
fn a_plan_of_another_cluster_is_refused() {
    let one = Installation::at("3.66.1").start();
    let other = Installation::at("3.66.1").start();
    let plan = upgrade(&one, "plan --to 3.69.2 -o yaml").ends_with(0);
    std::fs::write(other.directory().join("plan.yaml"), plan.stdout).expect("written");
    upgrade(&other, "apply plan.yaml --yes").ends_with(9).says("another cluster");
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let installation = Installation::at("3.66.1").start();
    let before = installation.essences();
    let words = ["--to", "3.69.2"];
    installation.run(UPGRADE, &words).ends_with(2).says("--yes");
    assert_eq!(installation.essences(), before);
}
