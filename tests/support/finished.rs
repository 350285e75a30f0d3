//! What a command left behind.

use std::process::Output;

use serde_json::Value;

/// A command that has ended.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    command: String,
}

impl Finished {
    /// What a command with these arguments left behind.
    #[must_use]
    pub fn new(output: &Output, arguments: &[&str]) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            command: arguments.join(" "),
        }
    }

    /// Asserts how it ended, and shows everything it printed when it ended otherwise.
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "`{}`\n--- stdout\n{}\n--- stderr\n{}",
            self.command,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Asserts that it told a person this.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        let all = format!("{}{}", self.stderr, self.stdout);
        assert!(all.contains(words), "`{}` does not say {words:?}:\n{all}", self.command);
        self
    }

    /// Its standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("`{}`: {error}\n{}\n{}", self.command, self.stdout, self.stderr)
        })
    }
}
