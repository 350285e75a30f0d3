//! What the executor knows of the objects it writes: as read, or as the last write returned them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cluster::Cluster;
use crate::rhacs::ObjectRef;
use crate::run::step_error::StepError;

/// Knowledge younger than this is believed without asking again.
const FRESH: Duration = Duration::from_secs(30);

/// Objects by reference. Old knowledge is harmless where a write carries its resourceVersion.
#[derive(Default)]
pub(super) struct Known(Mutex<BTreeMap<ObjectRef, Entry>>);

struct Entry {
    /// None: it does not exist.
    object: Option<Value>,
    at: Instant,
}

impl Known {
    /// Takes over what was read elsewhere.
    pub(super) fn remember(&self, object: &ObjectRef, value: Option<Value>) {
        self.entries().insert(object.clone(), Entry { object: value, at: Instant::now() });
    }

    /// The object as last seen; it is read when it was never seen.
    pub(super) async fn get(
        &self,
        cluster: &Cluster,
        object: &ObjectRef,
    ) -> Result<Option<Value>, StepError> {
        match self.seen(object) {
            Some((value, _)) => Ok(value),
            None => self.refresh(cluster, object).await,
        }
    }

    /// The object as seen a moment ago at most.
    pub(super) async fn get_fresh(
        &self,
        cluster: &Cluster,
        object: &ObjectRef,
    ) -> Result<Option<Value>, StepError> {
        match self.seen(object) {
            Some((value, at)) if at.elapsed() < FRESH => Ok(value),
            _ => self.refresh(cluster, object).await,
        }
    }

    /// The object as it is now.
    pub(super) async fn refresh(
        &self,
        cluster: &Cluster,
        object: &ObjectRef,
    ) -> Result<Option<Value>, StepError> {
        let value = cluster.read(object).await.map_err(|error| {
            StepError::from(error.into_failure(format!("cannot read `{object}`")))
        })?;
        self.remember(object, value.clone());
        Ok(value)
    }

    /// The object as last seen, without asking.
    pub(super) fn last(&self, object: &ObjectRef) -> Option<Value> {
        self.seen(object).and_then(|(value, _)| value)
    }

    fn seen(&self, object: &ObjectRef) -> Option<(Option<Value>, Instant)> {
        self.entries().get(object).map(|entry| (entry.object.clone(), entry.at))
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<ObjectRef, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
