//! StatefulSets: pods with numbers, made one after another and replaced from the last to the first.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::events::Told;
use super::objects::{available_at, is_true, items, number, owned_by, template_hash, text};
use super::{Round, manager, pods};
use crate::store::{DeleteOptions, Subresource, meta};

const SOURCE: &str = "statefulset-controller";
const HASH: &str = "controller-revision-hash";
/// Virtual seconds until a refused pod is tried again.
const RETRY: i64 = 30;

/// Moves every StatefulSet one step on.
pub(crate) fn reconcile(round: &mut Round<'_>) {
    for set in round.store().list("statefulsets.apps", None) {
        if !meta::is_being_deleted(&set) {
            reconcile_one(round, &set);
        }
    }
}

fn reconcile_one(round: &mut Round<'_>, set: &Value) {
    let hash = template_hash(&set["spec"]["template"], number(set, "/status/collisionCount", 0));
    let wanted = number(set, "/spec/replicas", 1);
    let parallel = text(set, "/spec/podManagementPolicy") == "Parallel";
    let present = pods_of(round, set);
    let at = |ordinal: i64| present.iter().find(|pod| ordinal_of(set, pod) == Some(ordinal));
    for ordinal in 0..wanted {
        match at(ordinal) {
            None => {
                add_pod(round, set, ordinal, &hash);
                if !parallel {
                    break;
                }
            }
            // The next one waits until this one serves.
            Some(pod) if !parallel && !serves(pod) => break,
            Some(_) => {}
        }
    }
    let surplus =
        present.iter().filter(|pod| ordinal_of(set, pod).is_some_and(|one| one >= wanted));
    if let Some(last) = surplus.max_by_key(|pod| ordinal_of(set, pod)) {
        delete(round, set, last);
    } else if text(set, "/spec/updateStrategy/type") != "OnDelete" {
        replace_outdated(round, set, &present, &hash);
    }
    report(round, set, &hash);
}

fn pods_of(round: &Round<'_>, set: &Value) -> Vec<Arc<Value>> {
    owned_by(set, round.store().list("pods", Some(meta::namespace(set))))
}

fn ordinal_of(set: &Value, pod: &Value) -> Option<i64> {
    meta::name(pod).strip_prefix(meta::name(set))?.strip_prefix('-')?.parse().ok()
}

fn serves(pod: &Value) -> bool {
    is_true(pod, "Ready") && !meta::is_being_deleted(pod)
}

