//! Starting and stopping the server: TLS with a CA of its own, and plain HTTP, both on loopback.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::hooks::{Gate, PodLogs, PortForward, RequestRecord};
use super::identity::User;
use super::{bootstrap, service};
use crate::store::{Status, Store};

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No address on loopback, or another failure of the system.
    #[error("cannot listen on loopback")]
    Listen(#[from] std::io::Error),
    /// The certificates could not be made.
    #[error("cannot make the certificates")]
    Certificate(#[from] rcgen::Error),
    /// The TLS configuration is not accepted.
    #[error("cannot configure TLS")]
    Tls(#[from] rustls::Error),
    /// The first objects were refused.
    #[error("cannot create the first objects")]
    Bootstrap(#[from] Status),
}

/// What a server serves, and to whom.
#[derive(Clone)]
pub struct Options {
    /// The objects.
    pub store: Store,
    /// Whether OpenShift's resources exist.
    pub openshift: bool,
    /// The server that is played; none for one that serves what it can.
    pub server: Option<common::rehearsal::Server>,
    /// The users; [`Options::new`] has `admin` and `viewer`.
    pub users: Vec<User>,
    /// Decides about every request first.
    pub gate: Option<Arc<dyn Gate>>,
    /// Supplies the logs of containers.
    pub logs: Option<Arc<dyn PodLogs>>,
    /// Connects to ports of pods.
    pub forward: Option<Arc<dyn PortForward>>,
}

impl Options {
    /// A server of a store for `admin`, who may do all, and `viewer`, who may do nothing.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let users = vec![
            User::new("admin", "1", &["system:masters"]),
            User::new("viewer", "2", &["viewers"]),
        ];
        Self { store, openshift: false, server: None, users, gate: None, logs: None, forward: None }
    }
}

/// The way to a running server.
pub struct Server;

impl Server {
    /// Starts a server on free ports of 127.0.0.1, inside a tokio runtime.
    ///
    /// # Errors
    /// When no port, certificate or first object can be had.
    pub async fn start(options: Options) -> Result<Running, Error> {
        bootstrap::create(&options.store, options.openshift)?;
        let certificates = Certificates::make()?;
        let acceptor = certificates.acceptor()?;
        let secure = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let plain = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, plain_address) = (secure.local_addr()?, plain.local_addr()?);
        let users = RwLock::new(options.users.clone());
        let (closing, _) = watch::channel(0);
        let shared = Arc::new(Shared { options, users, records: Mutex::default(), closing });
        let tasks = vec![
            tokio::spawn(accept(secure, Some(acceptor), Arc::clone(&shared))),
            tokio::spawn(accept(plain, None, Arc::clone(&shared))),
        ];
        Ok(Running { shared, address, plain_address, ca_pem: certificates.ca_pem, tasks })
    }
}

/// A running server; it stops when it is dropped.
pub struct Running {
    shared: Arc<Shared>,
    address: SocketAddr,
    plain_address: SocketAddr,
    ca_pem: String,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Running {
    /// The address with TLS.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The address without TLS.
    #[must_use]
    pub fn plain_url(&self) -> String {
        format!("http://{}", self.plain_address)
    }

    /// The certificate of the CA.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The store it serves.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.shared.options.store
    }

    /// The requests so far, in the order of their answers.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.records().clone()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.shared.records().clear();
    }

    /// The token of a user.
    #[must_use]
    pub fn token(&self, user: &str) -> Option<String> {
        let users = self.shared.users();
        users.into_iter().find(|known| known.name == user).map(|known| known.token)
    }

    /// Allows a user some rules, everywhere or in one namespace, by objects of RBAC.
    ///
    /// # Errors
    /// What the store refuses.
    pub fn grant(
        &self,
        user: &str,
        namespace: Option<&str>,
        rules: serde_json::Value,
    ) -> Result<(), Status> {
        let by = crate::store::Writer::new("test");
        let store = self.store();
        let name = format!("{}-{}", user.replace(':', "-"), store.version());
        let (role, binding) = match namespace {
            Some(_) => ("Role", "rolebindings"),
            None => ("ClusterRole", "clusterrolebindings"),
        };
        let group = "rbac.authorization.k8s.io";
        let metadata = json!({"name": name, "namespace": namespace});
        let roles = format!("{}s.{group}", role.to_lowercase());
        store.create(&roles, json!({"metadata": metadata, "rules": rules}), &by)?;
        let object = json!({
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": role, "name": name},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        });
        store.create(&format!("{binding}.{group}"), object, &by)?;
        Ok(())
    }

    /// Ends every watch that is open now.
    pub fn drop_watches(&self) {
        self.shared.closing.send_modify(|count| *count += 1);
    }

    /// A kubeconfig for a user; without credentials if there is no such user.
    #[must_use]
    pub fn kubeconfig(&self, user: &str) -> String {
        use base64::Engine;
        let authority = base64::engine::general_purpose::STANDARD.encode(&self.ca_pem);
        let mut credentials = json!({});
        if let Some(token) = self.token(user) {
            credentials["token"] = token.into();
        }
        let cluster = json!({"server": self.url(), "certificate-authority-data": authority});
        // JSON is YAML, and needs no escaping rules of its own.
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "rehearsal",
            "clusters": [{"name": "rehearsal", "cluster": cluster}],
            "users": [{"name": user, "user": credentials}],
            "contexts": [{"name": "rehearsal",
                "context": {"cluster": "rehearsal", "user": user, "namespace": "stackrox"}}],
        })
        .to_string()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.drop_watches();
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Running").field("url", &self.url()).finish_non_exhaustive()
    }
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    users: RwLock<Vec<User>>,
    records: Mutex<Vec<RequestRecord>>,
    closing: watch::Sender<u64>,
}

impl Shared {
    pub(crate) fn users(&self) -> Vec<User> {
        self.users.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets another user in.
    pub(crate) fn admit(&self, user: User) {
        self.users.write().unwrap_or_else(PoisonError::into_inner).push(user);
    }

    pub(crate) fn record(&self, record: RequestRecord) {
        self.records().push(record);
    }

    pub(crate) fn closing(&self) -> watch::Receiver<u64> {
        self.closing.subscribe()
    }

    fn records(&self) -> std::sync::MutexGuard<'_, Vec<RequestRecord>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        // Answers are small and clients wait for them.
        let _ = socket.set_nodelay(true);
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            match acceptor {
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(socket).await {
                        connection(stream, shared).await;
                    }
                }
                None => connection(socket, shared).await,
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn connection<S>(stream: S, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request| service::serve(Arc::clone(&shared), request));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A connection that ends early ended as the client or a fault wanted.
    let _ = connection.with_upgrades().await;
}

/// The CA and the server's certificate.
struct Certificates {
    ca_pem: String,
    chain: Vec<rustls_pki_types::CertificateDer<'static>>,
    key: Vec<u8>,
}

impl Certificates {
    fn make() -> Result<Self, Error> {
        let mut authority = CertificateParams::new(Vec::<String>::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "rehearsal cluster");
        let authority_key = KeyPair::generate()?;
        let authority_certificate = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);
        let names = ["localhost", "127.0.0.1", "kubernetes", "kubernetes.default.svc"];
        let mut leaf = CertificateParams::new(names.map(str::to_owned))?;
        leaf.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        let key = KeyPair::generate()?;
        let certificate = leaf.signed_by(&key, &issuer)?;
        Ok(Self {
            ca_pem: authority_certificate.pem(),
            chain: vec![certificate.der().clone()],
            key: key.serialize_der(),
        })
    }

    fn acceptor(&self) -> Result<TlsAcceptor, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
