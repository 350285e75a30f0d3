//! Asking a run to stop at its next safe point.

use std::future::{Future, pending};

use tokio::sync::watch;

use super::step_error::StepError;

/// The run's end: says whether it shall stop.
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Receiver<bool>);

/// The caller's end: asks the run to stop. A second Ctrl-C is the caller's own business.
#[derive(Debug)]
pub struct Interrupter(watch::Sender<bool>);

impl Interrupt {
    /// The two ends.
    #[must_use]
    pub fn pair() -> (Interrupter, Self) {
        let (sender, receiver) = watch::channel(false);
        (Interrupter(sender), Self(receiver))
    }

    /// An end that never asks to stop.
    #[must_use]
    pub fn never() -> Self {
        Self::pair().1
    }

    /// Whether the run shall stop.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    /// What becomes true when the run shall stop, for what waits without knowing of runs.
    #[must_use]
    pub fn signal(&self) -> watch::Receiver<bool> {
        self.0.clone()
    }

    /// Returns when the run shall stop.
    pub async fn raised(&self) {
        if self.0.clone().wait_for(|raised| *raised).await.is_err() {
            // Nobody is left who could ask.
            pending::<()>().await;
        }
    }

    /// Runs `work`, which must be safe to drop at any await, until it ends or the run shall stop.
    ///
    /// # Errors
    /// The error of `work`, or [`StepError::interrupted`].
    pub async fn during<T>(
        &self,
        work: impl Future<Output = Result<T, StepError>>,
    ) -> Result<T, StepError> {
        tokio::select! {
            biased;
            () = self.raised() => Err(StepError::interrupted()),
            result = work => result,
        }
    }
}

impl Interrupter {
    /// Asks the run to stop at its next safe point.
    pub fn raise(&self) {
        self.0.send_replace(true);
    }
}
