//! What the recordings do not show but clients rely on, over real HTTP.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sim::api::{CutAt, Gate, LogLine, Options, PodLogs, RequestInfo, Verdict};
use sim::store::{Status, Store, Writer};

use crate::replay::{Answer, Player};

const JSON: &str = "application/json";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn options() -> Options {
    Options::new(Store::new(Arc::new(jiff::Timestamp::now)))
}

async fn get(player: &Player, user: &str, path: &str) -> Answer {
    player.send("GET", user, path, JSON, String::new()).await
}

async fn create_maps(player: &Player, count: usize) {
    for index in 0..count {
        let object = json!({"metadata": {"name": format!("m{index}")}});
        let answer = player.send("POST", "admin", MAPS, JSON, object.to_string()).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_page_shows_the_list_as_it_was_at_the_first_page() {
    let player = Player::with(options()).await;
    create_maps(&player, 3).await;
    let first = get(&player, "admin", &format!("{MAPS}?limit=2")).await;
    assert_eq!(first.body["metadata"]["remainingItemCount"], 1);
    let object = json!({"metadata": {"name": "m9"}}).to_string();
    player.send("POST", "admin", MAPS, JSON, object).await;
    let token = first.body["metadata"]["continue"].as_str().unwrap();
    let path = format!("{MAPS}?limit=2&continue={token}");
    let second = get(&player, "admin", &path).await;
    assert_eq!(second.body["items"].as_array().unwrap().len(), 1);
    player.server.store().compact();
    create_maps_after_compaction(&player).await;
    let late = get(&player, "admin", &path).await;
    assert_eq!((late.status, &late.body["reason"]), (410, &json!("Expired")));
}

async fn create_maps_after_compaction(player: &Player) {
    let object = json!({"metadata": {"name": "later"}}).to_string();
    player.send("POST", "admin", MAPS, JSON, object).await;
}

#[tokio::test]
async fn a_watch_from_a_forgotten_version_is_told_that_it_is_gone() {
    let player = Player::with(options()).await;
    create_maps(&player, 2).await;
    player.server.store().compact();
    let path = format!("{MAPS}?watch=1&resourceVersion=1&timeoutSeconds=1");
    let answer = get(&player, "admin", &path).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["type"], "ERROR");
    assert_eq!(answer.body["object"]["code"], 410);
}

#[tokio::test]
async fn a_watch_list_announces_the_end_of_what_was_there() {
    let player = Player::with(options()).await;
    create_maps(&player, 1).await;
    let query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan\
                 &allowWatchBookmarks=true&timeoutSeconds=1";
    let answer = get(&player, "admin", &format!("{MAPS}?{query}")).await;
    let text = answer.body.as_str().unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["type"], "ADDED");
    assert_eq!(events[1]["type"], "BOOKMARK");
    let end = "/object/metadata/annotations/k8s.io~1initial-events-end";
    assert_eq!(events[1].pointer(end).unwrap(), "true");
}

