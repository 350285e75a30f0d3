use serde_json::{Value, json};
use sim::faults::ClusterFault;

use crate::support::{
    condition, deployment, pods, read, reasons, rolled_out, set_image, until, waiting, world,
};

#[tokio::test]
async fn a_broken_pull_backs_off_until_the_image_is_there() {
    let world = world(vec![deployment("web", 1, &json!({"type": "Recreate"}))]).await;
    let fault = ClusterFault::broken_pull("r/main:2");
    world.faults.add(fault.clone());
    set_image(&world, "deployments.apps", "web", "r/main:2");
    until(&world, "back-off", |world| waiting(world, "web") == "ImagePullBackOff").await;
    assert!(reasons(&world).iter().any(|reason| reason == "Failed"));
    world.faults.remove(&fault);
    until(&world, "recovery", |world| rolled_out(world, "web")).await;
}

#[tokio::test]
async fn a_crash_loop_counts_restarts() {
    let world = world(vec![deployment("web", 1, &json!({"type": "Recreate"}))]).await;
    world.faults.add(ClusterFault::crash_loop("web"));
    set_image(&world, "deployments.apps", "web", "r/main:2");
    until(&world, "third restart", |world| {
        let pods = pods(world, "web");
        let restarts = pods
            .iter()
            .filter_map(|pod| pod.pointer("/status/containerStatuses/0/restartCount")?.as_i64());
        restarts.max() >= Some(3) && waiting(world, "web") == "CrashLoopBackOff"
    })
    .await;
    let pod = &pods(&world, "web")[0];
    assert_eq!(
        pod.pointer("/status/containerStatuses/0/lastState/terminated/exitCode"),
        Some(&json!(1))
    );
    let name = pod["metadata"]["name"].as_str().unwrap();
    let previous = world.logs.read(("ns", name, "main"), true, world.clock.now()).unwrap();
    assert!(previous.iter().any(|(_, line)| line.contains("cannot go on")), "{previous:?}");
}

#[tokio::test]
async fn a_rollout_that_makes_no_progress_exceeds_its_deadline() {
    let world = world(vec![deployment("web", 1, &json!({"type": "Recreate"}))]).await;
    world.faults.add(ClusterFault::never_ready("deployment/web"));
    set_image(&world, "deployments.apps", "web", "r/main:2");
    until(&world, "deadline", |world| {
        condition(&read(world, "deployments.apps", "web"), "Progressing").unwrap().1
            == "ProgressDeadlineExceeded"
    })
    .await;
    world.faults.clear();
    until(&world, "recovery", |world| rolled_out(world, "web")).await;
    let object = read(&world, "deployments.apps", "web");
    assert_eq!(condition(&object, "Progressing").unwrap().1, "NewReplicaSetAvailable");
}

#[tokio::test]
async fn slow_pods_become_ready_in_the_end() {
    let world = world(vec![deployment("web", 1, &json!({"type": "Recreate"}))]).await;
    world.faults.add(ClusterFault::slow_readiness("web", std::time::Duration::from_secs(300)));
    let before = world.clock.now();
    set_image(&world, "deployments.apps", "web", "r/main:2");
    until(&world, "rollout", |world| rolled_out(world, "web")).await;
    assert!(world.clock.now().duration_since(before).as_secs() >= 300);
}

#[tokio::test]
async fn a_pod_that_fits_no_node_says_so() {
    let world = world(vec![deployment("web", 1, &json!({"type": "Recreate"}))]).await;
    world.faults.add(ClusterFault::unschedulable("web"));
    set_image(&world, "deployments.apps", "web", "r/main:2");
    until(&world, "condition", |world| {
        pods(world, "web").iter().any(|pod| {
            condition(pod, "PodScheduled").is_some_and(|(_, reason, _)| reason == "Unschedulable")
        })
    })
    .await;
    world.faults.clear();
    until(&world, "recovery", |world| rolled_out(world, "web")).await;
}

#[tokio::test]
async fn refused_pods_are_told_in_the_status() {
    for (fault, expected) in [
        (ClusterFault::quota_exceeded("web"), "exceeded quota"),
        (ClusterFault::webhook_denial("web", "no such luck"), "denied the request: no such luck"),
    ] {
        let world = world(vec![deployment("web", 1, &json!({"type": "Recreate"}))]).await;
        world.faults.add(fault);
        set_image(&world, "deployments.apps", "web", "r/main:2");
        until(&world, "ReplicaFailure", |world| {
            let failure = condition(&read(world, "deployments.apps", "web"), "ReplicaFailure");
            failure.is_some_and(|(_, reason, message)| {
                reason == "FailedCreate" && message.contains(expected)
            })
        })
        .await;
        world.faults.clear();
        until(&world, "recovery", |world| rolled_out(world, "web")).await;
        let object = read(&world, "deployments.apps", "web");
        assert_eq!(condition(&object, "ReplicaFailure"), None);
    }
}

#[tokio::test]
async fn a_missing_secret_keeps_a_pod_from_starting() {
    let mut object = deployment("web", 1, &json!({}));
    object["spec"]["template"]["spec"]["volumes"] =
        json!([{"name": "v", "secret": {"secretName": "late"}}]);
    let plan =
        sim::world::Plan { objects: vec![object], wait: false, ..sim::world::Plan::default() };
    let world = sim::world::World::start(plan).await.unwrap();
    until(&world, "FailedMount", |world| {
        reasons(world).iter().any(|reason| reason == "FailedMount")
    })
    .await;
    let secret: Value = json!({"metadata": {"name": "late", "namespace": "ns"}});
    world.store.create("secrets", secret, &sim::store::Writer::new("test")).unwrap();
    until(&world, "start", |world| rolled_out(world, "web")).await;
}
