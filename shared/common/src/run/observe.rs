//! Telling the warnings and retries of a connection as events of the run.

use std::sync::Arc;

use super::event::{Event, Events};
use crate::cluster::{Options, Retry};

impl Events {
    /// `options`, telling what happens on the connection to this run.
    #[must_use]
    pub fn observing(&self, options: Options) -> Options {
        let (warnings, retries) = (self.clone(), self.clone());
        Options {
            on_warning: Some(Arc::new(move |text: String| warnings.warn(text))),
            on_retry: Some(Arc::new(move |retry: Retry| retries.emit(retry.into()))),
            ..options
        }
    }
}

impl From<Retry> for Event {
    fn from(retry: Retry) -> Self {
        let Retry { what, attempt, of, reason, next_in } = retry;
        Self::Retry { what, attempt, of, reason, next_in_seconds: next_in.as_secs_f64() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;

    #[test]
    fn warnings_and_retries_become_events() {
        let (sender, receiver) = mpsc::channel();
        let events = Events::new(
            "r",
            || Timestamp::UNIX_EPOCH,
            move |stamped| {
                sender.send(stamped.event).unwrap();
            },
        );
        let options = events.observing(Options::default());
        options.on_warning.unwrap()("deprecated".to_owned());
        let next_in = Duration::from_millis(500);
        let (what, reason) = ("GET /version".to_owned(), "busy".to_owned());
        options.on_retry.unwrap()(Retry { what, attempt: 2, of: 4, reason, next_in });
        let told: Vec<Event> = receiver.try_iter().collect();
        assert_eq!(told[0], Event::Warning { message: "deprecated".to_owned() });
        let Event::Retry { attempt, next_in_seconds, .. } = &told[1] else { panic!("{told:?}") };
        assert_eq!((*attempt, *next_in_seconds), (2, 0.5));
    }
}
