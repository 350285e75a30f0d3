//! The whole chain: from the API into the collectors of clusters, and what interrupts it there.

use jiff::Timestamp;
use rhacs_tests::collector::{
    FOREIGN_KEY, NAMESPACE, TOKEN_KEY, official_collector, small_collector,
};
use rhacs_tests::{Stage, StageBuilder};
use secrecy::ExposeSecret;
use serde_json::Value;
use sim::api::RequestRecord;
use sim::faults::{ClusterFault, RequestAction, RequestRule};
use sim::splunk::{Splunk, Switches};

use crate::{OLD, changes, my_token, rotations, sf};

const BOTH: &str = "--to-collector east/monitoring --to-collector west/monitoring";

/// A Splunk and one cluster with the small installation.
pub fn one_cluster() -> Stage {
    with_token().cluster("east", small_collector(OLD)).start()
}

/// A Splunk and two clusters, the collectors of which use the same token.
fn two_clusters() -> Stage {
    with_token().cluster("east", small_collector(OLD)).cluster("west", small_collector(OLD)).start()
}

pub fn with_token() -> StageBuilder {
    Stage::with(Splunk::builder().token(my_token()))
}

/// Asserts that the Secret of that name holds the token's current secret, and that every pod that
/// is there to stay was created after it was written.
#[track_caller]
pub fn assert_delivered(stage: &Stage, context: &str, secret: &str) {
    let current = stage.splunk().secret("myToken").expect("a secret");
    let held = stage.secret_value(context, secret, TOKEN_KEY);
    assert_eq!(held.as_deref(), Some(current.expose_secret()), "the Secret of {context}");
    let written = writes(stage, context)
        .iter()
        .filter(|request| request.path.ends_with(&format!("/secrets/{secret}")))
        .map(|request| request.at)
        .max();
    let Some(written) = written else { return };
    let pods = stage.objects(context, "Pod");
    let pods = pods.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    let mut count = 0;
    for pod in pods {
        let created: Timestamp = pod["metadata"]["creationTimestamp"]
            .as_str()
            .expect("a time")
            .parse()
            .expect("a timestamp");
        let name = &pod["metadata"]["name"];
        assert!(created > written, "{name} of {context}: {created} is before {written}");
        count += 1;
    }
    assert!(count > 0, "{context} has pods");
}

/// The writes of `sf-token` to a cluster that were more than tries.
fn writes(stage: &Stage, context: &str) -> Vec<RequestRecord> {
    let mut requests = stage.cluster(context).requests();
    requests.retain(|request| {
        request.user_agent.starts_with("sf-token")
            && matches!(request.method.as_str(), "PATCH" | "PUT" | "POST" | "DELETE")
            && request.status < 300
            && !request.query.contains("dryRun")
            && !request.path.contains("authorization.k8s.io")
    });
    requests
}

#[test]
fn one_rotation_reaches_every_collector_of_two_clusters() {
    let stage = two_clusters();
    sf(&stage, &format!("rotate myToken --graceful 604800 {BOTH}")).ends_with(0);
    assert_eq!(changes(&stage), ["POST /v2/token/myToken/rotate?graceful=604800"]);
    for context in ["east", "west"] {
        assert_delivered(&stage, context, "otel");
        let foreign = stage.secret_value(context, "otel", FOREIGN_KEY);
        assert_eq!(foreign.as_deref(), Some("another product's token"));
    }
    assert!(stage.files_with_secrets().is_empty());
}

#[test]
fn the_official_chart_is_known_in_all_its_forms() {
    for (kind, secret) in [
        ("agent", "splunk-otel-collector"),
        ("gateway", "splunk-otel-collector"),
        ("file", "otel-splunk-otel-collector"),
    ] {
        let Some(objects) = official_collector(kind, OLD) else { return };
        let stage = with_token().cluster("east", objects).start();
        let words = "rotate myToken --graceful 604800 --to-collector monitoring";
        // Rendered, but not installed by Helm: nobody will undo it.
        sf(&stage, words).ends_with(0).says("SF-OWNER-CHART");
        assert_delivered(&stage, "east", secret);
        assert_eq!(rotations(&stage).len(), 1, "{kind}");
    }
}

