use serde_json::json;

use super::*;

const NOW: &str = "2026-03-01T12:00:00Z";

struct Scene {
    workload: Value,
    replica_sets: Vec<Value>,
    pods: Vec<Value>,
    events: Vec<Value>,
    events_are_known: bool,
    memory: Memory,
}

impl Scene {
    /// A Deployment at revision 2 with one pod of each revision.
    fn deployment(new_pod_status: &Value) -> Self {
        let set = |revision: &str| {
            json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {
                "name": format!("central-{revision}"), "uid": format!("set-{revision}"),
                "annotations": {"deployment.kubernetes.io/revision": revision},
                "ownerReferences": [{"uid": "central"}],
            }, "spec": {"template": {
                "metadata": {"creationTimestamp": null, "labels": {"pod-template-hash": revision}},
                "spec": {"containers": [{"image": format!("main:{revision}"), "env": []}]},
            }}})
        };
        let pod = |revision: &str, status: &Value| {
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {
                "name": format!("central-{revision}-x"), "uid": format!("pod-{revision}"),
                "namespace": "stackrox",
                "ownerReferences": [{"uid": format!("set-{revision}")}],
            }, "status": status})
        };
        let broken = waiting("CrashLoopBackOff", 9);
        Self {
            workload: json!({"kind": "Deployment", "metadata": {
                "uid": "central", "generation": 2,
                "annotations": {"deployment.kubernetes.io/revision": "2"},
            }, "spec": {"template": {"spec": {"containers": [{"image": "main:2"}]}}},
                "status": {"observedGeneration": 2}}),
            replica_sets: vec![set("1"), set("2")],
            pods: vec![pod("1", &broken), pod("2", new_pod_status)],
            events: Vec::new(),
            events_are_known: true,
            memory: Memory::default(),
        }
    }

    /// A DaemonSet of the given generation, without pods.
    fn daemon_set(generation: u64) -> Self {
        let mut scene = Self::deployment(&json!({}));
        scene.workload = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {
            "uid": "ds", "generation": generation, "name": "collector",
            "annotations": {"deprecated.daemonset.template.generation": generation.to_string()},
        }, "status": {"observedGeneration": generation}});
        scene.pods.clear();
        scene
    }

    /// Has the pods as they are been seen since `time`, by a wait that began then.
    fn seen_since(mut self, time: &str) -> Self {
        let time = time.parse().unwrap();
        self.memory = Memory::of(Some(&self.workload), time);
        let pods: Vec<Arc<Value>> = self.pods.iter().cloned().map(Arc::new).collect();
        self.memory.note(&pods, time);
        self
    }

    fn diagnose(&self) -> Option<Trouble> {
        self.judged(diagnose)
    }

    fn judged<T>(&self, judgement: impl FnOnce(&Observed<'_>) -> T) -> T {
        let shared = |all: &[Value]| all.iter().cloned().map(Arc::new).collect::<Vec<_>>();
        judgement(&Observed {
            workload: &self.workload,
            replica_sets: &shared(&self.replica_sets),
            pods: &shared(&self.pods),
            events: &self.events,
            events_are_known: self.events_are_known,
            memory: &self.memory,
            now: NOW.parse().unwrap(),
        })
    }
}

fn waiting(reason: &str, restarts: u64) -> Value {
    json!({
        "startTime": "2026-03-01T11:59:58Z",
        "containerStatuses": [{
            "name": "central", "restartCount": restarts, "ready": false,
            "state": {"waiting": {"reason": reason, "message": "because"}},
            "lastState": {"terminated": {"exitCode": 132, "reason": "Error"}},
        }],
    })
}

#[test]
fn each_reason_has_its_grace() {
    for (reason, restarts, fatal) in [
        ("ErrImagePull", 0, false),
        ("ImagePullBackOff", 0, true),
        ("InvalidImageName", 0, true),
        ("CrashLoopBackOff", 1, false),
        ("CrashLoopBackOff", 2, true),
        ("RunContainerError", 0, false),
        ("CreateContainerConfigError", 0, false),
    ] {
        let trouble = Scene::deployment(&waiting(reason, restarts)).diagnose().unwrap();
        assert_eq!((trouble.reason.as_str(), trouble.fatal), (reason, fatal));
        assert_eq!(trouble.object.name, "central-2-x");
        assert_eq!(trouble.container.as_deref(), Some("central"));
    }
    assert_eq!(Scene::deployment(&waiting("ContainerCreating", 0)).diagnose(), None);
}

