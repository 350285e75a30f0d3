//! Which paths a release of Central has, and what each needs.

use common::rhacs::Version;
use http::Method;

use super::auth::{Demand, Need};
use super::refusal::Refusal;

/// The methods that the API uses.
const METHODS: [&str; 3] = ["GET", "POST", "PATCH"];

/// What a request needs.
///
/// # Errors
/// When this release has no such path, or not for this method; both are said to everybody.
pub(super) fn of(method: &Method, segments: &[&str], version: &Version) -> Result<Demand, Refusal> {
    if let ["v1", path @ ..] = segments {
        let known = |method: &str| of_the_api(method, path, version);
        return known(method.as_str()).ok_or_else(|| {
            if METHODS.into_iter().any(|other| known(other).is_some()) {
                Refusal::WrongMethod
            } else {
                Refusal::NoPath
            }
        });
    }
    of_a_handler(segments, version).ok_or(Refusal::NoPath)
}

fn of_the_api(method: &str, path: &[&str], version: &Version) -> Option<Demand> {
    let since = |major: u32, minor: u32| version.is_at_least(major, minor);
    let users = |need: Need| Some(Demand::users(need));
    let both = |need: Need| Some(Demand::users_and_sensors(need));
    match (method, path) {
        ("GET", ["ping" | "featureflags" | "tls-challenge"]) => users(Need::Nothing),
        ("GET", ["licenses", "list"]) if !since(4, 0) => users(Need::Nothing),
        ("GET", ["metadata"]) if since(4, 2) => both(Need::Identity),
        ("GET", ["metadata"]) => users(Need::Nothing),
        // Up to 3.74 who asks is looked at only where there is an answer.
        ("GET", ["database" | "backup", "status"]) if since(4, 0) => users(Need::Identity),
        ("GET", ["database", "status"]) => users(Need::Nothing),
        ("GET", ["backup", "status"]) if since(3, 74) => users(Need::Nothing),
        ("GET", ["central-capabilities"]) if since(4, 0) => users(Need::Identity),
        (
            "GET",
            ["mypermissions" | "credentialexpiry" | "roles"]
            | ["auth", "status"]
            | ["db", "exportcaps" | "restore"]
            | ["telemetry", "configure"]
            | ["integrationhealth", "imageintegrations"],
        ) => users(Need::Identity),
        ("GET", ["clusters"] | ["clusters", _]) => both(Need::View("Cluster")),
        ("GET", ["cluster-defaults"]) => both(Need::View("Cluster")),
        ("POST", ["sensorupgrades", "cluster", _]) => users(Need::Modify("Cluster")),
        ("GET", ["centralhealth", "upgradestatus"]) => users(Need::AdminRole),
        ("GET", ["sensorupgrades", "config"]) => users(Need::View("SensorUpgradeConfig")),
        ("POST", ["sensorupgrades", "config"]) => users(Need::Modify("SensorUpgradeConfig")),
        ("GET", ["apitokens"] | ["apitokens", _]) => users(Need::View("Integration")),
        ("POST", ["apitokens", "generate"]) | ("PATCH", ["apitokens", "revoke", _]) => {
            users(Need::Modify("Integration"))
        }
        _ => None,
    }
}

/// Handlers look at who asks before they look at the method.
fn of_a_handler(segments: &[&str], version: &Version) -> Option<Demand> {
    let need = match segments {
        ["api", "extensions", "backup"] => Need::AdminRole,
        ["db", "backup"] => Need::ViewAll,
        ["api", "extensions", "certs", "backup"] if version.is_at_least(4, 4) => {
            Need::View("Administration")
        }
        ["api", "cli", "download", ..] | ["api", "docs", "swagger"] => Need::Identity,
        ["api", "extensions", "scanner", "zip"] => Need::View("ScannerBundle"),
        ["api", "extensions", "certgen", "centraldb"] if version.is_at_least(4, 0) => return None,
        ["api", "extensions", "certgen", "scanner" | "central" | "cluster" | "centraldb"] => {
            Need::Modify("ServiceIdentity")
        }
        ["api", "extensions", "clusters", "helm-config.yaml"] => {
            return Some(Demand::users_and_sensors(Need::View("Cluster")));
        }
        _ => return None,
    };
    Some(Demand::users(need))
}
