//! The suite's exit codes, one documented set for every command.

use serde::{Deserialize, Serialize};

/// How a command ended, as the process reports it to its caller.
///
/// The numbers are a promise to scripts (design §2, README "Exit codes"); on Windows kubectl turns
/// every failure of a plugin into 1, so `-o json` carries the same word.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Something unexpected failed; nothing more is known.
    Unexpected = 1,
    /// Wrong usage, or a question that could not be asked without a terminal.
    Usage = 2,
    /// A preflight check blocks; nothing was changed.
    Blocked = 3,
    /// A step failed; the run is recorded and can be resumed or rolled back.
    StepFailed = 4,
    /// Everything was applied, but not verified in time.
    Unverified = 5,
    /// The person said no.
    Declined = 6,
    /// There is no supported path to what was asked.
    NoPath = 7,
    /// Another run holds the lock.
    Locked = 8,
    /// The plan no longer fits the cluster.
    PlanStale = 9,
    /// Changes are pending (`--exit-code`).
    ChangesPending = 10,
    /// Interrupted by the user; recorded.
    Interrupted = 130,
}

impl Exit {
    /// Every code with its meaning, in order: the table of the README and of `--help`.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::Done, "done, or nothing to do"),
        (Self::Unexpected, "unexpected failure"),
        (Self::Usage, "wrong usage, or no terminal to ask on"),
        (Self::Blocked, "blocked by a preflight check, nothing changed"),
        (Self::StepFailed, "a step failed, recorded"),
        (Self::Unverified, "applied, but not verified in time"),
        (Self::Declined, "declined"),
        (Self::NoPath, "no supported path"),
        (Self::Locked, "locked by another run"),
        (Self::PlanStale, "the plan no longer fits the cluster"),
        (Self::ChangesPending, "changes pending (--exit-code)"),
        (Self::Interrupted, "interrupted"),
    ];

    /// The codes with their meanings for the end of a `--help`, one a line.
    #[must_use]
    pub fn help() -> String {
        let line = |(exit, meaning): (Self, &str)| format!("\n  {:<3} {meaning}", exit.code());
        Self::ALL.into_iter().map(line).fold("Exit codes:".to_owned(), |text, line| text + &line)
    }

    /// The number given to the operating system.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_help_fit_the_narrowest_terminal() {
        let help = Exit::help();
        assert!(help.starts_with("Exit codes:\n  0   done, or nothing to do\n  1   "), "{help}");
        assert!(help.ends_with("\n  130 interrupted"), "{help}");
        assert!(help.lines().all(|line| line.len() < 60), "{help}");
    }

    #[test]
    fn the_readme_has_every_code() {
        let readme = include_str!("../../../README.md").replace('`', "");
        for (exit, meaning) in Exit::ALL {
            let row = format!("| {} | {meaning} |", exit.code());
            assert!(readme.contains(&row), "{row}");
        }
    }
}
