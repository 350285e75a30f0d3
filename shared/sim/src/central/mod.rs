//! Central: its life in the cluster, its state, and the HTTPS API it serves while a pod of it is ready.

mod auth;
mod backup;
mod bundle;
mod certgen;
mod challenge;
mod clusters;
mod database;
mod demands;
mod download;
mod grpc;
mod permissions;
pub mod pki;
mod refusal;
mod release;
mod routes;
mod sensors;
mod server;
mod state;
mod status;
mod tokens;
mod upgrader;
mod various;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::rhacs::Version;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::faults::Faults;
pub use database::{Database, Ending, Line, Start, Surroundings};
pub use release::{Releases, image_version, minimum, sequence};
pub use server::{CentralServer, Connector, acceptor};
pub use state::{CentralRequest, SecuredCluster, Token, UpgradeProcess};
use state::{Serving, State};

/// The value of the token that every Central of the embedded cluster starts with.
const ADMIN_TOKEN: &str = "embedded-cluster-admin-token";

/// What a Central is made of.
#[derive(Clone, Debug)]
pub struct CentralOptions {
    /// Tokens besides the admin's own.
    pub tokens: Vec<Token>,
    /// The password of `admin`.
    pub password: String,
    /// Whether secured clusters are upgraded automatically.
    pub auto_upgrade: bool,
    /// Bytes of the database in a backup.
    pub backup_bytes: u64,
    /// Whether a Central of 3.74 has its data in PostgreSQL already; from 4.0 on every one has.
    pub postgres: bool,
    /// Whether a Central without a volume of its own loses its data with its pod, as a real one does.
    pub loses_data: bool,
    /// Clusters elsewhere, which Central secures besides the embedded one.
    pub clusters: Vec<SecuredCluster>,
    /// The name of the embedded cluster in Central.
    pub cluster_name: String,
    /// The release of a Central that runs elsewhere, for clusters without Deployment `central`.
    pub elsewhere: Option<Version>,
    /// The release from which it was upgraded last, of whose database it keeps a copy.
    pub database_copy: Option<Version>,
    /// When the certificates that it serves with and that its services have expire; a year from now if absent.
    pub certificates_expire: Option<Timestamp>,
}

impl Default for CentralOptions {
    fn default() -> Self {
        Self {
            tokens: Vec::new(),
            password: "letmein".to_owned(),
            auto_upgrade: false,
            backup_bytes: 64 * 1024,
            postgres: false,
            loses_data: false,
            clusters: Vec::new(),
            cluster_name: "production".to_owned(),
            elsewhere: None,
            database_copy: None,
            certificates_expire: None,
        }
    }
}

/// A Central; clones share its state.
#[derive(Clone)]
pub struct Central {
    state: Arc<Mutex<State>>,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    poke: Arc<Notify>,
    pki: Arc<pki::Pki>,
}

impl Central {
    /// A Central on a database; it serves nothing until a pod of it is ready.
    #[must_use]
    pub fn new(
        options: CentralOptions,
        database: Database,
        pki: pki::Pki,
        (clock, faults, poke): (Clock, Faults, Arc<Notify>),
    ) -> Self {
        let mut tokens = vec![Token::with_role("admin", "Admin", ADMIN_TOKEN)];
        tokens.extend(options.tokens);
        let serving = options.elsewhere.map(|version| Serving {
            pod: String::new(),
            version,
            since: clock.now(),
        });
        let state = State {
            database,
            serving,
            clusters: options.clusters,
            tokens,
            password: options.password,
            auto_upgrade: options.auto_upgrade,
            backup_bytes: options.backup_bytes,
            postgres: options.postgres,
            loses_data: options.loses_data,
            home: None,
            last_backup: None,
            requests: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)), clock, faults, poke, pki: Arc::new(pki) }
    }

    /// The token with all rights.
    #[must_use]
    pub fn admin_token(&self) -> SecretString {
        ADMIN_TOKEN.into()
    }

    /// The CA that signed its certificate, in PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.pki.ca_pem()
    }

    /// A certificate for a service, signed by its CA.
    ///
    /// # Errors
    /// When the name is no DNS name.
    pub(crate) fn issue(
        &self,
        service: &str,
        host: &str,
        namespace: &str,
    ) -> Result<pki::Leaf, rcgen::Error> {
        self.pki.issue(service, host, &pki::host_names(host, namespace))
    }

    /// The release that serves now.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.lock().serving.as_ref().map(|serving| serving.version.clone())
    }

    /// Whether a release has its data in PostgreSQL.
    fn on_postgres(&self, version: &Version) -> bool {
        version.is_at_least(4, 0) || self.lock().postgres
    }

    /// The database as it is now.
    #[must_use]
    pub fn database(&self) -> Database {
        self.lock().database.clone()
    }

    /// The clusters it secures.
    #[must_use]
    pub fn clusters(&self) -> Vec<SecuredCluster> {
        self.lock().clusters.clone()
    }

    /// The requests it has answered.
    #[must_use]
    pub fn requests(&self) -> Vec<CentralRequest> {
        self.lock().requests.clone()
    }

    /// Whether the token of that id is revoked; none when there is no such token.
    #[must_use]
    pub fn is_revoked(&self, id: &str) -> Option<bool> {
        self.lock().tokens.iter().find(|token| token.id == id).map(|token| token.revoked)
    }

    /// Switches the automatic upgrade of secured clusters.
    pub fn set_auto_upgrade(&self, enabled: bool) {
        self.lock().auto_upgrade = enabled;
        self.poke.notify_one();
    }

    /// Sets how many bytes the database takes in a backup.
    pub fn set_backup_bytes(&self, bytes: u64) {
        self.lock().backup_bytes = bytes;
    }

    /// Changes what it knows of the clusters it secures, as their sensors do.
    pub fn update_clusters(&self, change: impl FnOnce(&mut Vec<SecuredCluster>)) {
        change(&mut self.lock().clusters);
    }

    /// The database is in the pod with this uid, on no volume: with another pod it is another database,
    /// on which nobody is known who was before.
    pub(crate) fn lives_in(&self, pod: &str) {
        let mut state = self.lock();
        if state.home.as_ref().is_some_and(|home| home != pod) && state.loses_data {
            state.database = Database::fresh();
            state.clusters.clear();
            state.tokens.clear();
            state.last_backup = None;
            state.auto_upgrade = true;
        }
        state.home = Some(pod.to_owned());
    }

    /// Starts a binary of a release on the database.
    #[must_use]
    pub fn start_binary(&self, version: &Version, around: &Surroundings) -> Start {
        self.lock().database.start(version, around)
    }

    /// A pod is ready: its release serves from now on.
    pub fn serve(&self, pod: &str, version: &Version, now: Timestamp) {
        let mut state = self.lock();
        if state.serving.as_ref().is_none_or(|serving| serving.pod != pod) {
            state.serving =
                Some(Serving { pod: pod.to_owned(), version: version.clone(), since: now });
        }
    }

    /// A pod is no longer ready: if it served, nothing serves any more.
    pub fn stop(&self, pod: &str) {
        let mut state = self.lock();
        if state.serving.as_ref().is_some_and(|serving| serving.pod == pod) {
            state.serving = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Moves what the product does by itself one step on: sensors that connect, upgraders that work.
pub(crate) fn reconcile(round: &mut crate::controllers::Round<'_>) {
    sensors::reconcile(round);
    upgrader::reconcile(round);
}

impl std::fmt::Debug for Central {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Central").field("version", &self.version()).finish_non_exhaustive()
    }
}
