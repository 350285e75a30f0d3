//! DaemonSets: one pod on every fitting node, replaced one by one or when somebody deletes it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::events::Told;
use super::nodes;
use super::objects::{
    available_at, condition, is_active, is_true, items, number, owned_by, owner_reference, portion,
    template_hash, text,
};
use super::{Round, manager, pods};
use crate::store::{DeleteOptions, Subresource, meta};

const SOURCE: &str = "daemonset-controller";
const HASH: &str = "controller-revision-hash";
const GENERATION: &str = "pod-template-generation";
const REVISIONS: &str = "controllerrevisions.apps";

/// Moves every DaemonSet one step on.
pub(crate) fn reconcile(round: &mut Round<'_>) {
    for set in round.store().list("daemonsets.apps", None) {
        if !meta::is_being_deleted(&set) {
            reconcile_one(round, &set);
        }
    }
}

fn reconcile_one(round: &mut Round<'_>, set: &Value) {
    let hash = hash(round, set);
    keep_revision(round, set, &hash);
    let nodes =
        nodes::fitting(round.store(), &set["spec"]["template"]["spec"], nodes::By::DaemonSet);
    let pods = pods_of(round, set);
    // A pod that is still ending keeps its place.
    let taken: BTreeSet<&str> = pods.iter().map(|pod| node_of(pod)).collect();
    for node in nodes.iter().filter(|node| !taken.contains(node.as_str())) {
        add_pod(round, set, &hash, node);
    }
    if text(set, "/spec/updateStrategy/type") != "OnDelete" {
        replace_outdated(round, set, &hash, nodes.len());
    }
    report(round, set, &hash, &nodes);
}

/// The hash of the template, computed once per generation.
fn hash(round: &mut Round<'_>, set: &Value) -> String {
    let key = (meta::uid(set).to_owned(), meta::generation(set));
    let collisions = number(set, "/status/collisionCount", 0);
    let hashes = &mut round.memory.hashes;
    hashes.entry(key).or_insert_with(|| template_hash(&set["spec"]["template"], collisions)).clone()
}

fn pods_of(round: &Round<'_>, set: &Value) -> Vec<Arc<Value>> {
    owned_by(set, round.store().list("pods", Some(meta::namespace(set))))
}

/// The node a pod is on, or the one it is pinned to.
fn node_of(pod: &Value) -> &str {
    let node = text(pod, "/spec/nodeName");
    if node.is_empty() { pinned_node(pod).unwrap_or_default() } else { node }
}

/// The node that a DaemonSet's pod asks for.
pub(crate) fn pinned_node(pod: &Value) -> Option<&str> {
    let terms = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let fields = items(pod, terms).first()?.get("matchFields")?.as_array()?;
    let field = fields.iter().find(|field| field["key"] == "metadata.name")?;
    field["values"].get(0)?.as_str()
}

fn add_pod(round: &mut Round<'_>, set: &Value, hash: &str, node: &str) {
    let mut template = set["spec"]["template"].clone();
    template["metadata"]["labels"][HASH] = json!(hash);
    template["metadata"]["labels"][GENERATION] = json!(template_generation(set).to_string());
    match pods::create(round, set, &template, Some(node)) {
        Ok(pod) => {
            let message = format!("Created pod: {}", meta::name(&pod));
            round.tell(set, Told::normal(SOURCE, "SuccessfulCreate", &message));
        }
        Err(message) => {
            let told = format!("Error creating: {message}");
            // Told once per state of the DaemonSet; an unchanged refusal is not told in each round.
            let known =
                round.memory.kubelet.refusals.insert(meta::uid(set).to_owned(), told.clone());
            if known.as_ref() != Some(&told) {
                round.tell(set, Told::warning(SOURCE, "FailedCreate", &told));
            }
            round.wake_at(super::objects::after(round.now, 30));
        }
    }
}

fn template_generation(set: &Value) -> i64 {
    let annotation = text(set, "/metadata/annotations/deprecated.daemonset.template.generation");
    annotation.parse().unwrap_or_else(|_| meta::generation(set))
}