#[test]
fn a_release_of_the_official_chart_is_changed_only_when_that_is_accepted() {
    let Some(mut objects) = official_collector("gateway", OLD) else { return };
    for object in objects.iter_mut().filter(|object| object["kind"] == "Secret") {
        object["metadata"]["annotations"] = serde_json::json!({
            "meta.helm.sh/release-name": "otel", "meta.helm.sh/release-namespace": NAMESPACE});
    }
    let stage = with_token().cluster("east", objects).start();
    let words = "rotate myToken --graceful 604800 --to-collector monitoring";
    let refused = sf(&stage, words).ends_with(3).says("SF-OWNER-HELM");
    assert!(refused.stderr.contains("helm upgrade"), "{}", refused.stderr);
    assert!(rotations(&stage).is_empty() && writes(&stage, "east").is_empty());
    sf(&stage, &format!("{words} --accept SF-OWNER-HELM")).ends_with(0);
    assert_delivered(&stage, "east", "splunk-otel-collector");
    assert_eq!(rotations(&stage).len(), 1);
}

#[test]
fn agents_are_restarted_first_and_the_gateway_last() {
    let stage = one_cluster();
    sf(&stage, "rotate myToken --graceful 7d --to-collector monitoring").ends_with(0);
    let writes = writes(&stage, "east");
    let order: Vec<&str> =
        writes.iter().filter_map(|request| request.path.rsplit('/').next()).collect();
    assert_eq!(order, ["otel", "otel-agent", "otel-receiver", "otel"], "{writes:?}");
    assert!(writes[0].path.contains("/secrets/"));
}

#[test]
fn a_second_delivery_changes_nothing() {
    let stage = two_clusters();
    sf(&stage, &format!("rotate myToken --graceful 7d {BOTH}")).ends_with(0);
    let before = ["east", "west"].map(|context| writes(&stage, context).len());
    sf(&stage, &format!("sync myToken {BOTH}")).ends_with(0);
    let after = ["east", "west"].map(|context| writes(&stage, context).len());
    assert_eq!(before, after);
    assert_eq!(rotations(&stage).len(), 1);
}

#[test]
fn one_key_of_a_secret_is_a_destination_too() {
    let stage = one_cluster();
    let words = format!("rotate myToken --graceful 7d --to-secret monitoring/otel:{TOKEN_KEY}");
    sf(&stage, &words).ends_with(0);
    assert_delivered(&stage, "east", "otel");
    let stage = one_cluster();
    let words = format!("rotate myToken --graceful 7d --to-secret monitoring/otel:{FOREIGN_KEY}");
    let finished = sf(&stage, &words);
    assert_ne!(finished.code, Some(0), "another product's key is not written: {finished:?}");
    assert!(rotations(&stage).is_empty());
}

#[test]
fn nothing_is_rotated_when_one_destination_is_not_there() {
    let stage = two_clusters();
    for words in [
        "--to-collector east/monitoring --to-secret west/monitoring/none:token",
        "--to-collector east/monitoring --to-collector west/elsewhere",
    ] {
        sf(&stage, &format!("rotate myToken --graceful 7d {words}")).ends_with(3);
    }
    let words = "rotate myToken --graceful 7d --to-collector north/monitoring";
    sf(&stage, words).ends_with(2);
    sf(&stage, "sync myToken --to-collector north/monitoring").ends_with(2);
    assert!(rotations(&stage).is_empty());
    assert!(writes(&stage, "east").is_empty());
}

#[test]
fn a_secret_that_may_not_be_written_stops_it_before() {
    let stage = one_cluster();
    let refuse = RequestRule::api(RequestAction::refuse(403)).method("PATCH").path("*/secrets/*");
    stage.cluster("east").faults().add_rule(refuse);
    sf(&stage, "rotate myToken --graceful 7d --to-collector monitoring").ends_with(3);
    assert!(rotations(&stage).is_empty());
}

