//! Telling the retries of a connection as events of the run.

use super::event::Event;
use crate::cluster::Retry;

impl From<Retry> for Event {
    fn from(retry: Retry) -> Self {
        let Retry { what, attempt, of, left, reason, next_in } = retry;
        let left_seconds = left.map(|left| left.as_secs_f64());
        let next_in_seconds = next_in.as_secs_f64();
        Self::Retry { what, attempt, of, left_seconds, reason, next_in_seconds }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_retry_tells_the_coming_attempt_and_either_limit() {
        let (what, reason) = ("GET /version".to_owned(), "busy".to_owned());
        let counted = Retry {
            what,
            attempt: 2,
            of: Some(4),
            left: None,
            reason,
            next_in: Duration::from_millis(500),
        };
        let timed = Retry { of: None, left: Some(Duration::from_secs(90)), ..counted.clone() };
        let json = |retry: Retry| serde_json::to_value(Event::from(retry)).unwrap();
        let (counted, timed) = (json(counted), json(timed));
        assert_eq!((&counted["attempt"], &counted["of"]), (&2.into(), &4.into()));
        assert_eq!(counted["nextInSeconds"], 0.5);
        assert_eq!(timed["leftSeconds"], 90.0);
        assert!(timed.get("of").is_none() && counted.get("leftSeconds").is_none());
    }
}
