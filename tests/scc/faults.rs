//! Missing rights, and pods that do not come up.

use rhacs_tests::Installation;
use sim::faults::ClusterFault;

use crate::{carried, exists, newest_run, scc};

#[test]
fn without_the_right_to_read_sccs_nothing_is_said_of_them() {
    let installation = Installation::at("4.3.8").on_openshift().start();
    let kubeconfig = installation.simulation().kubeconfig_of("viewer");
    std::fs::write(installation.directory().join("viewer"), kubeconfig).expect("written");
    let done = scc(&installation, "apply --for 4.4.0 --kubeconfig viewer --yes");
    assert!(matches!(done.code, Some(1..=3)), "{done:?}");
    done.says("viewer");
    assert!(exists(&installation, "stackrox-central"));
}

#[test]
fn pods_that_do_not_come_up_stop_the_run_before_anything_is_deleted() {
    let installation = Installation::at("4.3.8").on_openshift().start();
    let before = installation.essences();
    installation.simulation().faults().add(ClusterFault::crash_loop("deployment/central"));
    let words = "apply --for 4.4.0 --prune --components central --timeout 20s --yes";
    let failed = scc(&installation, words).ends_with(4).says("CrashLoopBackOff");
    failed.says("kubectl rhacs scc restore 2");
    assert!(exists(&installation, "stackrox-central"), "the old SCC is still there");
    let run = newest_run(&installation);
    // What goes back is a cure of pods that do not come up: that they do not is told, and in
    // nobody's way.
    let restored = scc(&installation, &format!("restore {run} --timeout 20s --yes"));
    restored.ends_with(4).says("RHACS-ROLLOUT-UNFINISHED").says("CrashLoopBackOff");
    installation.simulation().faults().clear();
    scc(&installation, "resume --yes").ends_with(0);
    let runs = scc(&installation, "history -o json").ends_with(0).json()["runs"].clone();
    let failed = runs.as_array().expect("runs").iter().find(|it| it["run"] == run.as_str());
    assert_eq!(failed.expect("it is listed")["state"], "rolledBack", "{runs}");
    scc(&installation, "resume --yes").ends_with(2).says("no run to resume");
    assert_eq!(installation.essences(), before);
    assert_eq!(carried(&installation)["central"], "stackrox-central");
}

#[test]
fn a_run_that_failed_can_be_finished() {
    let installation = Installation::at("4.3.8").on_openshift().start();
    installation.simulation().faults().add(ClusterFault::crash_loop("daemonset/collector"));
    scc(&installation, "apply --for 4.4.0 --prune --timeout 20s --yes").ends_with(4);
    installation.simulation().faults().clear();
    scc(&installation, "resume --yes").ends_with(0);
    assert!(!exists(&installation, "stackrox-collector"));
    assert_eq!(carried(&installation)["collector"], "privileged");
}
