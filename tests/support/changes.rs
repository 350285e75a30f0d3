//! What other people do to an installation while the suite is not looking.

use std::time::{Duration, Instant};

use serde_json::Value;
use sim::store::{DeleteOptions, Subresource, Writer};

use super::Installation;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

impl Installation {
    /// Changes an object of the namespace, or an SCC, as somebody with `kubectl edit` would.
    pub fn change(&self, kind: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let is_clusters = kind == "SecurityContextConstraints";
        let resource = match kind {
            "SecurityContextConstraints" => "securitycontextconstraints.security.openshift.io",
            "Deployment" => "deployments.apps",
            "DaemonSet" => "daemonsets.apps",
            "ConfigMap" => "configmaps",
            "Secret" => "secrets",
            other => panic!("no test changes a {other} yet"),
        };
        let by = Writer::new("kubectl-edit");
        let namespace = (!is_clusters).then_some(self.namespace.as_str());
        let store = self.simulation.store();
        store
            .modify(resource, namespace, name, Subresource::Main, &by, change)
            .unwrap_or_else(|status| panic!("{kind} {name} is not changed: {status:?}"));
    }

    /// Removes every pod of the namespace, and waits until its controllers have made all of them
    /// anew: they come back only where they are admitted.
    pub fn replace_pods(&self) {
        let store = self.simulation.store();
        let at_once = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
        let former = store.list("pods", Some(&self.namespace));
        for pod in &former {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            // A controller may have been faster.
            drop(store.delete("pods", Some(&self.namespace), name, &at_once));
        }
        let is_new = |pod: &Value| {
            let uid = &pod["metadata"]["uid"];
            former.iter().all(|former| former["metadata"]["uid"] != *uid)
        };
        let is_ready = |pod: &Value| {
            let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
            conditions.any(|it| it["type"] == "Ready" && it["status"] == "True")
        };
        self.wait("new pods of every workload", || {
            let pods = store.list("pods", Some(&self.namespace));
            pods.iter().filter(|pod| is_new(pod) && is_ready(pod)).count() >= former.len()
        });
    }

    /// Waits until the rollout of a Deployment is complete.
    pub fn wait_until_ready(&self, deployment: &str) {
        self.wait(&format!("the rollout of {deployment}"), || {
            let object = self.object("Deployment", deployment).expect(deployment);
            common::cluster::rollout::judge(&object, 0) == common::cluster::rollout::Progress::Done
        });
    }

    /// Waits until the log of one of Central's pods has these words.
    pub fn wait_for_log(&self, words: &str) {
        self.wait(&format!("{words:?} in Central's log"), || {
            let pods = self.simulation.store().list("pods", Some(&self.namespace));
            pods.iter().any(|pod| {
                let name = pod["metadata"]["name"].as_str().unwrap_or_default();
                let book = self.simulation.logs();
                let now = self.simulation.clock().now();
                [false, true].into_iter().any(|previous| {
                    let lines = book.read((&self.namespace, name, "central"), previous, now);
                    lines.into_iter().flatten().any(|(_, line)| line.contains(words))
                })
            })
        });
    }

    fn wait(&self, what: &str, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < PATIENCE, "{what} never came");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
