//! Waiting for rollouts, and what a failed one means for a step.

use serde_json::Value;

use super::cluster::{ClusterExecutor, Deadline};
use super::{StepContext, Verified};
use crate::cluster::{WaitError, Waiting, wait};
use crate::exit::Exit;
use crate::plan::Verification;
use crate::rhacs::ObjectRef;
use crate::run::step_error::StepError;

impl ClusterExecutor {
    pub(super) async fn verify_one(
        &self,
        verification: &Verification,
        deadline: Deadline,
        context: &StepContext<'_>,
        verified: &mut Verified,
    ) -> Result<(), StepError> {
        match verification {
            Verification::Rollout { object } => self.await_rollout(object, deadline, context).await,
            Verification::CentralServes { version } => {
                self.await_central(version, deadline, context, verified).await
            }
        }
    }

    /// Waits for the rollout of `object` that the last write of this run began.
    pub(super) async fn await_rollout(
        &self,
        object: &ObjectRef,
        deadline: Deadline,
        context: &StepContext<'_>,
    ) -> Result<(), StepError> {
        // As our write left it: an older rollout that is complete says nothing.
        let seen = self.known.get_fresh(&self.cluster, object).await?;
        let promise = self.promises(Some(context.step_id())).await?.remove(object);
        let stored = self.stored(object);
        let keeps = |now: &Value| {
            let promise = promise.as_ref();
            promise.is_none_or(|promise| promise.broken_by(Some(now), stored.as_ref()).is_none())
        };
        let mut on = |waiting: Waiting| {
            let counts = Some((waiting.ready, waiting.desired));
            context.waiting(format!("`{object}`: {}", waiting.message), counts);
        };
        let (seen, limit) = (seen.as_ref(), deadline.left());
        let done = wait::rollout_of(&self.cluster, object, seen, limit, &keeps, &mut on).await;
        let after = match done {
            Ok(after) => Ok(after),
            Err(WaitError::Changed { workload }) => Err(changed(&workload)),
            Err(error) if self.is_central(object) => {
                self.outlast_migration(error, seen, &keeps, deadline, context).await
            }
            Err(error) => Err(step_error(error, object)),
        };
        let after = match (after, promise) {
            (Ok(after), _) => after,
            // Whatever the wait ended with: somebody who changes the workload is the reason.
            (Err(error), Some(promise)) if error.exit != Exit::Interrupted => {
                let now = self.known.refresh(&self.cluster, object).await?;
                self.stop_if_broken_now(object, &promise, now.as_ref()).await?;
                return Err(error);
            }
            (Err(error), _) => return Err(error),
        };
        self.known.remember(object, Some(after));
        Ok(())
    }
}

/// The failure of a wait for something that somebody changed back and forth.
fn changed(object: &ObjectRef) -> StepError {
    StepError::failed(format!("`{object}` was changed by someone else during its rollout"))
        .hint("find out who changes it before the run goes on")
}

pub(super) fn step_error(error: WaitError, object: &ObjectRef) -> StepError {
    let logs = error.logs().to_vec();
    let message = error.to_string();
    let kind = object.qualified();
    match error {
        WaitError::Failed { object: troubled, .. } => {
            let namespace = troubled.namespace.clone().unwrap_or_default();
            let describe = format!("kubectl describe {} -n {namespace}", troubled.qualified());
            StepError::failed(message).with_logs(logs).hint(format!("see `{describe}`"))
        }
        WaitError::TimedOut { .. } => {
            let namespace = object.namespace.clone().unwrap_or_default();
            StepError::unverified(message).with_logs(logs).hint(format!(
                "it may still succeed: see `kubectl rollout status {kind} -n {namespace}`"
            ))
        }
        WaitError::Deleted { .. } => StepError::failed(message),
        WaitError::Changed { workload } => changed(&workload),
        WaitError::Cluster(error) => {
            error.into_failure(format!("cannot follow the rollout of `{object}`")).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::exit::Exit;

    #[test]
    fn a_rollout_that_fails_is_told_apart_from_one_that_is_slow() {
        let workload = ObjectRef::deployment("stackrox", "central");
        let pod = ObjectRef::namespaced("v1", "Pod", "stackrox", "central-1");
        let failed = WaitError::Failed {
            workload: workload.clone(),
            object: pod,
            reason: "ImagePullBackOff".to_owned(),
            message: "no such image".to_owned(),
            logs: vec!["last".to_owned()],
        };
        let error = step_error(failed, &workload);
        assert_eq!(error.exit, Exit::StepFailed);
        assert!(error.message.contains("`pod/central-1` ImagePullBackOff"), "{}", error.message);
        assert_eq!(error.logs, ["last"]);
        assert_eq!(error.hints, ["see `kubectl describe pod/central-1 -n stackrox`"]);
        let slow = WaitError::TimedOut {
            workload: workload.clone(),
            last: "1 pod".to_owned(),
            after: Duration::from_secs(5),
            logs: Vec::new(),
        };
        let error = step_error(slow, &workload);
        assert_eq!(error.exit, Exit::Unverified);
        assert!(error.hints[0].contains("kubectl rollout status deployment.apps/central"));
    }
}
