//! Smaller answers of the API, which clients may look at before they do anything.

use common::rhacs::Version;
use serde_json::{Value, json};

use super::Central;
use super::permissions::ROLES;
use super::refusal::Refusal;
use super::routes::Asked;
use crate::store::meta;

/// The answer to a path below `/v1`, for a caller who may see it.
///
/// # Errors
/// 400 for a component that is none.
pub(super) fn answer(
    central: &Central,
    version: &Version,
    asked: &Asked<'_>,
    path: &[&str],
) -> Result<Value, Refusal> {
    let answer = match path {
        ["licenses", "list"] => json!({"licenses": []}),
        ["featureflags"] => json!({"featureFlags": []}),
        ["roles"] => json!({"roles": ROLES.map(|(name, description)| role(name, description))}),
        ["cluster-defaults"] => cluster_defaults(),
        ["credentialexpiry"] => return credential_expiry(central, asked),
        ["db", "exportcaps"] => export_capabilities(version),
        ["db", "restore"] => json!({"activeStatus": null}),
        ["telemetry", "configure"] => json!({"enabled": false, "lastSetTime": null}),
        ["integrationhealth", ..] => json!({"integrationHealth": []}),
        _ => json!({"status": "ok"}),
    };
    Ok(answer)
}

fn role(name: &str, description: &str) -> Value {
    let set = name.to_lowercase().replace(' ', "");
    json!({
        "name": name,
        "description": description,
        "permissionSetId": format!("io.stackrox.authz.permissionset.{set}"),
        "accessScopeId": "io.stackrox.authz.accessscope.unrestricted",
        "globalAccess": "NO_ACCESS",
        "resourceToAccess": {},
        "traits": {"mutabilityMode": "ALLOW_MUTATE", "visibility": "VISIBLE", "origin": "DEFAULT"},
    })
}

fn cluster_defaults() -> Value {
    let repository =
        |image: &str| format!("registry.redhat.io/advanced-cluster-security/rhacs-{image}-rhel8");
    json!({
        "mainImageRepository": repository("main"),
        "collectorImageRepository": repository("collector"),
        "kernelSupportAvailable": false,
    })
}

fn credential_expiry(central: &Central, asked: &Asked<'_>) -> Result<Value, Refusal> {
    match asked.parameter("component").as_deref() {
        Some("CENTRAL" | "SCANNER") => Ok(json!({"expiry": meta::time(central.pki.expires())})),
        _ => Err(Refusal::invalid("invalid component: UNKNOWN: invalid arguments")),
    }
}

/// The files of a backup in each format; those of RocksDB went with 4.0.
fn export_capabilities(version: &Version) -> Value {
    let file = |name: &str, optional: bool| json!({"name": name, "optional": optional});
    let optional = |names: &[&str]| names.iter().map(|name| file(name, true)).collect::<Vec<_>>();
    let keys = ["keys/ca.pem", "keys/ca-key.pem", "keys/jwt-key.der", "keys/jwt-key.pem"];
    let dump = [file("postgres.size", false), file("postgres.dump", false)];
    let encodings = json!(["UNCOMPREESSED", "DEFLATED"]);
    if version.is_at_least(4, 0) {
        let mut files = vec![file("migration_version.yaml", false)];
        files.extend(dump);
        files.extend(optional(&keys));
        files.extend(optional(&["central-db/password"]));
        let formats = json!([{"formatName": "postgresv1", "files": files}]);
        return json!({"formats": formats, "supportedEncodings": encodings});
    }
    let mut postgres = dump.to_vec();
    postgres.extend(optional(&keys));
    postgres.extend(optional(&["central-db/password", "migration_version.yaml"]));
    let mut rocks = vec![file("bolt.db", false), file("rocks.db", true)];
    rocks.extend(optional(&keys));
    rocks.extend(optional(&["migration_version.yaml"]));
    json!({
        "formats": [
            {"formatName": "postgresv1", "files": postgres},
            {"formatName": "roxdbv1", "files": rocks},
        ],
        "supportedEncodings": encodings,
    })
}
