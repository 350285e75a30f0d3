//! The client's stack: kube's layers over connections of our own, the same as to every server.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Response, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::Client;
use kube::client::{Body, ConfigExt};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tower::util::MapResponseLayer;
use tower::{BoxError, Service, ServiceBuilder};

use super::connect::Way;
use super::error::ClusterError;
use super::redact;
use super::server_clock::ServerClock;
use super::warnings::Warnings;
use crate::web::{ConnectError, Origin, Proxy, Stream, Trust, reach};

/// Builds the client, with a layer that collects what headers tell.
pub(super) fn client(
    way: Way,
    warnings: Warnings,
    clock: ServerClock,
) -> Result<Client, ClusterError> {
    let server = redact::url(&way.config.cluster_url);
    let told = |error: kube::Error| redact::kube_error(&error, &server, "");
    let transport = Transport::new(&way, &server)?;
    let config = way.config;
    let client = legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(transport);
    let service = ServiceBuilder::new()
        .layer(MapResponseLayer::new(move |response: Response<_>| {
            warnings.collect(response.headers());
            clock.learn(response.headers());
            response
        }))
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().map_err(told)?)
        .layer(config.extra_headers_layer().map_err(told)?)
        .map_err(BoxError::from)
        .service(client);
    Ok(Client::new(service, config.default_namespace))
}

/// Opens connections to one API server.
#[derive(Clone)]
struct Transport(Arc<Route>);

struct Route {
    origin: Origin,
    proxy: Option<Proxy>,
    trust: Trust,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    patience: Option<Duration>,
}

impl Transport {
    fn new(way: &Way, server: &str) -> Result<Self, ClusterError> {
        let wrong = |message: String| ClusterError::Config { message };
        let config = &way.config;
        let origin = origin(&config.cluster_url)
            .ok_or_else(|| wrong(format!("`{server}` is no address of an API server")))?;
        let tls = if origin.tls {
            let name = config.tls_server_name.as_ref().unwrap_or(&origin.host);
            let name = ServerName::try_from(name.clone())
                .map_err(|_| wrong(format!("`{name}` is no name of a server")))?;
            let mut tls = config
                .rustls_client_config()
                .map_err(|error| redact::kube_error(&error, server, ""))?;
            let verifier = way.trust.verifier().map_err(|reason| {
                wrong(format!("cannot check the certificate of `{server}`: {reason}"))
            })?;
            // kube knows authorities only, and this one was given none.
            tls.dangerous().set_certificate_verifier(verifier);
            Some((Arc::new(tls), name))
        } else {
            None
        };
        let (proxy, trust) = (way.proxy.clone(), way.trust.clone());
        let patience = config.connect_timeout;
        Ok(Self(Arc::new(Route { origin, proxy, trust, tls, patience })))
    }
}

impl Route {
    async fn open(&self) -> Result<Link, BoxError> {
        let Some(patience) = self.patience else { return self.connect().await };
        match tokio::time::timeout(patience, self.connect()).await {
            Ok(link) => link,
            Err(_) => {
                let reason = format!("no connection within {} s", patience.as_secs());
                Err(io::Error::new(io::ErrorKind::TimedOut, reason).into())
            }
        }
    }

    async fn connect(&self) -> Result<Link, BoxError> {
        let reached = reach(&self.origin, self.proxy.as_ref(), &self.trust).await;
        let stream = reached.map_err(|error| match error {
            // Which server it is, is said anyway.
            ConnectError::Unreachable { reason, .. } => BoxError::from(reason),
            other => other.into(),
        })?;
        let stream: Box<dyn Stream> = match &self.tls {
            Some((config, name)) => {
                let connector = TlsConnector::from(Arc::clone(config));
                Box::new(connector.connect(name.clone(), stream).await?)
            }
            None => stream,
        };
        Ok(Link(TokioIo::new(stream)))
    }
}

impl Service<Uri> for Transport {
    type Response = Link;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Link, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    /// Every request goes to the one server, whatever its path.
    fn call(&mut self, _: Uri) -> Self::Future {
        let route = Arc::clone(&self.0);
        Box::pin(async move { route.open().await })
    }
}

/// A connection, as hyper wants it.
struct Link(TokioIo<Box<dyn Stream>>);

impl Connection for Link {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, pieces)
    }
}

/// The beginning of the server's URL. Plain http is kubectl's to allow, and so ours.
pub(super) fn origin(url: &Uri) -> Option<Origin> {
    let tls = match url.scheme_str()? {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let host = url.host()?.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let port = url.port_u16().unwrap_or(if tls { 443 } else { 80 });
    (!host.is_empty()).then_some(Origin { tls, host, port })
}
