//! The backup step: download, verify, and find it again when the run is resumed.

use std::time::Duration;

use super::StepContext;
use super::cluster::ClusterExecutor;
use crate::central::{BackupError, BackupRequest};
use crate::plan::Plan;
use crate::rhacs::images::Image;
use crate::rhacs::{Component, Version};
use crate::run::event::{Outcome, Unit};
use crate::run::record::{Record, StepState};
use crate::run::report::BackupReport;
use crate::run::step_error::StepError;

impl ClusterExecutor {
    /// Whether an earlier part of this run took a backup: its file is still there, whole, or the
    /// run has begun to change things, so that another backup would not be of the state before.
    pub(super) async fn backup_is_there(&self, context: &StepContext<'_>) -> bool {
        let Some(earlier) = context.earlier().filter(|step| step.state == StepState::Done) else {
            return false;
        };
        let Some(backup) = earlier.outcome.as_ref().and_then(|outcome| outcome.backup.as_ref())
        else {
            return false;
        };
        if std::fs::metadata(&backup.path).is_ok_and(|file| file.len() == backup.size) {
            return true;
        }
        let has_gone_on = has_gone_on(context.record, context.step_id());
        if has_gone_on {
            let BackupReport { path, sha256, .. } = backup;
            context.events.warn(format!(
                "the backup of this run is not on this computer: `{path}`, SHA-256 {sha256}; \
                 it is not taken again, because the run has begun to change the installation"
            ));
        }
        has_gone_on
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
        let mut request = BackupRequest::new(directory, Some(central_version(&self.plan)));
        request.timeout = limit;
        let mut progress = |bytes: u64| context.progress(bytes, None, Unit::Bytes);
        let work = async {
            let backup = central.backup(&request, &mut progress).await;
            backup.map_err(|error| {
                let is_here =
                    matches!(error, BackupError::DiskFull { .. } | BackupError::Write { .. });
                let error = StepError::from(error.into_failure());
                let run = &context.record.id;
                match is_here {
                    true => {
                        error.hint(format!("kubectl rhacs upgrade resume {run} --backup-dir DIR"))
                    }
                    false => error,
                }
            })
        };
        let backup = context.interrupt.during(work).await?;
        let path = backup.path.display().to_string();
        let mut outcome = Outcome::changed(format!("written to `{path}`"));
        outcome.backup = Some(BackupReport { path, size: backup.size, sha256: backup.sha256 });
        Ok(outcome)
    }
}

/// The version of Central before the run; the installation as a whole may be older.
fn central_version(plan: &Plan) -> Version {
    let is_central = |component: Component, container: &str| {
        component == Component::Central && container == "central"
    };
    plan.before
        .iter()
        .find(|running| is_central(running.component, &running.container))
        .and_then(|running| Image::classify(&running.image)?.version())
        .unwrap_or_else(|| plan.from.clone())
}

/// Whether a step after `id` has begun.
fn has_gone_on(record: &Record, id: &str) -> bool {
    let later = record.plan.steps.iter().skip_while(|step| step.id != id).skip(1);
    later.into_iter().any(|step| {
        let state = record.step_state(&step.id);
        matches!(state, StepState::Started | StepState::Done | StepState::Failed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Running;
    use crate::rhacs::ObjectRef;
    use crate::run::record::StepRecord;
    use crate::run::testing::{plan_of, record_of};

    #[test]
    fn the_backup_is_of_centrals_own_version() {
        let mut plan = plan_of(&["backup"]);
        assert_eq!(central_version(&plan), plan.from);
        let running = |name: &str, component: Component, tag: &str| Running {
            component,
            object: ObjectRef::deployment("stackrox", name),
            container: name.to_owned(),
            image: format!("registry.example/main:{tag}"),
        };
        plan.before = vec![
            running("sensor", Component::Secured, "3.62.1"),
            running("central", Component::Central, "3.66.1"),
        ];
        assert_eq!(central_version(&plan), Version::release(3, 66, 1));
        plan.before[1].image = "registry.example/own-central:7".to_owned();
        assert_eq!(central_version(&plan), plan.from);
    }

    #[test]
    fn only_a_later_step_that_began_makes_a_backup_unique() {
        let mut record = record_of(plan_of(&["sccs", "backup", "central"]));
        let step = |state| StepRecord::new(state, record.started);
        let (done, skipped, failed) =
            (step(StepState::Done), step(StepState::Skipped), step(StepState::Failed));
        record.steps.insert("sccs".to_owned(), done.clone());
        record.steps.insert("backup".to_owned(), done);
        assert!(!has_gone_on(&record, "backup"));
        record.steps.insert("central".to_owned(), skipped);
        assert!(!has_gone_on(&record, "backup"));
        record.steps.insert("central".to_owned(), failed);
        assert!(has_gone_on(&record, "backup"));
    }
}
