//! The API server's clock: times in objects are its, and this computer's may be wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http::HeaderMap;
use http::header::DATE;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};

/// `Date` has whole seconds and is made before the answer travels; less is no difference.
const RESOLUTION: i64 = 2;

/// How far the API server's clock is from this computer's, from the `Date` of its answers.
#[derive(Clone, Debug, Default)]
pub(super) struct ServerClock(Arc<AtomicI64>);

impl ServerClock {
    /// The time there.
    pub(super) fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_secs(self.0.load(Ordering::Relaxed));
        let here = Timestamp::now();
        here.checked_add(ahead).unwrap_or(here)
    }

    /// Learns from an answer that just arrived.
    pub(super) fn learn(&self, headers: &HeaderMap) {
        self.learn_at(headers, Timestamp::now());
    }

    fn learn_at(&self, headers: &HeaderMap, here: Timestamp) {
        let date = headers.get(DATE).and_then(|value| value.to_str().ok());
        let Some(there) = date.and_then(parse) else { return };
        let ahead = there.duration_since(here).as_secs();
        let ahead = if ahead.abs() <= RESOLUTION { 0 } else { ahead };
        self.0.store(ahead, Ordering::Relaxed);
    }
}

fn parse(date: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(date).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_here_is_noticed() {
        let here: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        for (date, ahead) in [
            ("Sun, 01 Mar 2026 12:00:01 GMT", 0),
            ("Sun, 01 Mar 2026 12:05:00 GMT", 300),
            ("Sun, 01 Mar 2026 11:00:00 GMT", -3600),
            ("yesterday", 0),
        ] {
            let clock = ServerClock::default();
            let mut headers = HeaderMap::new();
            headers.insert(DATE, date.parse().unwrap());
            clock.learn_at(&headers, here);
            assert_eq!(clock.0.load(Ordering::Relaxed), ahead, "{date}");
        }
    }
}
