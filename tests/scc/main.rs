//! Black-box tests of `kubectl rhacs scc` against the embedded OpenShift.

mod crash;
mod documents;
mod faults;
mod formats;
mod input;
mod migration;
mod restore;
mod status;

use std::collections::BTreeMap;

use rhacs_tests::{Finished, Installation};
use serde_json::{Value, json};
use sim::store::{Subresource, Writer};

/// The binary under test.
const SCC: &str = env!("CARGO_BIN_EXE_kubectl-rhacs-scc");

/// Runs `kubectl rhacs scc` with these words.
fn scc(installation: &Installation, words: &str) -> Finished {
    let words: Vec<&str> = words.split_whitespace().collect();
    installation.run(SCC, &words)
}

/// The product's workloads, each with the SCC that admitted its pods, by the pods themselves.
fn carried(installation: &Installation) -> BTreeMap<String, String> {
    let objects = installation.objects();
    let pods = objects
        .iter()
        .filter(|it| it["kind"] == "Pod" && it["metadata"]["deletionTimestamp"].is_null());
    pods.filter_map(|pod| {
        let app = pod["metadata"]["labels"]["app"].as_str()?;
        let scc = pod["metadata"]["annotations"]["openshift.io/scc"].as_str()?;
        Some((app.to_owned(), scc.to_owned()))
    })
    .collect()
}

/// What `status` says will admit the pods, by their workload.
fn predicted(status: &Value) -> BTreeMap<String, String> {
    let pods = status["pods"].as_array().expect("pods");
    pods.iter()
        .filter_map(|pod| {
            let (_, workload) = pod["workload"].as_str()?.split_once('/')?;
            Some((workload.to_owned(), pod["after"].as_str()?.to_owned()))
        })
        .collect()
}

/// Whether an SCC of this name exists.
fn exists(installation: &Installation, name: &str) -> bool {
    installation.object("SecurityContextConstraints", name).is_some()
}

/// The id of the newest recorded run.
fn newest_run(installation: &Installation) -> String {
    let runs = scc(installation, "history -o json").ends_with(0).json()["runs"].clone();
    runs[0]["run"].as_str().expect("a run").to_owned()
}

/// Marks an object of the namespace, as somebody would with `kubectl label`.
fn label(installation: &Installation, resource: &str, name: &str) {
    let store = installation.simulation().store();
    let somebody = Writer::new("kubectl-label");
    store
        .modify(resource, Some("stackrox"), name, Subresource::Main, &somebody, |object| {
            object["metadata"]["labels"]["mine"] = json!("yes");
        })
        .expect("it is labelled");
}

/// Creates an SCC, as somebody would with `kubectl apply`.
fn create_constraint(installation: &Installation, constraint: &Value) {
    let resource = "securitycontextconstraints.security.openshift.io";
    let somebody = Writer::new("kubectl-client-side-apply");
    let store = installation.simulation().store();
    store.create(resource, constraint.clone(), &somebody).expect("it is created");
}
