//! What is kept and what is lost: StatefulSets, claims, sidecars, and why a cluster does not come up.

use serde_json::{Value, json};
use sim::central::CentralOptions;
use sim::store::{DeleteOptions, Subresource, Writer, meta};
use sim::world::{Plan, World};

use crate::support::{change, deployment, pods, read, rolled_out, set_image, until, world};

fn stateful_set(name: &str, replicas: u32) -> Value {
    let mut object = deployment(name, replicas, &json!({}));
    object["kind"] = json!("StatefulSet");
    object["spec"].as_object_mut().unwrap().remove("strategy");
    object["spec"]["serviceName"] = json!(name);
    object["spec"]["volumeClaimTemplates"] = json!([{
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }]);
    object
}

fn names(world: &World, app: &str) -> Vec<String> {
    pods(world, app).iter().map(|pod| meta::name(pod).to_owned()).collect()
}

#[tokio::test]
async fn a_stateful_set_has_numbered_pods_which_keep_their_claims() {
    let world = world(vec![stateful_set("db", 2)]).await;
    assert_eq!(names(&world, "db"), ["db-0", "db-1"]);
    let uids = |world: &World| -> Vec<String> {
        pods(world, "db").iter().map(|pod| meta::uid(pod).to_owned()).collect()
    };
    let before = uids(&world);
    set_image(&world, "statefulsets.apps", "db", "r/main:2");
    until(&world, "both are of the new image", |world| {
        let pods = pods(world, "db");
        let status = &read(world, "statefulsets.apps", "db")["status"];
        pods.len() == 2
            && pods.iter().all(|pod| pod["spec"]["containers"][0]["image"] == "r/main:2")
            && status["readyReplicas"] == 2
            && status["currentRevision"] == status["updateRevision"]
    })
    .await;
    assert!(uids(&world).iter().all(|uid| !before.contains(uid)));
    let claims = world.store.list("persistentvolumeclaims", Some("ns"));
    assert_eq!(
        claims.iter().map(|claim| meta::name(claim)).collect::<Vec<_>>(),
        ["data-db-0", "data-db-1"]
    );
    change(&world, "statefulsets.apps", "db", |object| object["spec"]["replicas"] = json!(1));
    until(&world, "the last one goes", |world| names(world, "db") == ["db-0"]).await;
}

#[tokio::test]
async fn a_sidecar_runs_before_and_beside_the_main_containers() {
    let mut object = deployment("web", 1, &json!({}));
    object["spec"]["template"]["spec"]["initContainers"] = json!([
        {"name": "proxy", "image": "r/proxy:1", "restartPolicy": "Always"},
        {"name": "setup", "image": "r/setup:1"},
    ]);
    let world = world(vec![object]).await;
    assert!(rolled_out(&world, "web"));
    let status = pods(&world, "web")[0]["status"].clone();
    assert!(status["initContainerStatuses"][0]["state"].get("running").is_some(), "{status}");
    assert!(status["initContainerStatuses"][1]["state"].get("terminated").is_some(), "{status}");
    // A pod is not ready without its sidecar.
    world.faults.add(sim::faults::ClusterFault::broken_pull("r/proxy:2"));
    change(&world, "deployments.apps", "web", |object| {
        object["spec"]["template"]["spec"]["initContainers"][0]["image"] = json!("r/proxy:2");
    });
    until(&world, "the sidecar is missed", |world| {
        pods(world, "web").iter().any(|pod| {
            pod.pointer("/status/initContainerStatuses/0/state/waiting/reason")
                == Some(&json!("ImagePullBackOff"))
        })
    })
    .await;
    assert!(!rolled_out(&world, "web"));
}

fn claim(size: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "ns"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
    })
}