fn add_pod(round: &mut Round<'_>, set: &Value, ordinal: i64, hash: &str) {
    let name = format!("{}-{ordinal}", meta::name(set));
    let mut template = set["spec"]["template"].clone();
    template["metadata"]["name"] = json!(name);
    template["metadata"]["labels"][HASH] = json!(format!("{}-{hash}", meta::name(set)));
    template["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] = json!(name);
    template["metadata"]["labels"]["apps.kubernetes.io/pod-index"] = json!(ordinal.to_string());
    template["spec"]["hostname"] = json!(name);
    claim_volumes(round, set, &name, &mut template);
    match pods::create(round, set, &template, None) {
        Ok(_) => {
            let message =
                format!("create Pod {name} in StatefulSet {} successful", meta::name(set));
            round.tell(set, Told::normal(SOURCE, "SuccessfulCreate", &message));
        }
        Err(why) => {
            let message =
                format!("create Pod {name} in StatefulSet {} failed error: {why}", meta::name(set));
            let refusals = &mut round.memory.kubelet.refusals;
            if refusals.insert(meta::uid(set).to_owned(), message.clone()).as_ref()
                != Some(&message)
            {
                round.tell(set, Told::warning(SOURCE, "FailedCreate", &message));
            }
            round.wake_at(super::objects::after(round.now, RETRY));
        }
    }
}

/// The claims of a pod, which outlive it, as volumes of the template.
fn claim_volumes(round: &Round<'_>, set: &Value, pod: &str, template: &mut Value) {
    for claim in items(set, "/spec/volumeClaimTemplates") {
        let volume = text(claim, "/metadata/name");
        let name = format!("{volume}-{pod}");
        let mut object = claim.clone();
        object["metadata"]["name"] = json!(name);
        object["metadata"]["namespace"] = json!(meta::namespace(set));
        // It is there already when the pod had a life before.
        let _ = round.store().create("persistentvolumeclaims", object, &manager());
        let mut volumes = items(template, "/spec/volumes").to_vec();
        volumes.retain(|present| present["name"] != volume);
        volumes.push(json!({"name": volume, "persistentVolumeClaim": {"claimName": name}}));
        template["spec"]["volumes"] = json!(volumes);
    }
}

/// Deletes the last pod of another template, as long as all others serve.
fn replace_outdated(round: &mut Round<'_>, set: &Value, present: &[Arc<Value>], hash: &str) {
    let revision = format!("{}-{hash}", meta::name(set));
    let partition = number(set, "/spec/updateStrategy/rollingUpdate/partition", 0);
    let is_outdated = |pod: &Value| meta::label(pod, HASH) != Some(&*revision);
    let mut order: Vec<&Arc<Value>> = present.iter().collect();
    order.sort_by_key(|pod| std::cmp::Reverse(ordinal_of(set, pod)));
    for pod in order {
        let is_due = ordinal_of(set, pod).is_some_and(|ordinal| ordinal >= partition);
        if is_due && is_outdated(pod) {
            return delete(round, set, pod);
        }
        if !serves(pod) {
            return;
        }
    }
}

fn delete(round: &mut Round<'_>, set: &Value, pod: &Value) {
    if meta::is_being_deleted(pod) {
        return;
    }
    let (namespace, name) = (Some(meta::namespace(pod)), meta::name(pod));
    if round.store().delete("pods", namespace, name, &DeleteOptions::default()).is_ok() {
        let message = format!("delete Pod {name} in StatefulSet {} successful", meta::name(set));
        round.tell(set, Told::normal(SOURCE, "SuccessfulDelete", &message));
    }
}

fn report(round: &mut Round<'_>, set: &Value, hash: &str) {
    let revision = format!("{}-{hash}", meta::name(set));
    let minimum = number(set, "/spec/minReadySeconds", 0);
    let pods = pods_of(round, set);
    let count = |holds: &dyn Fn(&Value) -> bool| pods.iter().filter(|pod| holds(pod)).count();
    let updated = count(&|pod| meta::label(pod, HASH) == Some(&*revision));
    let mut available = 0;
    for moment in pods.iter().filter_map(|pod| available_at(pod, minimum)) {
        if moment <= round.now {
            available += 1;
        } else {
            round.wake_at(moment);
        }
    }
    let done = updated == pods.len();
    let before = text(set, "/status/currentRevision").to_owned();
    let current = if done || before.is_empty() { revision.clone() } else { before };
    let mut status = Map::new();
    status.insert("replicas".to_owned(), json!(pods.len()));
    status.insert("availableReplicas".to_owned(), json!(available));
    for (key, value) in [
        ("readyReplicas", count(&serves)),
        ("updatedReplicas", updated),
        ("currentReplicas", count(&|pod| meta::label(pod, HASH) == Some(&*current))),
    ] {
        if value != 0 {
            status.insert(key.to_owned(), json!(value));
        }
    }
    status.insert("currentRevision".to_owned(), json!(current));
    status.insert("updateRevision".to_owned(), json!(revision));
    status.insert("collisionCount".to_owned(), json!(number(set, "/status/collisionCount", 0)));
    status.insert("observedGeneration".to_owned(), json!(meta::generation(set)));
    let status = Value::Object(status);
    if set.get("status") == Some(&status) {
        return;
    }
    let (namespace, name) = (Some(meta::namespace(set)), meta::name(set));
    let part = Subresource::Status;
    let _ =
        round.store().modify("statefulsets.apps", namespace, name, part, &manager(), |object| {
            object["status"] = status;
        });
}
