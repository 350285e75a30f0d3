//! Virtual time: the one clock that every part of the embedded cluster reads and sleeps on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// A clock that runs at a multiple of real time, so that minutes of a rollout pass in milliseconds
/// while the timestamps written into objects keep their natural distances. Clones share it.
#[derive(Clone, Debug)]
pub struct Clock {
    base: Arc<Mutex<Base>>,
}

/// The moment from which the time is counted, and how fast.
#[derive(Clone, Copy, Debug)]
struct Base {
    start: Timestamp,
    origin: Instant,
    factor: f64,
}

impl Clock {
    /// A clock that shows and takes real time.
    #[must_use]
    pub fn real() -> Self {
        Self::scaled(1.0)
    }

    /// A clock that starts now and runs `factor` times as fast as real time. Factors below 1 count as 1.
    #[must_use]
    pub fn scaled(factor: f64) -> Self {
        Self::starting_at(Timestamp::now(), factor)
    }

    /// As [`Clock::scaled`], but showing `start` first, for tests that compare timestamps.
    #[must_use]
    pub fn starting_at(start: Timestamp, factor: f64) -> Self {
        let base = Base { start, origin: Instant::now(), factor: factor.max(1.0) };
        Self { base: Arc::new(Mutex::new(base)) }
    }

    /// The virtual time of this moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.lock().now()
    }

    /// How many times as fast as real time it runs.
    #[must_use]
    pub fn factor(&self) -> f64 {
        self.lock().factor
    }

    /// Runs at another speed from now on. Whoever sleeps notices it when the old sleep ends.
    pub fn set_factor(&self, factor: f64) {
        let mut base = self.lock();
        *base = Base { start: base.now(), origin: Instant::now(), factor: factor.max(1.0) };
    }

    /// Sets the time back, before anything has been written with it: what then comes up at high speed
    /// is over before the present.
    pub fn set_back(&self, duration: SignedDuration) {
        let mut base = self.lock();
        let start = base.now().saturating_sub(duration).unwrap_or(Timestamp::MIN);
        *base = Base { start, origin: Instant::now(), factor: base.factor };
    }

    /// Moves on to `time`, if that is later than now; the time between does not pass for sleepers.
    pub fn advance_to(&self, time: Timestamp) {
        let mut base = self.lock();
        *base = Base { start: base.now().max(time), origin: Instant::now(), factor: base.factor };
    }

    /// Sleeps for a virtual duration. Tokio's timer has a grain of one real millisecond.
    pub async fn sleep(&self, duration: Duration) {
        let until = SignedDuration::try_from(duration)
            .ok()
            .and_then(|duration| self.now().checked_add(duration).ok());
        self.sleep_until(until.unwrap_or(Timestamp::MAX)).await;
    }

    /// Sleeps until the clock shows `time`; returns at once when it is past.
    pub async fn sleep_until(&self, time: Timestamp) {
        loop {
            let missing = Duration::try_from(time.duration_since(self.now())).unwrap_or_default();
            if missing.is_zero() {
                return;
            }
            tokio::time::sleep(self.real_duration(missing)).await;
        }
    }

    /// How long a virtual duration takes in real time, at the speed of now.
    #[must_use]
    pub fn real_duration(&self, duration: Duration) -> Duration {
        duration.div_f64(self.factor())
    }

    fn lock(&self) -> MutexGuard<'_, Base> {
        self.base.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Base {
    fn now(&self) -> Timestamp {
        let virtual_nanoseconds = self.origin.elapsed().as_secs_f64() * self.factor * 1e9;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the conversion saturates, and an i64 of nanoseconds lasts 292 years"
        )]
        let elapsed = SignedDuration::from_nanos(virtual_nanoseconds as i64);
        self.start.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ten_virtual_minutes_pass_in_milliseconds() {
        let clock = Clock::scaled(100_000.0);
        let (before, real) = (clock.now(), Instant::now());
        clock.sleep(Duration::from_secs(600)).await;
        assert!(clock.now().duration_since(before) >= SignedDuration::from_secs(600));
        assert!(real.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn sleeping_until_the_past_returns_at_once() {
        let clock = Clock::real();
        let past = clock.now() - SignedDuration::from_secs(3600);
        clock.sleep_until(past).await;
        assert!(clock.now() > past);
    }

    #[test]
    fn a_slow_factor_is_real_time() {
        let clock = Clock::scaled(0.0);
        assert_eq!(clock.real_duration(Duration::from_secs(3)), Duration::from_secs(3));
    }

    #[test]
    fn a_change_of_speed_does_not_turn_time_back() {
        let clock = Clock::scaled(1_000_000.0);
        let before = clock.now();
        clock.set_factor(1.0);
        assert!(clock.now() >= before);
        let target = clock.now() + SignedDuration::from_secs(60);
        clock.advance_to(target);
        assert!(clock.now() >= target);
        clock.advance_to(before);
        assert!(clock.now() >= target, "advancing never goes back");
    }
}
