//! Automatic upgrade: Central's own upgrader brings the secured clusters along, and is watched.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use common::rhacs::Platform;
use rhacs_tests::Installation;
use sim::central::SecuredCluster;
use sim::faults::ClusterFault;

use crate::rehearsals::assert_parity;
use crate::{UPGRADE, upgrade};

const TO: &str = "3.69.2";
const RUNNING: [&str; 5] = [
    "UPGRADE_INITIALIZING",
    "UPGRADER_LAUNCHING",
    "UPGRADER_LAUNCHED",
    "PRE_FLIGHT_CHECKS_COMPLETE",
    "UPGRADE_OPERATIONS_DONE",
];

/// An installation of 3.66.1 whose Central upgrades secured clusters by itself.
fn automatic() -> Installation {
    let installation = Installation::at("3.66.1").start();
    installation.simulation().central().set_auto_upgrade(true);
    installation
}

/// The versions of the sensors of all clusters that Central knows, with the clusters' names.
fn sensors(installation: &Installation) -> Vec<(String, String)> {
    let clusters = installation.simulation().central().clusters().into_iter();
    let version = |cluster: &SecuredCluster| cluster.sensor_version.as_ref().map(|it| it.tag());
    clusters.map(|it| (it.name.clone(), version(&it).unwrap_or_default())).collect()
}

fn sensor_of(installation: &Installation, cluster: &str) -> String {
    let found = sensors(installation).into_iter().find(|(name, _)| name == cluster);
    found.map(|(_, version)| version).expect(cluster)
}

/// Central learns of a cluster elsewhere, of the version of Central, which is changed first.
fn add_cluster(installation: &Installation, name: &str, change: impl FnOnce(&mut SecuredCluster)) {
    let mut cluster = SecuredCluster::elsewhere(name, &"3.66.1".parse().expect("a version"));
    change(&mut cluster);
    installation.simulation().central().update_clusters(|clusters| clusters.push(cluster));
}

/// Starts an upgrade whose lines on the standard error can be read as they come.
fn started(installation: &Installation) -> (Child, impl Iterator<Item = String> + use<>) {
    let words = ["--to", TO, "--yes"];
    let mut command = installation.command(UPGRADE, &words);
    let mut child =
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    (child, lines.map_while(Result::ok))
}

#[test]
fn every_state_is_shown_until_the_upgrade_is_complete() {
    let installation = automatic();
    let faults = installation.simulation().faults();
    let hold = ClusterFault::upgrader_stays;
    // The upgrade is complete when the new sensor reports, whatever state is shown.
    let away = ClusterFault::sensor_stays_away("production");
    faults.add(hold(RUNNING[0]));
    let (mut child, lines) = started(&installation);
    let (mut seen, mut all) = (0, String::new());
    for line in lines {
        if RUNNING.get(seen).is_some_and(|state| line.contains(state)) {
            // The next one is held before this one is let go.
            match RUNNING.get(seen + 1) {
                Some(next) => faults.add(hold(next)),
                None => faults.remove(&away),
            }
            if seen == 0 {
                faults.add(away.clone());
            }
            faults.remove(&hold(RUNNING[seen]));
            seen += 1;
        }
        all.push_str(&line);
        all.push('\n');
    }
    assert_eq!(seen, RUNNING.len(), "{all}");
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{all}");
    assert_eq!(sensor_of(&installation, "production"), TO);
}

#[test]
fn the_objects_end_as_those_of_the_manual_upgrade() {
    for (from, platform) in [("3.66.1", Platform::Kubernetes), ("3.62.1", Platform::OpenShift)] {
        let installation = Installation::at(from).on(platform).start();
        installation.simulation().central().set_auto_upgrade(true);
        let done = upgrade(&installation, "--to 3.69.2 -o json --yes").ends_with(0);
        let report = done.json();
        assert_parity(&report);
        let secured = ["Deployment/sensor", "DaemonSet/collector", "Deployment/admission-control"];
        let differences = report["parity"].as_array().expect("a comparison");
        let of_secured = differences
            .iter()
            .find(|one| one["object"].as_str().is_some_and(|object| secured.contains(&object)));
        assert_eq!(of_secured, None, "the upgrader applies the whole bundle");
        upgrade(&installation, "--to 3.69.2 --yes").ends_with(0).says("nothing to do");
    }
}

