//! Putting captured objects back.

use serde_json::Value;

use super::cluster::ClusterExecutor;
use super::write::{change_cause, is_workload};
use crate::cluster::{ClusterError, WriteOptions};
use crate::rhacs::ObjectRef;
use crate::run::execute::StepContext;
use crate::run::record::Captured;
use crate::run::step_error::StepError;
use crate::run::undo::{Restoration, UndoWrite, restoration};

/// How often an object that moves meanwhile is read and put back again.
const MOST_ATTEMPTS: u32 = 5;

impl ClusterExecutor {
    /// Takes one change back; returns whether that needed a write.
    pub(super) async fn undo_one(
        &self,
        write: &UndoWrite,
        context: &StepContext<'_>,
    ) -> Result<bool, StepError> {
        match write {
            UndoWrite::Restore(captured) => self.restore(captured, context).await,
            UndoWrite::Delete { object } => self.delete_created(object, context).await,
        }
    }

    async fn restore(
        &self,
        captured: &Captured,
        context: &StepContext<'_>,
    ) -> Result<bool, StepError> {
        let object = &captured.object;
        let Some(before) = &captured.before else { return Ok(false) };
        for _ in 0..MOST_ATTEMPTS {
            // Always from the present state: the way back must not depend on what was known.
            let now = self.known.refresh(&self.cluster, object).await?;
            let sent = match restoration(before, now.as_ref()) {
                Restoration::Nothing => return Ok(false),
                Restoration::Create(manifest) => {
                    self.cluster.create(&manifest, &WriteOptions::default()).await
                }
                Restoration::Replace(mut manifest) => {
                    if is_workload(object) {
                        manifest["metadata"]["annotations"]["kubernetes.io/change-cause"] =
                            undo_cause(&self.plan, context).into();
                    }
                    self.cluster.replace(&manifest, &WriteOptions::default()).await
                }
            };
            match sent {
                Ok(after) => {
                    self.note_write(object, Some(after), context);
                    return Ok(true);
                }
                Err(
                    ClusterError::Conflict { .. }
                    | ClusterError::AlreadyExists { .. }
                    | ClusterError::NotFound { .. },
                ) => {}
                Err(error) => return Err(cannot_put_back(object, error)),
            }
        }
        Err(StepError::failed(format!("`{object}` changes faster than it can be put back")))
    }

    async fn delete_created(
        &self,
        object: &ObjectRef,
        context: &StepContext<'_>,
    ) -> Result<bool, StepError> {
        let now = self.known.refresh(&self.cluster, object).await?;
        let Some(now) = now else { return Ok(false) };
        let uid: Option<&str> = now["metadata"]["uid"].as_str();
        match self.cluster.delete(object, uid, false).await {
            Ok(_) => {
                self.note_write(object, None::<Value>, context);
                Ok(true)
            }
            Err(error) => Err(cannot_put_back(object, error)),
        }
    }
}

fn undo_cause(plan: &crate::plan::Plan, context: &StepContext<'_>) -> String {
    format!("{}, put back", change_cause(plan, context))
}

fn cannot_put_back(object: &ObjectRef, error: ClusterError) -> StepError {
    error.into_failure(format!("cannot put `{object}` back")).into()
}
