//! By what a rollback goes back: what applying or resuming its plan has to know of how it was made.

use serde::{Deserialize, Serialize};

/// How a rollback was found.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Course {
    /// What says where to go back to.
    pub guide: Guide,
    /// Whether the user forces it, so that data which is lost is accepted.
    pub forced: bool,
}

/// What says where a rollback goes back to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Guide {
    /// The records of the runs that are taken back.
    Runs {
        /// Their ids, newest first.
        runs: Vec<String>,
        /// Whether the user named the last one.
        named: bool,
        /// Whether nothing of them stays, so that none of them can be resumed afterwards.
        whole: bool,
    },
    /// An earlier revision of Central's Deployment.
    Revision {
        /// Its number.
        number: u64,
    },
    /// Only the version of Central's image.
    Image,
}

impl Course {
    /// The runs of which nothing is left once the rollback has finished.
    #[must_use]
    pub fn taken_back(&self) -> &[String] {
        match &self.guide {
            Guide::Runs { runs, whole: true, .. } => runs,
            Guide::Runs { .. } | Guide::Revision { .. } | Guide::Image => &[],
        }
    }
}
