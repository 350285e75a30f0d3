//! When a request that failed is made again: a few times within seconds, or as long as a run waits
//! for an API server that is away.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::error::ClusterError;
use super::options::Backoff;

/// The longest `Retry-After` that is waited for; a server that wants more gets no retry.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);

/// How long each request of a connection is repeated while the API server is away, and who may put
/// an end to that.
#[derive(Clone, Debug)]
pub struct Patience {
    limit: Duration,
    stop: watch::Receiver<bool>,
}

impl Patience {
    /// Repeats each request for `limit` after it first failed, or until `stop` says so.
    #[must_use]
    pub const fn new(limit: Duration, stop: watch::Receiver<bool>) -> Self {
        Self { limit, stop }
    }

    fn is_called_off(&self) -> bool {
        *self.stop.borrow()
    }

    async fn called_off(&self) {
        if self.stop.clone().wait_for(|stop| *stop).await.is_err() {
            // Nobody is left who could ask.
            std::future::pending::<()>().await;
        }
    }
}

/// The attempts of one request.
pub(crate) struct Attempts<'a> {
    backoff: Backoff,
    /// None once the user has asked to stop: what is still to be done is tried a few times only.
    patience: Option<&'a Patience>,
    made: u32,
    refusals: u32,
    first_failure: Option<Instant>,
}