#[test]
fn a_crash_tells_its_exit_code() {
    let trouble = Scene::deployment(&waiting("CrashLoopBackOff", 3)).diagnose().unwrap();
    assert_eq!(trouble.message, "exit code 132 (Error), 3 restarts");
    assert!(trouble.crashed);
}

#[test]
fn pods_of_the_old_template_do_not_count() {
    let mut scene = Scene::deployment(&json!({"phase": "Running"}));
    assert_eq!(scene.diagnose(), None, "only the old pod is broken");
    scene.pods[1]["status"] = waiting("ImagePullBackOff", 0);
    scene.workload["metadata"]["generation"] = json!(3);
    assert_eq!(scene.diagnose(), None, "the controller has not made the new template yet");
}

#[test]
fn a_generation_that_is_seen_before_its_replica_set_is_made_has_no_pods_yet() {
    // Recreate: the old pods end first, and the Deployment's status says so already.
    let mut scene = Scene::deployment(&waiting("CrashLoopBackOff", 9));
    scene.workload["metadata"]["generation"] = json!(3);
    scene.workload["status"]["observedGeneration"] = json!(3);
    scene.workload["spec"]["template"]["spec"]["containers"][0]["image"] = json!("main:3");
    assert_eq!(scene.diagnose(), None);
}

#[test]
fn a_template_that_came_back_is_that_of_its_replica_set() {
    let mut scene = Scene::deployment(&json!({"phase": "Running"}));
    scene.workload["spec"]["template"]["spec"]["containers"][0]["image"] = json!("main:1");
    let trouble = scene.diagnose().unwrap();
    assert_eq!(trouble.object.name, "central-1-x");
}

#[test]
fn a_pod_that_fits_nowhere_is_fatal_after_a_while_unless_room_is_made() {
    let status = |since: &str| {
        json!({"phase": "Pending", "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/3 nodes are available", "lastTransitionTime": since,
        }]})
    };
    let fresh = Scene::deployment(&status("2026-03-01T11:59:45Z")).diagnose().unwrap();
    assert!(!fresh.fatal && fresh.reason == "Unschedulable");
    let mut scene = Scene::deployment(&status("2026-03-01T11:59:00Z"));
    assert!(scene.diagnose().unwrap().fatal);
    for (reason, fatal) in
        [("TriggeredScaleUp", false), ("Nominated", false), ("FailedScheduling", true)]
    {
        scene.events = vec![json!({"reason": reason, "involvedObject": {"uid": "pod-2"}})];
        assert_eq!(scene.diagnose().unwrap().fatal, fatal, "{reason}");
    }
}

#[test]
fn a_pod_that_fits_nowhere_has_longer_when_nobody_can_tell_whether_room_is_made() {
    let status = |since: &str| {
        json!({"phase": "Pending", "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/3 nodes are available", "lastTransitionTime": since,
        }]})
    };
    for (since, fatal) in [("2026-03-01T11:59:00Z", false), ("2026-03-01T11:58:00Z", true)] {
        let mut scene = Scene::deployment(&status(since));
        scene.events_are_known = false;
        assert_eq!(scene.diagnose().unwrap().fatal, fatal, "{since}");
    }
}

#[test]
fn a_quota_ends_the_wait_and_a_restarting_webhook_does_not() {
    let refused = |message: &str, since: &str| {
        json!({"conditions": [{"type": "ReplicaFailure", "status": "True",
            "reason": "FailedCreate", "message": message, "lastTransitionTime": since}]})
    };
    let mut scene = Scene::deployment(&json!({}));
    scene.pods.clear();
    scene.replica_sets[1]["status"] = refused("exceeded quota: x", "2026-03-01T11:59:40Z");
    let trouble = scene.diagnose().unwrap();
    assert!(trouble.fatal && trouble.object.name == "central-2", "{trouble:?}");
    let message = "Internal error: failed calling webhook \"x\": connection refused";
    scene.replica_sets[1]["status"] = refused(message, "2026-03-01T11:59:40Z");
    assert!(!scene.diagnose().unwrap().fatal);
}

