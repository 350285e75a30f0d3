//! The lock: one run at a time, held by a Lease that is renewed and expires by itself.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::events::EventNote;
use super::{Cluster, ClusterError, WriteOptions};
use crate::plan::PatchKind;
use crate::rhacs::ObjectRef;

/// The Lease's name.
const NAME: &str = "kubectl-rhacs";
/// How long the lock holds without being renewed; half of it passes between renewals.
const DURATION: Duration = Duration::from_secs(60);
/// How long an API server that is away is waited for while a lock has expired.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often a lock that is there when it is created and gone when it is read is tried for.
const ATTEMPTS: u32 = 5;

/// Who holds the lock.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lease {
    /// The holder, as given when it was taken.
    pub holder: String,
    /// Since when, RFC 3339.
    pub since: String,
    /// When it expires unless it is renewed, RFC 3339.
    pub expires: String,
    /// Whether it has expired by the API server's clock.
    pub expired: bool,
    uid: String,
    resource_version: String,
}

/// Why the lock could not be taken.
#[derive(Clone, Debug, Error)]
pub enum LeaseError {
    /// Another run holds it.
    #[error("another run holds the lock: {}, since {}", .0.holder, .0.since)]
    Locked(Box<Lease>),
    /// It could not be read or written.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

/// The lock, held; it is renewed until it is released or dropped.
#[derive(Debug)]
pub struct Held {
    cluster: Cluster,
    uid: String,
    standing: watch::Receiver<Standing>,
    renewal: JoinHandle<()>,
}

/// What the holder of a lock knows of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing {
    /// It was renewed in time.
    Ours,
    /// It could not be renewed in time: others may take it, and none may have done so.
    Expired,
    /// Somebody broke it or took it.
    Lost,
}

