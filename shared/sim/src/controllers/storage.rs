//! Claims: every PersistentVolumeClaim is bound at once, as with a default storage class.

use serde_json::json;

use super::objects::text;
use super::{Round, manager};
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
