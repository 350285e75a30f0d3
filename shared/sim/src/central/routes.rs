//! Central's API: which path needs what, and what it answers.

use hyper::body::Bytes;
use common::rhacs::Version;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use super::auth::{Caller, Need, Resource, role_allows};
use super::{Central, backup, bundle, clusters, tokens};
use crate::faults::ClusterFault;
use crate::store::meta;

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
pub(super) fn bytes_response(status: StatusCode, content_type: &str, body: Bytes) -> Response<Body> {
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

fn route(central: &Central, version: &Version, asked: &Asked<'_>) -> Result<Response<Body>, Refusal> {
    let caller = Caller::of(asked.headers, &central.lock(), central.clock.now());
    // Ping answers whatever the credentials are.
    if asked.path == "/v1/ping" {
        return Ok(json_response(StatusCode::OK, &json!({"status": "ok"})));
    }
    let caller = caller?;
    let demands = |need: Need| caller.require(need, version);
    let ok = |body: Value| Ok(json_response(StatusCode::OK, &body));
    let segments: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
    match (asked.method.as_str(), segments.as_slice()) {
        ("GET", ["v1", "metadata"]) => {
            demands(if version.is_at_least(4, 2) { Need::Identity } else { Need::Nothing })?;
            ok(metadata(version, &caller))
        }
        ("GET", ["v1", "auth", "status"]) => {
            demands(Need::Identity)?;
            ok(auth_status(central, &caller))
        }
        ("GET", ["v1", "mypermissions"]) => {
            demands(Need::Identity)?;
            ok(permissions(&caller, version))
        }
        ("GET", ["v1", "clusters"]) => {
            demands(Need::View(Resource::Cluster))?;
            ok(clusters::list(central, version))
        }
        ("GET", ["v1", "clusters", id]) => {
            demands(Need::View(Resource::Cluster))?;
            ok(clusters::one(central, version, id)?)
        }
        ("GET", ["v1", "centralhealth", "upgradestatus"]) => {
            demands(Need::AdminRole)?;
            ok(upgrade_status(central, version))
        }
        ("GET", ["v1", "backup", "status"]) => {
            demands(Need::Identity)?;
            ok(backup_status(central))
        }
        ("GET", ["v1", "database", "status"]) => ok(database_status(version, &caller)),
        ("GET", ["v1", "central-capabilities"]) if version.is_at_least(4, 0) => {
            demands(Need::Identity)?;
            ok(json!({"centralCanUseCloudBackupIntegrations": "CapabilityAvailable"}))
        }
        ("GET", ["v1", "sensorupgrades", "config"]) => {
            demands(Need::View(Resource::Administration))?;
            ok(clusters::upgrade_config(central))
        }
        ("POST", ["v1", "sensorupgrades", "config"]) => {
            demands(Need::Modify(Resource::Administration))?;
            ok(clusters::set_upgrade_config(central, asked.body)?)
        }
        ("POST", ["v1", "sensorupgrades", "cluster", id]) => {
            demands(Need::Modify(Resource::Cluster))?;
            ok(clusters::trigger_upgrade(central, version, id)?)
        }
        (_, ["v1", "apitokens", rest @ ..]) => {
            let reads = asked.method == Method::GET;
            demands(if reads { Need::View(Resource::Integration) } else { Need::Modify(Resource::Integration) })?;
            ok(tokens::route(central, asked, rest)?)
        }
        ("POST", ["api", "extensions", "scanner", "zip"]) => {
            demands(Need::View(Resource::Administration))?;
            bundle::scanner(central, asked)
        }
        ("GET", ["api", "extensions", "backup"] | ["db", "backup"]) => {
            backup_checks(central)?;
            demands(Need::AdminRole)?;
            Ok(backup::respond(central, version, asked.path == "/db/backup"))
        }
        ("GET", ["api", "cli", "download", name]) => {
            demands(Need::Identity)?;
            bundle::roxctl(version, name)
        }
        _ => Err(Refusal::not_found("Not Found")),
    }
}

/// The faults that forbid a backup.
fn backup_checks(central: &Central) -> Result<(), Refusal> {
    let status = central.faults.find(|fault| match fault {
        ClusterFault::BackupRefused { status } => Some(*status),
        _ => None,
    });
    match status {
        Some(401) => Err(Refusal::unauthenticated("credentials not found: no valid credentials")),
        Some(_) => Err(Refusal::new(StatusCode::FORBIDDEN, 7, "not authorized: only the role Admin may back up")),
        None => Ok(()),
    }
}

fn metadata(version: &Version, caller: &Caller) -> Value {
    let shown = if *caller == Caller::Anonymous { String::new() } else { version.tag() };
    json!({"version": shown, "buildFlavor": "release", "releaseBuild": true, "licenseStatus": "VALID"})
}

fn auth_status(central: &Central, caller: &Caller) -> Value {
    let Caller::User { name, roles } = caller else { return json!({}) };
    let expires = central.clock.now() + jiff::SignedDuration::from_hours(24);
    json!({
        "userId": format!("user:{name}"),
        "expires": meta::time(expires),
        "userInfo": {
            "username": name,
            "friendlyName": name,
            "roles": roles.iter().map(|role| json!({"name": role})).collect::<Vec<_>>(),
        },
        "userAttributes": [{"key": "name", "values": [name]}, {"key": "role", "values": roles}],
    })
}

fn permissions(caller: &Caller, version: &Version) -> Value {
    let Caller::User { roles, .. } = caller else { return json!({}) };
    let any = |need: Need| roles.iter().any(|role| role_allows(role, need, version));
    let access: serde_json::Map<String, Value> = Resource::ALL
        .into_iter()
        .map(|(resource, name)| {
            let access = if any(Need::Modify(resource)) {
                "READ_WRITE_ACCESS"
            } else if any(Need::View(resource)) {
                "READ_ACCESS"
            } else {
                "NO_ACCESS"
            };
            (name.to_owned(), json!(access))
        })
        .collect();
    json!({"name": roles.join(", "), "resourceToAccess": access})
}

fn upgrade_status(central: &Central, version: &Version) -> Value {
    let full = central.faults.any(|fault| *fault == ClusterFault::FullDisk);
    let state = central.lock();
    let needed = state.backup_bytes + state.backup_bytes / 5;
    let free = if full { needed / 2 } else { needed * 20 };
    let previous = state.database.previous.as_ref().and_then(|copy| copy.version.as_ref()).map(Version::tag);
    json!({"upgradeStatus": {
        "version": version.tag(),
        "forceRollbackTo": previous.unwrap_or_default(),
        "canRollbackAfterUpgrade": version.is_at_least(4, 10) || !full,
        "spaceRequiredForRollbackAfterUpgrade": needed.to_string(),
        "spaceAvailableForRollbackAfterUpgrade": free.to_string(),
    }})
}

fn backup_status(central: &Central) -> Value {
    let Some((at, passed)) = central.lock().last_backup else { return json!({"backupInfo": null}) };
    let status = if passed { "PASS" } else { "FAIL" };
    json!({"backupInfo": {"backupLastRunAt": meta::time(at), "status": status, "requestor": {"name": "admin"}}})
}

fn database_status(version: &Version, caller: &Caller) -> Value {
    let postgres = version.is_at_least(4, 0);
    if *caller == Caller::Anonymous {
        return json!({"databaseAvailable": true, "databaseType": "Hidden", "databaseVersion": ""});
    }
    let release = match (postgres, version.is_at_least(4, 8)) {
        (false, _) => "",
        (true, false) => "13.14",
        (true, true) => "15.6",
    };
    json!({
        "databaseAvailable": true,
        "databaseType": if postgres { "PostgresDB" } else { "RocksDB" },
        "databaseVersion": release,
        "databaseIsExternal": false,
    })
}
