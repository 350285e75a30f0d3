//! Plans: what will be done, as plain data. No I/O.

mod action;
mod basis;
mod course;
mod deviation;
mod digest;
mod finding;
mod forecast;
mod merge;
mod running;
mod step;
mod unfit;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use action::BUNDLE;
pub use basis::{basis_of, moved, state};
pub use course::{Course, Guide};
pub use deviation::{Deviation, Part, lacking, unsatisfied};
pub use digest::{basis_digest, digest_of};
pub use finding::{Finding, Severity, ThreeWay};
pub use forecast::{ChangedBy, Forecast, Foreseen, after_writes};
pub use merge::{apply_patch, is_satisfied, merge_patches};
pub use running::{newer_than, oldest, running};
pub use step::{Action, Before, Change, PatchKind, ScannerConfig, Step, Undo, Verification, Write};
pub use unfit::{
    Unfit, check_installed, check_managers, check_manifest, choose_components, is_installed,
};

use crate::rhacs::{ClusterIdentity, Component, ObjectRef, Platform, Version};

/// The number of the plan's format; a reader refuses any other.
pub const PLAN_SCHEMA: u32 = 1;

/// Everything one run will do, in order; what was shown is what runs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_SCHEMA`] of the writer.
    pub schema: u32,
    /// The suite's version that made the plan.
    pub tool: String,
    /// What kind of run this is.
    pub operation: Operation,
    /// The cluster it was made for.
    pub cluster: ClusterIdentity,
    /// The namespace of the installation.
    pub namespace: String,
    /// The platform it was made for.
    pub platform: Platform,
    /// The version that runs now.
    pub from: Version,
    /// The version to go to.
    pub to: Version,
    /// Which parts take part.
    pub components: Vec<Component>,
    /// What runs now, for the last table of the run.
    pub before: Vec<Running>,
    /// The state each touched object had; when one moved, the plan no longer fits.
    pub basis: Vec<Basis>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// By what a rollback, or a restoration of SCCs, goes back; none for other runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course: Option<Course>,
    /// Digest of all the above, to notice an edited file.
    pub digest: String,
}

/// What a planner has to say: a plan, and what it found while it made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposed {
    /// The plan.
    pub plan: Plan,
    /// What has to be known of it and cannot be told from the installation and the plan alone.
    pub findings: Vec<Finding>,
}

impl From<Plan> for Proposed {
    fn from(plan: Plan) -> Self {
        Self { plan, findings: Vec::new() }
    }
}

/// The kind of a run.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// To a newer version.
    Upgrade,
    /// Back to an older one.
    Rollback,
    /// Only the SCCs.
    Scc,
}

/// A workload and the version it runs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Running {
    /// Part of the product.
    pub component: Component,
    /// The workload.
    pub object: ObjectRef,
    /// The container that is meant.
    pub container: String,
    /// Its image reference.
    pub image: String,
}

/// The state of one object when the plan was made.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Basis {
    /// The object.
    pub object: ObjectRef,
    /// Its uid; none when it does not exist yet.
    pub uid: Option<String>,
    /// [`basis_digest`] of it; none when it does not exist yet.
    pub digest: Option<String>,
}

impl Operation {
    /// The plugin that carries it out, as it is typed behind `kubectl rhacs`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Upgrade => "upgrade",
            Self::Rollback => "rollback",
            Self::Scc => "scc",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upgrade => "an upgrade",
            Self::Rollback => "a rollback",
            Self::Scc => "an SCC migration",
        })
    }
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.steps.iter().any(|step| step.action.is_work())
    }

    /// The parts it is limited to; none when it takes all that are installed.
    #[must_use]
    pub fn limited_to(&self) -> Vec<Component> {
        let is_taken = |running: &Running| self.components.contains(&running.component);
        if self.before.iter().all(is_taken) { Vec::new() } else { self.components.clone() }
    }

    /// Whether Central's own upgrader brings the secured clusters to the version.
    #[must_use]
    pub fn awaits_upgrader(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.action, Action::AwaitUpgrader { .. }))
    }

    /// Where its backup goes; none when it takes none.
    #[must_use]
    pub fn backup_directory(&self) -> Option<&str> {
        self.steps.iter().find_map(|step| step.action.backup_directory())
    }

    /// Seals the plan: computes its digest.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        self.digest = self.content_digest();
        self
    }

    /// Whether the plan is as it was when it was sealed.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.digest == self.content_digest()
    }

    /// The step with this id.
    #[must_use]
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    fn content_digest(&self) -> String {
        let mut content = self.clone();
        content.digest = String::new();
        serde_json::to_value(&content).map(|value| digest_of(&value)).unwrap_or_default()
    }
}