#[tokio::test]
async fn a_claim_grows_at_most_and_goes_when_nobody_uses_it() {
    let mut object = deployment("web", 1, &json!({"type": "Recreate"}));
    object["spec"]["template"]["spec"]["volumes"] =
        json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    let world = world(vec![object, claim("2Gi")]).await;
    let resize = |size: &str| {
        let by = Writer::new("test");
        let claims = "persistentvolumeclaims";
        world.store.modify(claims, Some("ns"), "data", Subresource::Main, &by, |claim| {
            claim["spec"]["resources"]["requests"]["storage"] = json!(size);
        })
    };
    let refused = resize("1Gi").unwrap_err();
    assert_eq!(refused.code, 422);
    assert!(
        refused.message.contains("spec.resources.requests.storage: Forbidden"),
        "{}",
        refused.message
    );
    resize("3Gi").unwrap();
    let claims = "persistentvolumeclaims";
    world.store.delete(claims, Some("ns"), "data", &DeleteOptions::default()).unwrap();
    until(&world, "it is marked", |world| meta::is_being_deleted(&read(world, claims, "data")))
        .await;
    change(&world, "deployments.apps", "web", |object| object["spec"]["replicas"] = json!(0));
    until(&world, "it is gone", |world| world.store.read(claims, Some("ns"), "data").is_none())
        .await;
    assert!(pods(&world, "web").is_empty(), "the pod went first");
}

#[tokio::test]
async fn a_warning_tells_why_a_cluster_does_not_come_up() {
    let mut object = deployment("web", 1, &json!({}));
    object["spec"]["template"]["spec"]["volumes"] =
        json!([{"name": "tls", "secret": {"secretName": "web-certificate"}}]);
    let plan = Plan {
        objects: vec![object],
        patience: std::time::Duration::from_secs(2),
        ..Plan::default()
    };
    let error = World::start(plan).await.unwrap_err().to_string();
    assert!(
        error.contains("Deployment/web (FailedMount: ")
            && error.contains("secret \"web-certificate\" not found"),
        "{error}"
    );
}

#[tokio::test]
async fn a_constraint_that_is_missing_is_told_when_a_cluster_does_not_come_up() {
    let mut object = deployment("web", 1, &json!({}));
    object["spec"]["template"]["spec"]["containers"][0]["securityContext"] =
        json!({"privileged": true});
    let plan = Plan {
        objects: vec![object],
        openshift: true,
        patience: std::time::Duration::from_secs(2),
        ..Plan::default()
    };
    let error = World::start(plan).await.unwrap_err().to_string();
    assert!(
        error.contains("Deployment/web (FailedCreate: ") && error.contains("unable to validate"),
        "{error}"
    );
}

/// A Central on RocksDB, with its data on a claim or in its pod.
fn central(volume: Value) -> Vec<Value> {
    let mut object = deployment("central", 1, &json!({"type": "Recreate"}));
    let spec = &mut object["spec"]["template"]["spec"];
    spec["containers"][0]["name"] = json!("central");
    spec["containers"][0]["image"] = json!("r/main:3.74.8");
    spec["containers"][0]["volumeMounts"] =
        json!([{"name": "stackrox-db", "mountPath": "/var/lib/stackrox"}]);
    let mut volume = volume;
    volume["name"] = json!("stackrox-db");
    spec["volumes"] = json!([volume]);
    vec![object, claim("1Gi")]
}

#[tokio::test]
async fn a_central_without_a_volume_loses_its_data_with_its_pod() {
    let on_a_claim = json!({"persistentVolumeClaim": {"claimName": "data"}});
    for (volume, keeps) in [(on_a_claim, true), (json!({"emptyDir": {}}), false)] {
        let options = CentralOptions { loses_data: true, ..CentralOptions::default() };
        let plan = Plan { objects: central(volume), central: options, ..Plan::default() };
        let world = World::start(plan).await.unwrap();
        set_image(&world, "deployments.apps", "central", "r/main:3.74.9");
        until(&world, "the new Central serves", |world| {
            world.central.version().is_some_and(|version| version.tag() == "3.74.9")
        })
        .await;
        let previous = world.central.database().previous.is_some();
        assert_eq!(previous, keeps, "the copy of the data of before");
    }
}

#[tokio::test]
async fn an_openshift_serves_its_own_groups() {
    for openshift in [false, true] {
        let world = World::start(Plan { openshift, ..Plan::default() }).await.unwrap();
        let resources = world.store.resources();
        for group in ["apps", "config", "console", "project", "route", "security"] {
            let name = format!("{group}.openshift.io");
            let served = resources.iter().any(|resource| resource.group == name);
            assert_eq!(served, openshift, "{name}");
        }
    }
}
