//! Errors of Central, in the two forms that it has for them.

use common::rhacs::Version;
use http::{Response, StatusCode};
use hyper::body::Bytes;
use serde_json::json;

use super::routes::{Body, bytes_response, error_body, json_response};

const TEXT: &str = "text/plain; charset=utf-8";

/// An error that Central answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// An error with its HTTP status, gRPC code and words.
    Status { status: StatusCode, code: u8, message: String },
    /// There is no such path.
    NoPath,
    /// The path is not for this method.
    WrongMethod,
}

impl Refusal {
    /// An error with its HTTP status and gRPC code.
    pub(super) fn new(status: StatusCode, code: u8, message: impl Into<String>) -> Self {
        Self::Status { status, code, message: message.into() }
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

    /// 500.
    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, 13, message)
    }

    /// The answer of the API under `/v1`: JSON, but for paths and methods that 3.x does not know.
    pub(super) fn of_the_api(self, version: &Version) -> Response<Body> {
        let in_json = version.is_at_least(4, 0);
        let (status, code, message) = match self {
            Self::Status { status, code, message } => (status, code, message),
            Self::NoPath if in_json => (StatusCode::NOT_FOUND, 5, "Not Found".to_owned()),
            Self::WrongMethod if in_json => {
                (StatusCode::NOT_IMPLEMENTED, 12, "Method Not Allowed".to_owned())
            }
            Self::NoPath => {
                return bytes_response(StatusCode::NOT_FOUND, TEXT, "Not Found\n".into());
            }
            Self::WrongMethod => {
                let body = "Method Not Allowed\n".into();
                return bytes_response(StatusCode::METHOD_NOT_ALLOWED, TEXT, body);
            }
        };
        json_response(status, &error_body(code, &message))
    }

    /// The answer of a handler of Central's own: text, and JSON that calls itself text for what is
    /// wrong with the input.
    pub(super) fn of_a_handler(self) -> Response<Body> {
        match self {
            Self::Status { status, code: code @ (3 | 13), message } => {
                let body = json!({"code": code, "message": message}).to_string();
                bytes_response(status, TEXT, body.into())
            }
            Self::Status { status, message, .. } => {
                bytes_response(status, TEXT, format!("{message}\n").into())
            }
            Self::NoPath => {
                bytes_response(StatusCode::NOT_FOUND, TEXT, "404 page not found\n".into())
            }
            Self::WrongMethod => bytes_response(StatusCode::METHOD_NOT_ALLOWED, "", Bytes::new()),
        }
    }
}
