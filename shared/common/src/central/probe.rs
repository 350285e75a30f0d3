//! Measuring an outage: Central is pinged all the time, and what it misses is added up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::api::ping;
use super::client::CentralClient;
use crate::env::Clock;

/// How often Central is asked.
const INTERVAL: Duration = Duration::from_millis(500);
/// How often it is asked through the API server, where each attempt at a Central that is down costs
/// a request there as well.
const FORWARDED_INTERVAL: Duration = Duration::from_secs(2);
/// A clock that runs fast does not make it more often than this.
const SHORTEST: Duration = Duration::from_millis(20);
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
    clock: Clock,
    task: JoinHandle<()>,
}

impl Probe {
    /// Starts to measure by `clock`. No credentials are sent: none are needed.
    #[must_use]
    pub fn start(client: &CentralClient, clock: &Clock) -> Self {
        let tally = Arc::new(Mutex::new(Tally::default()));
        let task = tokio::spawn(measure(client.clone(), clock.clone(), Arc::clone(&tally)));
        Self { tally, clock: clock.clone(), task }
    }

    /// What was measured until now.
    #[must_use]
    pub fn outage(&self) -> Outage {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.outage(self.clock.now())
    }

    /// The times without an answer, oldest first; one that goes on ends now.
    #[must_use]
    pub fn gaps(&self) -> Vec<(Timestamp, Timestamp)> {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let current = tally.down_since.map(|since| (since, self.clock.now()));
        tally.gaps.iter().copied().chain(current).collect()
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

async fn measure(client: CentralClient, clock: Clock, tally: Arc<Mutex<Tally>>) {
    let interval = if client.is_forwarded() { FORWARDED_INTERVAL } else { INTERVAL };
    let mut ticks = tokio::time::interval(clock.real_duration(interval).max(SHORTEST));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let asked_at = clock.now();
        let answered = client.once(&ping(), PATIENCE).await.is_ok();
        let at = if answered { clock.now() } else { asked_at };
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.record(answered, at);
    }
}

/// The sum so far. An outage lasts from the first unanswered ping to the next answered one.
#[derive(Debug, Default)]
struct Tally {
    outage: Outage,
    down_since: Option<Timestamp>,
    /// The outages that are over.
    gaps: Vec<(Timestamp, Timestamp)>,
}

impl Tally {
    fn record(&mut self, answered: bool, at: Timestamp) {
        match (answered, self.down_since) {
            (true, Some(since)) => {
                self.outage = self.outage(at);
                self.gaps.push((since, at));
                self.outage.ended = Some(at);
                self.down_since = None;
            }
            (true, None) => self.outage.answered = true,
            // What was never up did not go down.
            (false, None) if self.outage.answered => {
                self.down_since = Some(at);
                self.outage.began.get_or_insert(at);
                self.outage.ended = None;
            }
            (false, _) => {}
        }
    }

    fn outage(&self, now: Timestamp) -> Outage {
        let current = self.down_since.map_or(Duration::ZERO, |since| {
            Duration::try_from(now.duration_since(since)).unwrap_or_default()
        });
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
        let start = Timestamp::UNIX_EPOCH;
        let mut tally = Tally::default();
        for (second, answered) in
            [(0, false), (1, true), (2, false), (3, false), (5, true), (6, true), (7, false)]
        {
            tally.record(answered, start + Duration::from_secs(second));
        }
        let outage = tally.outage(start + Duration::from_secs(17));
        assert_eq!(outage.total, Duration::from_secs(13));
        assert_eq!(outage.longest, Duration::from_secs(10));
        let began = start + Duration::from_secs(2);
        assert_eq!((outage.began, outage.ended), (Some(began), None), "it goes on");
        assert_eq!(tally.gaps, [(began, start + Duration::from_secs(5))], "those that are over");
    }

    #[test]
    fn a_central_that_was_never_up_measures_nothing() {
        let start = Timestamp::UNIX_EPOCH;
        let mut tally = Tally::default();
        tally.record(false, start);
        let outage = tally.outage(start + Duration::from_secs(60));
        assert_eq!(outage, Outage::default());
    }
}
