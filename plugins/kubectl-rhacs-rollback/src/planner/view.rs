//! What the planner looks at: the snapshot, and what only a way back needs to know.

use std::collections::BTreeMap;
use std::fmt;

use common::rhacs::migrator::MigratorState;
use common::rhacs::{ObjectRef, Snapshot, Version};
use serde_json::Value;

use super::revision::Revision;

/// What is known beyond the snapshot. It may hold the data of Secrets.
#[derive(Clone, Default)]
pub struct Ground {
    /// Objects that a snapshot leaves out, as they are now; one that is missing does not exist.
    pub live: BTreeMap<ObjectRef, Value>,
    /// Central's template at each revision that is kept, newest first.
    pub revisions: Vec<Revision>,
    /// What the log of Central's newest pod says; none when it could not be read.
    pub log: Option<MigratorState>,
}

/// Both together.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) ground: &'a Ground,
}

/// Whether the newer Central has opened the database.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Started {
    /// It has; the words say what told so.
    Yes(String),
    /// It has not; the words say what told so.
    No(String),
    /// Nothing told.
    Unknown,
}

impl<'a> View<'a> {
    /// The object as it is now.
    pub(super) fn now(self, object: &ObjectRef) -> Option<&'a Value> {
        self.snapshot.find(object).or_else(|| self.ground.live.get(object))
    }

    /// Whether Central has started on `version`.
    pub(super) fn started(self, version: &Version) -> Started {
        if self.snapshot.central.version.as_ref() == Some(version) {
            return Started::Yes(format!("its API serves {version}"));
        }
        if self.is_image_missing() {
            return Started::No("its new container never ran".to_owned());
        }
        match &self.ground.log {
            Some(MigratorState::Current | MigratorState::RolledBack) => {
                Started::Yes("its log says that the database is current".to_owned())
            }
            Some(MigratorState::Failed { line } | MigratorState::Skipped { line }) => {
                Started::No(format!("its log says: {line}"))
            }
            Some(
                MigratorState::Starting
                | MigratorState::Copying
                | MigratorState::Migrating { .. }
                | MigratorState::RollingBack
                | MigratorState::Unchanged
                | MigratorState::Fresh
                | MigratorState::Refused { .. },
            )
            | None => Started::Unknown,
        }
    }

    /// Whether Central waits for somebody to force the way back.
    pub(super) fn is_refused(self) -> bool {
        matches!(self.ground.log, Some(MigratorState::Refused { .. }))
    }

    /// Whether the container of Central's newest pod never ran, since its image cannot be had.
    fn is_image_missing(self) -> bool {
        let pods = self.snapshot.pods.iter().filter(|pod| {
            pod["metadata"]["labels"]["app"] == "central"
                && pod["metadata"]["deletionTimestamp"].is_null()
        });
        let newest = pods.max_by_key(|pod| {
            pod["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned()
        });
        let statuses = newest.and_then(|pod| pod["status"]["containerStatuses"].as_array());
        let central =
            statuses.and_then(|all| all.iter().find(|status| status["name"] == "central"));
        central.is_some_and(|central| {
            let reason = central["state"]["waiting"]["reason"].as_str().unwrap_or_default();
            central["restartCount"].as_u64().unwrap_or(0) == 0
                && matches!(
                    reason,
                    "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull"
                )
        })
    }
}

impl fmt::Debug for Ground {
    /// Leaves the objects out: they may be Secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ground")
            .field("live", &self.live.keys().collect::<Vec<_>>())
            .field("revisions", &self.revisions.len())
            .field("log", &self.log)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NEW: Version = Version::release(3, 69, 2);

    fn started(snapshot: &Snapshot, log: Option<MigratorState>) -> Started {
        let ground = Ground { log, ..Ground::default() };
        View { snapshot, ground: &ground }.started(&NEW)
    }

    #[test]
    fn the_api_knows_best() {
        let mut snapshot = Snapshot::default();
        snapshot.central.version = Some(NEW);
        assert!(matches!(started(&snapshot, None), Started::Yes(_)));
    }

    #[test]
    fn the_log_tells_without_the_api() {
        let snapshot = Snapshot::default();
        assert!(matches!(started(&snapshot, Some(MigratorState::Current)), Started::Yes(_)));
        let failed = MigratorState::Failed { line: "Migrator failed: disk".to_owned() };
        assert!(matches!(started(&snapshot, Some(failed)), Started::No(_)));
        let skipped = MigratorState::Skipped { line: "safe mode".to_owned() };
        assert!(matches!(started(&snapshot, Some(skipped)), Started::No(_)));
        assert_eq!(started(&snapshot, Some(MigratorState::Unchanged)), Started::Unknown);
        let migrating = MigratorState::Migrating { from: None, to: None };
        assert_eq!(started(&snapshot, Some(migrating)), Started::Unknown);
        assert_eq!(started(&snapshot, None), Started::Unknown);
    }

    #[test]
    fn an_image_that_was_never_pulled_has_started_nothing() {
        let mut snapshot = Snapshot::default();
        let waiting = json!({"waiting": {"reason": "ImagePullBackOff"}});
        snapshot.pods = vec![json!({
            "metadata": {"name": "central-x", "labels": {"app": "central"}},
            "status": {"containerStatuses": [
                {"name": "central", "restartCount": 0, "state": waiting}]},
        })];
        assert!(matches!(started(&snapshot, None), Started::No(_)));
    }
}
