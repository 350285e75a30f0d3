//! What Central knows: its database, clusters, tokens and switches.

use common::rhacs::Version;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::database::Database;

/// The mutable state behind Central's API.
#[derive(Debug)]
pub(super) struct State {
    pub(super) database: Database,
    /// The release that serves now, with the pod that does and since when.
    pub(super) serving: Option<Serving>,
    pub(super) clusters: Vec<SecuredCluster>,
    pub(super) tokens: Vec<Token>,
    pub(super) password: String,
    pub(super) auto_upgrade: bool,
    pub(super) backup_bytes: u64,
    pub(super) postgres: bool,
    /// Whether data in a pod go with it, and the uid of the pod that they are in.
    pub(super) loses_data: bool,
    pub(super) home: Option<String>,
    pub(super) last_backup: Option<(Timestamp, bool)>,
    pub(super) requests: Vec<CentralRequest>,
}

/// Which release serves.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Serving {
    pub(super) pod: String,
    pub(super) version: Version,
    pub(super) since: Timestamp,
}

/// A request that Central has answered, for tests that count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CentralRequest {
    /// The HTTP method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The HTTP status; 0 when the connection was cut.
    pub status: u16,
}

/// A cluster that Central secures.
#[derive(Clone, Debug, PartialEq)]
pub struct SecuredCluster {
    /// Its id, a UUID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether its objects are those of this very cluster; otherwise only Central knows it.
    pub is_local: bool,
    /// Whether it runs on OpenShift.
    pub is_openshift: bool,
    /// Who manages its objects: `MANAGER_TYPE_MANUAL`, `MANAGER_TYPE_HELM_CHART`, `MANAGER_TYPE_KUBERNETES_OPERATOR`.
    pub managed_by: String,
    /// The version its sensor reported last; absent before the first contact.
    pub sensor_version: Option<Version>,
    /// Since when its sensor is connected.
    pub connected_since: Option<Timestamp>,
    /// When its sensor was heard last.
    pub last_contact: Option<Timestamp>,
    /// Health of collector and admission control: ready, desired.
    pub collector: (i64, i64),
    /// As `collector`, of admission control.
    pub admission_control: (i64, i64),
    /// When the sensor's certificate expires.
    pub certificate_expiry: Timestamp,
    /// The last upgrade by the upgrader.
    pub upgrade: Option<UpgradeProcess>,
}

/// One run of the sensor upgrader.
#[derive(Clone, Debug, PartialEq)]
pub struct UpgradeProcess {
    /// Whether it still runs.
    pub active: bool,
    /// Its id, a UUID.
    pub id: String,
    /// The version it upgrades to.
    pub target: Version,
    /// The image of the upgrader.
    pub image: String,
    /// When it began.
    pub initiated: Timestamp,
    /// Its state, such as `UPGRADE_COMPLETE`.
    pub state: String,
    /// What the state is about.
    pub detail: String,
    /// Since when it is in that state.
    pub since: Timestamp,
    /// The objects as they were, while they may have to be brought back.
    pub(super) before: Vec<Value>,
}

impl SecuredCluster {
    /// A cluster that only Central knows, as one elsewhere.
    #[must_use]
    pub fn elsewhere(name: &str, version: &Version) -> Self {
        Self {
            id: super::pki::uuid(name),
            name: name.to_owned(),
            is_local: false,
            is_openshift: false,
            managed_by: "MANAGER_TYPE_MANUAL".to_owned(),
            sensor_version: Some(version.clone()),
            connected_since: None,
            last_contact: None,
            collector: (3, 3),
            admission_control: (3, 3),
            certificate_expiry: Timestamp::now() + SignedDuration::from_hours(24 * 300),
            upgrade: None,
        }
    }
}

/// An API token of Central.
#[derive(Clone)]
pub struct Token {
    /// Its id, a UUID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its roles: `Admin`, `Analyst`, `Continuous Integration`, `None` …
    pub roles: Vec<String>,
    /// The secret itself.
    pub value: String,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it expires.
    pub expires: Timestamp,
    /// Whether it was revoked.
    pub revoked: bool,
}

impl Token {
    /// A token with one role, valid for a year.
    #[must_use]
    pub fn with_role(name: &str, role: &str, value: &str) -> Self {
        let now = Timestamp::now();
        Self {
            id: super::pki::uuid(name),
            name: name.to_owned(),
            roles: vec![role.to_owned()],
            value: value.to_owned(),
            issued: now,
            expires: now + SignedDuration::from_hours(24 * 365),
            revoked: false,
        }
    }

    /// The same token, expired since the beginning of time.
    #[must_use]
    pub fn expired(mut self) -> Self {
        self.expires = Timestamp::UNIX_EPOCH;
        self
    }

    /// The same token, revoked.
    #[must_use]
    pub fn revoked(mut self) -> Self {
        self.revoked = true;
        self
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Token")
            .field("name", &self.name)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}
