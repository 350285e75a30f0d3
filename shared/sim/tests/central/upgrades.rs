use common::rhacs::parity::{Difference, compare};
use common::rhacs::{Platform, essence, official};
use serde_json::{Value, json};
use sim::central::CentralOptions;
use sim::clock::Clock;
use sim::faults::ClusterFault;
use sim::simulation::Simulation;
use sim::store::{Subresource, Writer, meta};

use crate::client::{builder, central_log, set_image, simulation, until, version};

const PRODUCT: &str = "registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:3.69.2";
const NEW: &str = "registry.example/rhacs/main:3.69.2";

#[tokio::test]
async fn an_upgraded_central_serves_and_logs_its_version() {
    let clock = Clock::scaled(500.0);
    let simulation = builder("3.66.1").clock(clock).start().await.unwrap();
    set_image(&simulation, "deployments.apps", "central", 0, NEW);
    until("Central is down meanwhile", || version(&simulation).is_none()).await;
    until("the new version", || version(&simulation).as_deref() == Some("3.69.2")).await;
    let log = central_log(&simulation);
    for expected in [
        "Found DB at version 84, which is less than what we expect (94). Running migrations...",
        "Successfully updated DB from version 84 to 94",
        "Version found in the DB was current. We're good to go!",
    ] {
        assert!(log.contains(expected), "{expected:?} is not in\n{log}");
    }
}

#[tokio::test]
async fn a_failed_migration_crashes_until_the_image_is_taken_back() {
    let simulation = simulation("3.66.1").await;
    simulation.faults().add(ClusterFault::failed_migration("no space left on device"));
    set_image(&simulation, "deployments.apps", "central", 0, NEW);
    until("crash loop", || {
        let pods = simulation.store().list("pods", Some("stackrox"));
        pods.iter().any(|pod| {
            pod.pointer("/status/containerStatuses/0/state/waiting/reason")
                == Some(&json!("CrashLoopBackOff"))
        })
    })
    .await;
    assert!(central_log(&simulation).contains("Migrator failed: no space left on device"));
    set_image(&simulation, "deployments.apps", "central", 0, "registry.example/rhacs/main:3.66.1");
    until("the old version", || version(&simulation).as_deref() == Some("3.66.1")).await;
}

#[tokio::test]
async fn a_way_back_needs_the_configuration_once_central_has_started() {
    let simulation = simulation("3.66.1").await;
    set_image(&simulation, "deployments.apps", "central", 0, NEW);
    until("the new version", || version(&simulation).as_deref() == Some("3.69.2")).await;
    set_image(&simulation, "deployments.apps", "central", 0, "registry.example/rhacs/main:3.66.1");
    until("refusal", || central_log(&simulation).contains("Central force rollback is disabled."))
        .await;
    let config = "maintenance:\n  safeMode: false\n  forceRollbackVersion: 3.66.1\n";
    let by = Writer::new("test");
    simulation
        .store()
        .modify("configmaps", Some("stackrox"), "central-config", Subresource::Main, &by, |map| {
            map["data"]["central-config.yaml"] = json!(config);
        })
        .unwrap();
    until("the old version", || version(&simulation).as_deref() == Some("3.66.1")).await;
}

#[tokio::test]
async fn a_sensor_reports_its_new_image_after_it_is_ready() {
    let simulation = simulation("3.66.1").await;
    set_image(&simulation, "deployments.apps", "central", 0, NEW);
    set_image(&simulation, "deployments.apps", "sensor", 0, NEW);
    until("the sensor's version", || {
        let cluster = simulation.central().clusters().remove(0);
        cluster.connected_since.is_some()
            && cluster.sensor_version.is_some_and(|version| version.tag() == "3.69.2")
    })
    .await;
}

