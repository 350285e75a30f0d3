//! The nodes: three workers, always ready.

use serde_json::{Value, json};

use super::manager;
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

/// The names of the nodes on which a pod with this selector may run, in order.
pub(crate) fn fitting(store: &Store, selector: &Value) -> Vec<String> {
    let nodes = store.list("nodes", None);
    let fits = |node: &Value| !selector.is_object() || super::objects::selects(selector, node);
    nodes.iter().filter(|node| fits(node)).map(|node| meta::name(node).to_owned()).collect()
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
