//! One request from the gate to the answer.

use std::io;
use std::sync::Arc;

use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};

use super::access::{self, Attempt};
use super::body::{self, Answer};
use super::hooks::{CutAt, RequestInfo, RequestRecord, Verdict};
use super::identity::{self, Identity};
use super::query::Query;
use super::server::Shared;
use super::{admission, discovery, openapi, review, route, verbs};
use crate::store::Status;

/// Bytes a request may have.
const MOST_BYTES: usize = 3 * 1024 * 1024;

/// What a server says to every request for the older form of what is behind a Service.
const ENDPOINTS_ARE_OLD: &str =
    "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";

/// A request that was read and whose maker is known.
pub(crate) struct Call {
    pub(crate) shared: Arc<Shared>,
    pub(crate) who: Identity,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The media type of the body.
    pub(crate) fn content_type(&self) -> &str {
        let value = self.header(header::CONTENT_TYPE).unwrap_or("application/json");
        value.split(';').next().unwrap_or_default().trim()
    }
}

/// Serves a request; an error drops the connection.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Answer, io::Error> {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let info = RequestInfo {
        method: request.method().as_str().to_owned(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        user_agent: text(header::USER_AGENT).unwrap_or_default().to_owned(),
    };
    let verdict = shared.options.gate.as_ref().map_or(Verdict::Pass, |gate| gate.admit(&info));
    let answer = match verdict {
        Verdict::Cut(CutAt::Before) => None,
        Verdict::Answer(status) => Some(body::refusal(&status)),
        Verdict::Pass => Some(handle(Arc::clone(&shared), request).await),
        Verdict::Delay(time) => {
            tokio::time::sleep(time).await;
            Some(handle(Arc::clone(&shared), request).await)
        }
        Verdict::Cut(CutAt::After) => {
            handle(Arc::clone(&shared), request).await;
            None
        }
    };
    shared.record(RequestRecord {
        method: info.method,
        path: info.path,
        query: info.query,
        user_agent: info.user_agent,
        status: answer.as_ref().map_or(0, |answer| answer.status().as_u16()),
        at: shared.options.store.now(),
    });
    answer.ok_or_else(|| io::Error::new(io::ErrorKind::ConnectionReset, "the connection was cut"))
}

async fn handle(shared: Arc<Shared>, mut request: Request<Incoming>) -> Answer {
    let upgrade =
        super::portforward::is_upgrade(request.headers()).then(|| hyper::upgrade::on(&mut request));
    let (parts, incoming) = request.into_parts();
    let who = match become_someone(&shared, &parts.headers) {
        Ok(who) => who,
        Err(status) => return body::refusal(&status),
    };
    let bytes = match Limited::new(incoming, MOST_BYTES).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(_) => {
            let message = format!("Request entity too large: limit is {MOST_BYTES}");
            return body::refusal(&Status::new(413, "RequestEntityTooLarge", message));
        }
    };
    let call = Call {
        shared,
        who,
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: Query::parse(parts.uri.query().unwrap_or_default()),
        headers: parts.headers,
        body: bytes,
    };
    dispatch(&call, upgrade).await.unwrap_or_else(|status| body::refusal(&status))
}

async fn dispatch(
    call: &Call,
    upgrade: Option<hyper::upgrade::OnUpgrade>,
) -> Result<Answer, Status> {
    let store = &call.shared.options.store;
    let Some(names) = route::names(&call.path) else {
        let verb = call.method.to_lowercase();
        let attempt = Attempt { verb, path: call.path.clone(), ..Attempt::default() };
        access::check(store, &call.who, &attempt)?;
        return Ok(without_resource(call));
    };
    let verb = verb(call, &names)?;
    access::check(store, &call.who, &route::attempt(&names, verb))?;
    if let Some(answer) = review::serve(call, &names) {
        return answer;
    }
    match route::target(store, &names) {
        Some(target) if discovery::serves(call, &target) => {
            admission::check(call, &target, verb)?;
            let mut answer = verbs::serve(call, &target, verb, upgrade).await?;
            if target.resource.key() == "endpoints" {
                body::warn(&mut answer, &[ENDPOINTS_ARE_OLD.to_owned()]);
            }
            Ok(answer)
        }
        _ => Ok(body::text(404, "404 page not found\n")),
    }
}

/// The verb of RBAC for a request.
fn verb(call: &Call, names: &route::Names) -> Result<&'static str, Status> {
    Ok(match (call.method.as_str(), &names.name) {
        ("GET" | "HEAD", Some(_)) => "get",
        ("GET" | "HEAD", None) if call.query.is_set("watch") => "watch",
        ("GET" | "HEAD", None) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", Some(_)) => "delete",
        ("DELETE", None) => "deletecollection",
        _ => return Err(not_allowed()),
    })
}

/// 405.
pub(crate) fn not_allowed() -> Status {
    let message = "the server does not allow this method on the requested resource";
    let mut status = Status::new(405, "MethodNotAllowed", message);
    status.details = Some(serde_json::json!({}));
    status
}

fn become_someone(shared: &Shared, headers: &HeaderMap) -> Result<Identity, Status> {
    let mut who = identity::identify(&shared.users(), headers)?;
    let Some(other) = who.impersonates.take() else { return Ok(who) };
    let mut wanted = vec![("users", other.name.as_str())];
    let asked = headers.get_all("impersonate-group").iter();
    wanted.extend(asked.filter_map(|group| Some(("groups", group.to_str().ok()?))));
    for (resource, name) in wanted {
        let attempt = Attempt {
            verb: "impersonate".to_owned(),
            resource: resource.to_owned(),
            name: name.to_owned(),
            ..Attempt::default()
        };
        access::check(&shared.options.store, &who, &attempt)?;
    }
    Ok(*other)
}

fn without_resource(call: &Call) -> Answer {
    let path = call.path.trim_end_matches('/');
    if call.method != "GET" && call.method != "HEAD" {
        return body::refusal(&not_allowed());
    }
    match path {
        "/version" => body::json(200, &discovery::version(call)),
        "/healthz" | "/livez" | "/readyz" => body::text(200, "ok"),
        _ if path.starts_with("/openapi") => openapi::serve(call),
        _ => discovery::serve(call).unwrap_or_else(|| body::text(404, "404 page not found\n")),
    }
}
