//! Putting captured objects back.

use serde_json::Value;

use super::backup::central_version;
use super::cluster::{ClusterExecutor, Deadline};
use super::serving::{Look, last_lines};
use super::write::{change_cause, holds, is_workload};
use crate::cluster::{ClusterError, WriteOptions};
use crate::rhacs::migrator::MigratorState;
use crate::rhacs::{ObjectRef, Version};
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
            UndoWrite::Restore { captured, is_recorded } => {
                if !is_recorded && !self.is_as_written(&captured.object, context).await? {
                    return Ok(false);
                }
                self.restore(captured, context).await
            }
            UndoWrite::Delete { object, uid } => {
                self.delete_created(object, uid.as_deref(), context).await
            }
        }
    }

    /// Whether the object is as the step wants it: then the write is ours, though it is not on
    /// record. One that the step never got to is left alone.
    async fn is_as_written(
        &self,
        object: &ObjectRef,
        context: &StepContext<'_>,
    ) -> Result<bool, StepError> {
        let live = self.known.refresh(&self.cluster, object).await?;
        let mut writes =
            context.step.action.writes().iter().filter(|write| write.object() == object).peekable();
        let is_written = writes.peek().is_some();
        for write in writes {
            if !holds(write, live.as_ref()).unwrap_or(false) {
                return Ok(false);
            }
        }
        Ok(is_written)
    }

    /// Waits until Central, put back, runs again: an old Central may refuse a database that the
    /// new one has opened.
    pub(super) async fn await_return(
        &self,
        central: &ObjectRef,
        context: &StepContext<'_>,
    ) -> Result<(), StepError> {
        let deadline = Deadline::after(context.step.timeout_seconds);
        let wait = self.await_rollout(central, deadline, context);
        let returned = context.interrupt.during(wait).await;
        if returned.as_ref().is_err_and(StepError::is_interruption) {
            return returned;
        }
        let Ok(Look { log, state: MigratorState::Refused { line } }) =
            self.look_at_log(deadline).await
        else {
            return returned;
        };
        Err(refused(central, &central_version(&self.plan), &line).with_logs(last_lines(&log)))
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
        uid: Option<&str>,
        context: &StepContext<'_>,
    ) -> Result<bool, StepError> {
        let now = self.known.refresh(&self.cluster, object).await?;
        let Some(now) = now else { return Ok(false) };
        if uid.is_none() || now["metadata"]["uid"].as_str() != uid {
            // Created by somebody else, or by a process that died before it could record that.
            context.events.warn(format!(
                "`{object}` was not there before the run and is not known to be created by it; \
                 it is left as it is"
            ));
            return Ok(false);
        }
        match self.cluster.delete(object, uid, false).await {
            Ok(_) => {
                self.note_write(object, None::<Value>, context);
                Ok(true)
            }
            Err(error) => Err(cannot_put_back(object, error)),
        }
    }
}

fn refused(central: &ObjectRef, version: &Version, line: &str) -> StepError {
    let namespace = central.namespace.as_deref().unwrap_or_default();
    let kind = central.qualified();
    StepError::failed(format!(
        "`{central}` is {version} again, but it refuses the database the newer version has opened"
    ))
    .because(line.trim())
    .hint(format!(
        "set `maintenance.forceRollbackVersion: {version}` in `cm/central-config`, then \
         `kubectl rollout restart {kind} -n {namespace}`; data written since the upgrade is lost"
    ))
}

fn undo_cause(plan: &crate::plan::Plan, context: &StepContext<'_>) -> String {
    format!("{}, put back", change_cause(plan, context))
}

fn cannot_put_back(object: &ObjectRef, error: ClusterError) -> StepError {
    error.into_failure(format!("cannot put `{object}` back")).into()
}
