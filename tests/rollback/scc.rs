//! Ways back past runs of `kubectl rhacs scc`.

use common::exit::Exit;
use rhacs_tests::Installation;
use serde_json::Value;
use sim::faults::{RequestAction, RequestRule};

use crate::{ACCEPT, ALL, assert_same, rollback, runs, state, upgraded};

/// Runs `kubectl rhacs scc` inside this process, which has to work.
#[track_caller]
fn scc(installation: &Installation, words: &str) {
    let env = installation.env("kubectl-rhacs-scc", words);
    let exit = kubectl_rhacs_scc::run(&env);
    assert_eq!(exit, Exit::Done, "scc {words}: {}", env.stderr().captured());
}

fn newest_run(installation: &Installation) -> String {
    runs(installation)[0]["run"].as_str().expect("a run").to_owned()
}

/// An OpenShift that was upgraded and whose SCCs were then given up for those of 4.4, with what it
/// was at first, and the words that take all of it back.
fn pruned() -> (Installation, Vec<Value>, String) {
    let installation = Installation::at("3.66.1").on_openshift().start();
    let before = state(&installation);
    upgraded(&installation, "--to 3.74.9 --yes");
    let words = format!("--to-run {} {ALL} {ACCEPT}", newest_run(&installation));
    scc(&installation, "apply --for 4.4.0 --prune --yes");
    (installation, before, words)
}

/// What a write is for, in the order in which they have to come.
fn place(write: &Value) -> usize {
    match (write["kind"].as_str(), write["object"]["kind"].as_str()) {
        (Some("delete"), _) => 2,
        (_, Some("Deployment" | "DaemonSet" | "StatefulSet")) => 1,
        _ => 0,
    }
}

#[test]
fn what_admits_pods_is_back_before_the_pods_are() {
    let (installation, before, words) = pruned();
    let plan = rollback(&installation, &format!("plan {words} -o json")).ends_with(0).json();
    let steps = plan["steps"].as_array().expect("steps");
    let writes = steps.iter().flat_map(|step| step["action"]["writes"].as_array());
    // Central's configuration is written beside Central itself, to force it.
    let is_forced = |write: &&Value| write["object"]["name"] == "central-config";
    let places: Vec<usize> =
        writes.flatten().filter(|write| !is_forced(write)).map(place).collect();
    assert!(places.is_sorted() && places.contains(&0) && places.contains(&2), "{places:?}");

    // What the suite has pruned itself is nobody else's change.
    let done = rollback(&installation, &format!("{words} --yes")).ends_with(0);
    assert!(!done.stderr.contains("RHACS-ROLLBACK-CHANGED-SINCE"), "{}", done.stderr);
    assert_same(&before, &state(&installation), "a rollback past a pruning");
    installation.replace_pods();
}

#[test]
fn a_way_back_past_a_pruning_that_failed_is_resumed() {
    let (installation, before, words) = pruned();
    let refuse = RequestRule::api(RequestAction::refuse(422)).method("PUT");
    let faults = installation.simulation().faults();
    faults.add_rule(refuse.path("*/deployments/sensor*").times(1));
    rollback(&installation, &format!("{words} --yes")).ends_with(4).says("rollback resume");
    rollback(&installation, "resume --yes").ends_with(0);
    assert_same(&before, &state(&installation), "a resumed rollback past a pruning");
}

#[test]
fn a_run_of_scc_is_no_downgrade_of_central() {
    let installation = Installation::at("3.74.9").on_openshift().start();
    let before = state(&installation);
    scc(&installation, "apply --for 4.4.0 --prune --yes");
    let run = newest_run(&installation);
    let plan = rollback(&installation, "plan").ends_with(0).says("Central stays at 3.74.9");
    let plan = plan.says(&format!("kubectl rhacs scc restore {run}"));
    let all = format!("{}{}", plan.stdout, plan.stderr);
    for untrue in ["force-rollback", "NO-COPY", "DATA-LOST", "CHANGED-SINCE", "NO-BACKUP"] {
        assert!(!all.contains(untrue), "{untrue}: {all}");
    }
    // Nothing has to be accepted, with one component or all of them.
    rollback(&installation, "--yes").ends_with(0);
    assert!(installation.object("SecurityContextConstraints", "stackrox-central").is_some());
    rollback(&installation, &format!("--to-run {run} {ALL} --yes")).ends_with(0);
    assert_same(&before, &state(&installation), "a rollback of a run of scc");
    installation.replace_pods();
}

#[test]
fn a_rehearsal_on_a_pruned_openshift_is_one_on_openshift() {
    let (installation, before, words) = pruned();
    let given_up = state(&installation);
    let rehearsed = words.replace(ACCEPT, "--rehearse");
    rollback(&installation, &rehearsed).ends_with(0).says("(openshift)");
    assert_same(&given_up, &state(&installation), "a rehearsal");
    rollback(&installation, &format!("{words} --yes")).ends_with(0);
    assert_same(&before, &state(&installation), "what was rehearsed");
}

#[test]
fn a_rehearsal_fails_where_the_cluster_would() {
    let installation = Installation::at("3.66.1").on_openshift().start();
    upgraded(&installation, "--to 3.69.2 --yes");
    // Pods that run go on without it; new ones are not admitted.
    let options = sim::store::DeleteOptions::default();
    let constraints = "securitycontextconstraints.security.openshift.io";
    let store = installation.simulation().store();
    store.delete(constraints, None, "stackrox-scanner", &options).expect("it is deleted");
    let refused = "unable to validate against any security context constraint";
    rollback(&installation, &format!("{ALL} --rehearse"))
        .ends_with(4)
        .says(refused)
        .says("this was a rehearsal");
    let words = format!("{ALL} {ACCEPT} --yes");
    rollback(&installation, &words).ends_with(3).says("RHACS-SCC-REFUSED");
    rollback(&installation, &format!("{words} --accept RHACS-SCC-REFUSED"))
        .ends_with(4)
        .says(refused);
}
