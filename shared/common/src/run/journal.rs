//! Where the record of a run is kept while it goes.

use std::collections::BTreeMap;
use std::future::Future;

use super::record::{Record, RecordError, RunState};
use super::step_error::StepError;
use crate::cluster::{Cluster, ClusterError, Held, Records};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::Operation;
use crate::rhacs::SecretFacts;

/// So many records are kept; older ones are deleted when a run ends.
const KEPT_RECORDS: usize = 10;

/// Keeps the newest state of a record.
///
/// The runner saves before each step that writes, and once at the end. A save that fails stops the
/// run before the step, so that nothing happens that is not recorded.
pub trait Journal {
    /// Stores `record` in place of what was stored before.
    ///
    /// # Errors
    /// When the record is not stored, or may not be.
    fn save(&mut self, record: &Record) -> impl Future<Output = Result<(), StepError>>;

    /// What somebody did to the record since it was asked last, for people.
    fn news(&mut self) -> Option<String> {
        None
    }

    /// Whether the record that was saved last is there, as far as is known.
    fn is_kept(&self) -> bool {
        true
    }
}

/// The journal of real runs: a Secret in the namespace of the installation.
#[derive(Debug)]
pub struct ClusterJournal<'a> {
    records: Records,
    version: Option<String>,
    lock: Option<&'a Held>,
    /// Whether there may be too many records.
    prunes: bool,
    /// Somebody deleted the record during the run: whether it was written again.
    deleted: Option<Rewritten>,
}

/// What became of a record that somebody deleted during its run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rewritten {
    /// It is there again, and that was not told yet.
    Untold,
    /// It is there again.
    Told,
    /// It could not be written again.
    No,
}

impl<'a> ClusterJournal<'a> {
    /// The journal of a run that begins.
    #[must_use]
    pub fn new(cluster: &Cluster) -> Self {
        Self {
            records: Records::new(cluster),
            version: None,
            lock: None,
            prunes: true,
            deleted: None,
        }
    }

    /// Loads the record of the run `id` and the journal that goes on with it; none when there is
    /// no such record.
    ///
    /// # Errors
    /// When it cannot be read, or was written in a format this tool does not know.
    pub async fn open(cluster: &Cluster, id: &str) -> Result<Option<(Self, Record)>, Failure> {
        let records = Records::new(cluster);
        let cannot = || format!("cannot read the record of run `{id}`");
        let stored = records.load(id).await.map_err(|error| error.into_failure(cannot()))?;
        let Some(stored) = stored else { return Ok(None) };
        let record = Record::decode(&stored.bytes).map_err(|error| {
            let failure = Failure::unexpected(cannot()).caused_by(&error);
            match error {
                RecordError::Newer { tool, .. } => failure
                    .hint(format!("upgrade the plugin to {tool} or later: `kubectl krew upgrade`")),
                _ => failure,
            }
        })?;
        let version = Some(stored.resource_version);
        Ok(Some((Self { records, version, lock: None, prunes: true, deleted: None }, record)))
    }

    /// Knows the Secrets of the namespace as they were a moment ago: where only few of them are
    /// records, the end of the run need not look for old ones to delete.
    #[must_use]
    pub fn among(mut self, secrets: &[SecretFacts]) -> Self {
        self.prunes = secrets.iter().filter(|secret| is_record(secret)).count() >= KEPT_RECORDS;
        self
    }

    /// Refuses to save once `lock` is lost: another run may be going on. One that has expired while
    /// the API server was away has to be renewed first.
    #[must_use]
    pub const fn under(mut self, lock: &'a Held) -> Self {
        self.lock = Some(lock);
        self
    }
}

impl Journal for ClusterJournal<'_> {
    async fn save(&mut self, record: &Record) -> Result<(), StepError> {
        if let Some(lock) = self.lock
            && !lock.is_ours().await
        {
            return Err(StepError::new(Exit::Locked, "the lock of this run was lost")
                .hint("see who took it: `kubectl rhacs upgrade history`"));
        }
        let cannot = || format!("cannot record the run in `kubectl-rhacs-run-{}`", record.id);
        let bytes = record
            .encode()
            .map_err(|error| StepError::failed(cannot()).because(error.to_string()))?;
        let labels = labels(record);
        let known = self.version.as_deref();
        let saved = match self.records.save(&record.id, &labels, &bytes, known).await {
            // Somebody deleted it: what undoes the run so far is written again, whole.
            Err(error) if error.is_not_found() && known.is_some() => {
                let again = self.records.save(&record.id, &labels, &bytes, None).await;
                let is_again = again.is_ok();
                self.deleted = Some(if is_again { Rewritten::Untold } else { Rewritten::No });
                again
            }
            saved => saved,
        };
        match saved {
            Ok(version) => self.version = Some(version),
            Err(error @ (ClusterError::Conflict { .. } | ClusterError::AlreadyExists { .. })) => {
                let error = StepError::new(Exit::Locked, cannot()).because(error.to_string());
                return Err(error.hint("another process goes on with this run"));
            }
            Err(error) => return Err(error.into_failure(cannot()).into()),
        }
        if self.prunes && (record.state != RunState::Running || record.closed.is_some()) {
            // Old records are in nobody's way: that they stay is no reason to fail.
            drop(self.records.prune(KEPT_RECORDS).await);
        }
        Ok(())
    }

    fn news(&mut self) -> Option<String> {
        let is_untold = self.deleted == Some(Rewritten::Untold);
        if is_untold {
            self.deleted = Some(Rewritten::Told);
        }
        is_untold.then(|| {
            "somebody deleted the record of this run; it was written again, with all that undoes \
             the run"
                .to_owned()
        })
    }

    fn is_kept(&self) -> bool {
        self.deleted != Some(Rewritten::No)
    }
}

fn is_record(secret: &SecretFacts) -> bool {
    secret.kind == "rhacs.kubectl/run"
}

/// The labels by which records are listed without being read.
fn labels(record: &Record) -> BTreeMap<String, String> {
    let operation = match record.operation {
        Operation::Upgrade => "upgrade",
        Operation::Rollback => "rollback",
        Operation::Scc => "scc",
    };
    BTreeMap::from([
        ("rhacs.kubectl/operation".to_owned(), operation.to_owned()),
        ("rhacs.kubectl/state".to_owned(), state_label(record).to_owned()),
        ("rhacs.kubectl/from".to_owned(), record.plan.from.to_string()),
        ("rhacs.kubectl/to".to_owned(), record.plan.to.to_string()),
    ])
}

const fn state_label(record: &Record) -> &'static str {
    match record.state {
        // Who warns of unfinished runs goes by this label.
        _ if record.closed.is_some() => "closed",
        RunState::Running => "running",
        RunState::Finished => "finished",
        RunState::Failed => "failed",
        RunState::Interrupted => "interrupted",
        RunState::RolledBack => "rolled-back",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::testing::{plan_of, record_of};

    #[test]
    fn a_record_is_found_by_its_labels() {
        let mut record = record_of(plan_of(&["central"]));
        record.state = RunState::RolledBack;
        let labels = labels(&record);
        assert_eq!(labels["rhacs.kubectl/operation"], "upgrade");
        assert_eq!(labels["rhacs.kubectl/state"], "rolled-back");
        assert_eq!(labels["rhacs.kubectl/to"], "3.69.2");
    }
}
