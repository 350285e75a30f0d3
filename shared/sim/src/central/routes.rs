//! Central's API: which path needs what, and what it answers.

use common::rhacs::Version;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{
    Central, backup, bundle, certgen, challenge, clusters, demands, download, grpc, status, tokens,
    various,
};
use crate::faults::ClusterFault;

/// The body of every answer; a backup streams.
pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// A request as the routes see it.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

impl Asked<'_> {
    /// Whether it is for the API that gRPC serves too; the rest is Central's own handlers.
    fn is_api(&self) -> bool {
        self.path.starts_with("/v1/")
    }

    /// The value of a parameter, decoded.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| decoded(value))
    }
}

/// A JSON answer.
pub(super) fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    bytes_response(status, "application/json", body.to_string().into())
}

/// An answer of bytes; none of a type when that is empty.
pub(super) fn bytes_response(
    status: StatusCode,
    content_type: &str,
    body: Bytes,
) -> Response<Body> {
    let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if let Some(value) = content_type.parse().ok().filter(|_| !content_type.is_empty()) {
        response.headers_mut().insert(http::header::CONTENT_TYPE, value);
    }
    response
}

/// The same answer, as a file of that name.
pub(super) fn as_file(mut response: Response<Body>, name: &str) -> Response<Body> {
    if let Ok(value) = format!("attachment; filename=\"{name}\"").parse() {
        response.headers_mut().insert(http::header::CONTENT_DISPOSITION, value);
    }
    response
}

/// Answers a request while a release serves.
pub(super) fn answer(central: &Central, version: &Version, asked: &Asked<'_>) -> Response<Body> {
    if grpc::is_asked(asked.headers) {
        return grpc::refuse();
    }
    if asked.path.contains("//") {
        return redirect(asked.path, version);
    }
    let result = route(central, version, asked);
    result.unwrap_or_else(|refusal| {
        if asked.is_api() { refusal.of_the_api(version) } else { refusal.of_a_handler() }
    })
}

fn route(
    central: &Central,
    version: &Version,
    asked: &Asked<'_>,
) -> Result<Response<Body>, Refusal> {
    let segments: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
    let demand = demands::of(asked.method, &segments, version)?;
    tokens::check_query(asked, &segments, version)?;
    let caller = demand.admit(asked.headers, (&*central.lock(), central.clock.now()), version)?;
    let body = match (asked.method.as_str(), segments.as_slice()) {
        ("POST", ["api", "extensions", "scanner", "zip"]) => {
            return bundle::scanner(central, version, asked);
        }
        ("POST", ["api", "extensions", "certgen", what]) => {
            return certgen::respond(central, version, what);
        }
        (_, ["api", "extensions", "backup"] | ["db", "backup"]) => {
            backup_checks(central)?;
            return Ok(backup::respond(central, version, asked.path == "/db/backup"));
        }
        (_, ["api", "extensions", "certs", "backup"]) => {
            return Ok(backup::respond_with_keys(central));
        }
        (_, ["api", "cli", "download", name]) => {
            return download::respond(version, name, asked.headers);
        }
        (_, ["api", ..]) => return Err(Refusal::WrongMethod),
        (_, ["v1", "clusters"]) => clusters::list(central, version),
        (_, ["v1", "clusters", id]) => clusters::one(central, version, id)?,
        ("GET", ["v1", "sensorupgrades", "config"]) => clusters::upgrade_config(central),
        (_, ["v1", "sensorupgrades", "config"]) => {
            clusters::set_upgrade_config(central, asked.body)?
        }
        (_, ["v1", "sensorupgrades", "cluster", id]) => {
            clusters::trigger_upgrade(central, version, id)?
        }
        (_, ["v1", "apitokens", rest @ ..]) => tokens::route(central, version, asked, rest)?,
        (_, ["v1", "tls-challenge"]) => challenge::answer(central, version, asked)?,
        (_, ["v1", path @ ..]) => match status::answer(central, version, &caller, path) {
            Some(answer) => answer?,
            None => various::answer(central, version, asked, path)?,
        },
        _ => return Err(Refusal::NoPath),
    };
    let mut response = json_response(StatusCode::OK, &body);
    let kind = http::HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("grpc-metadata-content-type", kind);
    Ok(response)
}

fn redirect(path: &str, version: &Version) -> Response<Body> {
    let mut clean = path.to_owned();
    while clean.contains("//") {
        clean = clean.replace("//", "/");
    }
    let (status, words) = if version.is_at_least(4, 0) {
        (StatusCode::TEMPORARY_REDIRECT, "Temporary Redirect")
    } else {
        (StatusCode::MOVED_PERMANENTLY, "Moved Permanently")
    };
    let body = format!("<a href=\"{clean}\">{words}</a>.\n\n");
    let mut response = bytes_response(status, "text/html; charset=utf-8", body.into());
    if let Ok(value) = clean.parse() {
        response.headers_mut().insert(http::header::LOCATION, value);
    }
    response
}

/// A parameter without its percent signs.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, first) {
            (Some(byte), _) => bytes.push(byte),
            (None, b'+') => bytes.push(b' '),
            (None, other) => bytes.push(*other),
        }
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The faults that forbid a backup.
fn backup_checks(central: &Central) -> Result<(), Refusal> {
    let status = central.faults.find(|fault| match fault {
        ClusterFault::BackupRefused { status } => Some(*status),
        _ => None,
    });
    match status {
        Some(401) => Err(Refusal::unauthenticated("credentials not found")),
        Some(_) => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            7,
            "not authorized: role \"Admin\" is required",
        )),
        None => Ok(()),
    }
}

/// Error bodies of the API, for those who refuse before a route is looked for.
pub(super) fn error_body(code: u8, message: &str) -> Value {
    json!({"error": message, "code": code, "message": message, "details": []})
}
