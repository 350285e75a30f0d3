//! Findings: what a preflight check has to say.

use serde::{Deserialize, Serialize};

/// One named result of a check.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Finding {
    /// Stable name, such as `RHACS-BACKUP-SKIPPED`.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// What was found, on which object, a sentence without a period.
    pub what: String,
    /// Why it matters, a sentence without a period.
    pub why: String,
    /// The command or step that fixes it; empty when nothing needs fixing.
    pub fix: String,
    /// Where the knowledge comes from.
    pub source: String,
    /// Whether the user accepted it with `--accept`.
    #[serde(default)]
    pub accepted: bool,
    /// The fields that somebody changed since a run, where the finding is about that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<ThreeWay>,
}

/// The three states of a field that somebody changed since a run, in words; what may be a secret is
/// not in them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ThreeWay {
    /// The path of the field, such as `containers[sensor].image`.
    pub field: String,
    /// What was recorded before the run.
    pub before: String,
    /// What the run left.
    pub left: String,
    /// What is there now.
    pub now: String,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The run must not start, and no flag changes that.
    Block,
    /// The run does not start unless the finding is accepted by name (`--accept CODE`).
    Accept,
    /// Worth reading.
    Warn,
    /// Good to know.
    Info,
}

impl Finding {
    /// Whether the run must not start because of this finding.
    #[must_use]
    pub const fn is_blocking(&self) -> bool {
        match self.severity {
            Severity::Block => true,
            Severity::Accept => !self.accepted,
            Severity::Warn | Severity::Info => false,
        }
    }
}
