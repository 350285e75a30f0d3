//! One step of a plan: what it does, why, how it is undone and how it is verified.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rhacs::{Component, ObjectRef, Version};

/// The unit of a run, and the unit of its reversal.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Short and stable within a plan, such as `central` or `sccs-secured`.
    pub id: String,
    /// The part of the product it belongs to; none for backup, verification and the like.
    pub component: Option<Component>,
    /// What it does, in a few words, as a sentence without a period.
    pub title: String,
    /// What is done.
    pub action: Action,
    /// Each change in it with its reason, for people.
    pub changes: Vec<Change>,
    /// How it is taken back.
    pub undo: Undo,
    /// What must hold before the step counts as done, in order.
    pub verify: Vec<Verification>,
    /// Longest time for all of `verify`, in seconds.
    pub timeout_seconds: u64,
}

/// Everything a run can do; the executor matches it exhaustively.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Action {
    /// Download a backup from Central and verify it.
    Backup {
        /// The directory it is written to.
        directory: String,
    },
    /// Write objects, strictly in order.
    Write {
        /// The writes.
        writes: Vec<Write>,
    },
    /// Fetch the scanner bundle from Central and apply its TLS Secrets and its configuration.
    ScannerBundle {
        /// What happens to a configuration of the user's own.
        config: ScannerConfig,
    },
    /// Wait until the sensor upgrader has brought the secured clusters to the version.
    AwaitUpgrader {
        /// The version they must reach.
        version: Version,
    },
    /// Verify the whole installation: Central's API and every secured cluster.
    VerifyAll {
        /// The version all must report.
        version: Version,
    },
    /// Put roxctl on the computer of who runs this, where the one of the shell is.
    InstallRoxctl {
        /// Its version.
        version: Version,
    },
    /// Revoke the API token this run used.
    RevokeToken,
}

impl Action {
    /// The title of a step that backs up into `directory`.
    #[must_use]
    pub fn backup_title(directory: &str) -> String {
        match directory {
            "." => "Back up Central to the current directory".to_owned(),
            directory => format!("Back up Central to {directory}"),
        }
    }
}

/// One write to the cluster.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Write {
    /// Change some fields of an object that is there.
    Patch {
        /// The object.
        object: ObjectRef,
        /// How the body is to be read.
        patch: PatchKind,
        /// The patch.
        body: Value,
    },
    /// Bring an object to be as the manifest says, creating it if needed (server-side apply).
    Apply {
        /// The object.
        object: ObjectRef,
        /// All the fields that are ours.
        manifest: Value,
    },
    /// Delete an object; it being gone already is success.
    Delete {
        /// The object.
        object: ObjectRef,
    },
    /// Put an object back to be as it was, creating it again if it is gone. What others own in it
    /// stays: the number of replicas, annotations added since, owners.
    Restore {
        /// The object.
        object: ObjectRef,
        /// What it was.
        before: Before,
    },
}

/// Where the former state of an object stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Before {
    /// Here.
    Manifest {
        /// The whole object.
        manifest: Value,
    },
    /// In the record of a run: the data of a Secret, which no plan shows.
    Recorded {
        /// The id of the run.
        run: String,
        /// [`super::digest_of`] the essence of the object, so that no other one is taken for it.
        digest: String,
    },
}

/// The patch formats a plan uses.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PatchKind {
    /// JSON merge patch (RFC 7386): the only one custom resources such as SCCs take.
    Merge,
    /// Strategic merge patch: lists merge by their keys.
    Strategic,
}

/// What to do with a scanner configuration that is not the official one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ScannerConfig {
    /// Keep a customised configuration; replace an official one.
    Keep,
    /// Take the new release's configuration.
    Replace,
}

/// One change inside a step, explained.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Change {
    /// The rule that asked for it, such as `readiness-probe`.
    pub rule: String,
    /// The object it changes; none when the step touches no object.
    pub object: Option<ObjectRef>,
    /// What changes: `readiness probe /admissioncontroller → /ready`.
    pub what: String,
    /// Why, in a sentence without a period.
    pub why: String,
    /// Where that is written: the guide's section, the product's file or change log.
    pub source: String,
}

/// How a step is taken back.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Undo {
    /// Put every object of the step back as it was captured; delete what the step created.
    Restore,
    /// As [`Self::Restore`], but that does not bring everything back.
    Partly {
        /// What it does not bring back, for people, a sentence without a period.
        reason: String,
    },
    /// There is nothing to take back, or no way; `reason` says which.
    None {
        /// For people, a sentence without a period.
        reason: String,
    },
}

/// What must hold after a step.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Verification {
    /// The rollout of a workload is complete.
    Rollout {
        /// The workload.
        object: ObjectRef,
    },
    /// The newest Central pod's log says the database is current, and the API serves the version.
    CentralServes {
        /// The version.
        version: Version,
    },
}

impl Undo {
    /// Whether objects are put back.
    #[must_use]
    pub const fn restores(&self) -> bool {
        matches!(self, Self::Restore | Self::Partly { .. })
    }
}

impl Write {
    /// The object that is written.
    #[must_use]
    pub const fn object(&self) -> &ObjectRef {
        match self {
            Self::Patch { object, .. }
            | Self::Apply { object, .. }
            | Self::Delete { object }
            | Self::Restore { object, .. } => object,
        }
    }
}

impl Action {
    /// The writes of this action that are known when the plan is made.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        match self {
            Self::Write { writes } => writes,
            _ => &[],
        }
    }
}
