//! What a finding is called, how much it matters, and where that is written.

use crate::plan::{Finding, Severity};

/// A finding that a check can make: the row of it in the documentation.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Its stable name, which `--accept` takes.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it means, a line without a period.
    pub meaning: &'static str,
    /// Why it matters, a sentence without a period.
    pub why: &'static str,
    /// Where that is written.
    pub source: &'static str,
}

impl Definition {
    /// The finding: `what` names the object, `fix` is the command that helps, or is empty.
    #[must_use]
    pub fn found(&self, what: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding {
            code: self.code.to_owned(),
            severity: self.severity,
            what: what.into(),
            why: self.why.to_owned(),
            fix: fix.into(),
            source: self.source.to_owned(),
            accepted: false,
            fields: Vec::new(),
        }
    }
}
