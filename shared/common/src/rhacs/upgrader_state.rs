//! The states of the product's own upgrade of a secured cluster.
//!
//! Source: the product's `proto/storage/cluster.proto`, `UpgradeProgress`.

/// Where an automatic upgrade of a secured cluster is, as Central reports it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UpgraderState {
    /// Central has decided to upgrade the cluster.
    Initializing,
    /// The sensor creates the upgrader's Deployment.
    Launching,
    /// The upgrader runs, and fetches what it needs.
    Launched,
    /// Nothing stands in the way of its changes.
    PreFlightChecksComplete,
    /// Its changes are made; the new sensor has to report.
    OperationsDone,
    /// The new sensor has reported.
    Complete,
    /// The upgrader could not begin.
    InitializationError,
    /// Something stands in the way; nothing was changed.
    PreFlightChecksFailed,
    /// Something went wrong; the changes are being taken back.
    RollingBack,
    /// Something went wrong; the changes were taken back.
    RolledBack,
    /// Something went wrong, and the changes could not be taken back.
    RollbackFailed,
    /// Something went wrong.
    Unknown,
    /// There was no progress for too long.
    TimedOut,
}

impl UpgraderState {
    /// The state of Central's name, such as `UPGRADER_LAUNCHED`; none for a name that is not known.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        STATES.iter().find(|(known, ..)| *known == name).map(|(_, state, _)| *state)
    }

    /// What happens in it, in a few words that stand after the cluster's name.
    #[must_use]
    pub fn words(self) -> &'static str {
        STATES.iter().find(|(_, state, _)| *state == self).map_or("", |(.., words)| *words)
    }

    /// Whether it is the end of an upgrade that did not succeed.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(
            self,
            Self::InitializationError
                | Self::PreFlightChecksFailed
                | Self::RolledBack
                | Self::RollbackFailed
                | Self::Unknown
                | Self::TimedOut
        )
    }
}

const STATES: [(&str, UpgraderState, &str); 13] = [
    ("UPGRADE_INITIALIZING", UpgraderState::Initializing, "the upgrade begins"),
    ("UPGRADER_LAUNCHING", UpgraderState::Launching, "the upgrader is launched"),
    ("UPGRADER_LAUNCHED", UpgraderState::Launched, "the upgrader makes its checks"),
    (
        "PRE_FLIGHT_CHECKS_COMPLETE",
        UpgraderState::PreFlightChecksComplete,
        "the upgrader changes the objects",
    ),
    (
        "UPGRADE_OPERATIONS_DONE",
        UpgraderState::OperationsDone,
        "the objects are changed, the new sensor has to report",
    ),
    ("UPGRADE_COMPLETE", UpgraderState::Complete, "the upgrade is complete"),
    ("UPGRADE_INITIALIZATION_ERROR", UpgraderState::InitializationError, "it could not begin"),
    ("PRE_FLIGHT_CHECKS_FAILED", UpgraderState::PreFlightChecksFailed, "its checks failed"),
    ("UPGRADE_ERROR_ROLLING_BACK", UpgraderState::RollingBack, "it failed and is taken back"),
    ("UPGRADE_ERROR_ROLLED_BACK", UpgraderState::RolledBack, "it failed and was taken back"),
    (
        "UPGRADE_ERROR_ROLLBACK_FAILED",
        UpgraderState::RollbackFailed,
        "it failed and could not be taken back",
    ),
    ("UPGRADE_ERROR_UNKNOWN", UpgraderState::Unknown, "it failed"),
    ("UPGRADE_TIMED_OUT", UpgraderState::TimedOut, "it made no progress"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_name_and_words() {
        for (name, state, words) in STATES {
            assert_eq!(UpgraderState::parse(name), Some(state));
            assert_eq!(state.words(), words);
        }
        assert_eq!(UpgraderState::parse("UPGRADE_SOMEHOW"), None);
    }

    #[test]
    fn an_upgrade_that_is_taken_back_has_not_ended_yet() {
        let failures = STATES.iter().filter(|(_, state, _)| state.is_failure());
        assert_eq!(failures.count(), 6);
        assert!(!UpgraderState::RollingBack.is_failure());
    }
}