/// A request is to be made again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Again {
    /// The number of the coming attempt.
    pub(crate) attempt: u32,
    /// How long until it is made.
    pub(crate) next_in: Duration,
    /// The last attempt's number, where they are counted.
    pub(crate) of: Option<u32>,
    /// How long it is tried after that, where time is what counts.
    pub(crate) left: Option<Duration>,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(backoff: Backoff, patience: Option<&'a Patience>) -> Self {
        let patience = patience.filter(|patience| !patience.is_called_off());
        Self { backoff, patience, made: 0, refusals: 0, first_failure: None }
    }

    /// Whether and when a request that has just failed with `error` is made again.
    pub(crate) fn after(&mut self, error: &ClusterError, idempotent: bool) -> Option<Again> {
        self.after_at(error, idempotent, Instant::now())
    }

    fn after_at(&mut self, error: &ClusterError, idempotent: bool, now: Instant) -> Option<Again> {
        self.made += 1;
        let is_settling = self.is_settling(error);
        let elapsed = now.duration_since(*self.first_failure.get_or_insert(now));
        let asked_for = error.retry_after().unwrap_or_default();
        let repeatable = is_settling
            || error.was_not_carried_out()
            || idempotent && error.is_transient() && !self.has_cost_enough(error);
        if !repeatable || asked_for > LONGEST_RETRY_AFTER {
            return None;
        }
        let (attempt, wait) = (self.made + 1, self.backoff.jittered(self.made).max(asked_for));
        let Some(patience) = self.patience else {
            let again = Again { attempt, next_in: wait, of: Some(self.backoff.tries), left: None };
            return (self.made < self.backoff.tries).then_some(again);
        };
        let left = patience.limit.checked_sub(elapsed).filter(|left| !left.is_zero())?;
        let next_in = wait.min(left);
        Some(Again { attempt, next_in, of: None, left: Some(left - next_in) })
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    ///
    /// `Interrupted`, because of `error`, when the user asks to stop meanwhile.
    pub(crate) async fn pause(
        &self,
        again: Again,
        error: &ClusterError,
    ) -> Result<(), ClusterError> {
        let pause = tokio::time::sleep(again.next_in);
        let Some(patience) = self.patience else {
            pause.await;
            return Ok(());
        };
        tokio::select! {
            biased;
            () = patience.called_off() => {
                Err(ClusterError::Interrupted { reason: error.to_string() })
            }
            () = pause => Ok(()),
        }
    }

    /// An API server that has just come back refuses what it will allow once it has read its rules.
    fn is_settling(&mut self, error: &ClusterError) -> bool {
        let refused =
            matches!(error, ClusterError::Forbidden { .. } | ClusterError::Unauthorized { .. });
        self.refusals += u32::from(refused);
        let was_away = self.patience.is_some() && self.first_failure.is_some();
        refused && was_away && self.refusals < self.backoff.tries
    }

    /// A time-out has cost the user the whole limit already, which only the patient pay twice.
    const fn has_cost_enough(&self, error: &ClusterError) -> bool {
        matches!(error, ClusterError::Timeout { .. }) && self.patience.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Stage;

    fn away() -> ClusterError {
        ClusterError::Unreachable {
            server: "https://api:6443".to_owned(),
            reason: "connection refused".to_owned(),
            stage: Stage::Connect,
        }
    }

    fn refused() -> ClusterError {
        ClusterError::Forbidden { message: "no".to_owned() }
    }

    fn slow() -> ClusterError {
        let server = "https://api:6443".to_owned();
        ClusterError::Timeout { server, after: Duration::from_secs(30) }
    }

    fn patience(limit: u64) -> (watch::Sender<bool>, Patience) {
        let (stop, receiver) = watch::channel(false);
        (stop, Patience::new(Duration::from_secs(limit), receiver))
    }

    /// Fails as often as there is a further attempt; how many there were and the time they took.
    fn exhaust(patience: Option<&Patience>) -> (u32, Duration) {
        let begin = Instant::now();
        let (mut now, mut made) = (begin, 1);
        let mut attempts = Attempts::new(Backoff::default(), patience);
        while let Some(again) = attempts.after_at(&away(), true, now) {
            made = again.attempt;
            now += again.next_in;
        }
        (made, now - begin)
    }

    #[test]
    fn without_patience_there_are_four_attempts_in_seconds() {
        let (made, took) = exhaust(None);
        assert_eq!(made, 4);
        assert!(took <= Duration::from_millis(1400), "{took:?}");
    }

    #[test]
    fn with_patience_time_is_the_limit() {
        let (_stop, patience) = patience(120);
        let (made, took) = exhaust(Some(&patience));
        assert!((26..=40).contains(&made), "{made} attempts");
        assert_eq!(took, Duration::from_secs(120));
    }

    #[test]
    fn each_attempt_says_how_long_it_goes_on() {
        let (_stop, patience) = patience(60);
        let mut attempts = Attempts::new(Backoff::default(), Some(&patience));
        let begin = Instant::now();
        let mut after =
            |seconds: u64| attempts.after_at(&away(), true, begin + Duration::from_secs(seconds));
        let first = after(0).unwrap();
        assert_eq!((first.attempt, first.of), (2, None));
        assert_eq!(first.left, Some(Duration::from_secs(60) - first.next_in));
        assert!(after(58).unwrap().left.unwrap() <= Duration::from_secs(2));
        assert_eq!(after(60), None);
    }

    #[test]
    fn what_may_have_been_carried_out_is_not_repeated_by_patience() {
        let (_stop, patience) = patience(60);
        for (error, idempotent, is_patient, expected) in [
            (slow(), false, true, false),
            (slow(), true, true, true),
            (slow(), true, false, false),
            (away(), false, true, true),
            (refused(), true, true, false),
        ] {
            let patience = Some(&patience).filter(|_| is_patient);
            let mut attempts = Attempts::new(Backoff::default(), patience);
            let again = attempts.after(&error, idempotent).is_some();
            assert_eq!(again, expected, "{error} {idempotent} {is_patient}");
        }
    }

    #[test]
    fn a_refusal_right_after_the_return_is_asked_about_again_but_not_for_ever() {
        let (_stop, patience) = patience(60);
        let mut attempts = Attempts::new(Backoff::default(), Some(&patience));
        assert!(attempts.after(&away(), true).is_some());
        let again = (0..9).take_while(|_| attempts.after(&refused(), false).is_some()).count();
        assert_eq!(again, 3);
    }

    #[tokio::test]
    async fn the_user_is_heard_at_once_and_later_requests_are_tried_a_few_times() {
        let (stop, patience) = patience(120);
        let mut attempts = Attempts::new(Backoff::default(), Some(&patience));
        let again = attempts.after(&away(), true).unwrap();
        let again = Again { next_in: Duration::from_secs(100), ..again };
        let error = away();
        let (ended, ()) = tokio::join!(attempts.pause(again, &error), async {
            tokio::task::yield_now().await;
            stop.send_replace(true);
        });
        assert!(matches!(ended, Err(ClusterError::Interrupted { .. })), "{ended:?}");
        assert_eq!(exhaust(Some(&patience)).0, 4);
    }
}
