//! Scheduler and kubelets: pods get a node, pull, start, become ready, crash and end.

mod containers;
mod life;
pub(crate) mod logs;
mod program;
mod render;

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::events::Told;
use super::objects::{after, items, text};
use super::{Round, daemonsets, nodes};
use crate::faults::{ClusterFault, means_workload};
use crate::store::{DeleteOptions, Subresource, Writer, meta};
use life::Life;

const SOURCE: &str = "kubelet";
/// Virtual seconds that containers take to stop.
const STOP: i64 = 3;

/// What the kubelets remember.
#[derive(Debug, Default)]
pub(crate) struct Kubelet {
    lives: HashMap<String, Life>,
    /// Images that nodes have.
    pulled: HashSet<(String, String)>,
    /// The last refusal told per owner of pods.
    pub(super) refusals: HashMap<String, String>,
}

/// Moves every pod one step on.
pub(crate) fn reconcile(round: &mut Round<'_>) {
    let pods = round.store().list("pods", None);
    forget_vanished(round, &pods.iter().map(|pod| meta::uid(pod)).collect());
    for pod in &pods {
        // What has ended is not started again.
        if has_ended(pod) && !meta::is_being_deleted(pod) {
            continue;
        }
        let uid = meta::uid(pod).to_owned();
        let mut life = round.memory.kubelet.lives.remove(&uid).unwrap_or_else(|| Life::new(pod));
        if meta::is_being_deleted(pod) {
            end(round, pod, &mut life);
        } else {
            advance(round, pod, &mut life);
            report(round, pod, &mut life);
        }
        round.memory.kubelet.lives.insert(uid, life);
    }
}

