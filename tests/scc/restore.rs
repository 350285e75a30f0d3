//! Back to what was there before a run.

use rhacs_tests::Installation;

use crate::{carried, exists, label, newest_run, scc};

fn there_and_back(from: &str, to: &str) {
    let installation = Installation::at(from).on_openshift().start();
    let (before, carried_before) = (installation.essences(), carried(&installation));
    scc(&installation, &format!("apply --for {to} --prune --yes")).ends_with(0);
    assert_ne!(installation.essences(), before);
    let run = newest_run(&installation);
    scc(&installation, &format!("restore {run} --yes")).ends_with(0);
    assert_eq!(installation.essences(), before, "{from} to {to} and back");
    assert_eq!(carried(&installation), carried_before);
    scc(&installation, &format!("restore {run} --yes")).ends_with(0).says("nothing to do");
}

#[test]
fn from_the_named_era_to_the_bare_one() {
    there_and_back("3.63.0", "3.69.2");
}

#[test]
fn from_the_sccs_of_openshift_to_the_products_own() {
    there_and_back("4.3.8", "4.4.0");
}

#[test]
fn what_somebody_changed_since_has_to_be_accepted() {
    let installation = Installation::at("4.3.8").on_openshift().start();
    scc(&installation, "apply --for 4.4.0 --components central --yes").ends_with(0);
    let run = newest_run(&installation);
    label(&installation, "roles.rbac.authorization.k8s.io", "use-central-scc");
    let words = format!("restore {run} --yes");
    scc(&installation, &words).ends_with(3).says("RHACS-SCC-CHANGED");
    scc(&installation, &format!("{words} --accept RHACS-SCC-CHANGED")).ends_with(0);
    assert!(installation.object("Role", "use-central-scc").is_none());
}

#[test]
fn a_run_that_is_not_there_is_said() {
    let installation = Installation::at("4.3.8").on_openshift().start();
    scc(&installation, "restore 20200101-000000-none --yes").ends_with(2).says("there is no run");
    assert!(exists(&installation, "stackrox-central"));
}