/// An automatic upgrade that ends so is told, and is done anew once its cause is gone.
fn fails_and_is_resumed(state: &str, left: &str) {
    let installation = automatic();
    let detail = Some("the words of Central".to_owned());
    let fault = ClusterFault::UpgraderFails { state: state.to_owned(), detail, cluster: None };
    installation.simulation().faults().add(fault);
    upgrade(&installation, "--to 3.69.2 --yes")
        .ends_with(4)
        .says("cluster `production` was not upgraded to 3.69.2")
        .says(state)
        .says("the words of Central")
        .says(left)
        .says("kubectl rhacs upgrade resume")
        .says("--components secured");
    assert_eq!(sensor_of(&installation, "production"), "3.66.1", "{state}");
    installation.simulation().faults().clear();
    upgrade(&installation, "resume --yes").ends_with(0).says(state);
    assert_eq!(sensor_of(&installation, "production"), TO, "{state}");
}

#[test]
fn an_upgrade_that_cannot_begin_is_told() {
    fails_and_is_resumed("UPGRADE_INITIALIZATION_ERROR", "nothing was changed");
}

#[test]
fn an_upgrade_whose_checks_fail_is_told() {
    fails_and_is_resumed("PRE_FLIGHT_CHECKS_FAILED", "nothing was changed");
}

#[test]
fn an_upgrade_that_is_taken_back_is_told() {
    fails_and_is_resumed("UPGRADE_ERROR_ROLLED_BACK", "as it was before");
}

#[test]
fn an_upgrade_that_cannot_be_taken_back_is_told() {
    fails_and_is_resumed("UPGRADE_ERROR_ROLLBACK_FAILED", "half upgraded");
}

#[test]
fn an_upgrade_that_fails_for_unknown_reasons_is_told() {
    fails_and_is_resumed("UPGRADE_ERROR_UNKNOWN", "may still run the old version");
}

#[test]
fn an_upgrade_that_central_gives_up_is_told() {
    fails_and_is_resumed("UPGRADE_TIMED_OUT", "may still run the old version");
}

#[test]
fn a_failed_upgrade_is_done_by_hand_with_automatic_upgrade_off() {
    let installation = automatic();
    let fault = ClusterFault::upgrader_fails("UPGRADE_ERROR_ROLLBACK_FAILED");
    installation.simulation().faults().add(fault);
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(4);
    installation.simulation().central().set_auto_upgrade(false);
    upgrade(&installation, "--to 3.69.2 --components secured --yes").ends_with(0);
    assert_eq!(sensor_of(&installation, "production"), TO);
}

#[test]
fn all_clusters_of_central_are_waited_for() {
    let installation = automatic();
    add_cluster(&installation, "edge", |_| {});
    let done = upgrade(&installation, "--to 3.69.2 -o json --yes").ends_with(0);
    let report = done.json();
    let clusters = report["clusters"].as_array().expect("clusters");
    assert_eq!(clusters.len(), 2, "{report}");
    assert!(clusters.iter().all(|it| it["verified"] == true && it["version"] == TO), "{report}");
}

#[test]
fn a_cluster_elsewhere_that_fails_is_named() {
    let installation = automatic();
    add_cluster(&installation, "edge", |_| {});
    installation.simulation().faults().add(ClusterFault::UpgraderFails {
        state: "PRE_FLIGHT_CHECKS_FAILED".to_owned(),
        detail: None,
        cluster: Some("edge".to_owned()),
    });
    upgrade(&installation, "--to 3.69.2 --yes")
        .ends_with(4)
        .says("cluster `edge` was not upgraded");
}

#[test]
fn a_cluster_that_helm_upgrades_is_left_to_helm() {
    let installation = automatic();
    add_cluster(&installation, "edge", |edge| {
        edge.managed_by = "MANAGER_TYPE_HELM_CHART".to_owned();
    });
    let words = "cluster `edge` is not part of this run: its sensor runs 3.66.1, not 3.69.2, it \
                 is upgraded with Helm";
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0).says(words);
    assert_eq!(sensor_of(&installation, "production"), TO);
    assert_eq!(sensor_of(&installation, "edge"), "3.66.1");
}

