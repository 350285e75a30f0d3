//! What the suite's exit codes mean for `kubectl rhacs roxctl`: for `--help` and the README.

use std::fmt::Write;

use common::exit::Exit;

/// Every code this command ends with, in order, each with its one meaning.
pub const EXITS: [(Exit, &str); 9] = [
    (Exit::Done, "done, or nothing to do"),
    (Exit::Unexpected, "Central, the cluster or the mirror does not answer, or refuses"),
    (Exit::Usage, "wrong usage, or no such roxctl: not published, not installed"),
    (Exit::Blocked, "nothing was begun: no checksum, no rights, no space, something in the way"),
    (Exit::StepFailed, "a wrong checksum or version, a download or a write that failed"),
    (Exit::Unverified, "nothing to verify it with"),
    (Exit::Declined, "declined"),
    (Exit::Locked, "another command changes roxctl on this computer"),
    (Exit::Interrupted, "interrupted"),
];

/// The codes as the last part of `--help`.
pub(super) fn help() -> String {
    let mut text = "Exit codes:".to_owned();
    for (exit, meaning) in EXITS {
        // Writing into a text does not fail.
        let _ = write!(text, "\n  {:<3} {meaning}", exit.code());
    }
    text
}
