//! Which Secrets a delivery to the collectors of a namespace touches, and which it leaves alone.

use rhacs_tests::Stage;
use rhacs_tests::collector::{NAMESPACE, TOKEN_KEY, encode, small_collector};
use serde_json::{Value, json};
use sim::faults::{RequestAction, RequestRule};
use sim::splunk::Seed;

use crate::clusters::{assert_delivered, one_cluster, with_token};
use crate::{OLD, rotations, sf};

const ROTATE: &str = "rotate myToken --graceful 7d --to-collector monitoring";

/// The small installation whose workloads mount these Secrets whole instead of reading variables.
fn mounting(secrets: &[&str]) -> Vec<Value> {
    let mut objects = small_collector(OLD);
    for object in objects.iter_mut().filter(|object| object["kind"] != "Secret") {
        let spec = &mut object["spec"]["template"]["spec"];
        spec["containers"][0]["env"] = Value::Null;
        spec["containers"][0]["volumeMounts"] = secrets
            .iter()
            .map(|name| json!({"name": name, "mountPath": format!("/mounted/{name}")}))
            .collect();
        spec["volumes"] = secrets
            .iter()
            .map(|name| json!({"name": name, "secret": {"secretName": name}}))
            .collect();
    }
    objects
}

fn secret(name: &str, keys: &[&str]) -> Value {
    let data: serde_json::Map<String, Value> =
        keys.iter().map(|key| ((*key).to_owned(), encode("of somebody else").into())).collect();
    json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
           "metadata": {"name": name, "namespace": NAMESPACE}, "data": data})
}

#[test]
fn other_secrets_that_a_collector_mounts_are_left_alone() {
    let mut objects = mounting(&["my-ca", "etcd-secret", "otel"]);
    objects.push(secret("my-ca", &["ca.crt"]));
    objects.push(secret("etcd-secret", &["ca.crt", "tls.crt", "tls.key"]));
    let stage = with_token().cluster("east", objects).start();
    sf(&stage, ROTATE).ends_with(0);
    assert_delivered(&stage, "east", "otel");
    for name in ["my-ca", "etcd-secret"] {
        let held = stage.secret_value("east", name, "ca.crt");
        assert_eq!(held.as_deref(), Some("of somebody else"), "{name}");
    }
}

#[test]
fn a_secret_without_the_tokens_key_is_no_collectors_secret() {
    let mut objects = mounting(&["my-ca"]);
    objects.push(secret("my-ca", &["ca.crt"]));
    let stage = with_token().cluster("east", objects).start();
    sf(&stage, ROTATE).ends_with(3).says("SF-NO-COLLECTOR");
    assert!(rotations(&stage).is_empty());
    // Whoever names it means it.
    sf(&stage, "rotate myToken --graceful 7d --to-secret monitoring/my-ca").ends_with(0);
    assert_ne!(stage.secret_value("east", "my-ca", "ca.crt").as_deref(), Some("of somebody else"));
}

#[test]
fn a_mounted_secret_that_cannot_be_read_stops_it_only_where_it_is_all_there_is() {
    for (mounted, code) in [(["closed", "otel"].as_slice(), 0), (&["closed"], 3)] {
        let mut objects = mounting(mounted);
        objects.push(secret("closed", &["ca.crt"]));
        let stage = with_token().cluster("east", objects).start();
        let refuse = RequestRule::api(RequestAction::refuse(403)).path("*/secrets/closed*");
        stage.cluster("east").faults().add_rule(refuse);
        sf(&stage, ROTATE).ends_with(code);
        assert_eq!(rotations(&stage).len(), usize::from(code == 0), "{mounted:?}");
    }
}

#[test]
fn two_keys_of_one_secret_are_both_written() {
    const OTHER_KEY: &str = "splunk_o11y_access_token";
    let mut objects = small_collector(OLD);
    objects[0]["data"][OTHER_KEY] = encode(OLD).into();
    for object in objects.iter_mut().filter(|object| object["kind"] == "Deployment") {
        let container = &mut object["spec"]["template"]["spec"]["containers"][0];
        container["env"][0]["valueFrom"]["secretKeyRef"]["key"] = OTHER_KEY.into();
    }
    let stage = with_token().cluster("east", objects).start();
    sf(&stage, ROTATE).ends_with(0);
    assert_delivered(&stage, "east", "otel");
    let [one, other] = [TOKEN_KEY, OTHER_KEY].map(|key| stage.secret_value("east", "otel", key));
    assert_eq!(one, other);
}

#[test]
fn a_renamed_chart_with_another_image_is_known_by_its_version() {
    let mut objects = small_collector(OLD);
    for object in objects.iter_mut().filter(|object| object["kind"] != "Secret") {
        let component = object["metadata"]["labels"]["component"].clone();
        object["metadata"]["labels"] = json!({"app": "o11y", "component": component,
            "helm.sh/chart": "splunk-otel-collector-0.158.0"});
        object["spec"]["template"]["spec"]["containers"][0]["image"] =
            "mirror.example/o11y/collector:1".into();
    }
    let stage = with_token().cluster("east", objects).start();
    sf(&stage, ROTATE).ends_with(0);
    assert_delivered(&stage, "east", "otel");
}

#[test]
fn another_tokens_secret_is_not_replaced_by_a_slip() {
    let builder = sim::splunk::Splunk::builder().tokens([crate::my_token(), Seed::ingest("other")]);
    let stage = Stage::with(builder).cluster("east", small_collector(OLD)).start();
    sf(&stage, ROTATE).ends_with(0);
    let sync = "sync other --to-collector monitoring";
    sf(&stage, sync).ends_with(3).says("SF-SECRET-DIFFERS").says("`myToken`");
    assert_delivered(&stage, "east", "otel");
    sf(&stage, &format!("{sync} --accept SF-SECRET-DIFFERS")).ends_with(0);
    let held = stage.secret_value("east", "otel", TOKEN_KEY);
    let other = stage.splunk().secret("other").expect("a secret");
    assert_eq!(held.as_deref(), Some(secrecy::ExposeSecret::expose_secret(&other)));
}

#[test]
fn a_token_that_was_renamed_is_no_other_one() {
    let stage = one_cluster();
    sf(&stage, ROTATE).ends_with(0);
    sf(&stage, "rename myToken renamed --yes").ends_with(0);
    sf(&stage, "rotate renamed --graceful 7d --accept SF-RECENT").ends_with(0);
    let finished = sf(&stage, "sync renamed --to-collector monitoring").ends_with(0);
    assert!(finished.stderr.contains("SF-SECRET-DIFFERS"), "{}", finished.stderr);
    assert!(finished.stderr.contains("was it renamed?"), "{}", finished.stderr);
}

#[test]
fn a_key_may_be_written_without_the_right_to_see_who_reads_it() {
    let stage = one_cluster();
    let refuse = RequestRule::api(RequestAction::refuse(403)).method("GET").path("*/daemonsets*");
    stage.cluster("east").faults().add_rule(refuse);
    let words = format!("rotate myToken --graceful 7d --to-secret monitoring/otel:{TOKEN_KEY}");
    sf(&stage, &words).ends_with(3).says("SF-NAMESPACE-REFUSED");
    sf(&stage, &format!("{ROTATE} --no-restart")).ends_with(3).says("SF-NAMESPACE-REFUSED");
    assert!(rotations(&stage).is_empty());
    sf(&stage, &format!("{words} --no-restart")).ends_with(0).says("SF-NAMESPACE-REFUSED");
    let held = stage.secret_value("east", "otel", TOKEN_KEY);
    assert_ne!(held.as_deref(), Some(OLD));
}
