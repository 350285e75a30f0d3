//! Claims: every PersistentVolumeClaim is bound at once, as with a default storage class, and goes when
//! no pod uses it any more.

use serde_json::json;

use super::objects::{items, text};
use super::{Round, manager};
use crate::schema::defaults::CLAIM_PROTECTION;
use crate::store::{Subresource, meta};

/// Binds the claims that are not bound.
pub(crate) fn bind_claims(round: &Round<'_>) {
    for claim in round.store().list("persistentvolumeclaims", None) {
        if text(&claim, "/status/phase") == "Bound" || meta::is_being_deleted(&claim) {
            continue;
        }
        let namespace = Some(meta::namespace(&claim));
        let status = json!({
            "phase": "Bound",
            "accessModes": claim["spec"]["accessModes"],
            "capacity": claim["spec"]["resources"]["requests"],
        });
        let store = round.store();
        let name = meta::name(&claim);
        let volume = format!("pvc-{}", meta::uid(&claim));
        let claims = "persistentvolumeclaims";
        let _ = store.modify(claims, namespace, name, Subresource::Main, &manager(), |claim| {
            claim["spec"]["volumeName"] = json!(volume);
        });
        let _ = store.modify(claims, namespace, name, Subresource::Status, &manager(), |claim| {
            claim["status"] = status;
        });
    }
}

/// Lets claims go that are being deleted and that no pod uses.
pub(crate) fn release_claims(round: &Round<'_>) {
    for claim in round.store().list("persistentvolumeclaims", None) {
        let is_held = meta::finalizers(&claim).any(|finalizer| finalizer == CLAIM_PROTECTION);
        if !meta::is_being_deleted(&claim) || !is_held {
            continue;
        }
        let (namespace, name) = (Some(meta::namespace(&claim)), meta::name(&claim));
        let uses = |pod: &serde_json::Value| {
            let volumes = items(pod, "/spec/volumes");
            let names = |volume: &serde_json::Value| {
                text(volume, "/persistentVolumeClaim/claimName") == name
            };
            !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
                && volumes.iter().any(names)
        };
        if round.store().list("pods", namespace).iter().any(|pod| uses(pod)) {
            continue;
        }
        let claims = "persistentvolumeclaims";
        let main = Subresource::Main;
        let _ = round.store().modify(claims, namespace, name, main, &manager(), |claim| {
            if let Some(list) = claim["metadata"]["finalizers"].as_array_mut() {
                list.retain(|finalizer| *finalizer != json!(CLAIM_PROTECTION));
            }
        });
    }
}
