//! What tests ask of an installation.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use serde_json::Value;

use super::objects::{CLUSTER_WIDE, KINDS, reference};
use super::{Installation, PATIENCE};
use crate::nodes;

impl Installation {
    /// The object, as it is now.
    pub fn object(&self, version: &str, kind: &str, name: &str) -> Option<Value> {
        let reference = reference(version, kind, &self.namespace, name);
        match self.plane.runtime().block_on(self.plane.api.get(&reference.path())) {
            Ok(object) => Some(object),
            Err(refusal) if refusal.code == 404 => None,
            Err(refusal) => panic!("cannot read {reference}: {refusal}"),
        }
    }

    /// All objects of a kind: those in the installation's namespace, or in the cluster.
    pub fn list(&self, version: &str, kind: &str) -> Vec<Value> {
        let any = reference(version, kind, &self.namespace, "any");
        let path = any.collection_path();
        let list = self.plane.api.list(&path);
        self.plane.runtime().block_on(list).unwrap_or_else(|refusal| panic!("{kind}: {refusal}"))
    }

    /// The resourceVersion of every object of the product, once nothing changes any more.
    pub fn versions(&self) -> BTreeMap<String, String> {
        let mut before = self.versions_now();
        let began = Instant::now();
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let now = self.versions_now();
            if now == before {
                return now;
            }
            assert!(began.elapsed() < PATIENCE, "the objects never come to rest");
            before = now;
        }
    }

    /// The image of a container.
    pub fn image(&self, kind: &str, workload: &str, container: &str) -> String {
        let object = self.object("apps/v1", kind, workload).expect(workload);
        let all = object.pointer("/spec/template/spec/containers").and_then(Value::as_array);
        let found = all.into_iter().flatten().find(|one| one["name"] == container);
        found.expect(container)["image"].as_str().expect("an image").to_owned()
    }

    /// Whether every workload is available, Central serves and its sensor is connected.
    pub fn is_up(&self) -> bool {
        let complete = |object: &Value| {
            let status = &object["status"];
            let wanted = object["spec"]["replicas"].as_u64().unwrap_or(nodes::NAMES.len() as u64);
            let is_set = object["kind"] == "DaemonSet";
            let available = if is_set { "numberAvailable" } else { "availableReplicas" };
            status[available].as_u64().unwrap_or(0) == wanted
        };
        let workloads = ["Deployment", "DaemonSet"].map(|kind| self.list("apps/v1", kind));
        let central = self.product.central();
        workloads.iter().flatten().all(complete)
            && central.version().is_some()
            && central.clusters().iter().all(|cluster| cluster.connected_since.is_some())
    }

    fn versions_now(&self) -> BTreeMap<String, String> {
        let objects = KINDS.iter().chain(&CLUSTER_WIDE);
        let objects = objects.flat_map(|(version, kind)| self.list(version, kind));
        let text = |object: &Value, field: &str| {
            object["metadata"][field].as_str().unwrap_or_default().to_owned()
        };
        objects
            .map(|object| {
                let kind = object["kind"].as_str().unwrap_or_default();
                (format!("{kind}/{}", text(&object, "name")), text(&object, "resourceVersion"))
            })
            .collect()
    }

    /// Everything that must never be printed: tokens and private keys.
    pub(super) fn secrets(&self) -> Vec<String> {
        let kubeconfig = self.plane.kubeconfig.lines();
        let tokens = kubeconfig.filter_map(|line| line.trim().strip_prefix("token: "));
        let mut secrets: Vec<String> =
            tokens.map(|token| token.trim_matches('"').to_owned()).collect();
        secrets.push(self.product.central().admin_token().expose_secret().to_owned());
        for secret in self.list("v1", "Secret") {
            let data = secret["data"].as_object().into_iter().flatten();
            secrets.extend(
                data.filter(|(key, _)| key.contains("key") || key.contains("password"))
                    .filter_map(|(_, value)| value.as_str())
                    .filter(|value| value.len() > 40)
                    .map(str::to_owned),
            );
        }
        secrets
    }
}
