//! Everything that can go wrong between a mirror and a roxctl on this computer.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::checksum::Checksum;
use super::names::LATEST;
use crate::central::CentralError;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::web::ConnectError;

/// Why roxctl was not installed, removed or looked at. No unfinished file is left behind.
#[derive(Debug, Error)]
pub enum RoxctlError {
    /// What was asked for makes no sense.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to type instead; empty when there is nothing to say.
        hint: String,
    },
    /// The source has no such release.
    #[error("roxctl {version} is not published at `{place}`")]
    UnknownVersion {
        /// The release, or `latest`.
        version: String,
        /// The address or name of the source.
        place: String,
    },
    /// The release is not there for this machine.
    #[error("roxctl {version} is not published for {wanted}, but for {offered}")]
    NotPublished {
        /// The release, or `latest`.
        version: String,
        /// The machine, such as `linux/arm64`.
        wanted: String,
        /// The machines it is published for.
        offered: String,
    },
    /// Nothing says what the file should be.
    #[error("nothing says what the file should be: {reason}")]
    NoChecksum {
        /// Why there is no checksum.
        reason: String,
    },
    /// Nobody answers, or the connection breaks off.
    #[error("cannot reach `{place}`: {reason}")]
    Unreachable {
        /// The address.
        place: String,
        /// Why, for people.
        reason: String,
    },
    /// There is no connection.
    #[error("cannot fetch `{place}`: {error}")]
    Connect {
        /// The address.
        place: String,
        /// Why.
        error: ConnectError,
    },
    /// An answer that is no file.
    #[error("`{place}` answered {status}")]
    Refused {
        /// The address.
        place: String,
        /// The HTTP status.
        status: u16,
    },
    /// What arrived is not the file.
    #[error("what `{place}` sent is not roxctl: {reason}")]
    NotTheFile {
        /// The address.
        place: String,
        /// Why, for people.
        reason: String,
    },
    /// The download broke off, and could not be resumed.
    #[error("the download broke off after {received} bytes: {reason}")]
    CutOff {
        /// What had arrived.
        received: u64,
        /// Why the last attempt ended.
        reason: String,
    },
    /// It took too long.
    #[error("the download did not end within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The checksum is wrong.
    #[error("the checksum of what `{place}` sent is wrong: {found} instead of {expected}")]
    WrongChecksum {
        /// The address.
        place: String,
        /// What it should be.
        expected: Checksum,
        /// What it is.
        found: Checksum,
    },
    /// The program says that it is another version.
    #[error("the downloaded roxctl says that it is {found}, not {expected}")]
    WrongVersion {
        /// What was asked for.
        expected: String,
        /// What it says.
        found: String,
    },
    /// The program does not run here.
    #[error("the downloaded roxctl does not work: {reason}")]
    NotRunnable {
        /// Why.
        reason: String,
    },
    /// Something that is not a roxctl of ours has the name.
    #[error("`{path}` is in the way: {reason}", path = .path.display())]
    InTheWay {
        /// What is in the way.
        path: PathBuf,
        /// What it is.
        reason: String,
        /// What helps.
        hint: String,
    },
    /// The user may not write there.
    #[error("no file can be changed in {}: {reason}", quoted(.directories))]
    NoRights {
        /// The directories.
        directories: Vec<PathBuf>,
        /// Why.
        reason: String,
        /// What helps.
        hint: String,
    },
    /// The file does not fit; nothing was written.
    #[error("no space in `{}`: {needed} bytes are needed, {free} are free", .directory.display())]
    NoSpace {
        /// Where.
        directory: PathBuf,
        /// The size of the file.
        needed: u64,
        /// What is free.
        free: u64,
    },
    /// A file could not be written, replaced or read.
    #[error("cannot {what} `{}`: {error}", .path.display())]
    File {
        /// Such as `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another command changes roxctl on this computer.
    #[error("another `kubectl rhacs roxctl` is at work on this computer")]
    Locked,
    /// Central could not be asked, or refused.
    #[error(transparent)]
    Central(#[from] CentralError),
}

impl RoxctlError {
    pub(super) fn file(what: &'static str, path: impl Into<PathBuf>, error: io::Error) -> Self {
        Self::File { what, path: path.into(), error }
    }

    /// Whether another source may have what this one has not.
    #[must_use]
    pub const fn is_about_source(&self) -> bool {
        matches!(
            self,
            Self::UnknownVersion { .. }
                | Self::NotPublished { .. }
                | Self::NoChecksum { .. }
                | Self::Unreachable { .. }
                | Self::Connect { .. }
                | Self::Refused { .. }
                | Self::CutOff { .. }
                | Self::Central(_)
        )
    }

    /// How the process ends: 1 when nobody answers, 2 when there is no such roxctl, 3 when nothing
    /// was begun, 4 when what was begun has failed, 8 when somebody else is at it.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } | Self::UnknownVersion { .. } | Self::NotPublished { .. } => {
                Exit::Usage
            }
            Self::Central(CentralError::Config { .. }) => Exit::Usage,
            Self::NoChecksum { .. }
            | Self::InTheWay { .. }
            | Self::NoRights { .. }
            | Self::NoSpace { .. } => Exit::Blocked,
            Self::NotTheFile { .. }
            | Self::CutOff { .. }
            | Self::Timeout(_)
            | Self::WrongChecksum { .. }
            | Self::WrongVersion { .. }
            | Self::NotRunnable { .. }
            | Self::File { .. } => Exit::StepFailed,
            Self::Unreachable { .. }
            | Self::Connect { .. }
            | Self::Refused { .. }
            | Self::Central(_) => Exit::Unexpected,
            Self::Locked => Exit::Locked,
        }
    }

    /// The failure that ends a command: `context` says what was being done.
    #[must_use]
    pub fn into_failure(self, context: impl Into<String>) -> Failure {
        let failure = Failure::new(self.exit(), context).because(self.to_string());
        self.hints().into_iter().fold(failure, Failure::hint)
    }

    /// What helps.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Usage { hint, .. }
            | Self::InTheWay { hint, .. }
            | Self::NoRights { hint, .. } => hint.as_str(),
            Self::UnknownVersion { version, .. } if version == LATEST => {
                "name a release instead: `kubectl rhacs roxctl install VERSION`"
            }
            Self::UnknownVersion { .. } => {
                "`kubectl rhacs roxctl install latest` takes the newest one that is published"
            }
            Self::NotPublished { .. } => {
                "name one of them with `--os` and `--arch`; macOS and Windows on ARM also run amd64"
            }
            Self::NoChecksum { .. } => "give the checksum you trust with `--sha256`",
            Self::Connect { error: ConnectError::Tls { .. }, .. } => {
                "name the authority that signed its certificate with `--mirror-ca FILE`"
            }
            Self::Unreachable { .. } | Self::Connect { .. } | Self::Refused { .. } => {
                "behind a proxy set HTTPS_PROXY; without a network name a copy with `--mirror URL` \
                 or `--file PATH`"
            }
            Self::Timeout(_) => "allow it more time with `--timeout`",
            Self::WrongChecksum { .. } | Self::NotTheFile { .. } => {
                "nothing was kept; look at what answers at that address"
            }
            Self::NoSpace { .. } => "free some space, or name another directory with `--bin-dir`",
            Self::File { error, .. } if error.kind() == io::ErrorKind::StorageFull => {
                "free some space, or name another directory with `--bin-dir`"
            }
            Self::Locked => "wait until it has ended",
            Self::Central(error) => return error.hints(),
            _ => "",
        };
        if hint.is_empty() { Vec::new() } else { vec![hint.to_owned()] }
    }
}

fn quoted(directories: &[PathBuf]) -> String {
    let quoted: Vec<String> =
        directories.iter().map(|directory| format!("`{}`", directory.display())).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_checksum_ends_with_4_and_a_full_disk_says_so() {
        let sum: Checksum = "0".repeat(64).parse().unwrap();
        let wrong = RoxctlError::WrongChecksum { place: "x".into(), expected: sum, found: sum };
        assert_eq!(wrong.exit(), Exit::StepFailed);
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let failure = RoxctlError::file("write", "/bin/roxctl", full).into_failure("no roxctl");
        assert!(failure.render().contains("free some space"), "{}", failure.render());
    }

    #[test]
    fn no_command_hints_at_itself() {
        let hint = |version: &str| {
            let place = "https://mirror.example".to_owned();
            RoxctlError::UnknownVersion { version: version.to_owned(), place }.hints().remove(0)
        };
        assert!(hint("3.69.9").contains("`kubectl rhacs roxctl install latest`"));
        assert!(!hint("latest").contains("install latest"), "{}", hint("latest"));
    }
}