fn has_ended(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

fn forget_vanished(round: &mut Round<'_>, present: &HashSet<&str>) {
    let vanished: Vec<String> = round
        .memory
        .kubelet
        .lives
        .keys()
        .filter(|uid| !present.contains(uid.as_str()))
        .cloned()
        .collect();
    for uid in vanished {
        round.cluster.central.stop(&uid);
        if let Some(life) = round.memory.kubelet.lives.remove(&uid) {
            round.cluster.logs.forget(&life.namespace, &life.name);
        }
    }
}

fn end(round: &mut Round<'_>, pod: &Value, life: &mut Life) {
    round.cluster.central.stop(meta::uid(pod));
    let grace =
        pod.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(STOP);
    if life.ends.is_none() {
        for container in life.containers.iter().filter(|container| !container.is_init) {
            let message = format!("Stopping container {}", container.name);
            round.tell(pod, Told::normal(SOURCE, "Killing", &message));
        }
    }
    let ends = *life.ends.get_or_insert_with(|| after(round.now, grace.min(STOP)));
    if ends > round.now {
        return round.wake_at(ends);
    }
    let now = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
    let _ = round.store().delete("pods", Some(meta::namespace(pod)), meta::name(pod), &now);
}

fn advance(round: &mut Round<'_>, pod: &Value, life: &mut Life) {
    if life.node.is_none() {
        match text(pod, "/spec/nodeName") {
            "" => schedule(round, pod, life),
            // Whoever names the node leaves the scheduler out.
            node => {
                life.node = Some(node.to_owned());
                life.changed = true;
            }
        }
    }
    if life.node.is_none() {
        return;
    }
    if life.started.is_none() {
        if let Some(missing) = missing_volume(round, pod) {
            // Told once per volume, not in each round in which it is still missing.
            if life.missing.as_ref() != Some(&missing) {
                round.tell(pod, Told::warning(SOURCE, "FailedMount", &missing));
                life.missing = Some(missing);
            }
            return;
        }
        life.started = Some(round.now);
        life.changed = true;
    }
    containers::advance(round, pod, life);
}

fn schedule(round: &mut Round<'_>, pod: &Value, life: &mut Life) {
    let (kind, name) = &life.workload;
    let blocked = round.cluster.faults.any(
        |fault| matches!(fault, ClusterFault::Unschedulable { workload } if means_workload(workload, kind, name)),
    );
    let chosen = match daemonsets::pinned_node(pod) {
        Some(name) => {
            let node = round.store().read("nodes", None, name);
            node.filter(|node| nodes::fits(node, &pod["spec"], nodes::By::DaemonSet))
                .map(|_| name.to_owned())
        }
        None => {
            let nodes = nodes::fitting(round.store(), &pod["spec"], nodes::By::Scheduler);
            let lives = &round.memory.kubelet.lives;
            let used = |node: &String| {
                lives.values().filter(|life| life.node.as_ref() == Some(node)).count()
            };
            nodes.into_iter().min_by_key(used)
        }
    };
    let chosen = chosen.filter(|_| !blocked);
    let Some(node) = chosen else { return refuse_schedule(round, pod) };
    let by = Writer::new("kube-scheduler");
    let bound = round.store().modify(
        "pods",
        Some(meta::namespace(pod)),
        meta::name(pod),
        Subresource::Main,
        &by,
        |pod| pod["spec"]["nodeName"] = json!(node),
    );
    if bound.is_ok() {
        let message =
            format!("Successfully assigned {}/{} to {node}", meta::namespace(pod), meta::name(pod));
        round.tell(pod, Told::normal("default-scheduler", "Scheduled", &message));
        life.node = Some(node);
        life.changed = true;
    }
}

fn refuse_schedule(round: &mut Round<'_>, pod: &Value) {
    let message = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.";
    if super::objects::condition(pod, "PodScheduled").is_some() {
        return;
    }
    round.tell(pod, Told::warning("default-scheduler", "FailedScheduling", message));
    let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": message, "lastProbeTime": null, "lastTransitionTime": meta::time(round.now)});
    let _ = round.store().modify(
        "pods",
        Some(meta::namespace(pod)),
        meta::name(pod),
        Subresource::Status,
        &Writer::new("kube-scheduler"),
        |pod| pod["status"] = json!({"phase": "Pending", "conditions": [condition]}),
    );
}

/// The first volume whose Secret or ConfigMap is not there.
fn missing_volume(round: &Round<'_>, pod: &Value) -> Option<String> {
    let namespace = Some(meta::namespace(pod));
    items(pod, "/spec/volumes").iter().find_map(|volume| {
        let sources = [
            ("secret", "secrets", "secretName"),
            ("configMap", "configmaps", "name"),
            ("persistentVolumeClaim", "persistentvolumeclaims", "claimName"),
        ];
        sources.into_iter().find_map(|(key, resource, field)| {
            let source = volume.get(key)?;
            let name = source[field].as_str()?;
            let optional = source["optional"] == json!(true);
            (!optional && round.store().read(resource, namespace, name).is_none()).then(|| {
                let volume = text(volume, "/name");
                let noun = key.to_lowercase();
                format!(
                    "MountVolume.SetUp failed for volume \"{volume}\" : {noun} \"{name}\" not found"
                )
            })
        })
    })
}

fn report(round: &Round<'_>, pod: &Value, life: &mut Life) {
    // To render a status is the costly part of a round; nearly always nothing has happened.
    if life.node.is_none() || (!life.changed && life.reported == meta::version(pod)) {
        return;
    }
    let (namespace, name) = (Some(meta::namespace(pod)), meta::name(pod));
    let Some(pod) = round.store().read("pods", namespace, name) else { return };
    let status = render::status(&pod, life, round.now);
    let by = Writer::new(SOURCE);
    let written = if pod.get("status") == Some(&status) {
        Ok(pod)
    } else {
        round
            .store()
            .modify("pods", namespace, name, Subresource::Status, &by, |pod| pod["status"] = status)
    };
    if let Ok(pod) = written {
        life.reported = meta::version(&pod);
        life.changed = false;
    }
}