#[test]
fn another_secret_than_the_one_delivered_before_stops_it() {
    let stage = one_cluster();
    let words = "rotate myToken --graceful 7d --to-collector monitoring";
    sf(&stage, words).ends_with(0);
    // The API knows a newer secret than the cluster: a rotation that was not delivered.
    sf(&stage, "rotate myToken --graceful 7d --accept SF-RECENT").ends_with(0);
    sf(&stage, &format!("{words} --accept SF-RECENT")).ends_with(3).says("SF-SECRET-DIFFERS");
    assert_eq!(rotations(&stage).len(), 2);
    sf(&stage, "sync myToken --to-collector monitoring").ends_with(0);
    assert_delivered(&stage, "east", "otel");
}

#[test]
fn a_placeholder_is_replaced_and_told() {
    let stage = with_token().cluster("east", small_collector("change-me")).start();
    let words = "rotate myToken --graceful 7d --to-collector monitoring";
    sf(&stage, words).ends_with(0).says("SF-SECRET-DIFFERS");
    assert_delivered(&stage, "east", "otel");
}

/// A workload of its own whose pods read the Secret `otel` in the way of this pod's spec.
fn reader(kind: &str, name: &str, spec: Value) -> Value {
    let labels = serde_json::json!({"run": name});
    let mut spec = spec;
    spec["containers"][0]["name"] = "app".into();
    spec["containers"][0]["image"] = "registry.example.com/app:1".into();
    serde_json::json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    })
}

#[test]
fn everybody_who_reads_the_key_is_found_and_nobody_else() {
    let whole = serde_json::json!({"envFrom": [{"secretRef": {"name": "otel"}}]});
    let projected = serde_json::json!([{"name": "v", "projected": {"sources": [
        {"secret": {"name": "otel", "items": [{"key": TOKEN_KEY, "path": "token"}]}}]}}]);
    let foreign = serde_json::json!([{"name": "HEC", "valueFrom": {
        "secretKeyRef": {"name": "otel", "key": FOREIGN_KEY}}}]);
    let mount = serde_json::json!([{"name": "v", "mountPath": "/v"}]);
    let mut objects = small_collector(OLD);
    objects.extend([
        reader("Deployment", "by-env-from", serde_json::json!({"containers": [whole]})),
        reader(
            "Deployment",
            "by-projection",
            serde_json::json!({"containers": [{"volumeMounts": mount}], "volumes": projected}),
        ),
        reader(
            "Deployment",
            "by-init",
            serde_json::json!({
            "initContainers": [{"name": "init", "image": "registry.example.com/app:1",
                "env": [{"name": "T", "valueFrom": {
                    "secretKeyRef": {"name": "otel", "key": TOKEN_KEY}}}]}],
            "containers": [{}]}),
        ),
        reader("Deployment", "foreign-key", serde_json::json!({"containers": [{"env": foreign}]})),
        reader("Deployment", "bystander", serde_json::json!({"containers": [{}]})),
    ]);
    let stage = with_token().cluster("east", objects).start();
    sf(&stage, "rotate myToken --graceful 7d --to-collector monitoring").ends_with(0);
    let writes = writes(&stage, "east");
    let mut restarted: Vec<&str> = writes
        .iter()
        .filter(|request| request.path.contains("/apis/apps/"))
        .filter_map(|request| request.path.rsplit('/').next())
        .collect();
    restarted.sort_unstable();
    let expected =
        ["by-env-from", "by-init", "by-projection", "otel", "otel-agent", "otel-receiver"];
    assert_eq!(restarted, expected);
}

/// Refuses every write of a Secret that is no try.
fn refuse_writes(stage: &Stage, context: &str, action: RequestAction) {
    // The first patch is the try of the preflight.
    for number in 2..12 {
        let rule = RequestRule::api(action.clone()).method("PATCH").path("*/secrets/*");
        stage.cluster(context).faults().add_rule(rule.nth(number));
    }
}

