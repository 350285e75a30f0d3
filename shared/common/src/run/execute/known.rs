//! What the executor knows of the objects it writes: as read, as the last write returned them, or
//! as a watch saw them since.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cluster::{Cluster, is_later};
use crate::plan::basis_digest;
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
        match self.newest(cluster, object) {
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
        match self.newest(cluster, object) {
            Some((value, is_fresh)) if is_fresh => Ok(value),
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

    /// The latest state that is known, and whether that is the present one. What somebody else made
    /// of an object is not taken over from a watch: writing it as it was known before fails, and
    /// why that is gets looked into.
    fn newest(&self, cluster: &Cluster, object: &ObjectRef) -> Option<(Option<Value>, bool)> {
        let kept = self.seen(object).map(|(value, at)| (value, at.elapsed() < FRESH));
        let Some((watched, is_live)) = cluster.seen(object) else { return kept };
        match kept {
            Some((Some(value), _)) if is_later(&watched, &value) => {
                match basis_digest(&watched) == basis_digest(&value) {
                    true => Some((Some(watched.as_ref().clone()), is_live)),
                    false => Some((Some(value), false)),
                }
            }
            // A watch may be behind our own write, but never for long.
            Some((Some(value), is_fresh)) => {
                let is_same = !is_later(&value, &watched);
                Some((Some(value), is_fresh || is_live && is_same))
            }
            Some((None, is_fresh)) => Some((None, is_fresh)),
            None => Some((Some(watched.as_ref().clone()), is_live)),
        }
    }

    fn seen(&self, object: &ObjectRef) -> Option<(Option<Value>, Instant)> {
        self.entries().get(object).map(|entry| (entry.object.clone(), entry.at))
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<ObjectRef, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
