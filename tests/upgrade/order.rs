//! Central first, whatever it is called and wherever it is.

use common::cluster::decoded;
use rhacs_tests::{Finished, Installation};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sim::store::{Subresource, Writer};

use crate::{UPGRADE, upgrade};

const SECURED: [&str; 3] = ["sensor", "collector", "admission-control"];

#[test]
fn a_sensor_does_not_go_ahead_of_a_central_under_another_name() {
    let renamed = |objects: &mut Vec<Value>| {
        let is_central =
            |it: &&mut Value| it["kind"] == "Deployment" && it["metadata"]["name"] == "central";
        let central = objects.iter_mut().find(is_central).expect("central");
        central["metadata"]["name"] = json!("prod-central");
    };
    let installation = Installation::at("3.66.1").but(renamed).without_waiting().start();
    let refused = upgrade(&installation, "--to 3.69.2 --yes").ends_with(3);
    refused.says("RHACS-WORKLOAD-RENAMED").says("deploy/prod-central");
    assert!(installation.image("Deployment", "sensor", "sensor").ends_with(":3.66.1"));
}

/// A cluster that is secured only, whose sensor speaks to the Central at `endpoint`.
fn secured(endpoint: &str) -> Installation {
    let endpoint = endpoint.to_owned();
    let only_secured = move |objects: &mut Vec<Value>| {
        objects.retain(|object| {
            let is_workload = matches!(object["kind"].as_str(), Some("Deployment" | "DaemonSet"));
            let is_secured = SECURED.iter().any(|name| object["metadata"]["name"] == *name);
            object["metadata"]["name"] != "central-tls" && (!is_workload || is_secured)
        });
        let sensor = objects
            .iter_mut()
            .find(|it| it["kind"] == "Deployment" && it["metadata"]["name"] == "sensor");
        let sensor = sensor.expect("sensor");
        let env = &mut sensor["spec"]["template"]["spec"]["containers"][0]["env"];
        let env = env.as_array_mut().expect("env");
        env.retain(|entry| entry["name"] != "ROX_CENTRAL_ENDPOINT");
        env.push(json!({"name": "ROX_CENTRAL_ENDPOINT", "value": endpoint}));
    };
    Installation::at("3.66.1").but(only_secured).without_waiting().start()
}

/// Runs the upgrade on `remote` with the token of `home`'s Central, whose authority is trusted.
fn with_token_of(home: &Installation, remote: &Installation, words: &str) -> Finished {
    let secret = home.object("Secret", "central-tls").expect("central-tls");
    let ca = decoded(&secret, "ca.pem").expect("an authority");
    // The secured cluster has its certificates from that Central.
    let (by, store) = (Writer::new("kubectl"), remote.simulation().store());
    for name in ["sensor-tls", "collector-tls", "admission-control-tls"] {
        let of_home = |own: &mut Value| own["data"]["ca.pem"] = secret["data"]["ca.pem"].clone();
        let changed =
            store.modify("secrets", Some("stackrox"), name, Subresource::Main, &by, of_home);
        changed.expect("changed");
    }
    std::fs::write(remote.directory().join("ca.pem"), ca).expect("written");
    let mut words: Vec<&str> = words.split_whitespace().collect();
    words.extend(["--ca", "ca.pem"]);
    let token = home.simulation().admin_token();
    remote.run_with(UPGRADE, &words, |command| {
        command.env("ROX_API_TOKEN", token.expose_secret());
    })
}

#[test]
fn the_central_that_a_sensor_names_is_asked_first() {
    let home = Installation::at("3.66.1").start();
    home.simulation().central().set_auto_upgrade(false);
    let remote = secured(&home.simulation().central_address().to_string());
    let refused = with_token_of(&home, &remote, "--to 3.69.2 --yes").ends_with(3);
    refused.says("RHACS-CENTRAL-FIRST").says("runs 3.66.1, this plan goes to 3.69.2");
    assert!(remote.image("Deployment", "sensor", "sensor").ends_with(":3.66.1"));
    upgrade(&home, "--to 3.69.2 --yes").ends_with(0);
    let check = with_token_of(&home, &remote, "check --to 3.69.2 -o json").json();
    let findings = check["findings"].as_array().expect("findings");
    let central = findings
        .iter()
        .filter(|it| it["code"].as_str().is_some_and(|code| code.starts_with("RHACS-CENTRAL-")));
    assert_eq!(central.count(), 0, "{check}");
}

