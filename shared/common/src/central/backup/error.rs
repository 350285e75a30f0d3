//! Why a backup is not one.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use crate::central::CentralError;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::fs::free_space;
use crate::rhacs::Version;

/// Why there is no backup that could be relied on. Nothing is left of it on disk.
#[derive(Debug, Error)]
pub enum BackupError {
    /// Central could not be asked, or refused.
    #[error(transparent)]
    Central(#[from] CentralError),
    /// Central keeps its data in a database of somebody else's (501).
    #[error("Central does not back up a database outside of it: {message}")]
    ExternalDatabase {
        /// Central's words.
        message: String,
    },
    /// The file could not be written.
    #[error("cannot write the backup into `{}`: {reason}", .directory.display())]
    Write {
        /// The directory.
        directory: PathBuf,
        /// Why.
        reason: String,
    },
    /// The disk is full.
    #[error("no space left in `{}` after {written} bytes{}", .directory.display(), free_words(*.free))]
    DiskFull {
        /// The directory.
        directory: PathBuf,
        /// The bytes that were written before.
        written: u64,
        /// The bytes that are free once the unfinished file is gone, when that is known.
        free: Option<u64>,
    },
    /// The archive ends too early: Central failed while it was sending it.
    #[error("the backup was cut off after {received} bytes: {reason}")]
    Truncated {
        /// The bytes that arrived.
        received: u64,
        /// What is missing.
        reason: String,
    },
    /// Something arrived that is no backup.
    #[error("what Central sent is no zip archive but begins `{beginning}`")]
    NotAnArchive {
        /// Its beginning.
        beginning: String,
    },
    /// An entry of the archive is damaged.
    #[error("the backup is damaged: `{entry}`: {reason}")]
    Damaged {
        /// The entry's name.
        entry: String,
        /// Why it cannot be read.
        reason: String,
    },
    /// The archive lacks what a restore needs.
    #[error("the backup lacks {what}")]
    Incomplete {
        /// Such as `the keys`.
        what: String,
    },
    /// An entry that a restore needs is there, with nothing in it.
    #[error("`{entry}` in the backup is empty")]
    Empty {
        /// The entry's name.
        entry: String,
    },
    /// Central says after the archive that it could not make it.
    #[error("Central says after it that the backup failed: `{message}`")]
    Failed {
        /// Central's words.
        message: String,
    },
    /// It is of another version than the one that runs.
    #[error("the backup is of version {found}, but {expected} is running")]
    OtherVersion {
        /// What the backup says.
        found: String,
        /// What was expected.
        expected: Version,
    },
    /// Nothing arrived for too long, or all of it took too long.
    #[error("the backup took too long: {what} within {} s", .after.as_secs())]
    Timeout {
        /// Such as `nothing arrived`.
        what: &'static str,
        /// The limit.
        after: Duration,
    },
}

impl BackupError {
    /// The failure that ends a command.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let hints = self.hints();
        let failure = match self {
            Self::Central(error) => return error.into_failure("cannot back up Central"),
            other => {
                Failure::new(Exit::StepFailed, "cannot back up Central").because(other.to_string())
            }
        };
        hints.into_iter().fold(failure, Failure::hint)
    }

    /// What helps.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Central(error) => return error.hints(),
            Self::ExternalDatabase { .. } => {
                "back up the database with its own tools, then repeat the command without a backup"
            }
            Self::DiskFull { .. } | Self::Write { .. } => {
                "choose another directory for the backup, with more space"
            }
            Self::Truncated { .. }
            | Self::Damaged { .. }
            | Self::Incomplete { .. }
            | Self::Empty { .. }
            | Self::Failed { .. } => {
                "see the log of Central (`kubectl logs deploy/central`), then repeat the command"
            }
            Self::NotAnArchive { .. } => {
                "see whether the endpoint is that of Central rather than of a proxy's login page"
            }
            Self::OtherVersion { .. } => "see whether the endpoint is that of this installation",
            Self::Timeout { .. } => "repeat the command with a longer `--timeout`",
        };
        vec![hint.to_owned()]
    }

    /// What writing into `directory` failed with.
    pub(super) fn writing(error: &io::Error, directory: &Path, written: u64) -> Self {
        let directory = directory.to_owned();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                // The unfinished file still takes what was written; it will be removed.
                let free = free_space(&directory).map(|free| free.saturating_add(written));
                Self::DiskFull { free, directory, written }
            }
            _ => Self::Write { directory, reason: error.to_string() },
        }
    }
}

fn free_words(bytes: Option<u64>) -> String {
    bytes.map_or_else(String::new, |bytes| format!("; {bytes} bytes are free without it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_with_the_place() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let directory = tempfile::tempdir().unwrap();
        let error = BackupError::writing(&full, directory.path(), 4096);
        let text = error.to_string();
        assert!(text.contains(&directory.path().display().to_string()), "{text}");
        assert!(text.contains("after 4096 bytes; "), "{text}");
        assert!(error.into_failure().render().contains("hint: choose another directory"));
    }
}