#[tokio::test]
async fn rights_come_from_the_objects_of_rbac() {
    let player = Player::with(options()).await;
    create_maps(&player, 1).await;
    let path = format!("{MAPS}/m0");
    assert_eq!(get(&player, "viewer", &path).await.status, 403);
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]);
    player.server.grant("viewer", Some("default"), rules).unwrap();
    assert_eq!(get(&player, "viewer", &path).await.status, 200);
    let answer = player.send("DELETE", "viewer", &path, JSON, String::new()).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn a_malformed_or_unknown_request_is_refused_as_a_real_server_refuses_it() {
    let player = Player::with(options()).await;
    for (method, path, body, code) in [
        ("GET", "/apis/nowhere.example/v1/things", "", 404),
        ("POST", MAPS, "{", 400),
        ("POST", MAPS, "[]", 400),
        ("POST", MAPS, "{\"metadata\":\"x\"}", 400),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "[]", 400),
        ("POST", "/apis/apps/v1/namespaces/default/deployments", "{\"spec\":[]}", 400),
        ("POST", MAPS, "{\"kind\":\"Secret\",\"apiVersion\":\"v1\"}", 400),
        ("POST", MAPS, "{\"metadata\":{\"name\":\"Not_Valid\"}}", 422),
        ("PUT", &format!("{MAPS}/absent"), "{\"metadata\":{\"name\":\"absent\"}}", 404),
        ("POST", &format!("{MAPS}/absent"), "{}", 405),
        ("GET", &format!("{MAPS}?fieldSelector=data=1"), "", 400),
    ] {
        let answer = player.send(method, "admin", path, JSON, body.to_owned()).await;
        assert_eq!(answer.status, code, "{method} {path}: {}", answer.body);
    }
    let large = json!({"data": {"a": "a".repeat(4 * 1024 * 1024)}}).to_string();
    let answer = player.send("POST", "admin", MAPS, JSON, large).await;
    assert_eq!((answer.status, &answer.body["reason"]), (413, &json!("RequestEntityTooLarge")));
    let answer = player.send("POST", "admin", MAPS, "text/html", "x".to_owned()).await;
    assert_eq!(answer.status, 415);
    create_maps(&player, 1).await;
    let merge = "application/merge-patch+json";
    let path = format!("{MAPS}/m0");
    let answer = player.send("PATCH", "admin", &path, merge, "[1]".to_owned()).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
}

#[tokio::test]
async fn an_apply_to_a_deployment_conflicts_with_who_changed_the_image() {
    let player = Player::with(options()).await;
    let path = "/apis/apps/v1/namespaces/default/deployments/a";
    let config = |image: &str| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {
            "selector": {"matchLabels": {"a": "a"}}, "template": {
                "metadata": {"labels": {"a": "a"}},
                "spec": {"containers": [{"name": "a", "image": image}]}}}})
        .to_string()
    };
    let apply = "application/apply-patch+yaml";
    let mine = format!("{path}?fieldManager=mine");
    assert_eq!(player.send("PATCH", "admin", &mine, apply, config("a:1")).await.status, 201);
    let patch = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image",
        "value": "a:2"}]);
    let kind = "application/json-patch+json";
    let patched = player.send("PATCH", "admin", path, kind, patch.to_string()).await;
    assert_eq!(patched.status, 200);
    let refused = player.send("PATCH", "admin", &mine, apply, config("a:3")).await;
    assert_eq!(refused.status, 409);
    assert_eq!(
        refused.body["message"],
        "Apply failed with 1 conflict: conflict with \"Python-urllib\" using apps/v1: \
         .spec.template.spec.containers[name=\"a\"].image"
    );
    let forced = format!("{mine}&force=true");
    let answer = player.send("PATCH", "admin", &forced, apply, config("a:3")).await;
    let image = "/spec/template/spec/containers/0/image";
    assert_eq!(answer.body.pointer(image).unwrap(), "a:3");
}

#[tokio::test]
async fn an_apply_with_a_key_twice_is_refused_as_a_real_server_refuses_it() {
    let player = Player::with(options()).await;
    let path = "/apis/apps/v1/namespaces/default/deployments/a?fieldManager=mine";
    let config = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {
    "selector": {"matchLabels": {"a": "a"}}, "template": {
        "metadata": {"labels": {"a": "a"}},
        "spec": {"containers": [{"name": "c", "image": "a:1", "env": [
            {"name": "A", "value": "1"}, {"name": "B", "value": "2"}, {"name": "A", "value": "3"},
        ]}]}}}});
    let apply = "application/apply-patch+yaml";
    let answer = player.send("PATCH", "admin", path, apply, config.to_string()).await;
    assert_eq!(answer.status, 500);
    assert_eq!(
        answer.body["message"],
        "failed to create typed patch object (default/a; apps/v1, Kind=Deployment): \
         .spec.template.spec.containers[name=\"c\"].env: duplicate entries for key [name=\"A\"]"
    );
}

