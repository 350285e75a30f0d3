//! The scanner's bundle, which Central makes for its clients.

use std::io::{Cursor, Write};

use common::rhacs::{Platform, Version, official, scanner_config};
use http::{Response, StatusCode};
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

use super::Central;
use super::pki::Leaf;
use super::refusal::Refusal;
use super::routes::{Asked, Body, as_file, bytes_response};

/// Types of clusters that a bundle can be for.
const CLUSTERS: [&str; 3] = ["KUBERNETES_CLUSTER", "OPENSHIFT4_CLUSTER", "OPENSHIFT_CLUSTER"];

/// A service of Central with a certificate.
pub(super) struct Service {
    /// The Secret of its certificate.
    secret: &'static str,
    /// Its type, such as `SCANNER_SERVICE`.
    kind: &'static str,
    subject: &'static str,
    host: &'static str,
    /// What its chart calls it.
    component: &'static str,
}

impl Service {
    pub(super) const CENTRAL: Self = Self {
        secret: "central-tls",
        kind: "CENTRAL_SERVICE",
        subject: "Central",
        host: "central",
        component: "central",
    };
    pub(super) const CENTRAL_DB: Self = Self {
        secret: "central-db-tls",
        kind: "CENTRAL_DB_SERVICE",
        subject: "Central DB",
        host: "central-db",
        component: "central",
    };
    pub(super) const SCANNER: Self = Self {
        secret: "scanner-tls",
        kind: "SCANNER_SERVICE",
        subject: "Scanner",
        host: "scanner",
        component: "scanner",
    };
    pub(super) const SCANNER_DB: Self = Self {
        secret: "scanner-db-tls",
        kind: "SCANNER_DB_SERVICE",
        subject: "Scanner DB",
        host: "scanner-db",
        component: "scanner",
    };
}

/// `POST /api/extensions/scanner/zip`: the files of which an upgrade applies two.
///
/// # Errors
/// 400 for a type of cluster that is none, 500 for a body that cannot be read and when a certificate
/// cannot be made.
pub(super) fn scanner(
    central: &Central,
    version: &Version,
    asked: &Asked<'_>,
) -> Result<Response<Body>, Refusal> {
    let options: Value =
        serde_json::from_slice(asked.body).map_err(|error| Refusal::internal(error.to_string()))?;
    let kind = options["clusterType"].as_str().unwrap_or_default();
    if !CLUSTERS.contains(&kind) {
        let valid = CLUSTERS.join(" ");
        return Err(Refusal::invalid(format!(
            "invalid params: error: invalid cluster type: {kind:?}; valid options are [{valid}]"
        )));
    }
    let platform =
        if kind == "KUBERNETES_CLUSTER" { Platform::Kubernetes } else { Platform::OpenShift };
    let namespace = options["namespace"].as_str().unwrap_or("stackrox");
    let mut documents = Vec::new();
    for service in [Service::SCANNER, Service::SCANNER_DB] {
        let secret = tls_secret(central, version, namespace, &service);
        documents.push(yaml(&secret.map_err(|error| Refusal::internal(error.to_string()))?));
    }
    let (object, name) = ("ConfigMap", scanner_config::NAME);
    let config = official::object(object, name, version, platform, namespace);
    let config = config.as_ref().map(yaml).unwrap_or_default();
    let files = [
        ("README", "Apply the files of the directory scanner in their order.\n".to_owned()),
        ("scanner/02-scanner-03-tls-secret.yaml", documents.join("---\n")),
        ("scanner/02-scanner-04-scanner-config.yaml", config),
    ];
    let archive = pack(&files).map_err(|error| Refusal::internal(error.to_string()))?;
    let response = bytes_response(StatusCode::OK, "application/zip", archive.into());
    Ok(as_file(response, "scanner-bundle.zip"))
}

/// The Secret of a service, with a fresh certificate.
///
/// # Errors
/// When the certificate cannot be made.
pub(super) fn tls_secret(
    central: &Central,
    version: &Version,
    namespace: &str,
    service: &Service,
) -> Result<Value, rcgen::Error> {
    let names = super::pki::host_names(service.host, namespace);
    let leaf: Leaf = central.pki.issue(service.kind, service.subject, &names)?;
    let mut values = json!({
        "ca.pem": central.ca_pem(), "cert.pem": leaf.certificate, "key.pem": leaf.key,
    });
    if service.secret == "central-tls" {
        values["ca-key.pem"] = json!(central.pki.ca_key_pem());
        values["jwt-key.pem"] = json!(central.pki.private_key()?);
    }
    let release = "stackrox-central-services";
    Ok(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {
            "name": service.secret, "namespace": namespace,
            "labels": {
                "app.kubernetes.io/component": service.component,
                "app.kubernetes.io/instance": release,
                "app.kubernetes.io/managed-by": "Helm",
                "app.kubernetes.io/name": "stackrox",
                "app.kubernetes.io/part-of": release,
                "app.kubernetes.io/version": version.tag(),
            },
            "annotations": {
                "email": "support@stackrox.com",
                "meta.helm.sh/release-name": release,
                "meta.helm.sh/release-namespace": namespace,
                "owner": "stackrox",
                "helm.sh/hook": "pre-install,pre-upgrade",
                "helm.sh/resource-policy": "keep",
            },
        },
        "stringData": values,
    }))
}

/// An object as YAML; JSON, which is YAML too, where that is not possible.
pub(super) fn yaml(object: &Value) -> String {
    serde_saphyr::to_string(object).unwrap_or_else(|_| format!("{object}\n"))
}

pub(super) fn pack(files: &[(&str, String)]) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, SimpleFileOptions::default())?;
        writer.write_all(content.as_bytes())?;
    }
    Ok(writer.finish()?.into_inner())
}
