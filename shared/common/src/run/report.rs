//! What a run achieved: the data behind its last table and `-o json`.

use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::plan::Operation;
use crate::rhacs::parity::Difference;
use crate::rhacs::{Component, ObjectRef, Version};

/// The result of a run, for people and for scripts.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How the run ended; the process ends with the same.
    pub exit: Exit,
    /// What kind of run it was.
    #[serde(default = "upgrade")]
    pub operation: Operation,
    /// The id of the run, as `resume`, `rollback` and `history` take it.
    pub run: String,
    /// The version that ran before.
    pub from: Version,
    /// The version the run went to.
    pub to: Version,
    /// Each workload of the installation and what it runs now.
    pub components: Vec<ComponentReport>,
    /// The parts the run was limited to; empty when it took all that are installed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limited_to: Vec<Component>,
    /// Whether Central itself was asked what runs; without credentials for it only the workloads
    /// were looked at.
    #[serde(default = "yes")]
    pub central_asked: bool,
    /// The backup this run took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupReport>,
    /// How long Central did not answer during the run, when it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage_seconds: Option<f64>,
    /// Whether that is all of it: not of a resumed run, since nobody measured between its parts.
    #[serde(default = "yes")]
    pub outage_whole: bool,
    /// How many processes worked at the run: more than one when it was resumed.
    #[serde(default = "one")]
    pub parts: usize,
    /// How long the run took, waits included; of a resumed run, its last part.
    pub elapsed_seconds: f64,
    /// The secured clusters as Central sees them.
    #[serde(default)]
    pub clusters: Vec<ClusterReport>,
    /// How the installation compares with a new one of the target version, when it was compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parity: Option<Vec<Difference>>,
    /// What went well enough, but deserves a look.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The next useful commands.
    #[serde(default)]
    pub next: Vec<String>,
}

/// What records of before the kind was told are of.
const fn upgrade() -> Operation {
    Operation::Upgrade
}

/// Records of before this was told are of runs with credentials.
const fn yes() -> bool {
    true
}

/// Records of before this was told do not say it.
const fn one() -> usize {
    1
}

/// What one workload ran before a run, and what it runs after it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentReport {
    /// The part of the product.
    pub component: Component,
    /// The workload.
    pub object: ObjectRef,
    /// The container of it that is meant; empty in records of before this was told.
    #[serde(default)]
    pub container: String,
    /// The image it ran before the run.
    pub was: String,
    /// The image its specification names now; empty when the workload is gone.
    pub is: String,
    /// The image it has to run after the run; empty where the run does not know.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub wanted: String,
    /// Whether the run answers for it; it does not for parts that it was not to touch.
    #[serde(default = "yes")]
    pub part_of_run: bool,
    /// Whether its rollout is complete and something of it runs.
    pub healthy: bool,
    /// What else is to be said, such as what it waits for; empty when nothing.
    #[serde(default)]
    pub note: String,
}

/// A backup on this computer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupReport {
    /// The file.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

/// A secured cluster as Central sees it at the end of a run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterReport {
    /// Its name.
    pub name: String,
    /// The version its sensor reports.
    pub version: String,
    /// Its overall health in Central's word, such as `HEALTHY`.
    pub health: String,
    /// Whether it is as it should be after the run.
    pub verified: bool,
    /// Whether the run answers for it; others are upgraded after it.
    #[serde(default = "yes")]
    pub part_of_run: bool,
    /// Why it is not; empty when it is.
    #[serde(default)]
    pub note: String,
}

impl ComponentReport {
    /// Why it cannot be called verified; none when it can, or when the run does not answer for it.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let Self { object, is, wanted, .. } = self;
        if !self.part_of_run {
            return None;
        }
        if !wanted.is_empty() && is != wanted {
            let is = if is.is_empty() { "nothing" } else { is };
            return Some(format!("`{object}` runs {is} instead of {wanted}"));
        }
        (!self.healthy).then(|| match self.note.as_str() {
            "" => format!("`{object}` is not healthy"),
            note => format!("`{object}`: {note}"),
        })
    }
}

impl Report {
    /// What of the workloads and clusters that the run answers for is not as it should be: as long
    /// as there is something, the run is not verified.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let wrong = self.clusters.iter().filter(|cluster| cluster.part_of_run && !cluster.verified);
        let clusters = wrong.map(|cluster| format!("cluster `{}`: {}", cluster.name, cluster.note));
        let mut faults: Vec<String> = Vec::new();
        for fault in self.components.iter().filter_map(ComponentReport::fault).chain(clusters) {
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        faults
    }
}
