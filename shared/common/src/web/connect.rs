//! A connection: TCP, perhaps through a proxy, TLS, HTTP/1.1.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::error::ConnectError;
use super::origin::Origin;
use super::proxy::Proxy;
use super::trust::Trust;
use crate::central::{TlsFault, describe_tls, tls_fault};

/// Opens connections to one server; cheap to clone.
#[derive(Clone, Debug)]
pub struct Connector {
    origin: Origin,
    trust: Trust,
    proxy: Option<Proxy>,
    patience: Duration,
}

/// An open connection.
pub struct Connection(SendRequest<Full<Bytes>>);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Connector {
    /// Prepares connections to `origin`, each opened within `patience`; nothing is sent yet.
    #[must_use]
    pub const fn new(
        origin: Origin,
        trust: Trust,
        proxy: Option<Proxy>,
        patience: Duration,
    ) -> Self {
        Self { origin, trust, proxy, patience }
    }

    /// The server.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// Why there is none; no request was sent.
    pub async fn connect(&self) -> Result<Connection, ConnectError> {
        match tokio::time::timeout(self.patience, self.open()).await {
            Ok(result) => result,
            Err(_) => {
                Err(ConnectError::Timeout { server: self.origin.to_string(), after: self.patience })
            }
        }
    }

    async fn open(&self) -> Result<Connection, ConnectError> {
        let mut stream = match &self.proxy {
            Some(proxy) => self.through(proxy).await?,
            None => dial(&self.origin.host, self.origin.port)
                .await
                .map_err(|error| self.unreachable(&error))?,
        };
        if self.origin.tls {
            stream = self.secure(stream, &self.origin.host, &self.origin.to_string()).await?;
        }
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.unreachable(&error))?;
        // It ends with the sender, or with the server; the sender tells of errors.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Connection(sender))
    }

    async fn through(&self, proxy: &Proxy) -> Result<Box<dyn Stream>, ConnectError> {
        let dialled = dial(&proxy.host, proxy.port).await;
        let mut stream = dialled.map_err(|error| proxy.failed(&error))?;
        if proxy.tls {
            stream = self.secure(stream, &proxy.host, &proxy.to_string()).await?;
        }
        proxy.tunnel(&mut stream, &self.origin).await?;
        Ok(stream)
    }

    async fn secure(
        &self,
        stream: Box<dyn Stream>,
        host: &str,
        server: &str,
    ) -> Result<Box<dyn Stream>, ConnectError> {
        let wrong = |reason: String| ConnectError::Tls {
            server: server.to_owned(),
            fault: TlsFault::Other,
            reason,
        };
        let config: Arc<ClientConfig> = self.trust.config().map_err(wrong)?;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| wrong(format!("`{host}` is no name of a server")))?;
        match TlsConnector::from(config).connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(tls_error(server, &error)),
        }
    }

    fn unreachable(&self, reason: &impl ToString) -> ConnectError {
        ConnectError::Unreachable { server: self.origin.to_string(), reason: reason.to_string() }
    }
}

impl Connection {
    /// Whether a request can be sent; it is not, certainly, when this fails.
    pub async fn is_ready(&mut self) -> bool {
        self.0.ready().await.is_ok()
    }

    /// Sends a request, whose URI is only a path, and waits for the head of its answer.
    ///
    /// # Errors
    /// What broke off; the request may have arrived.
    pub async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        self.0.send_request(request).await
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

async fn dial(host: &str, port: u16) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect((host, port)).await?;
    // Small requests must not wait for one another's acknowledgement.
    drop(stream.set_nodelay(true));
    Ok(Box::new(stream))
}

fn tls_error(server: &str, error: &io::Error) -> ConnectError {
    let inside = error.get_ref().and_then(|inside| inside.downcast_ref::<rustls::Error>());
    match inside {
        Some(inside) => ConnectError::Tls {
            server: server.to_owned(),
            fault: tls_fault(inside),
            reason: describe_tls(inside),
        },
        None => {
            let reason = match error.kind() {
                io::ErrorKind::UnexpectedEof => "the connection was closed at once".to_owned(),
                _ => error.to_string(),
            };
            ConnectError::Unreachable { server: server.to_owned(), reason }
        }
    }
}
