//! What the caller decides about a connection beyond the user's flags.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::FIELD_MANAGER;
use crate::SUITE_VERSION;

/// A function that is told something while requests are made.
pub type Observer<T> = Arc<dyn Fn(T) + Send + Sync>;

/// How a connection behaves and whom it tells.
#[derive(Clone)]
pub struct Options {
    /// The `User-Agent` of every request: what audit logs show.
    pub user_agent: String,
    /// The name under which writes own their fields.
    pub field_manager: String,
    /// Told each text of the API server's `Warning` headers once.
    pub on_warning: Option<Observer<String>>,
    /// Told before each retry.
    pub on_retry: Option<Observer<Retry>>,
    /// Told of each request that ended: `GET /version 200 in 12 ms` (for `-v 6`).
    pub on_request: Option<Observer<String>>,
    /// How requests are retried.
    pub backoff: Backoff,
    /// Longest time for opening a connection.
    pub connect_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            user_agent: format!("kubectl-rhacs/{SUITE_VERSION}"),
            field_manager: FIELD_MANAGER.to_owned(),
            on_warning: None,
            on_retry: None,
            on_request: None,
            backoff: Backoff::default(),
            connect_timeout: Duration::from_secs(10),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("user_agent", &self.user_agent)
            .field("backoff", &self.backoff)
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}

/// A request is about to be made again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Retry {
    /// What is asked again, such as `GET deploy/central`.
    pub what: String,
    /// The number of the coming attempt, from 2.
    pub attempt: u32,
    /// The last attempt's number; none where time is the limit.
    pub of: Option<u32>,
    /// How long it is tried after that attempt; none where attempts are counted.
    pub left: Option<Duration>,
    /// Why the attempt before failed.
    pub reason: String,
    /// How long until it is made.
    pub next_in: Duration,
}

impl fmt::Display for Retry {
    /// For people, where there is no run to tell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, attempt, of, left, reason, next_in } = self;
        let next_in = next_in.as_secs_f64();
        write!(f, "{what} failed ({reason}); trying again in {next_in:.1} s")?;
        match (of, left) {
            (Some(of), _) => write!(f, " ({attempt} of {of})"),
            (None, Some(left)) => write!(f, ", for up to {} s more", left.as_secs()),
            (None, None) => Ok(()),
        }
    }
}

/// Waits between attempts that double, with jitter, up to a limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Backoff {
    /// How often a request is made at most.
    pub tries: u32,
    /// The wait before the second attempt.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { tries: 4, first: Duration::from_millis(200), longest: Duration::from_secs(5) }
    }
}

impl Backoff {
    /// The wait after `attempt` (from 1) failed, without jitter.
    #[must_use]
    pub fn wait(&self, attempt: u32) -> Duration {
        let doubled = self.first.saturating_mul(1 << attempt.saturating_sub(1).min(16));
        doubled.min(self.longest)
    }

    /// [`Self::wait`], shortened by up to a quarter so that clients do not come in step.
    #[must_use]
    pub fn jittered(&self, attempt: u32) -> Duration {
        let wait = self.wait(attempt);
        wait.mul_f64(0.25_f64.mul_add(-random_fraction(), 1.0))
    }
}

/// A number from 0 to 1 that differs between calls; the hasher's keys are the source.
fn random_fraction() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let bits = RandomState::new().hash_one(0_u8) >> 40;
    f64::from(u32::try_from(bits).unwrap_or_default()) / f64::from(1_u32 << 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit() {
        let backoff = Backoff::default();
        let waits: Vec<u128> = (1..=7).map(|attempt| backoff.wait(attempt).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 5000, 5000]);
        for attempt in 1..=7 {
            let wait = backoff.wait(attempt);
            let jittered = backoff.jittered(attempt);
            assert!(jittered <= wait && jittered >= wait.mul_f64(0.74), "{jittered:?}");
        }
    }
}
