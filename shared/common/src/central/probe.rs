//! Measuring an outage: Central is pinged all the time, and what it misses is added up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use super::api::ping;
use super::client::CentralClient;

/// How often Central is asked.
const INTERVAL: Duration = Duration::from_millis(500);
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long Central did not answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Outage {
    /// All the time without an answer.
    pub total: Duration,
    /// The longest time without one.
    pub longest: Duration,
    /// When it began; none when there was no outage.
    pub began: Option<Timestamp>,
    /// When Central answered again; none when there was no outage or it goes on.
    pub ended: Option<Timestamp>,
    /// Whether Central ever answered; without that nothing was measured.
    pub answered: bool,
}

/// A running measurement; dropping it ends it.
#[derive(Debug)]
pub struct Probe {
    tally: Arc<Mutex<Tally>>,
    task: JoinHandle<()>,
}

impl Probe {
    /// Starts to measure. The client should have no credentials: none are needed.
    #[must_use]
    pub fn start(client: &CentralClient) -> Self {
        let tally = Arc::new(Mutex::new(Tally::default()));
        let task = tokio::spawn(measure(client.clone(), Arc::clone(&tally)));
        Self { tally, task }
    }

    /// What was measured until now.
    #[must_use]
    pub fn outage(&self) -> Outage {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.outage(Instant::now())
    }

    /// Ends the measurement.
    #[must_use]
    pub fn stop(self) -> Outage {
        self.outage()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn measure(client: CentralClient, tally: Arc<Mutex<Tally>>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let asked_at = Instant::now();
        let answered = client.once(&ping(), PATIENCE).await.is_ok();
        let at = if answered { Instant::now() } else { asked_at };
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.record(answered, at, Timestamp::now());
    }
}

/// The sum so far. An outage lasts from the first unanswered ping to the next answered one.
#[derive(Debug, Default)]
struct Tally {
    outage: Outage,
    down_since: Option<Instant>,
}

impl Tally {
    fn record(&mut self, answered: bool, at: Instant, clock: Timestamp) {
        match (answered, self.down_since) {
            (true, Some(_)) => {
                self.outage = self.outage(at);
                self.outage.ended = Some(clock);
                self.down_since = None;
            }
            (true, None) => self.outage.answered = true,
            // What was never up did not go down.
            (false, None) if self.outage.answered => {
                self.down_since = Some(at);
                self.outage.began.get_or_insert(clock);
                self.outage.ended = None;
            }
            (false, _) => {}
        }
    }

    fn outage(&self, now: Instant) -> Outage {
        let current = self.down_since.map_or(Duration::ZERO, |since| now - since);
        Outage {
            total: self.outage.total + current,
            longest: self.outage.longest.max(current),
            ..self.outage
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_are_added_up_and_the_longest_is_known() {
        let start = Instant::now();
        let mut tally = Tally::default();
        let clock = Timestamp::UNIX_EPOCH;
        for (second, answered) in
            [(0, false), (1, true), (2, false), (3, false), (5, true), (6, true), (7, false)]
        {
            tally.record(answered, start + Duration::from_secs(second), clock);
        }
        let outage = tally.outage(start + Duration::from_secs(17));
        assert_eq!(outage.total, Duration::from_secs(13));
        assert_eq!(outage.longest, Duration::from_secs(10));
        assert_eq!((outage.began, outage.ended), (Some(clock), None), "it goes on");
    }

    #[test]
    fn a_central_that_was_never_up_measures_nothing() {
        let start = Instant::now();
        let mut tally = Tally::default();
        tally.record(false, start, Timestamp::UNIX_EPOCH);
        let outage = tally.outage(start + Duration::from_secs(60));
        assert_eq!(outage, Outage::default());
    }
}
