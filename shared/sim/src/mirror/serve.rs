//! The mirror's answers: lists, files, ranges of files, and what its faults make of them.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use http::header::{
    ACCEPT_RANGES, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE,
    LOCATION, RANGE,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use super::content::Content;
use super::layout::{self, File, Found};
use super::{MirrorFault, MirrorRequest, ROOT, Shared};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Bytes that are sent at once.
const PIECE: usize = 256 << 10;
const SLOW_PIECE: usize = 16 << 10;
/// What stands before a path that a redirect leads to.
const ELSEWHERE: &str = "/elsewhere";

/// Accepts connections for ever.
pub(super) async fn accept(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    shared: Arc<Shared>,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    loop {
        // An error of one connection is no reason to stop.
        let Ok((stream, _)) = listener.accept().await else { continue };
        drop(stream.set_nodelay(true));
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            match acceptor {
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        speak(stream, shared).await;
                    }
                }
                None => speak(stream, shared).await,
            }
        });
    }
}

async fn speak<S>(stream: S, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, io::Error>(handle(&shared, &request)) }
    });
    // A client that goes away ends its connection only.
    drop(
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await,
    );
}

fn handle(shared: &Shared, request: &Request<Incoming>) -> Response<Body> {
    let path = request.uri().path();
    let response = answer(shared, path, request.headers());
    let header = |name: http::HeaderName| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    shared.lock().requests.push(MirrorRequest {
        path: path.to_owned(),
        range: header(RANGE),
        status: response.status().as_u16(),
        authorization: header(AUTHORIZATION),
    });
    response
}

fn answer(shared: &Shared, path: &str, headers: &HeaderMap) -> Response<Body> {
    if shared.has(&MirrorFault::Page) {
        let page = "<!DOCTYPE html>\n<html><body>Please log in</body></html>\n";
        return whole(StatusCode::OK, "text/html; charset=utf-8", page.into());
    }
    let elsewhere = path.strip_prefix(ELSEWHERE);
    let inside = elsewhere.unwrap_or(path).strip_prefix(ROOT).map(|path| path.trim_matches('/'));
    match inside.and_then(|path| layout::look_up(&shared.releases, path)) {
        Some(Found::List(_)) if shared.has(&MirrorFault::NoList) => missing(),
        Some(Found::List(files)) => {
            let lines = files.iter().map(|file| layout::line(file, &sum(shared, file)));
            whole(StatusCode::OK, "text/plain", lines.collect::<String>())
        }
        Some(Found::File(_)) if elsewhere.is_none() && shared.has(&MirrorFault::Redirects) => {
            let mut response = whole(StatusCode::FOUND, "text/plain", String::new());
            if let Ok(location) = HeaderValue::from_str(&format!("{ELSEWHERE}{path}")) {
                response.headers_mut().insert(LOCATION, location);
            }
            response
        }
        Some(Found::File(file)) => serve_file(shared, &file, headers),
        None => missing(),
    }
}

/// The published checksum; computed once for each file.
fn sum(shared: &Shared, file: &File) -> String {
    let content = program(shared, file);
    let key = format!("{} {} {:?} {content:?}", file.version, file.name, file.machine);
    let known = |state: &super::State| {
        state.sums.iter().find(|(known, _)| *known == key).map(|(_, sum)| sum.clone())
    };
    let cached = known(&shared.lock());
    let sum = cached.unwrap_or_else(|| {
        let sum = content.sum();
        shared.lock().sums.push((key, sum.clone()));
        sum
    });
    if shared.has(&MirrorFault::WrongSum) { sum.chars().rev().collect() } else { sum }
}

/// What is published as a file.
fn program(shared: &Shared, file: &File) -> Content {
    if shared.has(&MirrorFault::OtherVersion) {
        Content::saying("1.2.3", file, shared.size)
    } else if shared.has(&MirrorFault::Broken) {
        Content::broken(shared.size)
    } else {
        Content::of(file, shared.size)
    }
}

