//! `/api/cli/download`: roxctl, from a server of files.

use common::rhacs::Version;
use http::header::{ACCEPT_RANGES, CONTENT_RANGE, IF_RANGE, LAST_MODIFIED, RANGE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use hyper::body::Bytes;

use super::refusal::Refusal;
use super::routes::{Body, bytes_response};

/// When the files were made: with the image.
const MADE: &str = "Mon, 30 Nov 2020 20:03:02 GMT";

/// `GET /api/cli/download/…`: a small program in place of roxctl.
///
/// # Errors
/// 404 for a name that this release does not offer.
pub(super) fn respond(
    version: &Version,
    name: &str,
    headers: &HeaderMap,
) -> Result<Response<Body>, Refusal> {
    if !is_offered(version, name) {
        return Err(Refusal::NoPath);
    }
    let program = Bytes::from(format!("#!/bin/sh\necho {}\n", version.tag()));
    let length = program.len();
    let kind = "application/octet-stream";
    let mut response = match range(headers, length) {
        Some((from, until)) => {
            let part = program.slice(from..until);
            let mut response = bytes_response(StatusCode::PARTIAL_CONTENT, kind, part);
            let range = format!("bytes {from}-{}/{length}", until - 1);
            if let Ok(range) = range.parse() {
                response.headers_mut().insert(CONTENT_RANGE, range);
            }
            response
        }
        None => bytes_response(StatusCode::OK, kind, program),
    };
    let more = response.headers_mut();
    more.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    more.insert(LAST_MODIFIED, HeaderValue::from_static(MADE));
    Ok(response)
}

fn is_offered(version: &Version, name: &str) -> bool {
    let offered: &[(&str, (u32, u32))] = &[
        ("roxctl-linux", (0, 0)),
        ("roxctl-darwin", (0, 0)),
        ("roxctl-windows.exe", (0, 0)),
        ("roxctl-linux-amd64", (3, 74)),
        ("roxctl-linux-ppc64le", (3, 74)),
        ("roxctl-linux-s390x", (3, 74)),
        ("roxctl-darwin-amd64", (3, 74)),
        ("roxctl-windows-amd64.exe", (3, 74)),
        ("roxctl-linux-arm64", (4, 2)),
        ("roxctl-darwin-arm64", (4, 5)),
    ];
    let known = offered
        .iter()
        .any(|(offer, (major, minor))| *offer == name && version.is_at_least(*major, *minor));
    // From 3.74 on the names carry the architecture; only the one of Linux kept its short form.
    let retired =
        version.is_at_least(3, 74) && matches!(name, "roxctl-darwin" | "roxctl-windows.exe");
    known && !retired
}

/// The one range that is asked for, as long as the file is still the one that was begun.
fn range(headers: &HeaderMap, length: usize) -> Option<(usize, usize)> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if text(IF_RANGE).is_some_and(|validator| validator != MADE) {
        return None;
    }
    let (from, until) = text(RANGE)?.strip_prefix("bytes=")?.split_once('-')?;
    let from: usize = from.parse().ok()?;
    let last: usize = until.parse().unwrap_or(length).min(length.saturating_sub(1));
    (from <= last).then_some((from, last + 1))
}
