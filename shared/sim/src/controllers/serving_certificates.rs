//! OpenShift's service CA: a certificate for every Service that asks for one by an annotation.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::objects::text;
use super::{Round, manager};
use crate::store::meta;

const ASKS: &str = "/metadata/annotations/service.beta.openshift.io~1serving-cert-secret-name";

/// Creates the Secrets that are asked for and missing.
pub(crate) fn reconcile(round: &Round<'_>) {
    if !round.cluster.openshift {
        return;
    }
    for service in round.store().list("services", None) {
        let secret = text(&service, ASKS);
        let namespace = meta::namespace(&service);
        if secret.is_empty() || round.store().read("secrets", Some(namespace), secret).is_some() {
            continue;
        }
        // A name that is no DNS name gets no certificate, as in the real one.
        let Ok(leaf) = round.cluster.central.issue("SERVICE", meta::name(&service), namespace)
        else {
            continue;
        };
        let secret = json!({
            "metadata": {"name": secret, "namespace": namespace},
            "type": "kubernetes.io/tls",
            "data": {"tls.crt": STANDARD.encode(leaf.certificate), "tls.key": STANDARD.encode(leaf.key)},
        });
        let _ = round.store().create("secrets", secret, &manager());
    }
}
