//! Which workloads read a key of a Secret, found by reference, and in which order they restart.

use common::owners::controlling_reference;
use common::rhacs::ObjectRef;
use serde::Serialize;
use serde_json::Value;

use super::reloader;

/// A workload whose pods read the key.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Consumer {
    /// The Deployment, StatefulSet or DaemonSet.
    pub object: ObjectRef,
    /// What it is in an installation of the collector.
    pub role: Role,
    /// Each way in which it reads the key, such as `env SPLUNK_ACCESS_TOKEN of collector`.
    pub reads: Vec<String>,
    /// Its pods are replaced only when somebody deletes them.
    pub on_delete: bool,
    /// Its rollouts are paused.
    pub paused: bool,
    /// Reloader restarts it when the Secret changes.
    pub reloaded: bool,
    /// About how long a restart takes, in seconds.
    pub estimate_seconds: u64,
}

/// What a workload is in an installation of the collector; the order is that of the restarts.
///
/// Agents come first: with token passthrough a gateway forwards what agents send, so only agents
/// end the use of an old secret.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// The agent on each node.
    Agent,
    /// The one that reads the cluster's own API.
    ClusterReceiver,
    /// The gateway that agents send through.
    Gateway,
    /// The bridge for remote management.
    OpampBridge,
    /// Anything else that reads the key.
    Other,
}

/// A pod that reads the key and that none of the workloads restarts.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LonePod {
    /// The pod.
    pub object: ObjectRef,
    /// What made it, such as `job/import`; none for a pod made by hand.
    pub owner: Option<String>,
}

/// The workloads among `workloads` that read `key` of the Secret `secret`, in the order in which
/// they restart. All must be of the Secret's namespace: references never leave it.
#[must_use]
pub fn consumers(workloads: &[Value], secret: &str, key: &str) -> Vec<Consumer> {
    let mut found: Vec<Consumer> = workloads
        .iter()
        .filter_map(|workload| {
            let reads = reads(&workload["spec"]["template"]["spec"], secret, key);
            if reads.is_empty() {
                return None;
            }
            Some(Consumer {
                object: ObjectRef::of(workload)?,
                role: role(workload),
                reads,
                on_delete: workload["spec"]["updateStrategy"]["type"] == "OnDelete",
                paused: workload["spec"]["paused"] == true,
                reloaded: reloader::restarts(workload, secret),
                estimate_seconds: estimate(workload),
            })
        })
        .collect();
    found.sort_by_key(|consumer| {
        (consumer.role, kind_order(&consumer.object.kind), consumer.object.name.clone())
    });
    found
}

/// The running pods that read the key and belong to no workload that can be restarted. Pods of
/// Helm hooks end by themselves and are left out.
#[must_use]
pub fn lone_pods(pods: &[Value], secret: &str, key: &str) -> Vec<LonePod> {
    let is_running = |pod: &&Value| {
        let ended = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
        let is_hook = pod["metadata"]["annotations"]["helm.sh/hook"].is_string();
        !ended && !is_hook && pod["metadata"]["deletionTimestamp"].is_null()
    };
    pods.iter()
        .filter(is_running)
        .filter(|pod| !reads(&pod["spec"], secret, key).is_empty())
        .filter_map(|pod| {
            let owner = controlling_reference(pod);
            let kind = owner.and_then(|owner| owner["kind"].as_str());
            if matches!(kind, Some("ReplicaSet" | "StatefulSet" | "DaemonSet")) {
                return None;
            }
            let owner = owner.map(|owner| {
                let kind = owner["kind"].as_str().unwrap_or_default().to_lowercase();
                format!("{kind}/{}", owner["name"].as_str().unwrap_or_default())
            });
            Some(LonePod { object: ObjectRef::of(pod)?, owner })
        })
        .collect()
}

/// How a pod of this spec reads `key`: variables, whole-Secret variables, volumes.
fn reads(spec: &Value, secret: &str, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    for list in ["initContainers", "containers"] {
        for container in spec[list].as_array().into_iter().flatten() {
            found.extend(container_reads(container, secret, key));
        }
    }
    for volume in spec["volumes"].as_array().into_iter().flatten() {
        if volume_reads(volume, secret, key) {
            found.push(format!("volume {}", volume["name"].as_str().unwrap_or_default()));
        }
    }
    found
}

