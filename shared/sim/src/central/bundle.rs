//! What Central makes for its clients: the scanner's bundle and roxctl.

use std::io::{Cursor, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::rhacs::{Platform, Version, official, scanner_config};
use http::{Response, StatusCode};
use hyper::body::Bytes;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

use super::Central;
use super::pki::Leaf;
use super::routes::{Asked, Body, Refusal, bytes_response};

/// `POST /api/extensions/scanner/zip`: the files of which an upgrade applies two.
///
/// # Errors
/// 500 when a certificate cannot be made.
pub(super) fn scanner(
    central: &Central,
    version: &Version,
    asked: &Asked<'_>,
) -> Result<Response<Body>, Refusal> {
    let options: Value = serde_json::from_slice(asked.body).unwrap_or_default();
    let namespace = options["namespace"].as_str().unwrap_or("stackrox");
    let internal = |error: String| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, 13, error);
    let secrets = [
        tls_secret(central, namespace, "scanner-tls", "SCANNER_SERVICE", "Scanner", "scanner"),
        tls_secret(
            central,
            namespace,
            "scanner-db-tls",
            "SCANNER_DB_SERVICE",
            "Scanner DB",
            "scanner-db",
        ),
    ];
    let mut documents = Vec::new();
    for secret in secrets {
        documents.push(yaml(&secret.map_err(|error| internal(error.to_string()))?));
    }
    let platform = match options["clusterType"].as_str() {
        Some("OPENSHIFT_CLUSTER" | "OPENSHIFT4_CLUSTER") => Platform::OpenShift,
        _ => Platform::Kubernetes,
    };
    let (kind, name) = ("ConfigMap", scanner_config::NAME);
    let config = official::object(kind, name, version, platform, namespace);
    let config = config.as_ref().map(yaml).unwrap_or_default();
    let files = [
        (
            "scanner-bundle/README",
            "Apply the files of the directory scanner in their order.\n".to_owned(),
        ),
        ("scanner-bundle/scanner/02-scanner-03-tls-secret.yaml", documents.join("---\n")),
        ("scanner-bundle/scanner/02-scanner-04-scanner-config.yaml", config),
    ];
    let archive = pack(&files).map_err(|error| internal(error.to_string()))?;
    Ok(bytes_response(StatusCode::OK, "application/zip", archive.into()))
}

/// `GET /api/cli/download/…`: a small program in place of roxctl.
///
/// # Errors
/// 404 for a name that this release does not offer.
pub(super) fn roxctl(version: &Version, name: &str) -> Result<Response<Body>, Refusal> {
    let offered: &[(&str, (u32, u32))] = &[
        ("roxctl-linux", (0, 0)),
        ("roxctl-darwin", (0, 0)),
        ("roxctl-windows.exe", (0, 0)),
        ("roxctl-linux-amd64", (3, 74)),
        ("roxctl-linux-ppc64le", (3, 74)),
        ("roxctl-linux-s390x", (3, 74)),
        ("roxctl-darwin-amd64", (3, 74)),
        ("roxctl-windows-amd64.exe", (3, 74)),
        ("roxctl-linux-arm64", (4, 2)),
        ("roxctl-darwin-arm64", (4, 5)),
    ];
    let known = offered
        .iter()
        .any(|(offer, (major, minor))| *offer == name && version.is_at_least(*major, *minor));
    // From 3.74 on the names carry the architecture; only the one of Linux kept its short form.
    let retired =
        version.is_at_least(3, 74) && matches!(name, "roxctl-darwin" | "roxctl-windows.exe");
    if !known || retired {
        return Err(Refusal::not_found("Not Found"));
    }
    let program = format!("#!/bin/sh\necho {}\n", version.tag());
    Ok(bytes_response(StatusCode::OK, "application/octet-stream", Bytes::from(program)))
}

/// A Secret with CA, certificate and key of a service.
///
/// # Errors
/// When the certificate cannot be made.
fn tls_secret(
    central: &Central,
    namespace: &str,
    secret: &str,
    service: &str,
    subject: &str,
    host: &str,
) -> Result<Value, rcgen::Error> {
    let leaf: Leaf =
        central.pki.issue(service, subject, &super::pki::host_names(host, namespace))?;
    let encode = |text: &str| STANDARD.encode(text);
    Ok(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": secret, "namespace": namespace, "labels": {
            "app.kubernetes.io/name": "stackrox", "auto-upgrade.stackrox.io/component": "scanner"}},
        "data": {
            "ca.pem": encode(central.ca_pem()), "cert.pem": encode(&leaf.certificate), "key.pem": encode(&leaf.key),
        },
    }))
}

/// An object as YAML; JSON, which is YAML too, where that is not possible.
fn yaml(object: &Value) -> String {
    serde_saphyr::to_string(object).unwrap_or_else(|_| format!("{object}\n"))
}

fn pack(files: &[(&str, String)]) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, SimpleFileOptions::default())?;
        writer.write_all(content.as_bytes())?;
    }
    Ok(writer.finish()?.into_inner())
}
