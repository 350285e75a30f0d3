//! Done means done: what somebody takes back, what nothing runs of, and what is not gone yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rhacs_tests::Installation;
use serde_json::{Value, json};
use sim::faults::{RequestAction, RequestRule};
use sim::store::{Store, Subresource, Writer};

use crate::upgrade;

const RESOURCES: [(&str, &str); 3] = [
    ("deployments.apps", "scanner"),
    ("daemonsets.apps", "collector"),
    ("deployments.apps", "admission-control"),
];

/// Somebody who puts images back to what they were, a second after each change.
struct Reconciler {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Reconciler {
    fn start(installation: &Installation) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (store, stopped) = (installation.simulation().store().clone(), Arc::clone(&stop));
        let old: Vec<Value> =
            RESOURCES.map(|(resource, name)| images(&store, resource, name)).into();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                for ((resource, name), old) in RESOURCES.iter().zip(&old) {
                    if images(&store, resource, name) != *old {
                        std::thread::sleep(Duration::from_millis(300));
                        put_back(&store, resource, name, old);
                    }
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Reconciler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn images(store: &Store, resource: &str, name: &str) -> Value {
    let object = store.read(resource, Some("stackrox"), name).expect("it is there");
    let containers = object["spec"]["template"]["spec"]["containers"].as_array();
    containers.into_iter().flatten().map(|container| container["image"].clone()).collect()
}

fn put_back(store: &Store, resource: &str, name: &str, images: &Value) {
    let by = Writer::new("argocd-controller");
    let change = |object: &mut Value| {
        let images = images.as_array().into_iter().flatten();
        for (index, image) in images.enumerate() {
            object["spec"]["template"]["spec"]["containers"][index]["image"] = image.clone();
        }
    };
    let changed = store.modify(resource, Some("stackrox"), name, Subresource::Main, &by, change);
    changed.expect("put back");
}

#[test]
fn changes_that_are_taken_back_fail_the_run_and_who_does_it_is_named() {
    let installation = Installation::at("3.70.0").start();
    let reconciler = Reconciler::start(&installation);
    let ended = upgrade(&installation, "--to 3.70.2 --timeout 60s --yes").ends_with(4);
    ended
        .says("is not as this run wrote it: `spec.template.spec.containers[")
        .says("].image` is `")
        .says("argocd-controller")
        .says("upgrade resume");
    drop(reconciler);
    let ended = upgrade(&installation, "resume --yes").ends_with(0);
    ended.says("everything is verified");
    assert!(installation.image("Deployment", "sensor", "sensor").ends_with(":3.70.2"));
    assert!(!installation.image("Deployment", "scanner", "scanner").ends_with(":3.70.0"));
}

#[test]
fn what_nothing_runs_of_is_not_verified() {
    let installation = Installation::at("3.69.1").start();
    let store = installation.simulation().store();
    let by = Writer::new("kubectl-scale");
    let change = |object: &mut Value| object["spec"]["replicas"] = json!(0);
    let (resource, namespace) = ("deployments.apps", Some("stackrox"));
    let scaled = store.modify(resource, namespace, "scanner", Subresource::Main, &by, change);
    scaled.expect("scaled");
    let words = "--to 3.69.2 --timeout 30s --accept RHACS-REPLICAS-ZERO --yes";
    let ended = upgrade(&installation, words).ends_with(5);
    ended.says("deploy/scanner").says("it is scaled to 0: nothing of it runs");
}

#[test]
fn a_token_that_is_revoked_during_the_run_is_told_as_that() {
    let installation = Installation::at("3.66.1").start();
    let words = "not authorized: no authorizer could authorize this request: errors: [credentials \
                 not found: token validation failed]";
    let action =
        RequestAction::Refuse { status: 403, retry_after: None, message: Some(words.to_owned()) };
    // The checks look once; then the token is gone.
    let rule = |nth: u64| RequestRule::central(action.clone()).path("/v1/clusters*").nth(nth);
    for nth in 2..60 {
        installation.simulation().faults().add_rule(rule(nth));
    }
    let ended = upgrade(&installation, "--to 3.69.2 --timeout 60s --yes").ends_with(5);
    ended.says("they were revoked, or have expired").says("ROX_API_TOKEN");
}
