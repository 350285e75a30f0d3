//! What was read from a cluster once: everything planners and checks may look at.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::object::ObjectRef;
use super::workload::Workload;
use super::{Platform, Version};
use crate::owners::Owner;

/// The state of one installation at one moment. Plain data: tests build it from manifests.
///
/// It never holds the data of a Secret; [`SecretFacts`] says what is known about each.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Snapshot {
    /// Which cluster this is.
    pub cluster: ClusterIdentity,
    /// When it was taken, RFC 3339.
    pub taken_at: String,
    /// The time by the API server's clock (its `Date` header) at that moment, RFC 3339.
    pub server_time: Option<String>,
    /// The namespace of the installation.
    pub namespace: String,
    /// The namespace exists.
    pub namespace_exists: bool,
    /// OpenShift or not.
    pub platform: PlatformFact,
    /// The objects of the namespace and the cluster-wide ones of the product, without
    /// `managedFields`, Secrets left out.
    pub objects: Vec<Value>,
    /// Pods of the namespace (name, owner, phase, container statuses), as the API returns them.
    pub pods: Vec<Value>,
    /// The nodes, as the API returns them; empty when they may not be listed.
    pub nodes: Vec<Value>,
    /// What is known of the Secrets.
    pub secrets: Vec<SecretFacts>,
    /// What the user may do.
    pub access: Access,
    /// What Central itself says.
    pub central: CentralFacts,
    /// What of the above could not be read, and why: `pods: forbidden …`.
    pub unread: BTreeMap<String, String>,
}

/// The platform, when it could be found out.
pub type PlatformFact = Option<Platform>;

/// Which cluster a snapshot or plan belongs to.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterIdentity {
    /// The uid of the product's namespace: it stays the same however the API server is reached.
    /// Empty when it may not be read.
    pub id: String,
    /// The API server's URL, for people.
    pub server: String,
    /// Its version, such as `v1.27.3`.
    pub version: String,
}

impl ClusterIdentity {
    /// Whether both are the same cluster: by the uid where both know it, else by the address.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let is_known = !self.id.is_empty() && !other.id.is_empty();
        if is_known { self.id == other.id } else { self.server == other.server }
    }
}

/// A Secret without its data.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretFacts {
    /// Its name.
    pub name: String,
    /// Its type, such as `Opaque` or `helm.sh/release.v1`.
    pub kind: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The keys of its data.
    pub keys: BTreeSet<String>,
    /// Its certificates by their keys, such as `cert.pem`, `sensor-cert.pem`, `tls.crt`; that of its
    /// authority is under `ca.pem`.
    pub certificates: BTreeMap<String, Certificate>,
    /// SHA-256 of the CA it carries (`ca.pem`), in hex.
    pub ca_fingerprint: Option<String>,
    /// Who else writes it and would put back what it held.
    pub owners: Vec<Owner>,
}

impl SecretFacts {
    /// The certificate that the part of the product shows which it is for, with its key.
    #[must_use]
    pub fn own_certificate(&self) -> Option<(&str, &Certificate)> {
        let mut own = self.certificates.iter().filter(|(key, _)| *key != AUTHORITY);
        own.next().map(|(key, certificate)| (key.as_str(), certificate))
    }

    /// The certificate of the authority that it carries.
    #[must_use]
    pub fn authority(&self) -> Option<&Certificate> {
        self.certificates.get(AUTHORITY)
    }
}

const AUTHORITY: &str = "ca.pem";

/// What matters of an X.509 certificate.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Certificate {
    /// The subject's common name.
    pub subject: String,
    /// End of validity, RFC 3339.
    pub not_after: String,
}

/// What the user may do, from SelfSubjectRulesReview and SelfSubjectAccessReview.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Access {
    /// The user's name as the API server knows it.
    pub user: String,
    /// Permissions that were asked for and denied.
    pub denied: Vec<Permission>,
    /// Permissions that could not be found out, with the reason.
    pub unknown: BTreeMap<String, String>,
    /// The rules that hold for the user in the namespace; none when nobody asked for them.
    pub rules: Option<Vec<Value>>,
    /// The permissions to write a Role or a binding whatever it grants that the user has.
    pub exempt: Vec<Permission>,
}

/// A verb on a resource.
#[derive(Clone, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Permission {
    /// Such as `patch`.
    pub verb: String,
    /// API group, empty for core.
    pub group: String,
    /// Plural resource, such as `deployments`.
    pub resource: String,
    /// The object's name, when only one was asked about.
    pub name: Option<String>,
    /// The namespace, none for cluster-wide.
    pub namespace: Option<String>,
    /// Why the permission is needed, for people.
    pub purpose: String,
    /// What would not work without it.
    pub needed_for: Need,
}

/// For what a permission is needed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Need {
    /// The run itself.
    #[default]
    Run,
    /// Only to take the run back.
    WayBack,
    /// Only to tell why something does not go on.
    Cause,
}

