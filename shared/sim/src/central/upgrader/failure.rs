//! How an automatic upgrade fails when a fault says so: in which state, and with which words.

use crate::central::state::SecuredCluster;
use crate::controllers::Round;
use crate::faults::{ClusterFault, matches};

/// The failure that a fault has in store for the upgrade of a cluster.
pub(super) struct Failure {
    /// The last state.
    pub(super) state: String,
    /// What is said about it.
    pub(super) detail: String,
}

impl Failure {
    /// The failure in store for `cluster`, if there is one.
    pub(super) fn of(round: &Round<'_>, cluster: &SecuredCluster) -> Option<Self> {
        round.cluster.faults.find(|fault| match fault {
            ClusterFault::UpgraderFails { state, detail, cluster: name }
                if name.as_deref().is_none_or(|name| matches(name, &cluster.name)) =>
            {
                let detail = detail.clone().unwrap_or_else(|| self::detail(state));
                Some(Self { state: state.clone(), detail })
            }
            _ => None,
        })
    }

    /// Whether it shows itself in this state of the upgrade.
    pub(super) fn strikes_in(&self, state: &str) -> bool {
        match self.state.as_str() {
            "UPGRADE_TIMED_OUT" => state == "UPGRADER_LAUNCHING",
            "UPGRADE_INITIALIZATION_ERROR" | "PRE_FLIGHT_CHECKS_FAILED" => {
                state == "UPGRADER_LAUNCHED"
            }
            "UPGRADE_ERROR_ROLLBACK_FAILED" if state == "UPGRADE_ERROR_ROLLING_BACK" => true,
            _ => state == "PRE_FLIGHT_CHECKS_COMPLETE",
        }
    }

    /// Whether nothing happens any more until Central gives the upgrade up.
    pub(super) fn is_by_time(&self) -> bool {
        self.state == "UPGRADE_TIMED_OUT"
    }

    /// Whether the upgrader tries to take back what it has done.
    pub(super) fn is_rolled_back(&self) -> bool {
        matches!(self.state.as_str(), "UPGRADE_ERROR_ROLLED_BACK" | "UPGRADE_ERROR_ROLLBACK_FAILED")
    }
}

/// What Central says about a last state when nobody says otherwise.
pub(super) fn detail(state: &str) -> String {
    let text = match state {
        "UPGRADE_INITIALIZATION_ERROR" => "the upgrader cannot fetch its bundle from Central",
        "PRE_FLIGHT_CHECKS_FAILED" => {
            "check \"Kubernetes authorization\": not allowed to update clusterroles"
        }
        "UPGRADE_ERROR_ROLLED_BACK" | "UPGRADE_ERROR_ROLLBACK_FAILED" => {
            "update of service sensor was refused"
        }
        "UPGRADE_TIMED_OUT" => "the upgrade made no progress",
        _ => "the upgrader failed",
    };
    text.to_owned()
}
