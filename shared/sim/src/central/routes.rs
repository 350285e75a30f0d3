//! Central's API: which path needs what, and what it answers.

use common::rhacs::Version;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::auth::{Caller, Need, Resource};
use super::{Central, backup, bundle, clusters, status, tokens};
use crate::faults::ClusterFault;

/// The body of every answer; a backup streams.
pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// An error of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    code: u8,
    message: String,
}

impl Refusal {
    /// An error with its HTTP status and gRPC code.
    pub(super) fn new(status: StatusCode, code: u8, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// 401.
    pub(super) fn unauthenticated(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 16, message)
    }

    /// 404.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, 5, message)
    }

    /// 400.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 3, message)
    }

    /// The answer that carries it.
    pub(super) fn into_response(self) -> Response<Body> {
        let body = json!({"code": self.code, "message": self.message, "error": self.message, "details": []});
        json_response(self.status, &body)
    }
}

/// A request as the routes see it.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// A JSON answer.
pub(super) fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    bytes_response(status, "application/json", body.to_string().into())
}

/// An answer of bytes.
pub(super) fn bytes_response(
    status: StatusCode,
    content_type: &str,
    body: Bytes,
) -> Response<Body> {
    let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if let Ok(value) = content_type.parse() {
        response.headers_mut().insert(http::header::CONTENT_TYPE, value);
    }
    response
}

/// Answers a request while a release serves.
pub(super) fn answer(central: &Central, version: &Version, asked: &Asked<'_>) -> Response<Body> {
    route(central, version, asked).unwrap_or_else(Refusal::into_response)
}

fn route(
    central: &Central,
    version: &Version,
    asked: &Asked<'_>,
) -> Result<Response<Body>, Refusal> {
    let segments: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
    let need =
        need(asked.method, &segments, version).ok_or_else(|| Refusal::not_found("Not Found"))?;
    // Who needs nothing is answered whatever the credentials are.
    let caller = match Caller::of(asked.headers, &central.lock(), central.clock.now()) {
        Err(_) if need == Need::Nothing => Caller::Anonymous,
        caller => caller?,
    };
    caller.require(need, version)?;
    let body = match (asked.method.as_str(), segments.as_slice()) {
        ("POST", ["api", "extensions", "scanner", "zip"]) => {
            return bundle::scanner(central, version, asked);
        }
        (_, ["api", "extensions", "backup"] | ["db", "backup"]) => {
            backup_checks(central)?;
            return Ok(backup::respond(central, version, asked.path == "/db/backup"));
        }
        (_, ["api", "cli", "download", name]) => return bundle::roxctl(version, name),
        (_, ["v1", "clusters"]) => clusters::list(central, version),
        (_, ["v1", "clusters", id]) => clusters::one(central, version, id)?,
        ("GET", ["v1", "sensorupgrades", "config"]) => clusters::upgrade_config(central),
        (_, ["v1", "sensorupgrades", "config"]) => {
            clusters::set_upgrade_config(central, asked.body)?
        }
        (_, ["v1", "sensorupgrades", "cluster", id]) => {
            clusters::trigger_upgrade(central, version, id)?
        }
        (_, ["v1", "apitokens", rest @ ..]) => tokens::route(central, asked, rest)?,
        (_, ["v1", path @ ..]) => status::answer(central, version, &caller, path),
        _ => return Err(Refusal::not_found("Not Found")),
    };
    Ok(json_response(StatusCode::OK, &body))
}

/// What a request needs; none for a path that this release does not have.
fn need(method: &Method, segments: &[&str], version: &Version) -> Option<Need> {
    let need = match (method.as_str(), segments) {
        ("GET", ["v1", "ping"] | ["v1", "database", "status"]) => Need::Nothing,
        ("GET", ["v1", "metadata"]) if !version.is_at_least(4, 2) => Need::Nothing,
        ("GET", ["v1", "metadata" | "mypermissions"] | ["v1", "auth" | "backup", "status"])
        | ("GET", ["api", "cli", "download", _]) => Need::Identity,
        ("GET", ["v1", "central-capabilities"]) if version.is_at_least(4, 0) => Need::Identity,
        ("GET", ["v1", "clusters"] | ["v1", "clusters", _]) => Need::View(Resource::Cluster),
        ("POST", ["v1", "sensorupgrades", "cluster", _]) => Need::Modify(Resource::Cluster),
        ("GET", ["v1", "centralhealth", "upgradestatus"])
        | ("GET", ["api", "extensions", "backup"] | ["db", "backup"]) => Need::AdminRole,
        ("GET", ["v1", "sensorupgrades", "config"])
        | ("POST", ["api", "extensions", "scanner", "zip"]) => Need::View(Resource::Administration),
        ("POST", ["v1", "sensorupgrades", "config"]) => Need::Modify(Resource::Administration),
        ("GET", ["v1", "apitokens", ..]) => Need::View(Resource::Integration),
        (_, ["v1", "apitokens", ..]) => Need::Modify(Resource::Integration),
        _ => return None,
    };
    Some(need)
}

/// The faults that forbid a backup.
fn backup_checks(central: &Central) -> Result<(), Refusal> {
    let status = central.faults.find(|fault| match fault {
        ClusterFault::BackupRefused { status } => Some(*status),
        _ => None,
    });
    match status {
        Some(401) => Err(Refusal::unauthenticated("credentials not found: no valid credentials")),
        Some(_) => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            7,
            "not authorized: only the role Admin may back up",
        )),
        None => Ok(()),
    }
}
