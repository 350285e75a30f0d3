//! What becomes of the records of runs that a rollback has taken back.

use super::Session;
use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::plan::Plan;
use crate::run::{ClusterJournal, Journal, RunState, StepError};

/// Notes in the record of each run that was cut off, and that `plan` has taken back as a whole, that
/// nothing is left of it to be resumed.
pub(super) async fn note(session: &Session, cluster: &Cluster, plan: &Plan) {
    for id in plan.course.iter().flat_map(|course| course.taken_back()) {
        if let Err(failure) = note_one(cluster, id).await {
            let words = format!("run {id} is rolled back, but not noted to be: {failure}");
            session.ui.warn(&words);
        }
    }
}

async fn note_one(cluster: &Cluster, id: &str) -> Result<(), Failure> {
    let Some((mut journal, mut record)) = ClusterJournal::open(cluster, id).await? else {
        return Ok(());
    };
    if !record.is_resumable() {
        return Ok(());
    }
    record.state = RunState::RolledBack;
    journal.save(&record).await.map_err(StepError::into_failure)
}
