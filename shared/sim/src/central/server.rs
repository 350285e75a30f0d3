//! Central's HTTPS server: on a loopback port, and on any stream that a port-forward brings.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::Central;
use super::pki::Leaf;
use super::routes::{self, Asked, Body, error_body, json_response};
use super::state::CentralRequest;
use crate::faults::{self, ClusterFault, On, RequestAction};

/// Bytes that the head of a request may have: as much as a server of Go takes.
const LARGEST_HEAD: usize = (1 << 20) + 4096;

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct CentralServer {
    address: SocketAddr,
    handler: Handler,
    task: JoinHandle<()>,
}

/// What serves one connection.
#[derive(Clone)]
pub(super) struct Handler {
    central: Central,
    acceptor: TlsAcceptor,
}

impl CentralServer {
    /// Starts the server on a free loopback port.
    ///
    /// # Errors
    /// When the port cannot be opened or the certificate cannot be read.
    pub async fn start(central: Central, leaf: &Leaf) -> io::Result<Self> {
        let handler = Handler { central, acceptor: acceptor(leaf)? };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, handler.clone()));
        Ok(Self { address, handler, task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A handle that serves streams and outlives this borrow.
    pub(crate) fn connector(&self) -> Connector {
        Connector(self.handler.clone())
    }
}

impl Drop for CentralServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves streams of port-forwards.
#[derive(Clone, Debug)]
pub struct Connector(Handler);

impl Connector {
    /// Serves a stream as a connection to Central's port.
    pub async fn serve<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.0.clone().serve(stream).await;
    }
}

impl std::fmt::Debug for Handler {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Handler").finish_non_exhaustive()
    }
}

/// Accepts TLS connections with a certificate.
///
/// # Errors
/// When the certificate or its key cannot be read.
pub fn acceptor(leaf: &Leaf) -> io::Result<TlsAcceptor> {
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(leaf.certificate.as_bytes()).collect();
    let certificates = certificates.map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn accept(listener: TcpListener, handler: Handler) {
    // An error of one connection is no reason to stop.
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(handler.clone().serve(stream));
        }
    }
}

impl Handler {
    async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // While no pod is ready there is nothing behind the port.
        if self.central.version().is_none() {
            return;
        }
        let Ok(stream) = self.acceptor.accept(stream).await else { return };
        let central = self.central;
        let service = service_fn(move |request| {
            let central = central.clone();
            async move { handle(&central, request).await }
        });
        // A client that goes away ends its connection only.
        let _ = hyper::server::conn::http1::Builder::new()
            .max_buf_size(2 * LARGEST_HEAD)
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }
}

async fn handle(central: &Central, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let agent = parts.headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok());
    let asked = faults::Asked {
        on: On::Central,
        method: parts.method.as_str(),
        path: &path,
        user_agent: agent.unwrap_or_default(),
    };
    let action = central.faults.decide(asked);
    if central.faults.any(|fault| *fault == ClusterFault::CentralNeverAnswers) {
        std::future::pending::<()>().await;
    }
    if let Some(RequestAction::Delay { milliseconds }) = action {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
    let record = |status: u16| {
        let method = parts.method.as_str().to_owned();
        central.lock().requests.push(CentralRequest { method, path: path.clone(), status });
    };
    if action == Some(RequestAction::CutBefore) {
        record(0);
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let head: usize =
        parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let response = match &action {
        _ if head > LARGEST_HEAD => {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            let words = "431 Request Header Fields Too Large";
            routes::bytes_response(status, "text/plain; charset=utf-8", words.into())
        }
        Some(RequestAction::Refuse { status, retry_after, message }) => {
            refuse(*status, *retry_after, message.as_deref())
        }
        _ => {
            let asked = Asked {
                method: &parts.method,
                path: parts.uri.path(),
                query: parts.uri.query().unwrap_or_default(),
                headers: &parts.headers,
                body: &body,
            };
            // The release that serves may change between two requests of a connection.
            let Some(version) = central.version() else {
                return Err(io::ErrorKind::ConnectionAborted.into());
            };
            routes::answer(central, &version, &asked)
        }
    };
    if action == Some(RequestAction::CutAfter) {
        record(0);
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    record(response.status().as_u16());
    Ok(response)
}

fn refuse(status: u16, retry_after: Option<u32>, message: Option<&str>) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let code = match status.as_u16() {
        401 => 16,
        403 => 7,
        409 => 6,
        429 => 8,
        503 => 14,
        _ => 13,
    };
    let text = message.or_else(|| status.canonical_reason()).unwrap_or_default();
    let mut response = json_response(status, &error_body(code, text));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
    }
    response
}