fn container_reads(container: &Value, secret: &str, key: &str) -> Vec<String> {
    let name = container["name"].as_str().unwrap_or_default();
    let variables = container["env"].as_array().into_iter().flatten();
    let mut found: Vec<String> = variables
        .filter(|variable| {
            let reference = &variable["valueFrom"]["secretKeyRef"];
            reference["name"] == secret && reference["key"] == key
        })
        .map(|variable| format!("env {} of {name}", variable["name"].as_str().unwrap_or_default()))
        .collect();
    let all = container["envFrom"].as_array().into_iter().flatten();
    found.extend(
        all.filter(|source| source["secretRef"]["name"] == secret)
            .map(|_| format!("envFrom of {name}")),
    );
    found
}

fn volume_reads(volume: &Value, secret: &str, key: &str) -> bool {
    let plain = &volume["secret"];
    if plain["secretName"] == secret && has_key(&plain["items"], key) {
        return true;
    }
    let sources = volume["projected"]["sources"].as_array().into_iter().flatten();
    sources
        .map(|source| &source["secret"])
        .any(|source| source["name"] == secret && has_key(&source["items"], key))
}

/// A volume without a list of items has all keys.
fn has_key(items: &Value, key: &str) -> bool {
    items.as_array().is_none_or(|items| items.iter().any(|item| item["key"] == key))
}

fn role(workload: &Value) -> Role {
    let labels = &workload["metadata"]["labels"];
    let component =
        labels["component"].as_str().or_else(|| labels["app.kubernetes.io/component"].as_str());
    match component {
        Some("otel-collector-agent") => Role::Agent,
        Some("otel-k8s-cluster-receiver") => Role::ClusterReceiver,
        Some("otel-collector") => Role::Gateway,
        Some("opamp-bridge") => Role::OpampBridge,
        _ => Role::Other,
    }
}

/// What runs on every node sends most, so it goes first.
fn kind_order(kind: &str) -> u8 {
    match kind {
        "DaemonSet" => 0,
        "Deployment" => 1,
        _ => 2,
    }
}

/// Seconds that one batch of pods takes: ending, starting, becoming ready.
const BATCH_SECONDS: u64 = 45;

/// About how long a restart takes: batches, as the update strategy makes them, times the time of
/// one.
fn estimate(workload: &Value) -> u64 {
    let (spec, status) = (&workload["spec"], &workload["status"]);
    let (pods, at_once) = match workload["kind"].as_str() {
        Some("DaemonSet") => {
            let pods = status["desiredNumberScheduled"].as_u64().unwrap_or(1);
            let rolling = &spec["updateStrategy"]["rollingUpdate"];
            let surge = amount(&rolling["maxSurge"], pods, 0);
            (pods, surge.max(amount(&rolling["maxUnavailable"], pods, 1)))
        }
        Some("StatefulSet") => (spec["replicas"].as_u64().unwrap_or(1), 1),
        _ => {
            let pods = spec["replicas"].as_u64().unwrap_or(1);
            let rolling = &spec["strategy"]["rollingUpdate"];
            let quarter = pods.div_ceil(4);
            (pods, amount(&rolling["maxSurge"], pods, quarter))
        }
    };
    pods.div_ceil(at_once.max(1)).max(1).saturating_mul(BATCH_SECONDS)
}

