//! Central's rollout while it migrates its database: not ready, for longer than others may take.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::StepContext;
use super::cluster::{ClusterExecutor, Deadline};
use super::rollout::step_error;
use super::serving::{Look, Unseen, last_lines, stop_if_fatal, words};
use crate::cluster::wait::Keeps;
use crate::cluster::{WaitError, rollout, wait};
use crate::rhacs::ObjectRef;
use crate::run::step_error::StepError;

/// How often the log is looked at after its controller gave it up.
const POLL: Duration = Duration::from_secs(2);

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
        seen: Option<&Value>,
        keeps: Keeps<'_>,
        deadline: Deadline,
        context: &StepContext<'_>,
    ) -> Result<Value, StepError> {
        let central = ObjectRef::deployment(self.plan.namespace.as_str(), "central");
        match &error {
            // Trouble of a pod names the pod, and does not pass.
            WaitError::Failed { object, message, .. }
                if *object == central && rollout::is_late(message) => {}
            WaitError::TimedOut { .. } => {
                let look = self.look_at_log(deadline).await;
                return Err(late(step_error(error, &central), look.as_ref().ok()));
            }
            _ => return Err(step_error(error, &central)),
        }
        let last = Mutex::new(None);
        // What it does is told from its log.
        let mut on = |_| {};
        let done = tokio::select! {
            done = wait::slow_rollout(
                &self.cluster, &central, seen, deadline.left(), keeps, &mut on,
            ) => done,
            error = self.follow_log(&central, &last, deadline, context) => return Err(error),
        };
        let last = last.into_inner().unwrap_or_else(PoisonError::into_inner);
        match done {
            Ok(central) => Ok(central),
            Err(WaitError::TimedOut { .. }) => Err(too_late(&central, last, deadline)),
            Err(error) => Err(step_error(error, &central)),
        }
    }

    /// Tells what Central's log says, and keeps the last look in `last`, until the log says that
    /// it gave up.
    async fn follow_log(
        &self,
        central: &ObjectRef,
        last: &Mutex<Option<Result<Look, Unseen>>>,
        deadline: Deadline,
        context: &StepContext<'_>,
    ) -> StepError {
        let mut told = String::new();
        loop {
            let look = self.look_at_log(deadline).await;
            if let Ok(Err(error)) = look.as_ref().map(stop_if_fatal) {
                return error;
            }
            let waits_for = waits_for(&look);
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(look);
            if told != waits_for {
                let message =
                    format!("`{central}`: {waits_for}, longer than its progress deadline");
                context.waiting(message, None);
                told = waits_for;
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

fn waits_for(look: &Result<Look, Unseen>) -> String {
    match look {
        Ok(look) => words(&look.state),
        Err(unseen) => unseen.reason.clone(),
    }
}

/// The failure of a Central whose rollout was given up by its controller, and that is not ready
/// when the time of the step is over.
fn too_late(
    central: &ObjectRef,
    last: Option<Result<Look, Unseen>>,
    deadline: Deadline,
) -> StepError {
    let look = last.unwrap_or_else(|| Err(Unseen::yet("its log")));
    let (waits_for, seconds) = (waits_for(&look), deadline.seconds());
    let logs = look.as_ref().map(|look| last_lines(&look.log)).unwrap_or_default();
    let message = format!(
        "the rollout of `{central}` did not finish within {seconds} s; it waited for {waits_for} \
         (ProgressDeadlineExceeded)"
    );
    late(StepError::unverified(message).with_logs(logs), look.as_ref().ok())
}

/// Time is up; a Central that has given up meanwhile says more.
fn late(error: StepError, look: Option<&Look>) -> StepError {
    look.and_then(|look| stop_if_fatal(look).err()).unwrap_or(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use crate::rhacs::migrator;

    #[test]
    fn a_central_that_gave_up_says_more_than_that_time_is_up() {
        let look = |log: &str| Look { log: log.to_owned(), state: migrator::read(log) };
        let error = || StepError::unverified("late");
        for log in [
            "",
            "Version found in the DB was current. We're good to go!",
            "Found DB at version 80, which is less than what we expect (105).",
        ] {
            assert_eq!(late(error(), Some(&look(log))), error(), "{log}");
        }
        let failed = late(error(), Some(&look("Migrator failed: disk full")));
        assert_eq!(failed.exit, Exit::StepFailed);
        assert_eq!(late(error(), None), error());
    }
}