/// A scene in which a quota refuses the pods of the newest ReplicaSet since 11:58:00.
fn without_room() -> Scene {
    let mut scene = Scene::deployment(&json!({}));
    scene.pods.truncate(1);
    scene.replica_sets[1]["status"] = json!({"conditions": [{"type": "ReplicaFailure",
        "status": "True", "reason": "FailedCreate", "message": "exceeded quota: x",
        "lastTransitionTime": "2026-03-01T11:58:00Z"}]});
    scene
}

#[test]
fn a_quota_does_not_end_the_wait_while_room_is_made() {
    let fatal = |scene: &Scene| scene.diagnose().unwrap().fatal;
    assert!(fatal(&without_room()));
    for (end, is_final) in [("12:00:20", false), ("11:59:31", false), ("11:59:30", true)] {
        let mut scene = without_room();
        scene.pods[0]["metadata"]["deletionTimestamp"] = json!(format!("2026-03-01T{end}Z"));
        assert_eq!(fatal(&scene), is_final, "a pod that ends by {end}");
    }
    let mut scene = without_room();
    scene.replica_sets[1]["status"]["replicas"] = json!(2);
    scene.replica_sets[1]["status"]["availableReplicas"] = json!(1);
    assert!(!fatal(&scene), "an old pod goes when the new one is there");
    scene.replica_sets[1]["status"]["availableReplicas"] = json!(2);
    assert!(fatal(&scene));
    for (gone_at, is_final) in [("11:59:46", false), ("11:59:45", true)] {
        let mut scene = without_room();
        scene.memory.note(&[], "2026-03-01T11:58:00Z".parse().unwrap());
        let left = Arc::new(scene.pods[0].clone());
        scene.memory.note(&[left], format!("2026-03-01T{gone_at}Z").parse().unwrap());
        assert_eq!(fatal(&scene), is_final, "a pod went at {gone_at}");
    }
}

#[test]
fn a_refusal_from_before_the_wait_has_time_to_be_tried_again() {
    let fatal = |started: &str, tried: &str| {
        let mut scene = without_room().seen_since(started);
        scene.replica_sets[1]["status"]["conditions"][0]["lastTransitionTime"] =
            json!("2026-03-01T11:50:00Z");
        scene.events = vec![json!({"reason": "FailedCreate", "lastTimestamp": tried,
            "involvedObject": {"uid": "set-2"}})];
        scene.diagnose().unwrap().fatal
    };
    assert!(!fatal("2026-03-01T11:59:00Z", "2026-03-01T11:58:59Z"));
    assert!(fatal("2026-03-01T11:59:00Z", "2026-03-01T11:59:30Z"), "it was refused again");
    assert!(fatal("2026-03-01T11:54:30Z", "2026-03-01T11:50:00Z"), "nobody tried for long");
}

#[test]
fn a_refusal_that_is_over_does_not_end_the_wait() {
    let refused = |count: u64, first: &str, last: &str| {
        json!({"reason": "FailedCreate", "message": "exceeded quota: x", "count": count,
               "involvedObject": {"uid": "ds"},
               "firstTimestamp": format!("2026-03-01T11:{first}Z"),
               "lastTimestamp": format!("2026-03-01T11:{last}Z")})
    };
    let mut scene = Scene::daemon_set(5).seen_since("2026-03-01T11:59:00Z");
    scene.events = vec![refused(7, "58:40", "58:59")];
    assert_eq!(scene.diagnose(), None, "that was the template before");
    scene.events = vec![refused(7, "59:20", "59:20")];
    assert!(!scene.diagnose().unwrap().fatal, "seven attempts take less than a second");
    scene.events = vec![refused(9, "59:20", "59:50")];
    assert!(scene.diagnose().unwrap().fatal);
    scene.pods = vec![json!({"metadata": {
        "creationTimestamp": "2026-03-01T11:59:51Z", "ownerReferences": [{"uid": "ds"}]}})];
    assert_eq!(scene.diagnose(), None, "its pods are made by now");
}

