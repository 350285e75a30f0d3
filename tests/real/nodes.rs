//! Three nodes that no machine is behind.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::Api;

/// The label by which workloads of the tests find their nodes.
pub const LABEL: &str = "rhacs-tests";
/// The names of the nodes.
pub const NAMES: [&str; 3] = ["rhacs-tests-0", "rhacs-tests-1", "rhacs-tests-2"];

/// How often nodes say that they are there; a control plane gives them up after 40 s.
const BEAT: Duration = Duration::from_secs(10);
const NODES: &str = "/api/v1/nodes";

/// Creates the nodes, whose kubelets listen on `port` of this machine.
pub async fn create(api: &Api, port: u16) {
    delete(api).await;
    for name in NAMES {
        let labels = json!({LABEL: "", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64"});
        let node = json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": labels}});
        api.create(NODES, &node).await.expect("a node is created");
        let mut status = status();
        status["status"]["addresses"] = json!([{"type": "InternalIP", "address": "127.0.0.1"}]);
        status["status"]["nodeInfo"] = json!({"architecture": "amd64", "operatingSystem": "linux",
            "kubeletVersion": "v1.33.0", "containerRuntimeVersion": "cri-o://1.33.0",
            "kernelVersion": "5.14.0", "osImage": "linux", "kubeProxyVersion": "",
            "bootID": name, "machineID": name, "systemUUID": name});
        status["status"]["daemonEndpoints"] = json!({"kubeletEndpoint": {"Port": port}});
        let path = format!("{NODES}/{name}");
        api.merge(&format!("{path}/status"), &status).await.expect("the node has a status");
        // New nodes are closed to pods until the controller of nodes has seen them ready.
        let open = json!({"spec": {"taints": null}});
        api.merge(&path, &open).await.expect("the node is opened");
    }
}

/// Keeps the nodes ready, for ever.
pub async fn beat(api: Api) {
    loop {
        tokio::time::sleep(BEAT).await;
        for name in NAMES {
            // A node that was deleted meanwhile needs no beat.
            let _ = api.merge(&format!("{NODES}/{name}/status"), &status()).await;
        }
    }
}

/// Deletes the nodes.
pub async fn delete(api: &Api) {
    for name in NAMES {
        // There may be none.
        let _ = api.delete(&format!("{NODES}/{name}"), &json!({})).await;
    }
}

fn status() -> Value {
    let now = now();
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({"type": kind, "status": status, "reason": reason, "message": reason,
            "lastHeartbeatTime": now, "lastTransitionTime": now})
    };
    let resources = json!({"cpu": "16", "memory": "65536000Ki", "pods": "250"});
    json!({"status": {
        "allocatable": resources,
        "capacity": resources,
        "conditions": [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID"),
            condition("Ready", "True", "KubeletReady"),
        ],
    }})
}

/// The time as the API writes it.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
