//! `/api/extensions/certgen`: new certificates for services of Central.

use common::rhacs::Version;
use http::{Response, StatusCode};

use super::Central;
use super::bundle::{Service, pack, tls_secret, yaml};
use super::refusal::Refusal;
use super::routes::{Body, as_file, bytes_response};

/// The Secrets of these services, as YAML; those of the database, which 3.74 knows, as an archive.
///
/// # Errors
/// 400 for a cluster, of which an id is wanted, and 500 when a certificate cannot be made.
pub(super) fn respond(
    central: &Central,
    version: &Version,
    what: &str,
) -> Result<Response<Body>, Refusal> {
    let services: &[Service] = match what {
        "central" => &[Service::CENTRAL],
        "centraldb" => &[Service::CENTRAL_DB],
        "scanner" => &[Service::SCANNER, Service::SCANNER_DB],
        _ => return Err(Refusal::invalid("no cluster ID specified: invalid arguments")),
    };
    let mut documents = Vec::new();
    for service in services {
        let secret = tls_secret(central, version, "stackrox", service);
        documents.push(yaml(&secret.map_err(|error| Refusal::internal(error.to_string()))?));
    }
    let text = documents.join("---\n");
    if what == "centraldb" {
        let archive = pack(&[("central-db-tls.yaml", text)])
            .map_err(|error| Refusal::internal(error.to_string()))?;
        let response = bytes_response(StatusCode::OK, "application/zip", archive.into());
        return Ok(as_file(response, "central-db-bundle.zip"));
    }
    let response = bytes_response(StatusCode::OK, "text/plain; charset=utf-8", text.into());
    Ok(as_file(response, &format!("{what}-tls.yaml")))
}
