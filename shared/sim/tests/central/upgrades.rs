use serde_json::json;
use sim::central::CentralOptions;
use sim::clock::Clock;
use sim::faults::ClusterFault;
use sim::store::{Subresource, Writer};

use crate::client::{builder, central_log, set_image, simulation, until, version};

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

#[tokio::test]
async fn an_automatic_upgrade_brings_the_secured_cluster_along() {
    let options = CentralOptions { auto_upgrade: true, ..CentralOptions::default() };
    let simulation =
        builder("3.0.62.1").central(options).clock(Clock::scaled(500.0)).start().await.unwrap();
    set_image(&simulation, "deployments.apps", "central", 0, NEW);
    let mut seen = false;
    until("a complete upgrade", || {
        seen |= simulation
            .store()
            .read("deployments.apps", Some("stackrox"), "sensor-upgrader")
            .is_some();
        let upgrade = simulation.central().clusters().remove(0).upgrade;
        upgrade.is_some_and(|process| process.state == "UPGRADE_COMPLETE" && !process.active)
    })
    .await;
    assert!(seen, "the upgrader was a Deployment");
    let sensor = simulation.store().read("deployments.apps", Some("stackrox"), "sensor").unwrap();
    assert_eq!(sensor["spec"]["template"]["spec"]["containers"][0]["image"], NEW);
    let collector =
        simulation.store().read("daemonsets.apps", Some("stackrox"), "collector").unwrap();
    let images = &collector["spec"]["template"]["spec"]["containers"];
    assert_eq!(images[0]["image"], "registry.example/rhacs/collector:3.69.2");
    assert_eq!(images[1]["image"], NEW);
}

#[tokio::test]
async fn a_failing_upgrader_leaves_the_cluster_as_it_was() {
    let options = CentralOptions { auto_upgrade: true, ..CentralOptions::default() };
    let simulation = builder("3.66.1").central(options).start().await.unwrap();
    simulation
        .faults()
        .add(ClusterFault::UpgraderFails { state: "UPGRADE_ERROR_ROLLED_BACK".to_owned() });
    set_image(&simulation, "deployments.apps", "central", 0, NEW);
    until("the last state", || {
        let upgrade = simulation.central().clusters().remove(0).upgrade;
        upgrade.is_some_and(|process| process.state == "UPGRADE_ERROR_ROLLED_BACK")
    })
    .await;
    let sensor = simulation.store().read("deployments.apps", Some("stackrox"), "sensor").unwrap();
    let image = &sensor["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(*image, "registry.example/rhacs/main:3.66.1");
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
