//! Central's rollout while it migrates its database: not ready, for longer than others may take.

use std::time::Duration;

use serde_json::Value;

use super::StepContext;
use super::cluster::{ClusterExecutor, Deadline};
use super::rollout::step_error;
use super::serving::{Look, last_lines, stop_if_fatal, words};
use crate::cluster::rollout::{Observed, Progress, Trouble, diagnose, judge};
use crate::cluster::{ClusterError, Collection, WaitError};
use crate::rhacs::ObjectRef;
use crate::run::step_error::StepError;

/// How often the rollout is looked at after its controller gave it up.
const POLL: Duration = Duration::from_secs(2);

/// What the controller says of a Deployment whose pods take long to be ready.
const GIVEN_UP: &str = "ProgressDeadlineExceeded";

impl ClusterExecutor {
    /// Whether `object` is Central's Deployment.
    pub(super) fn is_central(&self, object: &ObjectRef) -> bool {
        *object == ObjectRef::deployment(self.plan.namespace.as_str(), "central")
    }

    /// Goes on where waiting for Central's rollout ended with `error`: a migration may take longer
    /// than a Deployment's progress deadline, so only its log, its pods and the time of the step
    /// end the wait. Returns Central as it is when its rollout is complete.
    pub(super) async fn outlast_migration(
        &self,
        error: WaitError,
        generation: i64,
        deadline: Deadline,
        context: &StepContext<'_>,
    ) -> Result<Value, StepError> {
        let central = ObjectRef::deployment(self.plan.namespace.as_str(), "central");
        match &error {
            // Trouble of a pod names the pod, and does not pass.
            WaitError::Failed { object, message, .. }
                if *object == central && message.contains(GIVEN_UP) => {}
            WaitError::TimedOut { .. } => {
                let look = self.look_at_log(deadline).await;
                return Err(late(step_error(error, &central), look.as_ref().ok()));
            }
            _ => return Err(step_error(error, &central)),
        }
        let mut told = String::new();
        loop {
            let look = self.look_at_log(deadline).await;
            if let Ok(look) = &look {
                stop_if_fatal(look)?;
            }
            let logs = look.as_ref().map(|look| last_lines(&look.log)).unwrap_or_default();
            let done = self.look_at_rollout(&central, generation, logs.clone()).await?;
            if let Some(central) = done {
                return Ok(central);
            }
            let waits_for = match &look {
                Ok(look) => words(&look.state),
                Err(reason) => reason.clone(),
            };
            if deadline.is_over() {
                let seconds = deadline.seconds();
                let message = format!(
                    "the rollout of `{central}` did not finish within {seconds} s; it waited for \
                     {waits_for} ({GIVEN_UP})"
                );
                let error = StepError::unverified(message).with_logs(logs);
                return Err(late(error, look.as_ref().ok()));
            }
            if told != waits_for {
                let message =
                    format!("`{central}`: {waits_for}, longer than its progress deadline");
                context.waiting(message, None);
                told = waits_for;
            }
            deadline.pause(POLL).await;
        }
    }

    /// Central once its rollout is complete, none as long as it may still become so.
    async fn look_at_rollout(
        &self,
        central: &ObjectRef,
        generation: i64,
        logs: Vec<String>,
    ) -> Result<Option<Value>, StepError> {
        let workload = match self.cluster.read(central).await {
            Ok(Some(workload)) => workload,
            Ok(None) => {
                let error = WaitError::Deleted { workload: central.clone() };
                return Err(step_error(error, central));
            }
            Err(error) if error.is_transient() => return Ok(None),
            Err(error) => return Err(step_error(error.into(), central)),
        };
        let failed = |object: ObjectRef, reason: String, message: String| {
            let workload = central.clone();
            step_error(WaitError::Failed { workload, object, reason, message, logs }, central)
        };
        match judge(&workload, generation) {
            Progress::Done => return Ok(Some(workload)),
            Progress::Failed { reason } if !reason.contains(GIVEN_UP) => {
                return Err(failed(central.clone(), "does not progress".to_owned(), reason));
            }
            Progress::Failed { .. } | Progress::Waiting(_) => {}
        }
        match self.trouble_of(&workload).await {
            Ok(Some(Trouble { object, reason, message, .. })) => {
                Err(failed(object, reason, message))
            }
            // Without its pods the wait still ends, only without saying why it fails.
            Ok(None) | Err(_) => Ok(None),
        }
    }

    /// What keeps the newest pods of Central from ever coming up.
    async fn trouble_of(&self, workload: &Value) -> Result<Option<Trouble>, ClusterError> {
        let namespace = self.plan.namespace.as_str();
        let list = async |api_version: &str, kind: &str| {
            let all = Collection::namespaced(api_version, kind, namespace);
            self.cluster.list(&all.with_labels("app=central")).await
        };
        let replica_sets = list("apps/v1", "ReplicaSet").await?.items;
        let pods = list("v1", "Pod").await?.items;
        let trouble = diagnose(&Observed {
            workload,
            replica_sets: &replica_sets,
            pods: &pods,
            events: &[],
            events_are_known: false,
            now: self.cluster.now(),
        });
        Ok(trouble.filter(|trouble| trouble.fatal))
    }
}

/// Time is up; a migration that runs goes on all the same, one that failed says more.
fn late(error: StepError, look: Option<&Look>) -> StepError {
    match look {
        Some(look) if look.is_migrating() => error.ongoing(),
        Some(look) => stop_if_fatal(look).err().unwrap_or(error),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use crate::rhacs::migrator;

    #[test]
    fn a_migration_that_runs_when_time_is_up_goes_on() {
        let look = |log: &str| Look { log: log.to_owned(), state: migrator::read(log) };
        let error = || StepError::unverified("late");
        let migrating = look("Found DB at version 80, which is less than what we expect (105).");
        assert!(late(error(), Some(&migrating)).is_ongoing);
        for log in ["", "Version found in the DB was current. We're good to go!"] {
            assert!(!late(error(), Some(&look(log))).is_ongoing, "{log}");
        }
        let failed = late(error(), Some(&look("Migrator failed: disk full")));
        assert_eq!((failed.exit, failed.is_ongoing), (Exit::StepFailed, false));
        assert_eq!(late(error(), None), error());
    }
}
