//! A stand-in for scheduler and kubelets: it binds pods to nodes, reports what their containers
//! would do, and lets them end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use sim::central::image_version;
use sim::controllers::LogBook;
use sim::faults::{ClusterFault, Faults, matches, means_workload};

use crate::api::{Api, Refusal};
use crate::central::Product;
use crate::nodes;
use crate::pods::{self, State, app, containers, is_ending, meta};

/// How often it looks at all pods.
const POLL: Duration = Duration::from_millis(100);
/// How long images are pulled, and then programs start up.
const PULL: Duration = Duration::from_millis(100);
const START: Duration = Duration::from_millis(300);

/// The kubelets of all nodes, as far as the pods of one namespace are concerned.
pub struct Kubelet {
    api: Api,
    pods: String,
    product: Arc<Product>,
    logs: LogBook,
    faults: Faults,
    lives: HashMap<String, Life>,
}

/// What is known of a pod beyond its object.
struct Life {
    bound: Instant,
    started: Option<Instant>,
    ready: bool,
    reported: Option<(Vec<State>, Vec<State>)>,
}

impl Kubelet {
    /// The kubelets of the pods in `namespace`, which belong to `product`.
    pub fn new(
        api: Api,
        namespace: &str,
        product: Arc<Product>,
        logs: LogBook,
        faults: Faults,
    ) -> Self {
        let pods = format!("/api/v1/namespaces/{namespace}/pods");
        Self { api, pods, product, logs, faults, lives: HashMap::new() }
    }

    /// Works for ever.
    pub async fn run(mut self) {
        loop {
            // What cannot be done now is tried again in the next round.
            if let Ok(pods) = self.api.list(&self.pods).await {
                for pod in &pods {
                    let _ = self.look(pod).await;
                }
                self.product.follow(&pods);
                self.lives.retain(|uid, _| pods.iter().any(|pod| meta(pod, "uid") == uid));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn look(&mut self, pod: &Value) -> Result<(), Refusal> {
        let path = format!("{}/{}", self.pods, meta(pod, "name"));
        if is_ending(pod) {
            let uid = json!({"uid": pod["metadata"]["uid"]});
            let now = json!({"gracePeriodSeconds": 0, "preconditions": uid});
            return self.api.delete(&path, &now).await.map(drop);
        }
        let Some(node) = pod["spec"]["nodeName"].as_str() else {
            let target = json!({"apiVersion": "v1", "kind": "Node", "name": node_for(pod)});
            let binding = json!({"apiVersion": "v1", "kind": "Binding", "target": target,
                "metadata": {"name": pod["metadata"]["name"]}});
            return self.api.create(&format!("{path}/binding"), &binding).await.map(drop);
        };
        if !nodes::NAMES.contains(&node) {
            return Ok(());
        }
        let states = self.advance(pod);
        let life = self.lives.get(meta(pod, "uid"));
        if life.is_some_and(|life| life.reported.as_ref() == Some(&states)) {
            return Ok(());
        }
        let status = pods::status(pod, &states.0, &states.1);
        self.api.merge(&format!("{path}/status"), &status).await?;
        if let Some(life) = self.lives.get_mut(meta(pod, "uid")) {
            life.reported = Some(states);
        }
        Ok(())
    }

    /// What the containers do now: init containers, and main ones.
    fn advance(&mut self, pod: &Value) -> (Vec<State>, Vec<State>) {
        let uid = meta(pod, "uid").to_owned();
        let now = Instant::now();
        let life = self.lives.entry(uid).or_insert_with(|| Life {
            bound: now,
            started: None,
            ready: false,
            reported: None,
        });
        let (init, main) = (containers(pod, "initContainers"), containers(pod, "containers"));
        if now < life.bound + PULL {
            return (vec![State::Creating; init.len()], vec![State::Creating; main.len()]);
        }
        let faults = &self.faults;
        let broken = |container: &Value| cannot_pull(faults, container);
        if init.iter().any(broken) {
            let init =
                init.iter().map(|one| if broken(one) { State::PullBackOff } else { State::Done });
            return (init.collect(), vec![State::Initialising; main.len()]);
        }
        let init = vec![State::Done; init.len()];
        if main.iter().any(broken) {
            let state = |one| if broken(one) { State::PullBackOff } else { State::Creating };
            return (init, main.iter().map(state).collect());
        }
        let since = *life.started.get_or_insert_with(|| {
            start(pod, &self.product, &self.logs);
            now
        });
        // Who is ready stays so, whatever holds others back from now on.
        life.ready |= now >= since + START && answers(pod) && !held_back(faults, pod);
        (init, vec![State::Running { ready: life.ready }; main.len()])
    }
}

/// Starts the programs of a pod: they write the first lines of their logs.
fn start(pod: &Value, product: &Product, logs: &LogBook) {
    let (namespace, name) = (meta(pod, "namespace"), meta(pod, "name"));
    for container in containers(pod, "containers") {
        let container_name = container["name"].as_str().unwrap_or_default();
        let image = container["image"].as_str().unwrap_or_default();
        logs.start(namespace, name, container_name);
        let version = image_version(image);
        let lines = match version.filter(|_| container_name == "central") {
            Some(version) => product.start_binary(&version),
            None => vec![format!("starting {image}")],
        };
        for line in lines {
            logs.write(namespace, name, container_name, Timestamp::now(), line);
        }
    }
}

/// Whether the programs of a pod answer at the paths of their probes; sensor's changed in 3.65.
fn answers(pod: &Value) -> bool {
    containers(pod, "containers").iter().filter(|one| one["name"] == "sensor").all(|sensor| {
        let version = sensor["image"].as_str().and_then(image_version);
        let is_new = version.is_none_or(|version| version.is_at_least(3, 65));
        let path = if is_new { "/ready" } else { "/admissioncontroller" };
        sensor["readinessProbe"]["httpGet"]["path"] == path
    })
}

fn cannot_pull(faults: &Faults, container: &Value) -> bool {
    let wanted = container["image"].as_str().unwrap_or_default();
    faults
        .any(|fault| matches!(fault, ClusterFault::BrokenPull { image } if matches(image, wanted)))
}

fn held_back(faults: &Faults, pod: &Value) -> bool {
    faults.any(|fault| {
        matches!(fault, ClusterFault::NeverReady { workload }
            if means_workload(workload, "Deployment", app(pod)))
    })
}

/// The node a pod of a DaemonSet is made for, or the first one.
fn node_for(pod: &Value) -> &str {
    let path = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution\
                /nodeSelectorTerms/0/matchFields/0/values/0";
    pod.pointer(path).and_then(Value::as_str).unwrap_or(nodes::NAMES[0])
}