#[tokio::test]
async fn what_went_before_the_version_is_not_served() {
    let player = Player::with(options()).await;
    let version = get(&player, "admin", "/version").await;
    assert_eq!(version.body["minor"], "36");
    assert_eq!(get(&player, "admin", "/apis/policy/v1beta1").await.status, 404);
}

/// Gives each request the next verdict of a list.
struct Scripted(Mutex<Vec<Verdict>>);

impl Gate for Scripted {
    fn admit(&self, request: &RequestInfo) -> Verdict {
        if request.method != "POST" {
            return Verdict::Pass;
        }
        self.0.lock().unwrap().pop().unwrap_or(Verdict::Pass)
    }
}

#[tokio::test]
async fn a_gate_can_refuse_delay_and_record_requests() {
    let mut options = options();
    let verdicts = vec![
        Verdict::Delay(Duration::from_millis(1)),
        Verdict::Answer(Status::new(429, "TooManyRequests", "slow down")),
    ];
    options.gate = Some(Arc::new(Scripted(Mutex::new(verdicts))));
    let player = Player::with(options).await;
    let object = json!({"metadata": {"name": "m"}}).to_string();
    let refused = player.send("POST", "admin", MAPS, JSON, object.clone()).await;
    assert_eq!((refused.status, &refused.body["message"]), (429, &json!("slow down")));
    assert_eq!(player.send("POST", "admin", MAPS, JSON, object).await.status, 201);
    let statuses: Vec<u16> = player.server.requests().iter().map(|it| it.status).collect();
    assert_eq!(statuses, [429, 201]);
}

#[tokio::test]
async fn a_cut_connection_may_have_taken_effect() {
    for (cut, kept) in [(CutAt::Before, false), (CutAt::After, true)] {
        let mut options = options();
        options.gate = Some(Arc::new(Scripted(Mutex::new(vec![Verdict::Cut(cut)]))));
        let player = Player::with(options).await;
        let object = json!({"metadata": {"name": "m"}}).to_string();
        assert!(player.try_send("POST", "admin", MAPS, JSON, object).await.is_none());
        let found = player.server.store().read("configmaps", Some("default"), "m");
        assert_eq!(found.is_some(), kept);
    }
}

struct TwoLines;

impl PodLogs for TwoLines {
    fn lines(
        &self,
        _namespace: &str,
        _pod: &str,
        container: &str,
        _previous: bool,
    ) -> Result<Vec<LogLine>, Status> {
        let line = |second: i64, text: String| LogLine {
            at: jiff::Timestamp::from_second(second).unwrap(),
            text,
        };
        Ok(vec![line(1, format!("{container} starts")), line(2, format!("{container} runs"))])
    }
}

#[tokio::test]
async fn logs_can_be_cut_to_the_last_lines_and_to_a_time() {
    let mut options = options();
    options.logs = Some(Arc::new(TwoLines));
    let spec = json!({"containers": [{"name": "a", "image": "a:1"}]});
    let pod = json!({"metadata": {"name": "p", "namespace": "default"}, "spec": spec});
    options.store.create("pods", pod, &Writer::new("test")).unwrap();
    let player = Player::with(options).await;
    let path = "/api/v1/namespaces/default/pods/p/log";
    let whole = get(&player, "admin", path).await;
    assert_eq!(whole.body, "a starts\na runs\n");
    for query in ["tailLines=1", "sinceTime=1970-01-01T00:00:02Z"] {
        let answer = get(&player, "admin", &format!("{path}?{query}")).await;
        assert_eq!(answer.body, "a runs\n", "{query}");
    }
    let stamped = get(&player, "admin", &format!("{path}?tailLines=1&timestamps=true")).await;
    assert_eq!(stamped.body, "1970-01-01T00:00:02Z a runs\n");
    let wrong = get(&player, "admin", &format!("{path}?container=b")).await;
    assert_eq!(
        (wrong.status, &wrong.body["message"]),
        (400, &json!("container b is not valid for pod p"))
    );
}

