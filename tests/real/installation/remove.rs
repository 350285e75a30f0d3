//! How an installation goes.

use std::time::{Duration, Instant};

use common::rhacs::ObjectRef;
use serde_json::{Value, json};

use super::{Installation, PATIENCE};

impl Installation {
    /// Deletes everything; the names of cluster-wide objects are free when this returns.
    pub(super) async fn remove(&self) {
        let api = &self.plane.api;
        let background = json!({"propagationPolicy": "Background"});
        let at_once = json!({"gracePeriodSeconds": 0});
        // Whatever is gone already need not be deleted; the constraints the upgrade made go as well.
        let scc = ObjectRef::scc("any").collection_path();
        for object in api.list(&scc).await.unwrap_or_default() {
            if let Some(reference) = ObjectRef::of(&object).filter(|_| self.is_used_here(&object)) {
                let _ = api.delete(&reference.path(), &background).await;
            }
        }
        let others = self.installed.iter().filter(|one| one.namespace.is_none());
        for reference in others {
            let _ = api.delete(&reference.path(), &background).await;
        }
        let here = format!("namespaces/{}", self.namespace);
        for workloads in ["deployments", "daemonsets"] {
            let path = format!("/apis/apps/v1/{here}/{workloads}");
            let _ = api.delete(&path, &background).await;
        }
        let _ = api.delete(&format!("/api/v1/{here}/pods"), &at_once).await;
        let namespace = format!("/api/v1/{here}");
        let _ = api.delete(&namespace, &background).await;
        let began = Instant::now();
        while self.plane.is_given && began.elapsed() < PATIENCE && api.get(&namespace).await.is_ok()
        {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Whether constraints are those of an account of this installation.
    fn is_used_here(&self, constraints: &Value) -> bool {
        let account = format!("system:serviceaccount:{}:", self.namespace);
        let mut users = constraints["users"].as_array().into_iter().flatten();
        users.any(|user| user.as_str().is_some_and(|user| user.starts_with(&account)))
    }
}
