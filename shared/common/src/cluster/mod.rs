//! The Kubernetes API server: one client, with kubectl's flags, bounded waits and visible retries.
//!
//! Objects are plain JSON; what they mean is the business of `rhacs` and `plan`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;

mod args;
mod chosen;
mod connect;
mod error;
mod events;
mod failure;
mod follow;
mod forward;
mod in_cluster;
mod informer;
mod kubeconfig;
mod lease;
mod list;
mod log;
mod objects;
mod options;
mod patience;
mod pods;
mod records;
mod redact;
mod request;
mod review;
pub mod rollout;
mod secret;
mod served;
mod server_clock;
mod transport;
pub mod wait;
mod warnings;
mod watch;

pub use args::{ConnectionArgs, DEFAULT_NAMESPACE, RequestTimeout, parse_duration};
pub use error::{ClusterError, Stage};
pub use events::EventNote;
pub use forward::port_forward_rights;
pub use informer::is_later;
pub use lease::{Held, Lease, LeaseError};
pub use list::{Collection, List};
pub use log::LogOptions;
pub use objects::WriteOptions;
pub use options::{Backoff, Observer, Options, Retry};
pub use patience::Patience;
pub(crate) use patience::{Again, Attempts};
pub use records::{RecordHeader, Records, Stored};
pub use review::{Decision, Rules, ServerVersion, User};
pub use secret::{decoded, secret_facts};
pub use wait::{WaitError, Waiting};
pub use watch::{Watch, WatchEvent};

/// The name under which the suite owns fields and records what it did.
pub const FIELD_MANAGER: &str = "kubectl-rhacs";

/// A connection to one API server; cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    server: Arc<str>,
    namespace: Arc<str>,
    timeout: Option<Duration>,
    options: Arc<Options>,
    patience: Option<Arc<Patience>>,
    clock: server_clock::ServerClock,
    informers: Arc<informer::Informers>,
}

impl Cluster {
    /// Prepares the connection that the flags and the kubeconfig describe. Nothing is sent yet,
    /// but a credential plugin of the kubeconfig is run.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Config`] when they describe no usable connection, and
    /// [`ClusterError::Unreachable`] when the credential plugin fails.
    pub async fn connect(args: &ConnectionArgs, options: &Options) -> Result<Self, ClusterError> {
        let way = connect::configuration(args, options)?;
        let server = redact::url(&way.config.cluster_url);
        let warnings = warnings::Warnings::new(options.on_warning.clone());
        let clock = server_clock::ServerClock::default();
        Ok(Self {
            client: transport::client(way, warnings, clock.clone())?,
            server: server.into(),
            namespace: args.namespace().into(),
            timeout: args.timeout(),
            options: Arc::new(options.clone()),
            patience: None,
            clock,
            informers: Arc::default(),
        })
    }

    /// The same connection, whose requests are repeated while the API server is away.
    #[must_use]
    pub fn with_patience(&self, patience: Patience) -> Self {
        Self { patience: Some(Arc::new(patience)), ..self.clone() }
    }

    /// The same connection, whose requests fail within seconds: for what is repeated by its caller,
    /// or not worth waiting for.
    #[must_use]
    pub fn without_patience(&self) -> Self {
        Self { patience: None, ..self.clone() }
    }

    /// The API server's URL, without credentials.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The time by the API server's clock, as far as its answers tell; this computer's before the
    /// first one.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The namespace of the installation.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("server", &self.server)
            .field("namespace", &self.namespace)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
