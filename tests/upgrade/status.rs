//! `status`: what it shows, and what it tells a script.

use rhacs_tests::Installation;
use serde_json::{Value, json};
use sim::store::DeleteOptions;

use crate::{UPGRADE, upgrade};

/// The object of this kind and name among those of an installation that is being made.
fn object<'a>(objects: &'a mut [Value], kind: &str, name: &str) -> &'a mut Value {
    objects
        .iter_mut()
        .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
        .expect(name)
}

fn texts(list: &Value, field: &str) -> Vec<String> {
    let items = list.as_array().expect("a list").iter();
    items.map(|item| item[field].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_healthy_installation_of_any_release_says_so() {
    for version in ["3.66.1", "4.8.11"] {
        let installation = Installation::at(version).start();
        let done = upgrade(&installation, "status --exit-code -o json");
        let status = done.json();
        assert_eq!((&status["work"], done.code), (&json!([]), Some(0)), "{version}: {status:#}");
        assert_eq!(status["schema"], 1);
        assert_eq!(status["result"], "healthy");
        assert_eq!(status["notLookedAt"], json!([]));
        assert_eq!(status["version"], version);
        let workloads = status["workloads"].as_array().expect("workloads");
        assert!(workloads.iter().all(|it| it["version"] == version || version == "3.66.1"));
        let certificates = &status["certificates"];
        assert!(texts(certificates, "object").contains(&"secret/central-tls".to_owned()));
        // From 4.3 on Sensor renews its own certificates, and those in use are looked at.
        let (field, sensor) = match version {
            "3.66.1" => ("key", "sensor-cert.pem"),
            _ => ("object", "secret/tls-cert-sensor"),
        };
        assert!(texts(certificates, field).contains(&sensor.to_owned()), "{certificates}");
        upgrade(&installation, "status").ends_with(0).says("everything is as it should be");
    }
}

#[test]
fn what_is_left_to_do_is_listed_and_told_to_scripts() {
    let of_ours = |objects: &mut Vec<Value>| {
        let collector = object(objects, "DaemonSet", "collector");
        let container = &mut collector["spec"]["template"]["spec"]["containers"][0];
        container["image"] = json!("mirror.example/acs/ours:prod");
        objects.push(json!({
            "apiVersion": "v1", "kind": "Secret", "type": "rhacs.kubectl/run",
            "metadata": {
                "name": "kubectl-rhacs-run-20260101-080000-abcd", "namespace": "stackrox",
                "labels": {"rhacs.kubectl/state": "interrupted", "rhacs.kubectl/operation": "upgrade"},
            },
        }));
    };
    let installation = Installation::at("3.66.1").but(of_ours).start();
    installation.change("Deployment", "sensor", |sensor| sensor["spec"]["replicas"] = json!(0));
    installation.change("Deployment", "scanner", |scanner| scanner["spec"]["paused"] = json!(true));
    let store = installation.simulation().store();
    let deleted = store.delete(
        "deployments.apps",
        Some("stackrox"),
        "scanner-db",
        &DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() },
    );
    assert!(deleted.is_ok());
    let status = upgrade(&installation, "status --exit-code -o json").ends_with(10).json();
    let work = texts(&status["work"], "object");
    for object in
        ["deploy/scanner-db", "deploy/sensor", "deploy/scanner", "run 20260101-080000-abcd"]
    {
        assert!(work.contains(&object.to_owned()), "{object}: {status:#}");
    }
    let rows = status["workloads"].as_array().expect("workloads");
    let ours = rows.iter().find(|row| row["container"] == "collector").expect("it is not left out");
    assert_eq!((&ours["version"], &ours["versionFrom"]), (&json!("?"), &json!("unknown")));
    assert_eq!(status["missing"][0]["object"], "deploy/scanner-db");
    upgrade(&installation, "status")
        .ends_with(0)
        .says("it is scaled to 0")
        .says("kubectl -n stackrox rollout resume deploy/scanner")
        .says("kubectl rhacs upgrade resume 20260101-080000-abcd");
}

#[test]
fn a_central_that_does_not_answer_is_no_success() {
    let installation = Installation::at("3.66.1").start();
    let with = |words: &str, token: Option<&str>| {
        let words: Vec<&str> = words.split_whitespace().collect();
        installation.run_with(UPGRADE, &words, |command| {
            command.env_remove("ROX_API_TOKEN").envs(token.map(|token| ("ROX_API_TOKEN", token)));
        })
    };
    with("status", Some("nonsense")).ends_with(5).says("COMPONENT").says("Not looked at");
    let status = with("status --exit-code -o json", Some("nonsense")).ends_with(5).json();
    assert_eq!(status["result"], "notLookedAt");
    with("status --endpoint 127.0.0.1:1", Some("nonsense")).ends_with(5);
    // Nobody asked: it is said, and is no failure.
    with("status --exit-code", None).ends_with(0).says("no credentials").says("that was looked at");
    // Without the API server there is nothing to look at.
    upgrade(&installation, "status --exit-code -s https://127.0.0.1:1").ends_with(5);
}

#[test]
fn what_helm_manages_is_looked_at_as_well() {
    let release = "stackrox-central-services";
    let released = move |objects: &mut Vec<Value>| {
        objects.push(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": format!("sh.helm.release.v1.{release}.v1"), "namespace": "stackrox",
                "labels": {"owner": "helm", "status": "deployed"},
            },
        }));
    };
    let installation = Installation::at("4.8.11").but(released).start();
    let status = upgrade(&installation, "status --exit-code -o json").ends_with(0).json();
    assert_eq!(status["managedBy"]["central"]["method"], "helm");
    assert_eq!(status["managedBy"]["central"]["driver"], "configmap");
    upgrade(&installation, "status")
        .ends_with(0)
        .says("managed by Helm (release stackrox-central-services)");
}

/// A certificate that ended in 2021, made for this test as PEM in base64; its key is gone.
const EXPIRED: &str = include_str!("testdata/expired.pem.base64");

#[test]
fn an_expired_certificate_is_found_where_a_real_bundle_has_it() {
    for (part, key) in [("sensor", "sensor-cert.pem"), ("collector", "collector-cert.pem")] {
        let installation = Installation::at("3.66.1").start();
        installation.change("Secret", &format!("{part}-tls"), |secret| {
            assert!(secret["data"][key].is_string(), "it is there as in a real bundle");
            secret["data"][key] = json!(EXPIRED.trim());
        });
        let checked = upgrade(&installation, "check --to 3.69.2").ends_with(3);
        checked.says("RHACS-CERTIFICATE-EXPIRED").says(&format!("secret/{part}-tls"));
        let status = upgrade(&installation, "status --exit-code -o json").ends_with(10).json();
        assert_eq!(status["certificates"][0]["object"], format!("secret/{part}-tls"));
        assert_eq!(status["certificates"][0]["key"], key);
        upgrade(&installation, "status").ends_with(0).says("its certificate expired");
    }
}
