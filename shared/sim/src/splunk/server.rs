//! The server of this Splunk on loopback, with TLS under an authority of its own and without.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::answer::{self, Answer};
use super::record::Record;
use super::{Error, Shared, routes};
use crate::central::acceptor;
use crate::central::pki::Leaf;
use crate::faults::{Asked, On, RequestAction};

/// Bytes a request may have.
const MOST_BYTES: usize = 1024 * 1024;

/// The listeners; they end when this is dropped.
#[derive(Debug)]
pub(super) struct Listeners {
    pub(super) secure: SocketAddr,
    pub(super) plain: SocketAddr,
    pub(super) ca_pem: String,
    tasks: [JoinHandle<()>; 2],
}

impl Listeners {
    /// Opens two loopback ports, the one with TLS on `port` if that is not 0.
    pub(super) async fn open(shared: Arc<Shared>, port: u16) -> Result<Self, Error> {
        let (ca_pem, leaf) = certificates()?;
        let acceptor = acceptor(&leaf).map_err(Error::Tls)?;
        let listen = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let secure = listen(port).await.map_err(Error::Listen)?;
        let plain = listen(0).await.map_err(Error::Listen)?;
        let address = |listener: &TcpListener| listener.local_addr().map_err(Error::Listen);
        Ok(Self {
            secure: address(&secure)?,
            plain: address(&plain)?,
            ca_pem,
            tasks: [
                tokio::spawn(accept(secure, Some(acceptor), Arc::clone(&shared))),
                tokio::spawn(accept(plain, None, shared)),
            ],
        })
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        // An error of one connection is no reason to stop.
        let Ok((socket, _)) = listener.accept().await else { continue };
        let _ = socket.set_nodelay(true);
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            match acceptor {
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(socket).await {
                        serve(stream, shared).await;
                    }
                }
                None => serve(socket, shared).await,
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve<S>(stream: S, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { handle(&shared, request).await }
    });
    // A client that goes away ends its connection only.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// One request from the faults to the answer; an error drops the connection.
async fn handle(shared: &Shared, request: Request<Incoming>) -> io::Result<Answer> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let action = shared.faults.decide(Asked {
        on: On::Splunk,
        method: parts.method.as_str(),
        path,
        user_agent: agent.unwrap_or_default(),
    });
    // Whoever waits for the body in vain must be in the log all the same.
    let body = Limited::new(body, MOST_BYTES).collect().await.map_err(io::Error::other)?.to_bytes();
    let number = {
        let mut organization = shared.lock();
        let line = (&parts.method, &parts.uri, &parts.headers);
        let record = Record::new(&organization, line, &body, shared.clock.now());
        organization.records.push(record);
        organization.records.len() - 1
    };
    if let Some(RequestAction::Delay { milliseconds }) = action {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
    if action == Some(RequestAction::CutBefore) {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    let mut organization = shared.lock();
    let now = shared.clock.now();
    let mut answer = match &action {
        Some(RequestAction::Refuse { status, retry_after, message }) => {
            answer::scripted(*status, *retry_after, message.as_deref())
        }
        _ => {
            let (method, uri, headers) = (&parts.method, &parts.uri, &parts.headers);
            organization.answer(&routes::Request { method, uri, headers, body: &body }, now)
        }
    };
    if action == Some(RequestAction::CutAfter) {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    if let Some(record) = organization.records.get_mut(number) {
        record.status = answer.status().as_u16();
        record.at = now;
    }
    if let Some(date) = date(now) {
        answer.headers_mut().insert(header::DATE, date);
    }
    Ok(answer)
}

/// The time of this Splunk, which need not be that of the machine.
fn date(now: Timestamp) -> Option<HeaderValue> {
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&now).ok()?;
    HeaderValue::try_from(text).ok()
}

/// The authority's certificate, and the server's own: for loopback, and for all hosts of the realm
/// `us1`, to which a proxy of a test can lead.
fn certificates() -> Result<(String, Leaf), rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::<String>::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "embedded Splunk");
    let authority_key = KeyPair::generate()?;
    let ca_pem = authority.self_signed(&authority_key)?.pem();
    let issuer = Issuer::new(authority, authority_key);
    let names =
        ["localhost", "127.0.0.1", "*.us1.signalfx.com", "*.us1.observability.splunkcloud.com"];
    let mut params = CertificateParams::new(names.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "api.embedded");
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?.pem();
    Ok((ca_pem, Leaf { certificate, key: key.serialize_pem() }))
}