#[test]
fn a_cluster_that_is_away_for_long_is_not_waited_for() {
    let installation = automatic();
    installation.simulation().faults().add(ClusterFault::sensor_stays_away("edge"));
    let month_ago = installation.simulation().clock().now() - jiff::SignedDuration::from_hours(720);
    add_cluster(&installation, "edge", |edge| edge.last_contact = Some(month_ago));
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0).says("cluster `edge` is not part");
    assert_eq!(sensor_of(&installation, "production"), TO);
}

#[test]
fn a_local_cluster_that_central_does_not_upgrade_ends_the_wait() {
    let installation = automatic();
    installation.simulation().central().update_clusters(|clusters| {
        clusters[0].managed_by = "MANAGER_TYPE_UNKNOWN".to_owned();
    });
    upgrade(&installation, "--to 3.69.2 --yes")
        .ends_with(4)
        .says("it has to be upgraded by hand")
        .says("--components secured");
    assert_eq!(sensor_of(&installation, "production"), "3.66.1");
}

#[test]
fn a_wait_that_is_killed_is_resumed() {
    let installation = automatic();
    let hold = ClusterFault::upgrader_stays("UPGRADER_LAUNCHED");
    installation.simulation().faults().add(hold);
    let (mut child, mut lines) = started(&installation);
    assert!(lines.any(|line| line.contains("UPGRADER_LAUNCHED")), "the state is shown");
    child.kill().expect("killed");
    child.wait().expect("it ends");
    installation.simulation().faults().clear();
    upgrade(&installation, "unlock --reason crashed --force --yes").ends_with(0);
    upgrade(&installation, "resume --yes").ends_with(0);
    assert_eq!(sensor_of(&installation, "production"), TO);
}

#[test]
fn a_state_that_never_ends_leaves_the_run_unverified() {
    let installation = automatic();
    let hold = ClusterFault::upgrader_stays("UPGRADER_LAUNCHING");
    installation.simulation().faults().add(hold);
    upgrade(&installation, "--to 3.69.2 --components central,scanner --yes").ends_with(0);
    upgrade(&installation, "--to 3.69.2 --components secured --timeout 5s --yes")
        .ends_with(5)
        .says("not upgraded after 5 s: cluster `production`:")
        .says("UPGRADER_LAUNCHING");
}

#[test]
fn an_upgrader_that_has_no_sensor_is_found_before_anything_changes() {
    let installation = automatic();
    let central = installation.simulation().central();
    let kept = central.clusters();
    central.update_clusters(Vec::clear);
    let blocked = upgrade(&installation, "--to 3.69.2 --yes").ends_with(3);
    blocked.says("RHACS-UPGRADER-NO-CLUSTER").says("Central lists no secured cluster");
    installation.simulation().faults().add(ClusterFault::sensor_stays_away("*"));
    central.update_clusters(|clusters| {
        *clusters = kept;
        for cluster in clusters {
            cluster.sensor_version = None;
            cluster.connected_since = None;
            cluster.last_contact = None;
        }
    });
    let blocked = upgrade(&installation, "--to 3.69.2 --yes").ends_with(3);
    blocked.says("RHACS-UPGRADER-NO-CLUSTER").says("has never connected to Central");
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.66.1"));
}

#[test]
fn what_no_cluster_of_central_stands_for_is_not_done() {
    let installation = automatic();
    // Deleted in Central while the run waits for it.
    let (mut child, lines) = started(&installation);
    let mut all = String::new();
    for line in lines {
        if line.contains("sensor upgrader") {
            installation.simulation().central().update_clusters(Vec::clear);
        }
        all.push_str(&line);
        all.push('\n');
    }
    assert_eq!(child.wait().expect("it ends").code(), Some(4), "{all}");
    assert!(all.contains("lists no secured cluster"), "{all}");
    assert!(all.contains("--to 3.69.2 --components secured"), "{all}");
}
