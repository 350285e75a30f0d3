//! HorizontalPodAutoscalers: without metrics they only keep a Deployment between its bounds.

use serde_json::json;

use super::objects::{number, text};
use super::{Round, manager};
use crate::store::{Subresource, meta};

/// Keeps the replicas of every scaled Deployment within its autoscaler's bounds.
pub(crate) fn reconcile(round: &Round<'_>) {
    for scaler in round.store().list("horizontalpodautoscalers.autoscaling", None) {
        let namespace = Some(meta::namespace(&scaler));
        if text(&scaler, "/spec/scaleTargetRef/kind") != "Deployment" {
            continue;
        }
        let name = text(&scaler, "/spec/scaleTargetRef/name");
        let Some(deployment) = round.store().read("deployments.apps", namespace, name) else {
            continue;
        };
        let current = number(&deployment, "/spec/replicas", 1);
        // A Deployment scaled to nothing is switched off, for its autoscaler too.
        if current == 0 {
            continue;
        }
        let least = number(&scaler, "/spec/minReplicas", 1);
        let most = number(&scaler, "/spec/maxReplicas", i64::MAX).max(least);
        let wanted = current.clamp(least, most);
        if wanted != current {
            let _ = round.store().modify(
                "deployments.apps",
                namespace,
                name,
                Subresource::Main,
                &manager(),
                |deployment| deployment["spec"]["replicas"] = json!(wanted),
            );
        }
        let status = json!({"currentReplicas": current, "desiredReplicas": wanted});
        if scaler.pointer("/status/desiredReplicas") != Some(&json!(wanted)) {
            let _ = round.store().modify(
                "horizontalpodautoscalers.autoscaling",
                namespace,
                meta::name(&scaler),
                Subresource::Status,
                &manager(),
                |object| object["status"] = status,
            );
        }
    }
}