fn serve_file(shared: &Shared, file: &File, headers: &HeaderMap) -> Response<Body> {
    let refused = shared.spend(|fault| match fault {
        MirrorFault::Status { status, times } => Some((*status, take(times))),
        _ => None,
    });
    if let Some(status) = refused {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        return whole(status, "text/plain", "not now\n".to_owned());
    }
    let content = program(shared, file);
    let end = shared.find(|fault| match fault {
        MirrorFault::Truncated { bytes } => Some(*bytes),
        _ => None,
    });
    let end = end.unwrap_or(u64::MAX).min(content.size());
    let tag = tag(shared, file);
    let offset = start(headers, &tag).filter(|start| *start < end);
    let offset = offset.filter(|_| !shared.has(&MirrorFault::NoRange));
    let mut response = Response::new(body(shared, content, offset.unwrap_or_default(), end));
    let answered = response.headers_mut();
    answered.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    answered.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    answered.insert(ETAG, tag);
    let length = end - offset.unwrap_or_default();
    let claimed = shared.find(|fault| match fault {
        MirrorFault::Claims { bytes } => Some(*bytes),
        _ => None,
    });
    if !shared.has(&MirrorFault::NoLength) {
        answered.insert(CONTENT_LENGTH, claimed.unwrap_or(length).into());
    }
    if let Some(offset) = offset {
        let range = HeaderValue::from_str(&format!("bytes {offset}-{}/{end}", end - 1));
        answered.extend(range.ok().map(|range| (CONTENT_RANGE, range)));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

/// The validator of a file; with [`MirrorFault::Changes`] never the same.
fn tag(shared: &Shared, file: &File) -> HeaderValue {
    let count = shared.lock().requests.len();
    let number = if shared.has(&MirrorFault::Changes) { count } else { 0 };
    let text = format!("\"{}-{}-{number}\"", file.version, file.name);
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// Where a range begins that is to be honoured.
fn start(headers: &HeaderMap, tag: &HeaderValue) -> Option<u64> {
    if headers.get(IF_RANGE).is_some_and(|wanted| wanted != tag) {
        return None;
    }
    let range = headers.get(RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

/// How the body of an answer ends before its time.
#[derive(Clone, Copy)]
enum Break {
    Cut(u64),
    Stall(u64),
}

fn body(shared: &Shared, content: Content, offset: u64, end: u64) -> Body {
    let breaks = shared.spend(|fault| match fault {
        MirrorFault::Cut { after, times } => Some((Break::Cut(*after), take(times))),
        MirrorFault::Stall { after, times } => Some((Break::Stall(*after), take(times))),
        _ => None,
    });
    let pause = shared.find(|fault| match fault {
        MirrorFault::Slow { milliseconds } => Some(Duration::from_millis(*milliseconds)),
        _ => None,
    });
    let piece_size = if pause.is_some() { SLOW_PIECE } else { PIECE };
    let frames = stream::unfold(offset, move |at| {
        let content = content.clone();
        async move {
            let sent = at - offset;
            let mut limit = piece_size.min(usize::try_from(end - at).unwrap_or(piece_size));
            if let Some(Break::Cut(after) | Break::Stall(after)) = breaks {
                limit = limit.min(usize::try_from(after.saturating_sub(sent)).unwrap_or(limit));
                if limit == 0 && at < end {
                    if matches!(breaks, Some(Break::Stall(_))) {
                        std::future::pending::<()>().await;
                    }
                    // What was sent has to leave before the connection is closed.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    return Some((Err(io::ErrorKind::ConnectionReset.into()), end));
                }
            }
            let piece = content.piece(at, limit);
            if piece.is_empty() {
                return None;
            }
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
            // Other tasks run between two pieces, also when the client reads as fast as we write.
            tokio::task::yield_now().await;
            let next = at + piece.len() as u64;
            Some((Ok(Frame::data(piece)), next))
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Counts a fault down; what was left before.
const fn take(times: &mut u32) -> u32 {
    let left = *times;
    *times = left.saturating_sub(1);
    left
}

fn missing() -> Response<Body> {
    whole(StatusCode::NOT_FOUND, "text/html", "<html><body>404 Not Found</body></html>\n".into())
}

fn whole(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
