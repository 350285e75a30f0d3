//! A small HTTP server for tests: a function answers, and every request is remembered.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    pub fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Data(Vec<u8>),
    Pause(Duration),
    Break,
}

impl Answer {
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), pieces: Vec::new() }
    }

    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::new(status).header("content-type", "application/json").data(body.to_string())
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn data(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.pieces.push(Piece::Data(data.into()));
        self
    }

    /// Nothing comes for a while.
    pub fn pause(mut self, milliseconds: u64) -> Self {
        self.pieces.push(Piece::Pause(Duration::from_millis(milliseconds)));
        self
    }

    /// The connection breaks, after what came before has gone out.
    pub fn broken(self) -> Self {
        let mut answer = self.pause(30);
        answer.pieces.push(Piece::Break);
        answer
    }

    fn into_response(self) -> Response<http_body_util::combinators::UnsyncBoxBody<Bytes, Cut>> {
        let pieces = stream::unfold(self.pieces.into_iter(), async |mut pieces| {
            loop {
                match pieces.next()? {
                    Piece::Data(data) => return Some((Ok(Frame::data(data.into())), pieces)),
                    Piece::Pause(time) => tokio::time::sleep(time).await,
                    Piece::Break => return Some((Err(Cut), pieces)),
                }
            }
        });
        let mut response = Response::new(StreamBody::new(pieces).boxed_unsync());
        *response.status_mut() = self.status.try_into().unwrap();
        for (name, value) in self.headers {
            let value = HeaderValue::try_from(value).unwrap();
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
        response
    }
}

/// The server breaks the connection.
#[derive(Debug, thiserror::Error)]
#[error("cut")]
pub struct Cut;

type Handler = Arc<dyn Fn(&Seen) -> Answer + Send + Sync>;

/// A running server; it ends when this is dropped.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn start(
        tls: Option<TlsAcceptor>,
        handler: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::default();
        let handler: Handler = Arc::new(handler);
        let task = tokio::spawn(accept(listener, tls, handler, Arc::clone(&seen)));
        Self { address, seen, task }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The requests as `GET /path`, without their queries.
    pub fn requests(&self) -> Vec<String> {
        self.seen().iter().map(|seen| format!("{} {}", seen.method, seen.path())).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    handler: Handler,
    seen: Arc<Mutex<Vec<Seen>>>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (handler, seen, tls) = (Arc::clone(&handler), Arc::clone(&seen), tls.clone());
        tokio::spawn(async move {
            match tls {
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, handler, seen).await;
                    }
                }
                None => serve(stream, handler, seen).await,
            }
        });
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    handler: Handler,
    seen: Arc<Mutex<Vec<Seen>>>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (handler, seen) = (Arc::clone(&handler), Arc::clone(&seen));
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes().to_vec());
            let request = Seen {
                method: parts.method,
                uri: parts.uri,
                headers: parts.headers,
                body: body.unwrap_or_default(),
            };
            seen.lock().unwrap().push(request.clone());
            Ok::<_, Infallible>(handler(&request).into_response())
        }
    });
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}