/// What Central's API said; everything is optional because it may be down, old or unasked.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CentralFacts {
    /// How Central was reached: a host and port, or a port-forward.
    pub endpoint: Option<String>,
    /// It is one that only the sensor names: there is none in this namespace, and no address was
    /// given.
    pub elsewhere: bool,
    /// Why it could not be reached.
    pub unreachable: Option<String>,
    /// Why it is the Central of another installation; it was asked nothing else then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreign: Option<String>,
    /// Why it could not be told whose Central it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unproven: Option<String>,
    /// Whether credentials were given at all.
    pub has_credentials: bool,
    /// Why the credentials were refused.
    pub unauthorized: Option<String>,
    /// The version it serves.
    pub version: Option<Version>,
    /// The version that its Deployment in another namespace of this cluster names.
    pub deployed: Option<Version>,
    /// The user or token name Central sees.
    pub user: Option<String>,
    /// The id of the API token in use, when it could be found.
    pub token_id: Option<String>,
    /// When the credential expires, RFC 3339.
    pub token_expires: Option<String>,
    /// The role names of the credential.
    pub roles: Vec<String>,
    /// What the credential may do, by resource: `/v1/mypermissions`, such as `READ_WRITE_ACCESS`.
    pub permissions: BTreeMap<String, String>,
    /// Whether automatic upgrade of secured clusters is on.
    pub auto_upgrade: Option<bool>,
    /// The secured clusters.
    pub clusters: Vec<SecuredCluster>,
    /// Whether Central was asked for them and answered: none are then none.
    pub clusters_told: bool,
    /// `/v1/centralhealth/upgradestatus`.
    pub upgrade_status: Option<UpgradeStatus>,
    /// Last backup: when, RFC 3339.
    pub last_backup: Option<String>,
    /// What it was asked and did not answer, and why: `the list of secured clusters`.
    pub unread: BTreeMap<String, String>,
}

/// One entry of `/v1/clusters`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecuredCluster {
    /// Central's id of the cluster.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The address at which its sensor reaches Central, as Central has it.
    pub central_endpoint: String,
    /// `MANAGER_TYPE_…`, or empty before 3.70.
    pub managed_by: String,
    /// The version its sensor runs, as Central says it.
    pub sensor_version: String,
    /// `HEALTHY`, `UNHEALTHY`, …; empty when Central is too old to say.
    pub health: String,
    /// Last contact, RFC 3339.
    pub last_contact: String,
    /// End of the sensor certificate, RFC 3339.
    pub certificate_expiry: String,
    /// `UP_TO_DATE`, `AUTO_UPGRADE_POSSIBLE`, ….
    pub upgradability: String,
    /// Why, in Central's words.
    pub upgradability_reason: String,
    /// State of the sensor upgrader's newest process, such as `UPGRADE_COMPLETE`.
    pub upgrade_state: String,
    /// Its detail.
    pub upgrade_detail: String,
    /// The version that process goes to.
    pub upgrade_target: String,
    /// The id of that process.
    pub upgrade_process: String,
    /// The sensor's CA or cluster match: whether this is the cluster Central runs in, when known.
    pub is_local: Option<bool>,
}

/// `/v1/centralhealth/upgradestatus`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpgradeStatus {
    /// The version Central can be forced back to, as written by Central.
    pub force_rollback_to: String,
    /// Whether there is room for a copy of the database.
    pub can_roll_back: bool,
    /// Bytes needed for that copy.
    pub space_required: u64,
    /// Bytes available.
    pub space_available: u64,
}

impl Snapshot {
    /// The object of this kind and name, if it is there.
    #[must_use]
    pub fn object(&self, kind: &str, name: &str) -> Option<&Value> {
        self.objects
            .iter()
            .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
    }

    /// The object `reference` names.
    #[must_use]
    pub fn find(&self, reference: &ObjectRef) -> Option<&Value> {
        self.objects.iter().find(|object| {
            object["kind"] == reference.kind.as_str()
                && object["metadata"]["name"] == reference.name.as_str()
                && object["metadata"]["namespace"].as_str() == reference.namespace.as_deref()
        })
    }

    /// All objects of a kind.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> + 'a {
        self.objects.iter().filter(move |object| object["kind"] == kind)
    }

    /// The Deployment `name`.
    #[must_use]
    pub fn deployment(&self, name: &str) -> Option<Workload<'_>> {
        self.object("Deployment", name).map(Workload::new)
    }

    /// The DaemonSet `name`.
    #[must_use]
    pub fn daemon_set(&self, name: &str) -> Option<Workload<'_>> {
        self.object("DaemonSet", name).map(Workload::new)
    }

    /// All Deployments, DaemonSets and StatefulSets.
    pub fn workloads(&self) -> impl Iterator<Item = Workload<'_>> {
        self.objects
            .iter()
            .filter(|object| {
                matches!(object["kind"].as_str(), Some("Deployment" | "DaemonSet" | "StatefulSet"))
            })
            .map(Workload::new)
    }

    /// What is known of the Secret `name`.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<&SecretFacts> {
        self.secrets.iter().find(|secret| secret.name == name)
    }

    /// The secured cluster of this namespace, by the id in its sensor's certificate (`CN =
    /// SENSOR_SERVICE: ID`); none when Central was not asked, or the certificate is of an init
    /// bundle, which names no cluster.
    #[must_use]
    pub fn local_cluster(&self) -> Option<&SecuredCluster> {
        // From 4.7 on Sensor renews its certificate into a Secret of its own.
        ["tls-cert-sensor", "sensor-tls"].into_iter().find_map(|name| {
            let (_, certificate) = self.secret(name)?.own_certificate()?;
            self.central
                .clusters
                .iter()
                .find(|cluster| !cluster.id.is_empty() && certificate.subject.contains(&cluster.id))
        })
    }

    /// Whether the cluster is known to be OpenShift.
    #[must_use]
    pub fn is_openshift(&self) -> bool {
        self.platform.is_some_and(Platform::is_openshift)
    }
}