#[test]
fn a_central_that_cannot_be_asked_has_to_be_vouched_for() {
    let remote = secured("127.0.0.1:1");
    let refused = upgrade(&remote, "--to 3.69.2 --yes").ends_with(3);
    assert!(!refused.stderr.contains("neither a token nor a password"), "{}", refused.stderr);
    refused.says("RHACS-CENTRAL-UNKNOWN").says("127.0.0.1:1");
    let anonymous = |words: &str| {
        let words: Vec<&str> = words.split_whitespace().collect();
        remote.run_with(UPGRADE, &words, |command| {
            command.env_remove("ROX_API_TOKEN");
        })
    };
    let refused = anonymous("--to 3.69.2 --yes").ends_with(3);
    refused.says("there are no credentials for it").says("--accept RHACS-CENTRAL-UNKNOWN");
    let done = anonymous("--to 3.69.2 --yes --accept RHACS-CENTRAL-UNKNOWN").ends_with(0);
    done.says("its workloads are ready; Central did not say what it runs");
    assert!(remote.image("Deployment", "sensor", "sensor").ends_with(":3.69.2"));
}

#[test]
fn an_image_that_contradicts_the_target_is_refused_before_anything_changes() {
    let installation = Installation::at("3.66.1").start();
    let image = "registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:3.68.1";
    let words = format!("--to 3.69.2 --image main={image} --yes");
    let refused = upgrade(&installation, &words).ends_with(3);
    refused.says("RHACS-IMAGE-CONTRADICTS").says("is 3.68.1, not 3.69.2");
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.66.1"));
    let words = "--to 3.69.2 --image central=mirror.example/acs:latest --yes";
    upgrade(&installation, words).ends_with(3).says("RHACS-IMAGE-VERSION-UNKNOWN");
}

#[test]
fn data_that_go_with_the_pod_are_said_to_be_lost_and_how_they_come_back() {
    let in_pod = |objects: &mut Vec<Value>| {
        let is_central =
            |it: &&mut Value| it["kind"] == "Deployment" && it["metadata"]["name"] == "central";
        let central = objects.iter_mut().find(is_central).expect("central");
        let volumes = central["spec"]["template"]["spec"]["volumes"].as_array_mut();
        for volume in volumes.expect("volumes") {
            if volume["name"] == "stackrox-db" {
                *volume = json!({"name": "stackrox-db", "emptyDir": {}});
            }
        }
    };
    let installation = Installation::at("3.66.1").but(in_pod).start();
    let refused = upgrade(&installation, "--to 3.69.2 --yes").ends_with(3);
    for promise in ["can go back", "there is room for the copy"] {
        let all = format!("{}{}", refused.stdout, refused.stderr);
        assert!(!all.contains(promise), "{promise}:\n{all}");
    }
    refused.says("RHACS-CENTRAL-NOT-PERSISTENT").says("central db restore");
    let plan = upgrade(&installation, "plan --to 3.69.2 -o json").ends_with(0).json();
    let steps = plan["steps"].as_array().or_else(|| plan["plan"]["steps"].as_array());
    let central = steps.expect("steps").iter().find(|step| step["id"] == "central");
    assert_eq!(central.expect("central")["undo"]["kind"], "partly");
    let accepted = "--to 3.69.2 --yes --accept RHACS-CENTRAL-NOT-PERSISTENT";
    let done = upgrade(&installation, accepted).ends_with(0);
    let backup = done.stdout.lines().find_map(|line| line.strip_prefix("Backup:"));
    let backup = backup.and_then(|line| line.split_whitespace().next()).expect("a backup");
    let restore = format!("roxctl -e HOST:PORT central db restore {backup}");
    done.says(&restore);
}

#[test]
fn a_deliberate_single_scanner_is_kept_and_said() {
    let single = |objects: &mut Vec<Value>| {
        for object in objects.iter_mut().filter(|it| it["kind"] == "HorizontalPodAutoscaler") {
            object["spec"]["minReplicas"] = json!(1);
            object["spec"]["maxReplicas"] = json!(1);
        }
    };
    let limits = |installation: &Installation| {
        let spec =
            installation.object("HorizontalPodAutoscaler", "scanner").expect("hpa")["spec"].clone();
        (spec["minReplicas"].as_i64(), spec["maxReplicas"].as_i64())
    };
    let installation = Installation::at("3.66.1").but(single).start();
    let told = upgrade(&installation, "check --to 3.69.2").ends_with(0);
    told.says("RHACS-SCANNER-REPLICAS").says("--keep-replicas");
    let kept = upgrade(&installation, "--to 3.69.2 --keep-replicas --yes").ends_with(0);
    kept.says("hpa/scanner keeps minReplicas 1");
    assert_eq!(limits(&installation), (Some(1), Some(1)));
}
