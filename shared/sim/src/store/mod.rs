//! The objects of the cluster, in memory: what etcd and the registry of a real API server do together.

mod collect;
mod commit;
pub mod log;
pub mod meta;
pub mod status;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::{broadcast, watch};

pub use log::{Event, EventKind};
pub use status::{Cause, Status};
use tables::Tables;

use crate::schema::kinds::Resource;

/// Where the store reads the time.
pub type Now = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;

/// The shared store; clones see the same objects.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Mutex<Inner>>,
    now: Now,
    events: broadcast::Sender<Event>,
    position: watch::Sender<u64>,
}

/// Who writes, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The name in `managedFields`.
    pub manager: String,
    /// Compute the answer, keep nothing.
    pub dry_run: bool,
    /// How the write is recorded in `managedFields`.
    pub operation: Operation,
}

/// The two ways of owning fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operation {
    /// Create, update and patch.
    #[default]
    Update,
    /// Server-side apply; `managedFields` of the new object is already right.
    Apply,
}

/// Which part of an object a write is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subresource {
    /// All but the status.
    #[default]
    Main,
    /// The status only.
    Status,
    /// The replicas only.
    Scale,
}

/// How to delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Refuse unless the object has this uid.
    pub uid: Option<String>,
    /// Refuse unless the object has this resourceVersion.
    pub resource_version: Option<String>,
    /// What happens to dependents; the default is [`Propagation::Background`].
    pub propagation: Propagation,
    /// Seconds a pod gets to end; 0 removes it at once, none asks the pod's own specification.
    pub grace_period_seconds: Option<i64>,
    /// Check only.
    pub dry_run: bool,
}

/// What a deletion does with the objects whose owner goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They go after their owner.
    #[default]
    Background,
    /// They go before their owner.
    Foreground,
    /// They stay, without an owner.
    Orphan,
}

impl Writer {
    /// A writer that updates under a manager's name.
    #[must_use]
    pub fn new(manager: impl Into<String>) -> Self {
        Self { manager: manager.into(), dry_run: false, operation: Operation::Update }
    }
}

/// Some objects, and the version of the store at which they were so.
pub type Listing = (Vec<Arc<Value>>, u64);

impl Store {
    /// An empty store that serves the built-in resources and has the namespaces every cluster has.
    #[must_use]
    pub fn new(now: Now) -> Self {
        let (events, _) = broadcast::channel(16_384);
        let (tables, log) = (Tables::new(), log::Log::new());
        let inner = Inner { tables, log, owners: BTreeSet::new(), moment: now() };
        let store = Self {
            inner: Arc::new(Mutex::new(inner)),
            now,
            events,
            position: watch::Sender::new(1),
        };
        store.create_initial_namespaces();
        store
    }

    /// The resource of that key, such as `deployments.apps` or `pods`.
    #[must_use]
    pub fn resource(&self, key: &str) -> Option<Arc<Resource>> {
        self.lock().tables.resource(key)
    }

    /// All resources in the order of their keys.
    #[must_use]
    pub fn resources(&self) -> Vec<Arc<Resource>> {
        self.lock().tables.resources()
    }

    /// One object, or none.
    #[must_use]
    pub fn read(&self, resource: &str, namespace: Option<&str>, name: &str) -> Option<Arc<Value>> {
        self.lock().tables.read(resource, namespace.unwrap_or_default(), name)
    }

