//! From one era to the next.

use rhacs_tests::Installation;

use crate::{carried, exists, predicted, scc};

#[test]
fn the_bare_names_give_way_to_those_of_the_product() {
    let installation = Installation::at("3.63.0").on_openshift().start();
    scc(&installation, "apply --for 3.69.2 --yes").ends_with(0);
    assert!(exists(&installation, "stackrox-central") && exists(&installation, "central"));
    assert_eq!(carried(&installation)["central"], "central", "no pod was replaced");
    let words = "status --for 3.69.2 --prune -o json";
    let predicted = predicted(&scc(&installation, words).ends_with(0).json());
    scc(&installation, "apply --for 3.69.2 --prune --yes").ends_with(0);
    assert_eq!(carried(&installation), predicted);
    assert_eq!(predicted["central"], "stackrox-central");
    for name in ["central", "scanner", "admission-control", "collector", "sensor"] {
        assert!(!exists(&installation, name), "{name}");
        assert!(exists(&installation, &format!("stackrox-{name}")), "{name}");
    }
    scc(&installation, "plan --for 3.69.2 --prune --exit-code").ends_with(0);
}

#[test]
fn from_4_4_on_the_sccs_of_openshift_admit_the_pods() {
    let installation = Installation::at("4.3.8").on_openshift().start();
    let words = "status --for 4.4.0 --prune -o json";
    let predicted = predicted(&scc(&installation, words).ends_with(0).json());
    scc(&installation, "plan --for 4.4.0 --exit-code").ends_with(10);
    scc(&installation, "apply --for 4.4.0 --yes").ends_with(0);
    assert_eq!(carried(&installation), predicted);
    assert_eq!(predicted["central"], "nonroot-v2");
    assert_eq!(predicted["sensor"], "restricted-v2");
    assert_eq!(predicted["collector"], "privileged");
    assert!(exists(&installation, "stackrox-central"), "without --prune they stay");
    let before = installation.essences();
    scc(&installation, "apply --for 4.4.0 --yes").ends_with(0).says("nothing to do");
    assert_eq!(installation.essences(), before);
    scc(&installation, "apply --for 4.4.0 --prune --yes").ends_with(0);
    assert!(!exists(&installation, "stackrox-central"));
    assert_eq!(carried(&installation), predicted, "no pod had to be replaced again");
}

#[test]
fn another_namespace_is_migrated_as_well() {
    let installation = Installation::at("4.3.8").on_openshift().in_namespace("acs").start();
    scc(&installation, "status").ends_with(2).says("-n");
    scc(&installation, "-n acs apply --for 4.8.11 --prune --yes").ends_with(0);
    assert_eq!(carried(&installation)["central"], "nonroot-v2");
    assert!(!exists(&installation, "stackrox-acs-central"));
}

#[test]
fn the_plan_that_was_reviewed_is_the_plan_that_runs() {
    let installation = Installation::at("4.3.8").on_openshift().start();
    let plan = scc(&installation, "plan --for 4.4.0 --components secured -o yaml").ends_with(0);
    std::fs::write(installation.directory().join("plan.yaml"), &plan.stdout).expect("written");
    scc(&installation, "apply plan.yaml --yes").ends_with(0);
    assert_eq!(carried(&installation)["collector"], "privileged");
    assert_eq!(carried(&installation)["central"], "stackrox-central");
    scc(&installation, "apply plan.yaml --yes").ends_with(9).says("no longer fits");
}
