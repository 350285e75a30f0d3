//! Answers in every form that has been met: JSON objects, bare JSON strings, and HTML of the servlet container or a proxy.

use http::{Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::switches::Denial;

/// The body of every answer.
pub(super) type Body = Full<Bytes>;
/// An answer.
pub(super) type Answer = Response<Body>;

/// The form of an error's body.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// `{"code":…,"message":…}`, of the API itself.
    Object,
    /// A JSON string and nothing else, of the layer that authenticates.
    Text,
    /// A page, of the servlet container or of a proxy.
    Html,
    /// Nothing.
    Empty,
}

/// An error of the API.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: u16,
    shape: Shape,
    message: String,
}

impl Refusal {
    /// An error of the API itself.
    pub(super) fn object(status: u16, message: impl Into<String>) -> Self {
        Self { status, shape: Shape::Object, message: message.into() }
    }

    /// 400 of the API itself.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::object(400, message)
    }

    /// An error of the servlet container.
    pub(super) fn page(status: u16, message: &str) -> Self {
        Self { status, shape: Shape::Html, message: message.to_owned() }
    }

    /// A credential that is not known, or no longer valid.
    pub(super) fn unauthenticated() -> Self {
        let message = "Invalid token specified.".to_owned();
        Self { status: 401, shape: Shape::Text, message }
    }

    /// An error in the form that a switch gives it.
    pub(super) fn denied(denial: Denial, message: impl Into<String>) -> Self {
        Self { status: denial.status, shape: denial.shape, message: message.into() }
    }

    /// The answer that carries it.
    pub(super) fn into_response(self) -> Answer {
        let status = status(self.status);
        match self.shape {
            Shape::Object => {
                json_answer(status, &json!({"code": self.status, "message": self.message}))
            }
            Shape::Text => json_answer(status, &Value::String(self.message)),
            Shape::Html => answer(status, "text/html;charset=iso-8859-1", page(status)),
            Shape::Empty => empty(status),
        }
    }
}

/// An error scripted by a fault. Its message is sent as it is when it is a page or JSON already.
pub(super) fn scripted(code: u16, retry_after: Option<u32>, message: Option<&str>) -> Answer {
    let status = status(code);
    let mut answer = match message.map(str::trim_start) {
        Some(text) if text.starts_with('<') => answer(status, "text/html", text.to_owned()),
        Some(text) if text.starts_with(['"', '{', '[']) => {
            answer(status, "application/json", text.to_owned())
        }
        Some(text) => Refusal::object(code, text).into_response(),
        None => usual(status).into_response(),
    };
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

/// A JSON answer.
pub(super) fn json_answer(status: StatusCode, body: &Value) -> Answer {
    answer(status, "application/json", body.to_string())
}

/// 200 with JSON.
pub(super) fn ok(body: &Value) -> Answer {
    json_answer(StatusCode::OK, body)
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Body::default());
    *answer.status_mut() = status;
    answer
}

/// 307 to another place.
pub(super) fn redirect(base: &str, path: &str) -> Answer {
    let mut answer = empty(StatusCode::TEMPORARY_REDIRECT);
    let target = format!("{}{path}", base.trim_end_matches('/'));
    if let Ok(target) = target.parse() {
        answer.headers_mut().insert(header::LOCATION, target);
    }
    answer
}

/// What a status is usually answered with, by whoever answers it.
fn usual(status: StatusCode) -> Refusal {
    match status.as_u16() {
        401 => Refusal::unauthenticated(),
        429 => Refusal::object(429, "Rate limit exceeded. Please try again later."),
        code @ (403 | 407 | 500..) => Refusal::page(code, ""),
        code => Refusal::object(code, status.canonical_reason().unwrap_or("Error")),
    }
}

fn page(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or("Error");
    let code = status.as_u16();
    format!(
        "<html>\n<head>\n<title>Error {code} {reason}</title>\n</head>\n\
         <body><h2>HTTP ERROR {code} {reason}</h2>\n\
         <table><tr><th>SERVLET:</th><td>jersey</td></tr></table>\n</body>\n</html>\n"
    )
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    let content_type = header::HeaderValue::from_static(content_type);
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type);
    answer
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