    /// The objects of a resource, of one namespace or of all, by namespace and name.
    #[must_use]
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        self.lock().tables.list(resource, namespace)
    }

    /// As [`Self::list`], with the version of the store.
    #[must_use]
    pub fn snapshot(&self, resource: &str, namespace: Option<&str>) -> Listing {
        let inner = self.lock();
        (inner.tables.list(resource, namespace), inner.log.version())
    }

    /// As [`Self::snapshot`], at an earlier version.
    ///
    /// # Errors
    /// 410 when the log no longer reaches back to it.
    pub fn snapshot_at(
        &self,
        resource: &str,
        namespace: Option<&str>,
        version: u64,
    ) -> Result<Listing, Status> {
        let inner = self.lock();
        let later = inner.log.since(version)?;
        Ok((inner.tables.list_before(resource, namespace, &later), version))
    }

    /// Every object, by resource, namespace and name.
    #[must_use]
    pub fn everything(&self) -> Vec<Arc<Value>> {
        self.lock().tables.everything()
    }

    /// Stores a new object: defaulted, validated, with uid, version, generation and managers.
    ///
    /// # Errors
    /// 404 without its namespace, 409 if the name is taken, 422 if it is not valid.
    pub fn create(&self, resource: &str, object: Value, by: &Writer) -> Result<Arc<Value>, Status> {
        let mut inner = self.begin();
        let result = commit::create(&mut inner, resource, object, by);
        self.publish(inner);
        result
    }

    /// Changes an object; a change of nothing keeps its version. The change runs inside the lock
    /// of the store and must not call it.
    ///
    /// # Errors
    /// 404 if it is absent, 409 on a stale `resourceVersion`, 422 if the result is not valid.
    pub fn modify(
        &self,
        resource: &str,
        namespace: Option<&str>,
        name: &str,
        subresource: Subresource,
        by: &Writer,
        change: impl FnOnce(&mut Value),
    ) -> Result<Arc<Value>, Status> {
        self.try_modify(resource, namespace, name, subresource, by, |live| {
            let mut object = live.clone();
            change(&mut object);
            Ok(object)
        })
    }

    /// As [`Self::modify`], with a change that may be refused and sees the live object.
    ///
    /// # Errors
    /// Those of [`Self::modify`] and of `change`.
    pub fn try_modify(
        &self,
        resource: &str,
        namespace: Option<&str>,
        name: &str,
        subresource: Subresource,
        by: &Writer,
        change: impl FnOnce(&Value) -> Result<Value, Status>,
    ) -> Result<Arc<Value>, Status> {
        let mut inner = self.begin();
        let address = commit::Address { resource, namespace: namespace.unwrap_or_default(), name };
        let result = commit::update(&mut inner, &address, subresource, by, change);
        self.publish(inner);
        result
    }

    /// Deletes an object, or marks it as being deleted when finalizers or a grace period hold it.
    ///
    /// # Errors
    /// 404 if it is absent, 409 if a precondition does not hold.
    pub fn delete(
        &self,
        resource: &str,
        namespace: Option<&str>,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Arc<Value>, Status> {
        let mut inner = self.begin();
        let address = commit::Address { resource, namespace: namespace.unwrap_or_default(), name };
        let result = collect::delete(&mut inner, &address, options);
        self.publish(inner);
        result
    }

    /// Every event from now on; a receiver that lags must list again.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// The version of the last change, watchable; a reader then asks [`Self::since`].
    #[must_use]
    pub fn position(&self) -> watch::Receiver<u64> {
        self.position.subscribe()
    }

    /// The version of the last change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.lock().log.version()
    }

    /// The events after a version.
    ///
    /// # Errors
    /// 410 when the log no longer reaches back to it.
    pub fn since(&self, version: u64) -> Result<Vec<Event>, Status> {
        self.lock().log.since(version)
    }

    /// Forgets all past events, as a compaction of etcd does: older watches and pages get 410.
    pub fn compact(&self) {
        self.lock().log.compact();
    }

    /// The time of the cluster.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        (self.now)()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock for a write, which happens at one moment.
    fn begin(&self) -> MutexGuard<'_, Inner> {
        let moment = (self.now)();
        let mut inner = self.lock();
        inner.moment = moment;
        inner
    }

    /// Tells the subscribers what the guarded change appended to the log.
    fn publish(&self, mut inner: MutexGuard<'_, Inner>) {
        let fresh = inner.log.take_unpublished();
        let version = inner.log.version();
        for event in fresh {
            // No subscriber is no error.
            let _ = self.events.send(event);
        }
        drop(inner);
        self.position.send_if_modified(|position| {
            let moved = *position < version;
            *position = version.max(*position);
            moved
        });
    }

    /// Serves one more resource, whose objects are taken as they are.
    pub fn serve(&self, resource: Resource) {
        self.lock().tables.define(resource);
    }

    fn create_initial_namespaces(&self) {
        let mut inner = self.begin();
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            let namespace = serde_json::json!({"metadata": {"name": name}});
            let by = Writer::new("kube-apiserver");
            // The namespaces are valid and the store is empty, so this cannot fail.
            let _ = commit::create(&mut inner, "namespaces", namespace, &by);
        }
        self.publish(inner);
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Store").field("version", &self.version()).finish_non_exhaustive()
    }
}

/// What the lock guards.
pub(crate) struct Inner {
    pub(crate) tables: Tables,
    pub(crate) log: log::Log,
    /// The uids that some object named as its owner's: who is not among them leaves nobody behind.
    pub(crate) owners: BTreeSet<String>,
    /// When the write in progress happens.
    pub(crate) moment: jiff::Timestamp,
}
