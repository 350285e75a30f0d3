//! What every step of one delivery works with.

use std::time::Duration;

use common::run::{Event, Events, Interrupt};
use secrecy::SecretString;

use super::consumers::Consumer;
use crate::blot::blotted;

/// The shortest limit for the restart of one workload that nobody named.
const LEAST_LIMIT: Duration = Duration::from_secs(600);
/// A restart may take so many times what its size asks for.
const PATIENCE: u64 = 3;

/// One delivery: the secret, and how it is done.
#[derive(Clone, Debug)]
pub struct Work {
    /// The token's name.
    pub token: String,
    /// The secret that is delivered.
    pub secret: SecretString,
    /// The secret before it, when it is known and another.
    pub old: Option<SecretString>,
    /// What the API is asked with; kept out of everything that is shown.
    pub credential: Option<SecretString>,
    /// When the secret was made, RFC 3339; empty when it is not known.
    pub rotated_at: String,
    /// Whether consumers restart.
    pub restarts: bool,
    /// The limit for the restart of one workload, when the user names one.
    pub timeout: Option<Duration>,
    /// Where progress goes.
    pub events: Events,
    /// How the user stops it.
    pub interrupt: Interrupt,
    /// The id of the step that runs, for progress.
    pub step: String,
}

impl Work {
    /// Says what is waited for.
    pub fn waiting(&self, message: impl Into<String>, counts: Option<(u64, u64)>) {
        self.events.emit(Event::Waiting {
            id: self.step.clone(),
            message: message.into(),
            ready: counts.map(|(ready, _)| ready),
            desired: counts.map(|(_, desired)| desired),
        });
    }

    /// The limit for the restart of `consumer`.
    #[must_use]
    pub fn limit(&self, consumer: &Consumer) -> Duration {
        self.timeout.unwrap_or_else(|| {
            Duration::from_secs(consumer.estimate_seconds.saturating_mul(PATIENCE)).max(LEAST_LIMIT)
        })
    }

    /// A text of others, such as a log, without the secrets.
    #[must_use]
    pub fn blotted(&self, text: &str) -> String {
        blotted(text, self.old.iter().chain(&self.credential).chain([&self.secret]))
    }
}