#[tokio::test]
async fn the_scale_of_a_deployment_is_an_object_of_its_own() {
    let player = Player::with(options()).await;
    let labels = json!({"a": "a"});
    let object = json!({"metadata": {"name": "a"}, "spec": {
        "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "a", "image": "a:1"}]}}}});
    let base = "/apis/apps/v1/namespaces/default/deployments";
    player.send("POST", "admin", base, JSON, object.to_string()).await;
    let scale = format!("{base}/a/scale");
    let patch = json!({"spec": {"replicas": 4}}).to_string();
    let merge = "application/merge-patch+json";
    let answer = player.send("PATCH", "admin", &scale, merge, patch).await;
    assert_eq!((answer.status, &answer.body["kind"]), (200, &json!("Scale")));
    assert_eq!(answer.body["status"]["selector"], "a=a");
    let after = get(&player, "admin", &format!("{base}/a")).await;
    assert_eq!(after.body["spec"]["replicas"], 4);
    assert_eq!(after.body["metadata"]["generation"], 2);
}

#[tokio::test]
async fn a_collection_is_deleted_by_its_labels() {
    let player = Player::with(options()).await;
    for (name, kept) in [("a", "yes"), ("b", "no"), ("c", "no")] {
        let object = json!({"metadata": {"name": name, "labels": {"kept": kept}}});
        player.send("POST", "admin", MAPS, JSON, object.to_string()).await;
    }
    let path = format!("{MAPS}?labelSelector=kept%20notin%20(yes)");
    let answer = player.send("DELETE", "admin", &path, JSON, String::new()).await;
    assert_eq!(answer.status, 200);
    let left = player.server.store().list("configmaps", Some("default"));
    assert_eq!(left.len(), 1);
}

#[tokio::test]
async fn a_lease_is_only_updated_by_who_knows_its_version() {
    let player = Player::with(options()).await;
    let base = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    let lease = json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": "a"}}).to_string();
    player.send("POST", "admin", base, JSON, lease.clone()).await;
    let answer = player.send("PUT", "admin", &format!("{base}/l"), JSON, lease).await;
    assert_eq!(answer.status, 422);
    assert!(answer.body["message"].as_str().unwrap().contains("must be specified for an update"));
}

#[tokio::test]
async fn an_autoscaler_is_served_in_both_of_its_versions() {
    let player = Player::with(options()).await;
    let base = "namespaces/default/horizontalpodautoscalers";
    let object = json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"}, "spec": {"maxReplicas": 5, "targetCPUUtilizationPercentage": 150,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "scanner"}}});
    let old = format!("/apis/autoscaling/v1/{base}");
    let answer = player.send("POST", "admin", &old, JSON, object.to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.body["apiVersion"], "autoscaling/v1");
    assert_eq!(answer.body["spec"]["targetCPUUtilizationPercentage"], 150);
    let new = get(&player, "admin", &format!("/apis/autoscaling/v2/{base}/h")).await;
    let target = "/spec/metrics/0/resource/target/averageUtilization";
    assert_eq!(new.body.pointer(target).unwrap(), 150);
}

#[tokio::test]
async fn fields_that_are_unknown_or_there_twice_are_refused_warned_of_or_ignored() {
    let player = Player::with(options()).await;
    let text = r#"{"metadata": {"name": "m"}, "data": {"a": "1", "a": "2"}, "nope": 1}"#;
    let path = |mode: &str| format!("{MAPS}?dryRun=All&fieldValidation={mode}");
    let strict = player.send("POST", "admin", &path("Strict"), JSON, text.to_owned()).await;
    assert_eq!(strict.status, 400);
    assert_eq!(
        strict.body["message"],
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: \
         duplicate field \"data.a\", unknown field \"nope\""
    );
    let warned = player.send("POST", "admin", &path("Warn"), JSON, text.to_owned()).await;
    assert_eq!((warned.status, warned.warnings.len()), (201, 2));
    let ignored = player.send("POST", "admin", &path("Ignore"), JSON, text.to_owned()).await;
    assert_eq!((ignored.status, ignored.warnings.len()), (201, 0));
}