#[test]
fn trouble_from_before_the_wait_has_time_to_be_tried_again() {
    for reason in ["ImagePullBackOff", "CrashLoopBackOff"] {
        let scene = || Scene::deployment(&waiting(reason, 7));
        let fatal = |scene: Scene| scene.diagnose().unwrap().fatal;
        assert!(!fatal(scene().seen_since("2026-03-01T11:55:00Z")), "{reason}");
        assert!(fatal(scene().seen_since("2026-03-01T11:54:00Z")), "{reason}");
    }
    let mut scene = Scene::deployment(&waiting("CrashLoopBackOff", 7)).seen_since(NOW);
    scene.pods[1]["status"] = waiting("CrashLoopBackOff", 8);
    assert!(scene.diagnose().unwrap().fatal, "it was tried again, and crashed again");
}

#[test]
fn a_registry_or_a_node_that_is_busy_has_time() {
    for (reason, message, since, fatal) in [
        ("ImagePullBackOff", "Back-off pulling image", "2026-03-01T12:00:00Z", true),
        ("ImagePullBackOff", "ErrImagePull: x: not found", "2026-03-01T12:00:00Z", true),
        ("ImagePullBackOff", "ErrImagePull: dial tcp: i/o timeout", "2026-03-01T11:58:01Z", false),
        ("ImagePullBackOff", "ErrImagePull: dial tcp: i/o timeout", "2026-03-01T11:58:00Z", true),
        ("CreateContainerError", "context deadline exceeded", "2026-03-01T11:59:01Z", false),
        ("CreateContainerError", "context deadline exceeded", "2026-03-01T11:59:00Z", true),
    ] {
        let mut scene = Scene::deployment(&waiting("ContainerCreating", 0));
        scene.workload["metadata"]["generation"] = json!(3);
        scene = scene.seen_since("2026-03-01T11:50:00Z");
        scene.workload["metadata"]["generation"] = json!(2);
        let mut status = waiting(reason, 0);
        status["containerStatuses"][0]["state"]["waiting"]["message"] = json!(message);
        scene.pods[1]["status"] = status;
        let pods: Vec<Arc<Value>> = scene.pods.iter().cloned().map(Arc::new).collect();
        scene.memory.note(&pods, since.parse().unwrap());
        assert_eq!(scene.diagnose().unwrap().fatal, fatal, "{message} since {since}");
    }
}

#[test]
fn a_container_that_runs_out_of_memory_is_named_so() {
    let mut status = waiting("CrashLoopBackOff", 2);
    status["containerStatuses"][0]["lastState"]["terminated"]["reason"] = json!("OOMKilled");
    let trouble = Scene::deployment(&status).diagnose().unwrap();
    assert!(trouble.reason == "OOMKilled" && trouble.fatal);
}

#[test]
fn only_the_current_generation_of_a_daemon_set_counts() {
    let pod = |generation: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {
            "name": format!("collector-{generation}"), "ownerReferences": [{"uid": "ds"}],
            "labels": {"pod-template-generation": generation},
        }, "status": waiting("ImagePullBackOff", 0)})
    };
    let mut scene = Scene::daemon_set(5);
    scene.pods = vec![pod("4")];
    assert_eq!(scene.diagnose(), None);
    scene.pods.push(pod("5"));
    assert_eq!(scene.diagnose().unwrap().object.name, "collector-5");
}

#[test]
fn only_trouble_makes_it_worth_to_know_the_newest_replica_set() {
    let is_suspicious = |scene: &Scene| scene.judged(is_suspicious);
    let mut scene = Scene::deployment(&waiting("ContainerCreating", 0));
    assert!(is_suspicious(&scene), "the old pod crashes, and nobody knows that it is old");
    scene.pods.remove(0);
    assert!(!is_suspicious(&scene));
    scene.pods[0]["status"] = waiting("ErrImagePull", 0);
    assert!(is_suspicious(&scene));
    scene.workload["spec"]["selector"]["matchLabels"] = json!({"app": "central"});
    assert!(!is_suspicious(&scene), "it is a pod of another workload");
    scene.workload["status"]["conditions"] =
        json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}]);
    assert!(is_suspicious(&scene));
}