impl Lease {
    /// Who holds the lock of the installation; none when nobody does.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn current(cluster: &Cluster) -> Result<Option<Self>, ClusterError> {
        let lease = cluster.read(&reference(cluster)).await?;
        Ok(lease.map(|lease| Self::parse(&lease, cluster.now())))
    }

    /// Takes the lock for `holder`, such as `eve@laptop pid 4711 run 20260301-…`. A lock that has
    /// expired is taken over.
    ///
    /// # Errors
    ///
    /// [`LeaseError::Locked`] when another run holds it.
    pub async fn acquire(cluster: &Cluster, holder: &str) -> Result<Held, LeaseError> {
        Self::acquire_for(cluster, holder, DURATION).await
    }

    /// As [`Self::acquire`]; without being renewed the lock holds for `duration` (whole seconds).
    ///
    /// # Errors
    ///
    /// As [`Self::acquire`].
    pub async fn acquire_for(
        cluster: &Cluster,
        holder: &str,
        duration: Duration,
    ) -> Result<Held, LeaseError> {
        let manifest = manifest(cluster, holder, duration);
        let mut attempt = 1;
        let known = loop {
            // One that was carried out unnoticed is found to be ours.
            let options = WriteOptions::default().repeated();
            let refused = match cluster.create(&manifest, &options).await {
                Ok(created) => return Ok(Held::start(cluster, duration, &created)),
                Err(error @ ClusterError::AlreadyExists { .. }) => error,
                Err(error) => return Err(error.into()),
            };
            match Self::current(cluster).await? {
                Some(known) => break known,
                // It was released between the two requests, and others may want it as well.
                None if attempt < ATTEMPTS => attempt += 1,
                None => return Err(refused.into()),
            }
        };
        if !known.expired && known.holder != holder {
            return Err(LeaseError::Locked(Box::new(known)));
        }
        known.take_over(cluster, &manifest, duration).await
    }

    /// Ends another run's lock, whoever holds it, and leaves `reason` in an event. Returns who
    /// held it; none when nobody did.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn break_lock(cluster: &Cluster, reason: &str) -> Result<Option<Self>, ClusterError> {
        let Some(known) = Self::current(cluster).await? else { return Ok(None) };
        let object = reference(cluster);
        let note = EventNote {
            warning: true,
            reason: "Unlocked".to_owned(),
            message: format!("the lock of {} was broken: {reason}", known.holder),
        };
        cluster.note(&object, Some(&known.uid), &note).await;
        cluster.delete(&object, Some(&known.uid), false).await?;
        Ok(Some(known))
    }

    /// Takes an expired lock. The old Lease is deleted only as it was read, so that a renewal in
    /// between keeps it; of several that try, one creates the new one. The new uid keeps the old
    /// holder from renewing or deleting what is not its own.
    async fn take_over(
        self,
        cluster: &Cluster,
        manifest: &Value,
        duration: Duration,
    ) -> Result<Held, LeaseError> {
        let as_read = json!({"uid": self.uid, "resourceVersion": self.resource_version});
        let taken = match cluster.delete_if(&reference(cluster), as_read, false).await {
            Ok(_) => cluster.create(manifest, &WriteOptions::default()).await,
            Err(error) => Err(error),
        };
        match taken {
            Ok(taken) => Ok(Held::start(cluster, duration, &taken)),
            Err(ClusterError::Conflict { .. } | ClusterError::AlreadyExists { .. }) => {
                let winner = Self::current(cluster).await?.unwrap_or(self);
                Err(LeaseError::Locked(Box::new(winner)))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn parse(lease: &Value, now: Timestamp) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (metadata, spec) = (&lease["metadata"], &lease["spec"]);
        let renewed: Option<Timestamp> =
            spec["renewTime"].as_str().and_then(|time| time.parse().ok());
        let seconds = spec["leaseDurationSeconds"].as_i64().unwrap_or(0);
        let expires =
            renewed.and_then(|at| at.checked_add(SignedDuration::from_secs(seconds)).ok());
        Self {
            holder: text(&spec["holderIdentity"]),
            since: text(&spec["acquireTime"]),
            expires: expires.map(super::events::seconds).unwrap_or_default(),
            expired: expires.is_none_or(|expires| expires < now),
            uid: text(&metadata["uid"]),
            resource_version: text(&metadata["resourceVersion"]),
        }
    }
}

impl Held {
    fn start(cluster: &Cluster, duration: Duration, lease: &Value) -> Self {
        let held = Lease::parse(lease, cluster.now());
        let (tell, standing) = watch::channel(Standing::Ours);
        let uid = held.uid.clone();
        let renewal = Renewal {
            cluster: cluster.clone(),
            duration,
            uid: uid.clone(),
            resource_version: held.resource_version,
            standing: tell,
        };
        Self { cluster: cluster.clone(), uid, standing, renewal: tokio::spawn(renewal.run()) }
    }

    /// Whether the lock still is ours. Where the API server was away for so long that it expired,
    /// that is known only when it is renewed: it is waited for, for ten minutes at most.
    pub async fn is_ours(&self) -> bool {
        let mut standing = self.standing.clone();
        let known = standing.wait_for(|standing| *standing != Standing::Expired);
        let known = tokio::time::timeout(PATIENCE, known).await;
        matches!(known, Ok(Ok(standing)) if *standing == Standing::Ours)
    }

    /// Gives the lock back.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with; the lock then expires by itself.
    pub async fn release(self) -> Result<(), ClusterError> {
        self.renewal.abort();
        let lease = reference(&self.cluster);
        match self.cluster.delete(&lease, Some(&self.uid), false).await {
            // Somebody else holds it by now; theirs is not ours to delete.
            Ok(_) | Err(ClusterError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

struct Renewal {
    cluster: Cluster,
    duration: Duration,
    uid: String,
    resource_version: String,
    standing: watch::Sender<Standing>,
}

impl Renewal {
    /// Renews the lock until it is lost. Who takes an expired one makes a Lease of another uid, so
    /// one that is still there is still ours, however late.
    async fn run(mut self) {
        let mut renewed_at = Instant::now();
        let (interval, retry) = (self.duration / 2, self.duration / 20);
        let mut pause = interval;
        loop {
            tokio::time::sleep(pause).await;
            // The time before the request counts: the server may have taken it at once.
            let asked_at = Instant::now();
            let left = self.duration.saturating_sub(renewed_at.elapsed()).max(interval);
            pause = match tokio::time::timeout(left, self.renew()).await {
                Ok(Ok(true)) => {
                    renewed_at = asked_at;
                    self.standing.send_replace(Standing::Ours);
                    interval
                }
                Ok(Ok(false)) => break,
                Ok(Err(_)) | Err(_) => retry,
            };
            if renewed_at.elapsed() >= self.duration {
                self.standing.send_replace(Standing::Expired);
            }
        }
        self.standing.send_replace(Standing::Lost);
    }

    /// Renews the lock; whether it still is ours.
    async fn renew(&mut self) -> Result<bool, ClusterError> {
        let object = reference(&self.cluster);
        let body = json!({
            "metadata": {"resourceVersion": self.resource_version, "uid": self.uid},
            "spec": {"renewTime": micro_time(self.cluster.now())},
        });
        let options = WriteOptions::default();
        match self.cluster.patch(&object, PatchKind::Merge, &body, &options).await {
            Ok(lease) => {
                self.resource_version = Lease::parse(&lease, self.cluster.now()).resource_version;
                Ok(true)
            }
            Err(ClusterError::NotFound { .. }) => Ok(false),
            Err(error @ ClusterError::Conflict { .. }) => {
                let known = Lease::current(&self.cluster).await?;
                match known.filter(|known| known.uid == self.uid) {
                    // Our own renewal arrived although its answer did not.
                    Some(known) => {
                        self.resource_version = known.resource_version;
                        Err(error)
                    }
                    None => Ok(false),
                }
            }
            Err(error) => Err(error),
        }
    }
}

fn reference(cluster: &Cluster) -> ObjectRef {
    ObjectRef::namespaced("coordination.k8s.io/v1", "Lease", cluster.namespace(), NAME)
}

fn manifest(cluster: &Cluster, holder: &str, duration: Duration) -> Value {
    let now = cluster.now();
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": NAME,
            "namespace": cluster.namespace(),
            "labels": {"app.kubernetes.io/managed-by": super::FIELD_MANAGER},
        },
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": duration.as_secs(),
            "acquireTime": micro_time(now),
            "renewTime": micro_time(now),
        },
    })
}

/// A time as `metav1.MicroTime` has it.
fn micro_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_expires_when_it_is_not_renewed() {
        let lease = json!({
            "metadata": {"uid": "u", "resourceVersion": "7"},
            "spec": {"holderIdentity": "eve@laptop", "leaseDurationSeconds": 60,
                     "acquireTime": "2026-03-01T12:00:00.000000Z",
                     "renewTime": "2026-03-01T12:00:20.000000Z"},
        });
        let at = |time: &str| Lease::parse(&lease, time.parse().unwrap());
        assert!(!at("2026-03-01T12:01:19Z").expired);
        let later = at("2026-03-01T12:01:21Z");
        assert!(later.expired);
        assert_eq!(
            (later.holder.as_str(), later.expires.as_str()),
            ("eve@laptop", "2026-03-01T12:01:20Z")
        );
        assert!(Lease::parse(&json!({}), Timestamp::now()).expired, "nobody renews an empty one");
        assert_eq!(micro_time(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000000Z");
    }
}
