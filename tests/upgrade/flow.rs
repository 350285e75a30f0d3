//! The main job, from the first look to the report.

use rhacs_tests::Installation;
use serde_json::json;

use crate::upgrade;

#[test]
fn an_upgrade_brings_everything_to_the_target() {
    let installation = Installation::at("3.62.1").on_openshift().start();
    let done = upgrade(&installation, "--to 3.69.2 -o json --yes").ends_with(0);
    let report = done.json();
    assert_eq!(report["exit"], "done");
    assert!(report["components"].as_array().expect("components").iter().all(|component| {
        component["healthy"] == true
            && component["is"].as_str().is_some_and(|image| image.ends_with(":3.69.2"))
    }));
    let backup = report["backup"]["path"].as_str().expect("a backup");
    assert!(std::fs::metadata(backup).expect("the backup is there").len() > 0);
    let main = "registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:3.69.2";
    assert_eq!(installation.image("Deployment", "central", "central"), main);
    assert_eq!(installation.image("DaemonSet", "collector", "compliance"), main);
    let sensor = installation.object("Deployment", "sensor").expect("sensor");
    let container = &sensor["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/ready");
    for name in ["central", "scanner", "admission-control", "collector", "sensor"] {
        assert!(installation.object("SecurityContextConstraints", name).is_none(), "{name}");
        let new = format!("stackrox-{name}");
        assert!(installation.object("SecurityContextConstraints", &new).is_some(), "{new}");
    }
    assert!(installation.object("Lease", "kubectl-rhacs").is_none(), "the lock is released");
}

#[test]
fn a_second_run_changes_nothing() {
    let installation = Installation::at("3.66.1").start();
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0);
    let before = installation.essences();
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0).says("nothing to do");
    assert_eq!(installation.essences(), before);
    upgrade(&installation, "plan --to 3.69.2 --exit-code").ends_with(0);
}

#[test]
fn one_component_can_go_first() {
    let installation = Installation::at("3.66.1").start();
    upgrade(&installation, "--to 3.69.2 --components central --yes").ends_with(0);
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.69.2"));
    assert!(installation.image("Deployment", "sensor", "sensor").ends_with(":3.66.1"));
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0);
    assert!(installation.image("Deployment", "sensor", "sensor").ends_with(":3.69.2"));
}

#[test]
fn a_mirror_is_kept_and_another_can_be_named() {
    let mirrored = |objects: &mut Vec<serde_json::Value>| {
        let text = serde_json::to_string(objects).expect("json");
        let text = text.replace("registry.redhat.io/rh-acs", "mirror.example:5000/acs");
        *objects = serde_json::from_str(&text).expect("json");
    };
    let installation = Installation::at("3.62.1").but(mirrored).start();
    upgrade(&installation, "--to 3.69.2 --components central --yes").ends_with(0);
    let image = installation.image("Deployment", "central", "central");
    assert_eq!(image, "mirror.example:5000/acs/rhacs-main-rhel8:3.69.2");
    let words = "--to 3.69.2 --components secured --registry other.example/acs --yes";
    upgrade(&installation, words).ends_with(0);
    let image = installation.image("Deployment", "sensor", "sensor");
    assert_eq!(image, "other.example/acs/rhacs-main-rhel8:3.69.2");
}

#[test]
fn another_namespace_is_upgraded_as_well() {
    let installation = Installation::at("3.62.1").on_openshift().in_namespace("rhacs").start();
    upgrade(&installation, "status").ends_with(2).says("-n");
    upgrade(&installation, "-n rhacs --to 3.69.2 --yes").ends_with(0);
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.69.2"));
}

#[test]
fn status_shows_what_runs() {
    let installation = Installation::at("3.66.1").start();
    let status = upgrade(&installation, "status -o json").ends_with(0).json();
    assert_eq!(status["central"], "3.66.1");
    let workloads = status["workloads"].as_array().expect("workloads");
    assert!(workloads.iter().all(|workload| workload["healthy"] == true), "{status}");
    assert_eq!(status["clusters"][0]["sensorVersion"], "3.66.1");
    upgrade(&installation, "status").ends_with(0).says("Central serves 3.66.1");
}

#[test]
fn history_keeps_what_was_done() {
    let installation = Installation::at("3.66.1").start();
    upgrade(&installation, "history").ends_with(0).says("no runs are recorded");
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0);
    let runs = upgrade(&installation, "history -o json").ends_with(0).json()["runs"].clone();
    assert_eq!(runs[0]["state"], "finished");
    assert_eq!(runs[0]["to"], "3.69.2");
    let run = runs[0]["run"].as_str().expect("a run");
    upgrade(&installation, &format!("history {run}")).ends_with(0).says("central");
    upgrade(&installation, "history 20200101-000000-none").ends_with(2);
    upgrade(&installation, "resume").ends_with(2).says("no run to resume");
}

#[test]
fn the_token_is_revoked_when_asked() {
    let installation = Installation::at("3.66.1").start();
    upgrade(&installation, "--to 3.69.2 --revoke-token --yes").ends_with(0);
    upgrade(&installation, "plan --to 3.74.9 -o json").ends_with(0).says("RHACS-");
    let check = upgrade(&installation, "check --to 3.74.9 -o json").ends_with(3).json();
    let findings = check["findings"].as_array().expect("findings");
    assert!(
        findings.iter().any(|finding| { finding["code"] == "RHACS-CENTRAL-UNAUTHORIZED" }),
        "{check}"
    );
}

#[test]
fn events_tell_the_run_line_by_line_to_programs() {
    let installation = Installation::at("3.66.1").start();
    let done = upgrade(&installation, "--to 3.69.2 --events json --yes").ends_with(0);
    let events: Vec<serde_json::Value> = done
        .stderr
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).expect("an event"))
        .collect();
    assert_eq!(events.first().expect("events")["event"]["event"], json!("runStarted"));
    assert_eq!(events.last().expect("events")["event"]["event"], json!("runFinished"));
}

#[test]
fn automatic_upgrade_is_waited_for() {
    let installation = Installation::at("3.66.1").start();
    installation.simulation().central().set_auto_upgrade(true);
    let plan = upgrade(&installation, "plan --to 3.69.2").ends_with(0);
    assert!(plan.stdout.contains("sensor-upgrader"), "{}", plan.stdout);
    assert!(!plan.stdout.contains("deploy/sensor"), "{}", plan.stdout);
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0).says("sensor upgrader");
    assert!(installation.image("Deployment", "sensor", "sensor").ends_with(":3.69.2"));
}

#[test]
fn a_customised_scanner_configuration_is_kept_unless_it_is_to_be_replaced() {
    let customised = |objects: &mut Vec<serde_json::Value>| {
        let config = objects.iter_mut().find(|object| {
            object["kind"] == "ConfigMap" && object["metadata"]["name"] == "scanner-config"
        });
        let text = &mut config.expect("scanner-config")["data"]["config.yaml"];
        let custom = text.as_str().expect("text").replace("interval: 5m", "interval: 7h");
        *text = json!(custom);
    };
    let config = |installation: &Installation| {
        let map = installation.object("ConfigMap", "scanner-config").expect("scanner-config");
        map["data"]["config.yaml"].as_str().expect("text").to_owned()
    };
    let installation = Installation::at("3.66.1").but(customised).start();
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0).says("7h");
    assert!(config(&installation).contains("interval: 7h"));
    let installation = Installation::at("3.66.1").but(customised).start();
    upgrade(&installation, "--to 3.69.2 --scanner-config=replace --yes").ends_with(0);
    assert!(!config(&installation).contains("interval: 7h"));
}
