//! The one error that reaches a person: what failed, why, and the next command.

use std::error::Error;
use std::fmt;

use crate::exit::Exit;

/// What ends a command unsuccessfully.
///
/// `Display` prints only the message; [`Failure::render`] adds the causes, once, and the hints.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
    passes: bool,
}

impl Failure {
    /// A failure with its exit code and a lower-case message without a final period.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), causes: Vec::new(), hints: Vec::new(), passes: false }
    }

    /// Wrong usage: exit 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A failure nobody foresaw: exit 1.
    pub fn unexpected(message: impl Into<String>) -> Self {
        Self::new(Exit::Unexpected, message)
    }

    /// Adds `error` and its sources as causes, each once.
    #[must_use]
    pub fn caused_by(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            self.push_cause(error.to_string());
            next = error.source();
        }
        self
    }

    /// Adds one cause in words.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.push_cause(cause.into());
        self
    }

    /// Adds a hint: what to do next, with a command where there is one.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says that it may pass by itself.
    #[must_use]
    pub const fn passing(mut self) -> Self {
        self.passes = true;
        self
    }

    /// Whether another try may succeed without anybody changing anything.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        self.passes
    }

    /// The exit code this failure ends the process with.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// The causes, outermost first.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// The hints, in the order given.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The text for standard error: `error: …`, the causes, then `hint: …` lines.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = format!("error: {}", self.message);
        for cause in &self.causes {
            text.push_str(": ");
            text.push_str(cause);
        }
        for hint in &self.hints {
            text.push_str("\nhint: ");
            text.push_str(hint);
        }
        text
    }

    fn push_cause(&mut self, cause: String) {
        // Many libraries repeat their source in their own text; say each thing once.
        if cause.is_empty() || self.message.contains(&cause) {
            return;
        }
        if self.causes.iter().any(|known| known.contains(&cause)) {
            return;
        }
        self.causes.push(cause);
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let io = std::io::Error::other("disk full");
        let failure = Failure::new(Exit::StepFailed, "cannot write the backup: disk full")
            .caused_by(&io)
            .because("on /backup")
            .hint("free some space");
        assert_eq!(
            failure.render(),
            "error: cannot write the backup: disk full: on /backup\nhint: free some space"
        );
    }
}
