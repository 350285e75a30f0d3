//! What a wait tells while it lasts, and how it ends without success.

use std::time::Duration;

use thiserror::Error;

use crate::cluster::ClusterError;
use crate::rhacs::ObjectRef;

/// What a wait waits for at the moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Waiting {
    /// The workload.
    pub object: ObjectRef,
    /// For people: `1 of 2 new pods to be available`.
    pub message: String,
    /// Pods that are available with the new template.
    pub ready: u64,
    /// Pods that are wanted.
    pub desired: u64,
}

/// Why a wait ended without success.
#[derive(Clone, Debug, Error)]
pub enum WaitError {
    /// It cannot succeed by itself.
    #[error("the rollout of `{workload}` does not succeed: `{object}` {reason}: {message}")]
    Failed {
        /// The workload.
        workload: ObjectRef,
        /// The object that is in trouble, most often a pod.
        object: ObjectRef,
        /// The machine-readable reason, such as `ImagePullBackOff`.
        reason: String,
        /// The cluster's words.
        message: String,
        /// The last lines of the troubled container's log.
        logs: Vec<String>,
    },
    /// Time is up.
    #[error("the rollout of `{workload}` did not finish within {} s; it waited for {last}",
            .after.as_secs())]
    TimedOut {
        /// The workload.
        workload: ObjectRef,
        /// What it waited for last.
        last: String,
        /// How long it was waited for.
        after: Duration,
        /// The last lines of the log of a container that was in trouble.
        logs: Vec<String>,
    },
    /// Somebody changed the workload, so that its rollout is of something else.
    #[error("`{workload}` was changed during its rollout")]
    Changed {
        /// The workload.
        workload: ObjectRef,
    },
    /// There is no such workload (any more).
    #[error("`{workload}` is not there, so its rollout cannot be waited for")]
    Deleted {
        /// The workload.
        workload: ObjectRef,
    },
    /// The workload may not be read.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

impl WaitError {
    /// The last log lines that belong to the error.
    #[must_use]
    pub fn logs(&self) -> &[String] {
        match self {
            Self::Failed { logs, .. } | Self::TimedOut { logs, .. } => logs,
            Self::Changed { .. } | Self::Deleted { .. } | Self::Cluster(_) => &[],
        }
    }
}
