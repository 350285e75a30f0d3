//! Time: the system's, a faster one for rehearsals, or a fixed one for tests.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// The one source of time of a process; clones share it.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    Scaled { start: Timestamp, origin: Instant, factor: f64 },
    Fixed(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// Real time.
    #[must_use]
    pub const fn system() -> Self {
        Self(Kind::System)
    }

    /// Shows `start` first and runs `factor` times as fast as real time, at least as fast.
    #[must_use]
    pub fn scaled(start: Timestamp, factor: f64) -> Self {
        Self(Kind::Scaled { start, origin: Instant::now(), factor: factor.max(1.0) })
    }

    /// Stands still at `time`; only sleeping moves it, and takes no real time.
    #[must_use]
    pub fn fixed(time: Timestamp) -> Self {
        Self(Kind::Fixed(Arc::new(Mutex::new(time))))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System => Timestamp::now(),
            Kind::Scaled { start, origin, factor } => {
                let passed = origin.elapsed().as_secs_f64() * factor;
                let passed = SignedDuration::try_from_secs_f64(passed).unwrap_or_default();
                start.saturating_add(passed).unwrap_or(Timestamp::MAX)
            }
            Kind::Fixed(time) => *time.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// How long this clock's `duration` takes in real time.
    #[must_use]
    pub fn real_duration(&self, duration: Duration) -> Duration {
        match &self.0 {
            Kind::System => duration,
            Kind::Scaled { factor, .. } => duration.div_f64(*factor),
            Kind::Fixed(_) => Duration::ZERO,
        }
    }

    /// Sleeps for `duration` of this clock.
    #[cfg(feature = "cluster")]
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(self.real_duration(duration)).await;
        self.advance(duration);
    }

    /// Sleeps for `duration` of this clock, blocking the thread.
    pub fn sleep_blocking(&self, duration: Duration) {
        std::thread::sleep(self.real_duration(duration));
        self.advance(duration);
    }

    fn advance(&self, duration: Duration) {
        if let Kind::Fixed(time) = &self.0 {
            let mut time = time.lock().unwrap_or_else(PoisonError::into_inner);
            *time = time.saturating_add(duration).unwrap_or(Timestamp::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-01-02T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_fixed_clock_moves_only_by_sleeping() {
        let clock = Clock::fixed(noon());
        let shared = clock.clone();
        assert_eq!(clock.now(), noon());
        shared.sleep_blocking(Duration::from_secs(90));
        assert_eq!(clock.now().duration_since(noon()), SignedDuration::from_secs(90));
    }

    #[test]
    fn a_scaled_clock_passes_ten_minutes_in_milliseconds() {
        let clock = Clock::scaled(noon(), 100_000.0);
        clock.sleep_blocking(Duration::from_secs(600));
        assert!(clock.now().duration_since(noon()) >= SignedDuration::from_secs(600));
        let slow = Clock::scaled(noon(), 0.0);
        assert_eq!(slow.real_duration(Duration::from_secs(3)), Duration::from_secs(3));
    }
}