/// A number of pods, or a percentage of them.
fn amount(value: &Value, of: u64, default: u64) -> u64 {
    if let Some(number) = value.as_u64() {
        return number;
    }
    let percent = value.as_str().and_then(|text| text.strip_suffix('%')?.parse::<u64>().ok());
    percent.map_or(default, |percent| of.saturating_mul(percent).div_ceil(100))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "splunk_observability_access_token";

    fn workload(kind: &str, name: &str, component: &str, spec: &Value) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": kind,
            "metadata": {"name": name, "namespace": "monitoring",
                         "labels": {"component": component}},
            "spec": {"template": {"spec": spec}},
        })
    }

    fn env(secret: &str, key: &str) -> Value {
        json!({"containers": [{"name": "c", "env": [
            {"name": "PLAIN", "value": "x"},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}},
        ]}]})
    }

    #[test]
    fn every_way_to_read_a_key_is_found() {
        let container =
            |field: &str, value: Value| json!({"containers": [{"name": "c", field: value}]});
        let volume = |value: Value| json!({"containers": [], "volumes": [value]});
        for (spec, expected) in [
            (env("otel", KEY), Some("env TOKEN of c")),
            (env("otel", "splunk_platform_hec_token"), None),
            (env("other", KEY), None),
            (container("envFrom", json!([{"secretRef": {"name": "otel"}}])), Some("envFrom of c")),
            (container("envFrom", json!([{"configMapRef": {"name": "otel"}}])), None),
            (volume(json!({"name": "v", "secret": {"secretName": "otel"}})), Some("volume v")),
            (
                volume(json!({"name": "v", "secret": {"secretName": "otel",
                              "items": [{"key": "other", "path": "o"}]}})),
                None,
            ),
            (
                volume(json!({"name": "v", "projected": {"sources": [
                    {"configMap": {"name": "otel"}},
                    {"secret": {"name": "otel", "items": [{"key": KEY, "path": "t"}]}},
                ]}})),
                Some("volume v"),
            ),
            (
                json!({"containers": [], "initContainers": env("otel", KEY)["containers"]}),
                Some("env TOKEN of c"),
            ),
            (json!({"containers": [], "imagePullSecrets": [{"name": "otel"}]}), None),
        ] {
            let found = consumers(&[workload("Deployment", "d", "", &spec)], "otel", KEY);
            let reads = found.first().map(|consumer| consumer.reads[0].as_str());
            assert_eq!(reads, expected, "{spec}");
        }
    }

    #[test]
    fn agents_restart_first_then_the_cluster_receiver_then_the_gateway() {
        let spec = env("otel", KEY);
        let workloads = [
            workload("StatefulSet", "z-own", "", &spec),
            workload("Deployment", "otel", "otel-collector", &spec),
            workload("Deployment", "bridge", "opamp-bridge", &spec),
            workload("Deployment", "a-own", "", &spec),
            workload("DaemonSet", "m-own", "", &spec),
            workload("Deployment", "otel-k8s-cluster-receiver", "otel-k8s-cluster-receiver", &spec),
            workload("DaemonSet", "otel-agent", "otel-collector-agent", &spec),
        ];
        let names: Vec<String> = consumers(&workloads, "otel", KEY)
            .into_iter()
            .map(|consumer| consumer.object.name)
            .collect();
        assert_eq!(
            names,
            [
                "otel-agent",
                "otel-k8s-cluster-receiver",
                "otel",
                "bridge",
                "m-own",
                "a-own",
                "z-own"
            ]
        );
    }

    #[test]
    fn pods_that_nobody_restarts_are_told() {
        let pod = |name: &str, owner: Value, status: &str| {
            json!({"apiVersion": "v1", "kind": "Pod",
                   "metadata": {"name": name, "namespace": "m", "ownerReferences": owner},
                   "spec": env("otel", KEY), "status": {"phase": status}})
        };
        let mut hook = pod("hook", json!([]), "Running");
        hook["metadata"]["annotations"] = json!({"helm.sh/hook": "pre-upgrade"});
        let pods = [
            pod("hand", json!([]), "Running"),
            pod("job", json!([{"kind": "Job", "name": "import", "controller": true}]), "Running"),
            pod("rs", json!([{"kind": "ReplicaSet", "name": "r", "controller": true}]), "Running"),
            pod("done", json!([]), "Succeeded"),
            hook,
        ];
        let found = lone_pods(&pods, "otel", KEY);
        let told: Vec<(&str, Option<&str>)> =
            found.iter().map(|pod| (pod.object.name.as_str(), pod.owner.as_deref())).collect();
        assert_eq!(told, [("hand", None), ("job", Some("job/import"))]);
    }

    #[test]
    fn a_restart_takes_as_many_batches_as_the_strategy_makes() {
        let spec = env("otel", KEY);
        let mut set = workload("DaemonSet", "d", "", &spec);
        set["status"] = json!({"desiredNumberScheduled": 200});
        assert_eq!(estimate(&set), 200 * BATCH_SECONDS);
        set["spec"]["updateStrategy"] = json!({"rollingUpdate": {"maxUnavailable": "10%"}});
        assert_eq!(estimate(&set), 10 * BATCH_SECONDS);
        set["status"] = json!({"desiredNumberScheduled": 0});
        assert_eq!(estimate(&set), BATCH_SECONDS);
        assert_eq!(estimate(&workload("Deployment", "d", "", &spec)), BATCH_SECONDS);
    }
}
