//! What roxctl asks by gRPC: refused at once, in words that its users see.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use hyper::body::Bytes;

use super::routes::{Body, bytes_response};

/// The code for what a server does not do; clients do not try it again.
const UNIMPLEMENTED: &str = "12";

/// Whether a request is a call by gRPC, or by what passes for it where HTTP/2 does not get through.
pub(super) fn is_asked(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/grpc")
}

/// A status without a message before it: all of it is in the headers.
pub(super) fn refuse() -> Response<Body> {
    let mut response = bytes_response(StatusCode::OK, "application/grpc", Bytes::new());
    let headers = response.headers_mut();
    headers.insert("grpc-status", HeaderValue::from_static(UNIMPLEMENTED));
    headers.insert(
        "grpc-message",
        HeaderValue::from_static(
            "the Central of an embedded cluster answers HTTP only, and this command asks by gRPC",
        ),
    );
    response
}
