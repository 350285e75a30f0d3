use serde_json::{Value, json};
use sim::store::meta;
use sim::world::{Plan, World};

use crate::support::manifest;

async fn openshift(name: &str) -> Option<World> {
    let objects = manifest(name)?;
    let plan = Plan { objects, openshift: true, ..Plan::default() };
    Some(World::start(plan).await.unwrap())
}

/// The constraint that admitted the pods of an app; all pods have the same one.
fn constraint(world: &World, app: &str) -> String {
    let pods = world.store.list("pods", None);
    let mut admitted: Vec<&str> = pods
        .iter()
        .filter(|pod| meta::label(pod, "app") == Some(app))
        .map(|pod| pod["metadata"]["annotations"]["openshift.io/scc"].as_str().unwrap())
        .collect();
    admitted.dedup();
    assert_eq!(admitted.len(), 1, "{app}: {admitted:?}");
    admitted[0].to_owned()
}

#[tokio::test]
async fn every_real_installation_comes_up() {
    for release in [
        "3.0.58.1", "3.0.62.1", "3.63.0", "3.66.1", "3.69.2", "3.74.9", "4.3.8", "4.8.11", "4.11.1",
    ] {
        for platform in ["kubernetes", "openshift"] {
            let Some(objects) = manifest(&format!("{release}-{platform}.yaml")) else { return };
            let plan = Plan { objects, openshift: platform == "openshift", ..Plan::default() };
            let begun = std::time::Instant::now();
            let world = World::start(plan)
                .await
                .unwrap_or_else(|error| panic!("{release} on {platform}: {error}"));
            eprintln!("{release} on {platform}: up after {:?}", begun.elapsed());
            assert_eq!(
                world.central.version().unwrap().tag(),
                release.parse::<common::rhacs::Version>().unwrap().tag()
            );
            // OpenShift's monitoring is no part of the embedded cluster, and pod security policies are
            // older than it.
            let unknown = |object: &&String| {
                !["PrometheusRule/", "ServiceMonitor/", "PodSecurityPolicy/"]
                    .iter()
                    .any(|kind| object.starts_with(kind))
            };
            assert_eq!(world.skipped.iter().find(unknown), None, "{release} on {platform}");
        }
    }
}

#[tokio::test]
async fn old_installations_run_under_their_own_constraints() {
    let Some(world) = openshift("3.0.62.1-openshift.yaml").await else { return };
    for (app, expected) in [
        ("central", "central"),
        ("scanner", "scanner"),
        ("scanner-db", "scanner"),
        ("collector", "collector"),
    ] {
        assert_eq!(constraint(&world, app), expected, "{app}");
    }
    let Some(world) = openshift("3.69.2-openshift.yaml").await else { return };
    for (app, expected) in
        [("central", "stackrox-central"), ("admission-control", "stackrox-admission-control")]
    {
        assert_eq!(constraint(&world, app), expected, "{app}");
    }
}

#[tokio::test]
async fn new_installations_run_under_the_constraints_of_openshift() {
    let Some(world) = openshift("4.11.1-openshift.yaml").await else { return };
    for (app, expected) in [
        ("central", "nonroot-v2"),
        ("central-db", "nonroot-v2"),
        ("scanner", "nonroot-v2"),
        ("sensor", "restricted-v2"),
        ("admission-control", "restricted-v2"),
        ("collector", "privileged"),
    ] {
        assert_eq!(constraint(&world, app), expected, "{app}");
    }
}

#[tokio::test]
async fn a_pod_that_no_constraint_admits_is_not_created() {
    let objects = vec![json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "ns"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "image": "r/main:1", "securityContext": {"runAsUser": 4000}}]},
        }},
    })];
    let plan = Plan { objects, openshift: true, wait: false, ..Plan::default() };
    let world = World::start(plan).await.unwrap();
    crate::support::until(&world, "refusal", |world| {
        let failure = crate::support::condition(&crate::support::read(world, "deployments.apps", "web"), "ReplicaFailure");
        failure.is_some_and(|(_, _, message)| {
            message.contains("unable to validate against any security context constraint")
                && message.contains("provider restricted-v2: .containers[0].runAsUser: Invalid value: 4000: must be in the ranges: [1000660000, 1000669999]")
                && message.contains("provider \"privileged\": Forbidden: not usable by user or serviceaccount")
        })
    })
    .await;
    assert_eq!(world.store.list("pods", None), Vec::<std::sync::Arc<Value>>::new());
}