/// Deletes outdated pods, as many as may be unavailable; those that serve nobody first.
fn replace_outdated(round: &mut Round<'_>, set: &Value, hash: &str, nodes: usize) {
    let desired = i64::try_from(nodes).unwrap_or(i64::MAX);
    let limit = set.pointer("/spec/updateStrategy/rollingUpdate/maxUnavailable");
    let limit = portion(limit, "1", desired, true).max(1);
    let minimum = number(set, "/spec/minReadySeconds", 0);
    let pods = pods_of(round, set);
    let is_available = |pod: &Value| {
        is_active(pod) && available_at(pod, minimum).is_some_and(|moment| moment <= round.now)
    };
    let mut missing =
        desired - i64::try_from(pods.iter().filter(|pod| is_available(pod)).count()).unwrap_or(0);
    let mut outdated: Vec<Arc<Value>> = pods
        .iter()
        .filter(|pod| is_active(pod) && meta::label(pod, HASH) != Some(hash))
        .cloned()
        .collect();
    outdated.sort_by_key(|pod| is_available(pod));
    let mut doomed = Vec::new();
    for pod in outdated {
        if is_available(&pod) {
            if missing >= limit {
                break;
            }
            missing += 1;
        }
        doomed.push(pod);
    }
    for pod in doomed {
        let (namespace, name) = (Some(meta::namespace(&pod)), meta::name(&pod));
        if round.store().delete("pods", namespace, name, &DeleteOptions::default()).is_ok() {
            let message = format!("Deleted pod: {name}");
            round.tell(set, Told::normal(SOURCE, "SuccessfulDelete", &message));
        }
    }
}

/// Keeps a ControllerRevision per template, for `kubectl rollout history` and `undo`.
fn keep_revision(round: &Round<'_>, set: &Value, hash: &str) {
    let namespace = Some(meta::namespace(set));
    let mut kept = owned_by(set, round.store().list(REVISIONS, namespace));
    kept.sort_by_key(|revision| number(revision, "/revision", 0));
    let newest = kept.last().map_or(0, |revision| number(revision, "/revision", 0));
    let name = format!("{}-{hash}", meta::name(set));
    if let Some(present) = kept.iter().find(|revision| meta::name(revision) == name) {
        if number(present, "/revision", 0) < newest {
            let _ = round.store().modify(
                REVISIONS,
                namespace,
                &name,
                Subresource::Main,
                &manager(),
                |object| {
                    object["revision"] = json!(newest + 1);
                },
            );
        }
        return;
    }
    let mut template = set["spec"]["template"].clone();
    template["$patch"] = json!("replace");
    let mut labels = set["spec"]["template"]["metadata"]["labels"].clone();
    labels[HASH] = json!(hash);
    let revision = json!({
        "metadata": {
            "name": name,
            "namespace": meta::namespace(set),
            "labels": labels,
            "annotations": set["metadata"]["annotations"],
            "ownerReferences": [owner_reference(set)],
        },
        "data": {"spec": {"template": template}},
        "revision": newest + 1,
    });
    let _ = round.store().create(REVISIONS, revision, &manager());
    let limit =
        usize::try_from(number(set, "/spec/revisionHistoryLimit", 10)).unwrap_or(usize::MAX);
    for old in kept.iter().take(kept.len().saturating_sub(limit)) {
        let _ =
            round.store().delete(REVISIONS, namespace, meta::name(old), &DeleteOptions::default());
    }
}

fn report(round: &mut Round<'_>, set: &Value, hash: &str, nodes: &[String]) {
    let minimum = number(set, "/spec/minReadySeconds", 0);
    let (mut scheduled, mut ready, mut available, mut updated) = (0_i64, 0_i64, 0_i64, 0_i64);
    let nodes_of_set: BTreeSet<&str> = nodes.iter().map(String::as_str).collect();
    for pod in pods_of(round, set).iter().filter(|pod| nodes_of_set.contains(node_of(pod))) {
        scheduled += 1;
        if meta::is_being_deleted(pod) {
            continue;
        }
        updated += i64::from(meta::label(pod, HASH) == Some(hash));
        ready += i64::from(is_true(pod, "Ready") && condition(pod, "Ready").is_some());
        match available_at(pod, minimum) {
            Some(moment) if moment <= round.now => available += 1,
            Some(moment) => round.wake_at(moment),
            None => {}
        }
    }
    let desired = i64::try_from(nodes.len()).unwrap_or(i64::MAX);
    let mut status = Map::new();
    for (key, value) in [
        ("currentNumberScheduled", scheduled),
        ("numberMisscheduled", 0),
        ("desiredNumberScheduled", desired),
        ("numberReady", ready),
        ("observedGeneration", meta::generation(set)),
    ] {
        status.insert(key.to_owned(), json!(value));
    }
    for (key, value) in [
        ("updatedNumberScheduled", updated),
        ("numberAvailable", available),
        ("numberUnavailable", (desired - available).max(0)),
    ] {
        if value != 0 {
            status.insert(key.to_owned(), json!(value));
        }
    }
    let status = Value::Object(status);
    if set.get("status") == Some(&status) {
        return;
    }
    let _ = round.store().modify(
        "daemonsets.apps",
        Some(meta::namespace(set)),
        meta::name(set),
        Subresource::Status,
        &manager(),
        |object| object["status"] = status,
    );
}
