//! Why a step did not succeed, with everything a person needs to go on.

use std::error::Error;
use std::fmt;

use crate::exit::Exit;
use crate::failure::Failure;

/// What stops a run at a step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StepError {
    /// How the process ends because of it.
    pub exit: Exit,
    /// What failed: a lower-case fragment that names the object.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// The last log lines of the container in trouble.
    pub logs: Vec<String>,
    /// What to do next.
    pub hints: Vec<String>,
}

impl StepError {
    /// An error that ends the process with `exit`.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            causes: Vec::new(),
            logs: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// The step failed: exit 4.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::StepFailed, message)
    }

    /// What was applied did not come to hold in time: exit 5.
    pub fn unverified(message: impl Into<String>) -> Self {
        Self::new(Exit::Unverified, message)
    }

    /// The cluster is not as the plan assumes: exit 9.
    pub fn stale(message: impl Into<String>) -> Self {
        Self::new(Exit::PlanStale, message)
    }

    /// The user asked to stop while the step waited: exit 130.
    #[must_use]
    pub fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "interrupted")
    }

    /// Whether it is [`Self::interrupted`].
    #[must_use]
    pub fn is_interruption(&self) -> bool {
        self.exit == Exit::Interrupted
    }

    /// Adds a cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds the last log lines.
    #[must_use]
    pub fn with_logs(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.logs.extend(lines);
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The failure a command ends with; log lines are not part of it, the terminal event has them.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let failure = Failure::new(self.exit, self.message);
        let failure = self.causes.into_iter().fold(failure, Failure::because);
        self.hints.into_iter().fold(failure, Failure::hint)
    }
}

impl From<Failure> for StepError {
    /// Keeps everything but the exit code of a failure nobody foresaw, which a step makes a
    /// failed step.
    fn from(failure: Failure) -> Self {
        let exit = match failure.exit() {
            Exit::Unexpected => Exit::StepFailed,
            exit => exit,
        };
        let error = Self::new(exit, failure.to_string());
        let error = failure.causes().iter().cloned().fold(error, Self::because);
        failure.hints().iter().cloned().fold(error, Self::hint)
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl Error for StepError {}