#[tokio::test]
async fn a_sensor_with_the_probe_of_an_older_release_never_becomes_ready() {
    let simulation = simulation("3.0.62.1").await;
    set_image(&simulation, "deployments.apps", "sensor", 0, NEW);
    until("a failing probe", || {
        simulation.store().list("events", None).iter().any(|event| event["reason"] == "Unhealthy")
    })
    .await;
    let by = Writer::new("test");
    simulation
        .store()
        .modify("deployments.apps", Some("stackrox"), "sensor", Subresource::Main, &by, |object| {
            object["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["httpGet"]["path"] = json!("/ready");
        })
        .unwrap();
    until("a ready sensor", || {
        let sensor =
            simulation.store().read("deployments.apps", Some("stackrox"), "sensor").unwrap();
        sensor["status"]["availableReplicas"] == 1
            && sensor["status"]["observedGeneration"] == sensor["metadata"]["generation"]
    })
    .await;
}

/// An installation as the official manifests make it, whose Central upgrades secured clusters.
async fn automatic(from: &str, openshift: bool) -> Simulation {
    let platform = if openshift { Platform::OpenShift } else { Platform::Kubernetes };
    let options = CentralOptions { auto_upgrade: true, ..CentralOptions::default() };
    Simulation::builder()
        .objects(official::objects(&from.parse().unwrap(), platform, "stackrox"))
        .openshift(openshift)
        .central(options)
        .clock(Clock::scaled(1000.0))
        .start()
        .await
        .unwrap()
}

/// The state of the automatic upgrade of the embedded cluster; empty before it.
fn state(simulation: &Simulation) -> String {
    let upgrade = simulation.central().clusters().remove(0).upgrade;
    upgrade.map(|process| process.state).unwrap_or_default()
}

/// The objects that the automatic upgrade cares for, as a person would describe them.
fn secured(simulation: &Simulation) -> Vec<Value> {
    let all = simulation.store().everything();
    let ours = all.iter().filter(|object| {
        meta::label(object, "auto-upgrade.stackrox.io/component") == Some("sensor")
    });
    ours.map(|object| essence(object)).collect()
}

#[tokio::test]
async fn an_automatic_upgrade_ends_at_the_official_objects() {
    for (from, to, openshift) in [("3.0.62.1", "3.69.2", true), ("3.66.1", "3.74.9", false)] {
        let simulation = automatic(from, openshift).await;
        let main = format!("registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:{to}");
        set_image(&simulation, "deployments.apps", "central", 0, &main);
        let mut seen = false;
        until("a complete upgrade", || {
            seen |= simulation
                .store()
                .read("deployments.apps", Some("stackrox"), "sensor-upgrader")
                .is_some();
            state(&simulation) == "UPGRADE_COMPLETE"
        })
        .await;
        assert!(seen, "the upgrader was a Deployment");
        let platform = if openshift { Platform::OpenShift } else { Platform::Kubernetes };
        let live: Vec<Value> =
            simulation.store().everything().iter().map(|it| it.as_ref().clone()).collect();
        let secured: Vec<String> = official::objects(&to.parse().unwrap(), platform, "stackrox")
            .iter()
            .filter(|object| {
                meta::label(object, "auto-upgrade.stackrox.io/component").is_some()
                    && object["kind"] != "PodSecurityPolicy"
                    && object["kind"] != "Secret"
            })
            .map(|object| format!("{}/{}", object["kind"].as_str().unwrap(), meta::name(object)))
            .collect();
        assert!(secured.contains(&"DaemonSet/collector".to_owned()), "{secured:?}");
        let differences = compare(&live, &to.parse().unwrap(), platform, "stackrox");
        // How to collect is a setting of the cluster that Central keeps.
        let is_kept = |one: &Difference| one.path.contains("env[COLLECTION_METHOD]");
        let left: Vec<&Difference> = differences
            .iter()
            .filter(|one| secured.contains(&one.object) && !is_kept(one))
            .collect();
        assert!(left.is_empty(), "{from} to {to}: {left:#?}");
    }
}

#[tokio::test]
async fn a_failing_upgrader_leaves_the_cluster_as_it_was() {
    for last in ["UPGRADE_ERROR_ROLLED_BACK", "PRE_FLIGHT_CHECKS_FAILED"] {
        let simulation = automatic("3.66.1", false).await;
        let before = secured(&simulation);
        simulation.faults().add(ClusterFault::upgrader_fails(last));
        set_image(&simulation, "deployments.apps", "central", 0, PRODUCT);
        until("the last state", || state(&simulation) == last).await;
        assert_eq!(secured(&simulation), before, "{last}");
    }
}

#[tokio::test]
async fn an_upgrade_that_cannot_be_taken_back_leaves_a_mixture() {
    let simulation = automatic("3.66.1", false).await;
    let before = secured(&simulation);
    simulation.faults().add(ClusterFault::upgrader_fails("UPGRADE_ERROR_ROLLBACK_FAILED"));
    set_image(&simulation, "deployments.apps", "central", 0, PRODUCT);
    until("the last state", || state(&simulation) == "UPGRADE_ERROR_ROLLBACK_FAILED").await;
    assert_ne!(secured(&simulation), before);
    simulation.faults().clear();
    let sensor = simulation.store().read("deployments.apps", Some("stackrox"), "sensor").unwrap();
    let image = &sensor["spec"]["template"]["spec"]["containers"][0]["image"];
    assert!(image.as_str().unwrap().ends_with(":3.66.1"), "{image}");
}

#[tokio::test]
async fn an_upgrade_without_progress_is_given_up() {
    let simulation = automatic("3.66.1", false).await;
    simulation.faults().add(ClusterFault::upgrader_fails("UPGRADE_TIMED_OUT"));
    set_image(&simulation, "deployments.apps", "central", 0, PRODUCT);
    until("the last state", || state(&simulation) == "UPGRADE_TIMED_OUT").await;
}

#[tokio::test]
async fn an_upgrade_stays_where_a_fault_holds_it() {
    let simulation = automatic("3.66.1", false).await;
    let hold = ClusterFault::upgrader_stays("UPGRADER_LAUNCHED");
    simulation.faults().add(hold.clone());
    set_image(&simulation, "deployments.apps", "central", 0, PRODUCT);
    until("the state", || state(&simulation) == "UPGRADER_LAUNCHED").await;
    simulation.faults().remove(&hold);
    until("a complete upgrade", || state(&simulation) == "UPGRADE_COMPLETE").await;
}

#[tokio::test]
async fn a_sensor_that_stays_away_keeps_its_old_version() {
    let simulation = simulation("3.66.1").await;
    simulation.faults().add(ClusterFault::sensor_stays_away("production"));
    set_image(&simulation, "deployments.apps", "sensor", 0, NEW);
    until("silence", || simulation.central().clusters()[0].connected_since.is_none()).await;
    let version = simulation.central().clusters().remove(0).sensor_version;
    assert_eq!(version.map(|version| version.tag()).as_deref(), Some("3.66.1"));
    simulation.faults().clear();
    until("the sensor's return", || simulation.central().clusters()[0].connected_since.is_some())
        .await;
}
