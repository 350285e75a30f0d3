//! A connection to Central: TCP or a port-forward, TLS, HTTP/1.1.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use super::args::Endpoint;
use super::error::{CentralError, TlsFault};
use super::tls;
use crate::cluster::Cluster;
use crate::web::{ConnectError, Proxy, Trust, reach};

/// The port Central's pods listen on.
const POD_PORT: u16 = 8443;
/// The longest time for opening a connection, TLS included.
const PATIENCE: Duration = Duration::from_secs(10);
/// How a connection through the API server is named, instead of an address.
pub(super) const PORT_FORWARD: &str = "port-forward to ";

/// Where Central is.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// At an address.
    Endpoint(Endpoint, Way),
    /// Behind the API server, in the installation's namespace.
    Pod(Cluster),
}

/// How an address is reached.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// The proxy on the way.
    pub(super) proxy: Option<Proxy>,
    /// Whom to trust as a proxy that speaks TLS.
    pub(super) trust: Trust,
}

/// An open connection.
pub(super) struct Connection(SendRequest<Full<Bytes>>);

impl Target {
    /// Opens a connection.
    pub(super) async fn connect(
        &self,
        config: &Arc<ClientConfig>,
    ) -> Result<Connection, CentralError> {
        match tokio::time::timeout(PATIENCE, self.open(config)).await {
            Ok(connection) => connection,
            Err(_) => {
                let reason = format!("no connection within {} s", PATIENCE.as_secs());
                Err(self.unreachable(&reason))
            }
        }
    }

    async fn open(&self, config: &Arc<ClientConfig>) -> Result<Connection, CentralError> {
        match self {
            Self::Endpoint(endpoint, way) => {
                let origin = endpoint.origin();
                let reached = reach(&origin, way.proxy.as_ref(), &way.trust).await;
                let stream = reached.map_err(|error| match error {
                    ConnectError::Unreachable { reason, .. } => self.unreachable(&reason),
                    other => self.unreachable(&other.to_string()),
                })?;
                if endpoint.tls {
                    self.secure(config, stream, &endpoint.host).await
                } else {
                    self.speak(stream).await
                }
            }
            Self::Pod(cluster) => {
                let pod = ready_pod(cluster).await?;
                let stream = cluster
                    .port_forward(cluster.namespace(), &pod, POD_PORT)
                    .await
                    .map_err(CentralError::PortForward)?;
                // Asked for under this name, Central shows the certificate of its own authority
                // even when it has another one for browsers.
                self.secure(config, stream, tls::INTERNAL_NAME).await
            }
        }
    }

    /// The address, for people.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Endpoint(endpoint, _) => endpoint.to_string(),
            Self::Pod(cluster) => format!("{PORT_FORWARD}{}/central", cluster.namespace()),
        }
    }

    /// The value of the `Host` header.
    pub(super) fn host(&self) -> String {
        match self {
            Self::Endpoint(endpoint, _) => endpoint.to_string(),
            Self::Pod(_) => tls::INTERNAL_NAME.to_owned(),
        }
    }

    async fn secure<S>(
        &self,
        config: &Arc<ClientConfig>,
        stream: S,
        name: &str,
    ) -> Result<Connection, CentralError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let connector = TlsConnector::from(Arc::clone(config));
        match connector.connect(tls::name(name)?, stream).await {
            Ok(stream) => self.speak(stream).await,
            Err(error) => Err(self.tls_error(&error)),
        }
    }

    async fn speak<S>(&self, stream: S) -> Result<Connection, CentralError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.unreachable(&error.to_string()))?;
        // It ends with the sender, or with the server; the sender tells of errors.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Connection(sender))
    }

    fn tls_error(&self, error: &io::Error) -> CentralError {
        let inside = error.get_ref().and_then(|inside| inside.downcast_ref::<rustls::Error>());
        match inside {
            Some(tls_error) => CentralError::Tls {
                endpoint: self.describe(),
                fault: tls::fault(tls_error),
                reason: describe_tls(tls_error),
            },
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.unreachable("the connection was closed at once")
            }
            None => self.unreachable(&error.to_string()),
        }
    }

    pub(super) fn unreachable(&self, reason: &str) -> CentralError {
        CentralError::Unreachable { endpoint: self.describe(), reason: reason.to_owned() }
    }
}

impl Connection {
    /// Whether a request can be sent; it is not, certainly, when this fails.
    pub(super) async fn is_ready(&mut self) -> bool {
        self.0.ready().await.is_ok()
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        self.0.send_request(request).await
    }
}

/// What is wrong with a server's certificate, for people.
pub(crate) fn describe_tls(error: &rustls::Error) -> String {
    match tls::fault(error) {
        TlsFault::UnknownAuthority => {
            "its certificate was signed by an authority that is not trusted".to_owned()
        }
        TlsFault::WrongName => "its certificate is for another name".to_owned(),
        TlsFault::Expired => "its certificate has expired or is not valid yet".to_owned(),
        TlsFault::Other => error.to_string(),
    }
}

/// The newest ready pod of Central.
async fn ready_pod(cluster: &Cluster) -> Result<String, CentralError> {
    let ready = cluster.pods_of("central", is_ready).await.map_err(CentralError::PortForward)?;
    let newest = ready.iter().max_by_key(|pod| pod["metadata"]["creationTimestamp"].as_str());
    let name = newest.and_then(|pod| pod["metadata"]["name"].as_str());
    name.map(str::to_owned)
        .ok_or_else(|| CentralError::NoPod { namespace: cluster.namespace().to_owned() })
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    pod["metadata"]["deletionTimestamp"].is_null()
        && conditions
            .into_iter()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}
