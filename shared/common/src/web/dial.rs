//! The way to a server: TCP, perhaps through a proxy.

use std::io;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tower::ServiceExt;

use super::connect::tls_error;
use super::error::ConnectError;
use super::origin::{Origin, bracketed};
use super::proxy::Proxy;
use super::trust::Trust;
use crate::central::TlsFault;

/// What TLS and HTTP are spoken over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Opens the way to `origin`, on which its own TLS, if any, is yet to be spoken. `trust` is for a
/// proxy that speaks TLS itself.
///
/// # Errors
/// Why there is none; nothing was sent to the server.
pub(crate) async fn reach(
    origin: &Origin,
    proxy: Option<&Proxy>,
    trust: &Trust,
) -> Result<Box<dyn Stream>, ConnectError> {
    let Some(proxy) = proxy else {
        return dial(&origin.host, origin.port).await.map_err(|error| ConnectError::Unreachable {
            server: origin.to_string(),
            reason: error.to_string(),
        });
    };
    let dialled = dial(&proxy.host, proxy.port).await;
    let mut stream = dialled.map_err(|error| proxy.failed(&error))?;
    if proxy.tls {
        stream = secure(stream, trust, &proxy.host, &proxy.to_string()).await?;
    }
    proxy.tunnel(&mut stream, origin).await?;
    Ok(stream)
}

/// Speaks TLS on `stream` with the server `host`, called `server` in errors.
pub(super) async fn secure(
    stream: Box<dyn Stream>,
    trust: &Trust,
    host: &str,
    server: &str,
) -> Result<Box<dyn Stream>, ConnectError> {
    let wrong = |reason: String| ConnectError::Tls {
        server: server.to_owned(),
        fault: TlsFault::Other,
        reason,
    };
    let config = trust.config().map_err(wrong)?;
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| wrong(format!("`{host}` is no name of a server")))?;
    match TlsConnector::from(config).connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(tls_error(server, &error)),
    }
}

/// TCP to the first of the host's addresses that answers: IPv6 and IPv4 are tried side by side.
async fn dial(host: &str, port: u16) -> io::Result<Box<dyn Stream>> {
    let uri: Result<Uri, _> = format!("http://{}:{port}", bracketed(host)).parse();
    let uri = uri.map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("`{host}` is no name of a server"))
    })?;
    let mut connector = HttpConnector::new();
    // Small requests must not wait for one another's acknowledgement.
    connector.set_nodelay(true);
    match connector.oneshot(uri).await {
        Ok(stream) => Ok(Box::new(stream.into_inner())),
        Err(error) => Err(innermost(&error)),
    }
}

/// What the system says; what is around it only says that it was about a connection.
fn innermost(error: &(dyn std::error::Error + 'static)) -> io::Error {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    let kind = last.downcast_ref::<io::Error>().map_or(io::ErrorKind::Other, io::Error::kind);
    io::Error::new(kind, last.to_string())
}