#[test]
fn rotated_but_not_delivered_is_told_and_completed() {
    let stage = two_clusters();
    refuse_writes(&stage, "west", RequestAction::refuse(403));
    let words = format!("rotate myToken --graceful 7d {BOTH}");
    sf(&stage, &words).ends_with(4).says("sf-token sync myToken");
    assert_delivered(&stage, "east", "otel");
    assert_eq!(stage.secret_value("west", "otel", TOKEN_KEY).as_deref(), Some(OLD));
    stage.cluster("west").faults().clear();
    sf(&stage, &format!("sync myToken {BOTH}")).ends_with(0);
    assert_delivered(&stage, "west", "otel");
    assert_eq!(rotations(&stage).len(), 1);
}

#[test]
fn a_write_that_is_cut_is_looked_into() {
    for action in [RequestAction::CutBefore, RequestAction::CutAfter] {
        let stage = one_cluster();
        let rule = RequestRule::api(action).method("PATCH").path("*/secrets/*").nth(2);
        stage.cluster("east").faults().add_rule(rule);
        let words = "rotate myToken --graceful 7d --to-collector monitoring";
        let finished = sf(&stage, words);
        assert!(matches!(finished.code, Some(0 | 4)), "{finished:?}");
        sf(&stage, "sync myToken --to-collector monitoring").ends_with(0);
        assert_delivered(&stage, "east", "otel");
        assert_eq!(rotations(&stage).len(), 1);
    }
}

#[test]
fn delivered_but_not_restarted_is_told_and_completed() {
    let stage = one_cluster();
    stage.cluster("east").faults().add(ClusterFault::crash_loop("deployment/otel-receiver"));
    let words = "rotate myToken --graceful 7d --to-collector monitoring";
    let finished = sf(&stage, words).ends_with(5).says("otel-receiver");
    assert!(finished.stderr.contains("sync"), "{}", finished.stderr);
    let current = stage.splunk().secret("myToken").expect("a secret");
    let held = stage.secret_value("east", "otel", TOKEN_KEY);
    assert_eq!(held.as_deref(), Some(current.expose_secret()));
    // What was not tried still works with the old secret.
    assert!(stage.splunk().accepts(OLD));
    stage.cluster("east").faults().clear();
    sf(&stage, "sync myToken --to-collector monitoring").ends_with(0);
    assert_delivered(&stage, "east", "otel");
    assert_eq!(rotations(&stage).len(), 1);
}

#[test]
fn the_old_secret_is_put_back_where_it_is_asked_for() {
    let stage = one_cluster();
    stage.cluster("east").faults().add(ClusterFault::crash_loop("deployment/otel-receiver"));
    let words = "rotate myToken --graceful 7d --to-collector monitoring --put-back";
    sf(&stage, words).ends_with(4);
    assert_eq!(stage.secret_value("east", "otel", TOKEN_KEY).as_deref(), Some(OLD));
    stage.cluster("east").faults().clear();
    sf(&stage, "sync myToken --to-collector monitoring").ends_with(0);
    assert_delivered(&stage, "east", "otel");
    assert_eq!(rotations(&stage).len(), 1);
}

#[test]
fn sets_that_wait_for_deletion_are_told_or_rolled() {
    let mut objects = small_collector(OLD);
    for object in objects.iter_mut().filter(|object| object["kind"] == "DaemonSet") {
        object["spec"]["updateStrategy"] = serde_json::json!({"type": "OnDelete"});
    }
    let stage = with_token().cluster("east", objects).start();
    let words = "rotate myToken --graceful 7d --to-collector monitoring";
    sf(&stage, words).ends_with(5).says("OnDelete");
    sf(&stage, "sync myToken --to-collector monitoring --delete-pods").ends_with(0);
    assert_delivered(&stage, "east", "otel");
    assert_eq!(rotations(&stage).len(), 1);
}

