//! What became of each destination: plain data without any secret.

use common::rhacs::ObjectRef;
use serde::Serialize;

/// One destination and what became of it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DestinationReport {
    /// The destination as a person names it, such as `prod/monitoring/otel:token`.
    pub destination: String,
    /// How far the delivery came.
    pub delivered: Delivered,
    /// What happened, a fragment.
    pub message: String,
    /// The workloads that read it there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consumers: Vec<ConsumerReport>,
    /// What to do next.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// How far a delivery came; later is further.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Delivered {
    /// The destination does not have the new secret.
    No,
    /// The old secret was put back, because a consumer did not come up with the new one.
    PutBack,
    /// The destination has it, but not every consumer runs with it.
    NotRestarted,
    /// It has it, and everybody who is known to read it there runs with it or was left alone as
    /// asked.
    Done,
}

/// One workload and what became of it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerReport {
    /// The workload.
    pub object: ObjectRef,
    /// Whether its pods run with the new secret.
    pub restarted: Restarted,
    /// What happened, a fragment.
    pub message: String,
    /// The last log lines of a container in trouble.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<String>,
}

/// Whether the pods of a workload run with the new secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Restarted {
    /// They do, since this run.
    Yes,
    /// They did already.
    Before,
    /// They were left alone, as asked.
    LeftAlone,
    /// Some only end when somebody deletes them.
    Spared,
    /// The restart was not tried, or not watched to its end.
    Stopped,
    /// They do not come up with it.
    No,
}

impl DestinationReport {
    /// A destination without consumers that has the secret.
    pub fn done(destination: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(destination, Delivered::Done, message)
    }

    /// A destination that does not have the secret.
    pub fn failed(destination: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(destination, Delivered::No, message)
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    fn new(
        destination: impl Into<String>,
        delivered: Delivered,
        message: impl Into<String>,
    ) -> Self {
        Self {
            destination: destination.into(),
            delivered,
            message: message.into(),
            consumers: Vec::new(),
            hints: Vec::new(),
        }
    }
}

impl Delivered {
    /// The word of the table.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::PutBack => "old secret put back",
            Self::NotRestarted => "yes, not restarted",
            Self::Done => "yes",
        }
    }
}

impl Restarted {
    /// Whether something is left to do.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Spared | Self::Stopped | Self::No)
    }

    /// The word of the table.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Before => "not needed",
            Self::LeftAlone => "left alone",
            Self::Spared => "by hand",
            Self::Stopped => "not yet",
            Self::No => "no",
        }
    }
}
