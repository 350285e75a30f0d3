//! The nodes: three workers, always ready.

use serde_json::{Value, json};

use super::manager;
use super::objects::{items, selects, text};
use crate::clock::Clock;
use crate::store::{Status, Store, meta};

/// The names of the nodes.
const NAMES: [&str; 3] = ["node-0", "node-1", "node-2"];

/// Creates the nodes.
///
/// # Errors
/// What the store answers, such as that a node is there already.
pub fn create_nodes(store: &Store, clock: &Clock) -> Result<(), Status> {
    for name in NAMES {
        store.create("nodes", node(name, &meta::time(clock.now())), &manager())?;
    }
    Ok(())
}

/// Who puts a pod on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The scheduler, which keeps away from cordoned nodes.
    Scheduler,
    /// A DaemonSet, whose pods go to cordoned nodes too.
    DaemonSet,
}

/// The names of the nodes on which a pod of this specification may run, in order.
pub(crate) fn fitting(store: &Store, spec: &Value, by: By) -> Vec<String> {
    let nodes = store.list("nodes", None);
    nodes.iter().filter(|node| fits(node, spec, by)).map(|it| meta::name(it).to_owned()).collect()
}

/// Whether a pod of this specification may run on a node.
pub(crate) fn fits(node: &Value, spec: &Value, by: By) -> bool {
    let selector = &spec["nodeSelector"];
    (!selector.is_object() || selects(selector, node))
        && (by == By::DaemonSet || node["spec"]["unschedulable"] != true)
        && items(node, "/spec/taints").iter().all(|taint| tolerates(spec, taint))
}

/// Whether a taint does not keep a pod of this specification away.
fn tolerates(spec: &Value, taint: &Value) -> bool {
    let tolerated = |toleration: &Value| {
        let (key, effect) = (text(toleration, "/key"), text(toleration, "/effect"));
        let exists = text(toleration, "/operator") == "Exists";
        (key == text(taint, "/key") || key.is_empty() && exists)
            && (effect.is_empty() || effect == text(taint, "/effect"))
            && (exists || text(toleration, "/value") == text(taint, "/value"))
    };
    text(taint, "/effect") == "PreferNoSchedule"
        || items(spec, "/tolerations").iter().any(tolerated)
}

/// The address of a node.
pub(crate) fn address(name: &str) -> String {
    let number = name.bytes().last().map_or(0, |digit| digit % 10);
    format!("192.168.126.{}", 11 + number)
}

fn node(name: &str, now: &str) -> Value {
    let resources =
        json!({"cpu": "16", "memory": "65536000Ki", "pods": "250", "ephemeral-storage": "100Gi"});
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({"type": kind, "status": status, "reason": reason, "message": reason,
            "lastHeartbeatTime": now, "lastTransitionTime": now})
    };
    json!({
        "metadata": {"name": name, "labels": {
            "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": name,
        }},
        "spec": {"podCIDR": "10.128.0.0/23"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address(name)},
                {"type": "Hostname", "address": name}],
            "allocatable": resources,
            "capacity": resources,
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID"),
                condition("Ready", "True", "KubeletReady"),
            ],
            "nodeInfo": {"architecture": "amd64", "operatingSystem": "linux", "kubeletVersion": "v1.33.0",
                "containerRuntimeVersion": "cri-o://1.33.0", "kernelVersion": "5.14.0", "osImage": "linux",
                "bootID": name, "machineID": name, "systemUUID": name, "kubeProxyVersion": ""},
        },
    })
}