#[test]
fn consumers_are_left_alone_when_asked() {
    let stage = one_cluster();
    let before = uids(&stage);
    let words = "rotate myToken --graceful 7d --to-collector monitoring --no-restart";
    sf(&stage, words).ends_with(0);
    assert_eq!(uids(&stage), before);
    sf(&stage, "sync myToken --to-collector monitoring").ends_with(0);
    assert_delivered(&stage, "east", "otel");
}

fn uids(stage: &Stage) -> Vec<Value> {
    let pods = stage.objects("east", "Pod");
    pods.iter().map(|pod| pod["metadata"]["uid"].clone()).collect()
}

#[test]
fn whoever_owns_the_secret_is_named_with_the_durable_way() {
    for (change, code) in [
        (
            serde_json::json!({"labels": {"app.kubernetes.io/managed-by": "Helm"},
                "annotations": {"meta.helm.sh/release-name": "otel",
                    "meta.helm.sh/release-namespace": NAMESPACE}}),
            "SF-OWNER-HELM",
        ),
        (
            serde_json::json!({"ownerReferences": [{"apiVersion": "external-secrets.io/v1",
                "kind": "ExternalSecret", "name": "otel", "uid": "1", "controller": true}]}),
            "SF-OWNER-EXTERNAL-SECRETS",
        ),
        (
            serde_json::json!({"ownerReferences": [{"apiVersion": "bitnami.com/v1alpha1",
                "kind": "SealedSecret", "name": "otel", "uid": "2", "controller": true}]}),
            "SF-OWNER-SEALED-SECRETS",
        ),
        (
            serde_json::json!({"annotations":
                {"argocd.argoproj.io/tracking-id": "otel:/Secret:monitoring/otel"}}),
            "SF-OWNER-ARGO-CD",
        ),
        (
            serde_json::json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "otel",
                "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}}),
            "SF-OWNER-FLUX",
        ),
    ] {
        let mut objects = small_collector(OLD);
        for (field, value) in change.as_object().expect("fields") {
            objects[0]["metadata"][field] = value.clone();
        }
        let stage = with_token().cluster("east", objects).start();
        let words = "rotate myToken --graceful 7d --to-collector monitoring";
        sf(&stage, words).ends_with(3).says(code);
        assert!(rotations(&stage).is_empty(), "{code}");
        sf(&stage, &format!("{words} --accept {code}")).ends_with(0);
        assert_eq!(rotations(&stage).len(), 1);
    }
}

#[test]
fn the_chain_holds_with_every_other_answer_to_the_open_questions() {
    let builder = Splunk::builder().token(my_token()).switches(Switches::opposite());
    let stage = Stage::with(builder).cluster("east", small_collector(OLD)).start();
    let url = stage.splunk().url();
    let words =
        format!("rotate myToken --graceful 604800 --to-collector monitoring --ingest-url {url}");
    sf(&stage, &words).ends_with(0);
    assert_delivered(&stage, "east", "otel");
    assert_eq!(rotations(&stage).len(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn in_a_pod_the_cluster_is_its_own() {
    use crate::SF_TOKEN;

    let stage = one_cluster();
    let words = ["rotate", "myToken", "--graceful", "7d", "--to-collector", "monitoring"];
    let kubeconfig = stage.cluster("east").kubeconfig();
    let pod = tempfile::tempdir().expect("a directory");
    let Some(mut command) = rhacs_tests::in_pod(SF_TOKEN, &words, pod.path(), &kubeconfig) else {
        return;
    };
    let with_kubeconfig = stage.command(SF_TOKEN, &words);
    let splunk = with_kubeconfig.get_envs().filter(|(name, _)| {
        let name = name.to_str().unwrap_or_default();
        name.starts_with("SFX_") || name.starts_with("SSL_")
    });
    for (name, value) in splunk {
        command.env(name, value.unwrap_or_default());
    }
    let output = command.output().expect("it starts");
    stage.finish(&output, &words, true).ends_with(0);
    assert_delivered(&stage, "east", "otel");
}
