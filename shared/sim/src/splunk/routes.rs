//! Which path means what, and who may ask for it.

use http::{HeaderMap, Method, Uri, header};
use jiff::Timestamp;

use super::CREDENTIAL;
use super::answer::{self, Answer, Refusal};
use super::organization::Organization;
use super::path;
use super::people::Caller;
use super::token::Scope;
use super::tokens::Asked;

/// A request that has arrived whole.
pub(super) struct Request<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

impl Organization {
    /// Answers a request.
    pub(super) fn answer(&mut self, request: &Request<'_>, now: Timestamp) -> Answer {
        if let Some(base) = &self.switches.redirect {
            let path = request.uri.path_and_query().map_or("/", |path| path.as_str());
            return answer::redirect(base, path);
        }
        self.route(request, now).unwrap_or_else(Refusal::into_response)
    }

    fn route(&mut self, request: &Request<'_>, now: Timestamp) -> Result<Answer, Refusal> {
        let segments = path::segments(request.uri.path(), self.switches.slash_in_names)?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let method = request.method.as_str();
        expect_json(request)?;
        expect_length(request)?;
        match (method, segments.as_slice()) {
            ("POST", ["v2", "session"]) => self.log_in(request.headers, request.body, now),
            ("DELETE", ["v2", "session"]) => self.log_out(request.headers, now),
            (_, ["v2", "organization"]) => {
                let caller = self.authenticate(request.headers, now)?;
                self.about(&caller, now)
            }
            ("POST", ["v2", "event" | "datapoint" | "trace"] | ["v1", "trace"]) => {
                let caller = self.authenticate(request.headers, now)?;
                self.take_in(&caller, Scope::Ingest, request.body, now)
            }
            ("POST", ["v1", "rum"]) => {
                let caller = self.authenticate(request.headers, now)?;
                self.take_in(&caller, Scope::Rum, request.body, now)
            }
            (_, ["v2", "token", rest @ ..]) => self.route_token(method, rest, request, now),
            _ => Err(Refusal::page(404, "Not Found")),
        }
    }

    fn route_token(
        &mut self,
        method: &str,
        rest: &[&str],
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        let caller = &self.authenticate(request.headers, now)?;
        let reads = method == "GET";
        let may = if reads {
            caller.looks_at_tokens()
        } else {
            caller.administers(self.switches.org_tokens_administer)
        };
        if !may {
            let message = if reads { "Unauthorized" } else { "Unauthorized update." };
            return Err(Refusal::denied(self.switches.forbidden, message));
        }
        let query = request.uri.query().unwrap_or_default();
        let asked = Asked { caller, query, body: request.body, now };
        match (method, rest) {
            ("GET", [] | [""]) => self.list(asked),
            ("POST", [] | [""]) => self.create(asked),
            ("GET", [name]) => self.read(name, asked),
            ("PUT", [name]) => self.update(name, asked),
            ("DELETE", [name]) => self.delete(name, asked),
            ("POST", [name, "rotate"]) => self.rotate(name, asked),
            (_, [_] | [_, "rotate"]) => Err(Refusal::page(405, "Method Not Allowed")),
            _ => Err(Refusal::page(404, "Not Found")),
        }
    }

    fn authenticate(&self, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Refusal> {
        let credential = headers.get(CREDENTIAL).and_then(|value| value.to_str().ok());
        self.caller(credential.ok_or_else(Refusal::unauthenticated)?, now)
    }
}

/// A body is taken as JSON only when it says so.
fn expect_json(request: &Request<'_>) -> Result<(), Refusal> {
    let content_type = request.headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let says_json = content_type.to_lowercase().starts_with("application/json");
    if request.body.is_empty() || says_json {
        return Ok(());
    }
    Err(Refusal::page(415, "Unsupported Media Type"))
}

/// The front ends take a POST or a PUT only when it says how long its body is, even when it has
/// none.
fn expect_length(request: &Request<'_>) -> Result<(), Refusal> {
    let has = |name| request.headers.contains_key(name);
    let tells = has(header::CONTENT_LENGTH) || has(header::TRANSFER_ENCODING);
    if tells || !matches!(*request.method, Method::POST | Method::PUT) {
        return Ok(());
    }
    Err(Refusal::page(411, "Length Required"))
}
