use serde_json::json;
use sim::store::{DeleteOptions, meta};

use crate::support::{
    change, condition, daemon_set, deployment, pods, read, reasons, rolled_out, set_image,
    slow_world, until, world,
};

#[tokio::test]
async fn a_new_deployment_becomes_available() {
    let world = world(vec![deployment("web", 3, &json!({}))]).await;
    let object = read(&world, "deployments.apps", "web");
    assert_eq!(condition(&object, "Available").unwrap().1, "MinimumReplicasAvailable");
    assert_eq!(condition(&object, "Progressing").unwrap().1, "NewReplicaSetAvailable");
    assert_eq!(object["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "1");
    assert_eq!(pods(&world, "web").len(), 3);
    for expected in
        ["ScalingReplicaSet", "SuccessfulCreate", "Scheduled", "Pulling", "Pulled", "Started"]
    {
        assert!(reasons(&world).iter().any(|reason| reason == expected), "no event {expected}");
    }
}

#[tokio::test]
async fn recreate_never_runs_old_and_new_together() {
    let world = world(vec![deployment("web", 2, &json!({"type": "Recreate"}))]).await;
    let mut events = world.store.subscribe();
    set_image(&world, "deployments.apps", "web", "r/main:2");
    until(&world, "rollout", |world| rolled_out(world, "web")).await;
    let (mut old_gone, mut seen) = (0, 0);
    while let Ok(event) = events.try_recv() {
        if event.resource.key() != "pods" {
            continue;
        }
        let image = event.object["spec"]["containers"][0]["image"].as_str().unwrap().to_owned();
        let deleted = event.kind == sim::store::EventKind::Deleted;
        old_gone += i32::from(deleted && image == "r/main:1");
        if image == "r/main:2" {
            seen += 1;
            assert_eq!(old_gone, 2, "a new pod appeared before the old ones were gone");
        }
    }
    assert!(seen > 0);
}

#[tokio::test]
async fn a_rolling_update_keeps_enough_pods_available() {
    let strategy =
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    let world = slow_world(vec![deployment("web", 3, &strategy)]).await;
    set_image(&world, "deployments.apps", "web", "r/main:2");
    let mut least = 3;
    let mut most = 3;
    until(&world, "rollout", |world| {
        let status = &read(world, "deployments.apps", "web")["status"];
        least = least.min(status["availableReplicas"].as_i64().unwrap_or(0));
        most = most.max(status["replicas"].as_i64().unwrap_or(0));
        rolled_out(world, "web")
    })
    .await;
    assert_eq!((least, most), (3, 4));
    let sets = world.store.list("replicasets.apps", Some("ns"));
    assert_eq!(sets.len(), 2, "the old ReplicaSet stays for a way back");
}

#[tokio::test]
async fn going_back_takes_the_old_replica_set_with_a_new_revision() {
    let world = world(vec![deployment("web", 1, &json!({"type": "Recreate"}))]).await;
    set_image(&world, "deployments.apps", "web", "r/main:2");
    until(&world, "rollout", |world| rolled_out(world, "web")).await;
    set_image(&world, "deployments.apps", "web", "r/main:1");
    until(&world, "way back", |world| rolled_out(world, "web")).await;
    let object = read(&world, "deployments.apps", "web");
    assert_eq!(object["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "3");
    let sets = world.store.list("replicasets.apps", Some("ns"));
    assert_eq!(sets.len(), 2);
    let history = sets.iter().find_map(|set| {
        set["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"]
            .as_str()
            .map(str::to_owned)
    });
    assert_eq!(history.as_deref(), Some("1"));
}

#[tokio::test]
async fn old_replica_sets_beyond_the_limit_go() {
    let mut object = deployment("web", 1, &json!({"type": "Recreate"}));
    object["spec"]["revisionHistoryLimit"] = json!(1);
    let world = world(vec![object]).await;
    for tag in 2..5 {
        set_image(&world, "deployments.apps", "web", &format!("r/main:{tag}"));
        until(&world, "rollout", |world| rolled_out(world, "web")).await;
    }
    until(&world, "history", |world| world.store.list("replicasets.apps", Some("ns")).len() == 2)
        .await;
}

#[tokio::test]
async fn minimum_ready_seconds_pass_before_a_pod_is_available() {
    let mut object = deployment("web", 1, &json!({"type": "Recreate"}));
    object["spec"]["minReadySeconds"] = json!(3600);
    let world = world(vec![object]).await;
    let pod = &pods(&world, "web")[0];
    let ready =
        pod["status"]["conditions"].as_array().unwrap().iter().find(|one| one["type"] == "Ready");
    let since: jiff::Timestamp =
        ready.unwrap()["lastTransitionTime"].as_str().unwrap().parse().unwrap();
    assert!(world.clock.now().duration_since(since).as_secs() >= 3600);
}

#[tokio::test]
async fn a_paused_deployment_starts_nothing() {
    let world = world(vec![deployment("web", 1, &json!({}))]).await;
    change(&world, "deployments.apps", "web", |object| {
        object["spec"]["paused"] = json!(true);
        object["spec"]["template"]["spec"]["containers"][0]["image"] = json!("r/main:2");
    });
    until(&world, "notice", |world| {
        let object = read(world, "deployments.apps", "web");
        object["status"]["observedGeneration"] == object["metadata"]["generation"]
    })
    .await;
    assert_eq!(world.store.list("replicasets.apps", Some("ns")).len(), 1);
}

#[tokio::test]
async fn a_daemon_set_is_updated_node_by_node() {
    let world = slow_world(vec![daemon_set("agent", "RollingUpdate")]).await;
    assert_eq!(pods(&world, "agent").len(), 3);
    set_image(&world, "daemonsets.apps", "agent", "r/main:2");
    let mut most_missing = 0;
    until(&world, "update", |world| {
        let status = read(world, "daemonsets.apps", "agent")["status"].clone();
        most_missing = most_missing.max(status["numberUnavailable"].as_i64().unwrap_or(0));
        status["updatedNumberScheduled"] == 3
            && status["numberAvailable"] == 3
            && status["observedGeneration"] == 2
    })
    .await;
    assert_eq!(most_missing, 1);
    assert_eq!(world.store.list("controllerrevisions.apps", Some("ns")).len(), 2);
}

#[tokio::test]
async fn an_on_delete_daemon_set_waits_for_somebody_to_delete() {
    let world = world(vec![daemon_set("agent", "OnDelete")]).await;
    set_image(&world, "daemonsets.apps", "agent", "r/main:2");
    until(&world, "notice", |world| {
        read(world, "daemonsets.apps", "agent")["status"]["observedGeneration"] == 2
    })
    .await;
    let images = |world: &_| -> Vec<String> {
        let mut images: Vec<String> = pods(world, "agent")
            .iter()
            .map(|pod| pod["spec"]["containers"][0]["image"].as_str().unwrap().to_owned())
            .collect();
        images.sort();
        images
    };
    assert_eq!(images(&world), ["r/main:1"; 3]);
    let doomed = pods(&world, "agent")[0].clone();
    world.store.delete("pods", Some("ns"), meta::name(&doomed), &DeleteOptions::default()).unwrap();
    until(&world, "one new pod", |world| images(world) == ["r/main:1", "r/main:1", "r/main:2"])
        .await;
}

#[tokio::test]
async fn an_autoscaler_keeps_its_least_number_of_replicas() {
    let scaler = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "ns"},
        "spec": {"minReplicas": 2, "maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}});
    let world = world(vec![deployment("web", 1, &json!({})), scaler]).await;
    until(&world, "two replicas", |world| {
        read(world, "deployments.apps", "web")["spec"]["replicas"] == 2 && rolled_out(world, "web")
    })
    .await;
    change(&world, "deployments.apps", "web", |object| object["spec"]["replicas"] = json!(9));
    until(&world, "five replicas", |world| {
        read(world, "deployments.apps", "web")["spec"]["replicas"] == 5
    })
    .await;
}
