//! Quotas and limit ranges: told before the run, and the end of a wait that they make hopeless.

use std::time::{Duration, Instant};

use rhacs_tests::Installation;
use serde_json::{Value, json};
use sim::store::{Subresource, Writer};

use crate::upgrade;

const ACCEPTED: &str =
    "--to 3.69.2 --components secured --accept RHACS-QUOTA-TIGHT --timeout 300s --yes";

/// An installation whose Central is upgraded already, so that the runs are about the rest.
fn installation() -> Installation {
    let installation = Installation::at("3.66.1").start();
    upgrade(&installation, "--to 3.69.2 --components central,scanner --yes").ends_with(0);
    installation
}

fn create(installation: &Installation, resource: &str, kind: &str, spec: &Value) {
    let object = json!({"apiVersion": "v1", "kind": kind,
        "metadata": {"name": "narrow", "namespace": "stackrox"}, "spec": spec});
    let store = installation.simulation().store();
    store.create(resource, object, &Writer::new("test")).expect("it is created");
}

/// Allows the namespace as many pods as it has, and so many more.
fn allow_pods(installation: &Installation, more: usize) {
    let of_kind = |kind: &str| -> Vec<Value> {
        installation.objects().into_iter().filter(|object| object["kind"] == kind).collect()
    };
    let is_ending = |pod: &Value| pod["metadata"]["deletionTimestamp"].is_string();
    wait_until("no pod ends any more", || !of_kind("Pod").iter().any(is_ending));
    let hard = json!({"pods": (of_kind("Pod").len() + more).to_string()});
    if of_kind("ResourceQuota").is_empty() {
        create(installation, "resourcequotas", "ResourceQuota", &json!({"hard": hard}));
    } else {
        let (store, by, main) =
            (installation.simulation().store(), Writer::new("test"), Subresource::Main);
        let change = |quota: &mut Value| quota["spec"]["hard"] = hard.clone();
        store
            .modify("resourcequotas", Some("stackrox"), "narrow", main, &by, change)
            .expect("it is changed");
    }
    wait_until("the quota is counted", || of_kind("ResourceQuota")[0]["status"]["hard"] == hard);
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(120), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_quota_without_room_is_told_before_the_run_and_ends_its_wait() {
    let installation = installation();
    allow_pods(&installation, 0);
    upgrade(&installation, "--to 3.69.2 --components secured --yes")
        .ends_with(3)
        .says("RHACS-QUOTA-TIGHT")
        .says("ResourceQuota `narrow` is used up");
    assert!(installation.image("Deployment", "sensor", "sensor").ends_with(":3.66.1"));
    upgrade(&installation, ACCEPTED)
        .ends_with(4)
        .says("deploy/admission-control")
        .says("exceeded quota: narrow, requested: pods=1")
        .says("kubectl describe replicaset.apps/admission-control");
    allow_pods(&installation, 1);
    upgrade(&installation, "resume --yes").ends_with(0);
    let image = installation.image("Deployment", "admission-control", "admission-control");
    assert!(image.ends_with(":3.69.2"), "{image}");
}

#[test]
fn a_rollout_that_makes_its_own_room_goes_on_in_a_full_quota() {
    let installation = Installation::at("3.66.1")
        .but(|objects| {
            let deployment = objects.iter_mut().find(|object| {
                object["kind"] == "Deployment" && object["metadata"]["name"] == "admission-control"
            });
            deployment.expect("admission-control")["spec"]["strategy"] =
                json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}});
        })
        .start();
    allow_pods(&installation, 0);
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0);
    let image = installation.image("Deployment", "admission-control", "admission-control");
    assert!(image.ends_with(":3.69.2"), "{image}");
}

#[test]
fn a_limit_range_that_refuses_a_pod_is_told_before_the_run_and_ends_its_wait() {
    let installation = installation();
    let limits = json!([{"type": "Container", "max": {"memory": "300Mi"}}]);
    create(&installation, "limitranges", "LimitRange", &json!({"limits": limits}));
    upgrade(&installation, "--to 3.69.2 --components secured --yes")
        .ends_with(3)
        .says("LimitRange `narrow` does not allow");
    let accepted = "--to 3.69.2 --components secured --accept RHACS-LIMIT-RANGE --yes";
    upgrade(&installation, accepted)
        .ends_with(4)
        .says("maximum memory usage per Container is 300Mi");
}
