//! The backup step: download, verify, and find it again when the run is resumed.

use std::time::Duration;

use super::StepContext;
use super::cluster::ClusterExecutor;
use crate::central::BackupRequest;
use crate::run::event::{Outcome, Unit};
use crate::run::record::StepState;
use crate::run::report::BackupReport;
use crate::run::step_error::StepError;

impl ClusterExecutor {
    /// Whether an earlier part of this run took a backup whose file is still there, whole.
    pub(super) async fn backup_is_there(&self, context: &StepContext<'_>) -> bool {
        let Some(earlier) = context.earlier().filter(|step| step.state == StepState::Done) else {
            return false;
        };
        let Some(backup) = earlier.outcome.as_ref().and_then(|outcome| outcome.backup.as_ref())
        else {
            return false;
        };
        std::fs::metadata(&backup.path).is_ok_and(|file| file.len() == backup.size)
    }

    /// Downloads a backup into `directory` within the time of the step. An interruption ends it
    /// and leaves no partial file.
    pub(super) async fn back_up(
        &self,
        directory: &str,
        limit: Duration,
        context: &StepContext<'_>,
    ) -> Result<Outcome, StepError> {
        let central = self.central()?;
        let mut request = BackupRequest::new(directory, Some(self.plan.from.clone()));
        request.timeout = limit;
        let mut progress = |bytes: u64| context.progress(bytes, None, Unit::Bytes);
        let work = async {
            let backup = central.backup(&request, &mut progress).await;
            backup.map_err(|error| StepError::from(error.into_failure()))
        };
        let backup = context.interrupt.during(work).await?;
        let path = backup.path.display().to_string();
        let mut outcome = Outcome::changed(format!("written to `{path}`"));
        outcome.backup = Some(BackupReport { path, size: backup.size, sha256: backup.sha256 });
        Ok(outcome)
    }
}
