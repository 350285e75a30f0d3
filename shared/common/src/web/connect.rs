//! A connection: TCP, perhaps through a proxy, TLS, HTTP/1.1.

use std::fmt;
use std::io;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::dial::{reach, secure};
use super::error::ConnectError;
use super::origin::Origin;
use super::proxy::Proxy;
use super::trust::Trust;
use crate::central::{describe_tls, tls_fault};

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
        let mut stream = reach(&self.origin, self.proxy.as_ref(), &self.trust).await?;
        if self.origin.tls {
            let server = self.origin.to_string();
            stream = secure(stream, &self.trust, &self.origin.host, &server).await?;
        }
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.unreachable(&error))?;
        // It ends with the sender, or with the server; the sender tells of errors.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Connection(sender))
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

/// Why TLS could not be agreed on.
pub(super) fn tls_error(server: &str, error: &io::Error) -> ConnectError {
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
