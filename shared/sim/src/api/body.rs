//! Bodies and responses.

use std::io;

use http::{Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::store::Status;

pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;
pub(crate) type Answer = Response<Body>;

/// A body that is there as a whole.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body that comes in pieces until the sender goes.
pub(crate) fn stream(receiver: mpsc::Receiver<Bytes>) -> Body {
    let pieces = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let piece = receiver.recv().await?;
        Some((Ok(Frame::data(piece)), receiver))
    });
    BodyExt::boxed_unsync(StreamBody::new(pieces))
}

/// A response of a content type.
pub(crate) fn respond(code: u16, content_type: &str, body: Body) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::OK);
    if let Ok(value) = content_type.parse() {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}

/// A JSON response.
pub(crate) fn json(code: u16, value: &Value) -> Answer {
    let mut text = value.to_string();
    text.push('\n');
    respond(code, "application/json", full(text))
}

/// A response of plain text.
pub(crate) fn text(code: u16, text: &str) -> Answer {
    respond(code, "text/plain; charset=utf-8", full(text.to_owned()))
}

/// A refusal.
pub(crate) fn refusal(status: &Status) -> Answer {
    let mut answer = json(status.code, &status.to_value());
    if let Some(seconds) = status.retry_after() {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

/// Adds `Warning` headers.
pub(crate) fn warn(answer: &mut Answer, warnings: &[String]) {
    for warning in warnings {
        let escaped = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = format!("299 - \"{escaped}\"").parse() {
            answer.headers_mut().append(header::WARNING, value);
        }
    }
}
