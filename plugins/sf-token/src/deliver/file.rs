//! The destination that is a file: private, whole or not at all.

use std::io;
use std::path::Path;

use common::fs::{PartialFile, write_private};
use common::plan::{Finding, Severity};
use secrecy::{ExposeSecret, SecretString};

use super::findings::finding;
use super::report::DestinationReport;

/// What keeps a file from being written at `path`, tried without leaving a trace; none when
/// nothing does.
#[must_use]
pub fn check(path: &Path) -> Option<Finding> {
    let error = PartialFile::create(path).err()?;
    Some(finding(
        "SF-FILE",
        Severity::Block,
        format!("`{}` cannot be written: {}", path.display(), reason(&error)),
        "the new secret would have nowhere to go",
        "name a file in a directory that exists and that you may write to, not a link",
        "open(2)",
    ))
}

/// Writes the secret, without a line end, to `path`.
#[must_use]
pub fn deliver(path: &Path, secret: &SecretString) -> DestinationReport {
    let destination = format!("file {}", path.display());
    match write_private(path, secret.expose_secret().as_bytes()) {
        Ok(()) => DestinationReport::done(destination, "written, readable by you only"),
        Err(error) => DestinationReport::failed(destination, reason(&error)),
    }
}

/// The system's words; a missing directory is named as such, since the file need not exist.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "its directory does not exist".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::report::Delivered;

    #[test]
    fn a_file_is_tried_without_a_trace_and_then_written_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        assert_eq!(check(&path), None);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        let report = deliver(&path, &SecretString::from("canary".to_owned()));
        assert_eq!(report.delivered, Delivered::Done);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "canary");
    }

    #[test]
    fn what_cannot_be_written_blocks() {
        let directory = tempfile::tempdir().unwrap();
        let finding = check(&directory.path().join("none/token")).unwrap();
        assert!(finding.is_blocking());
        assert!(finding.what.ends_with("its directory does not exist"), "{}", finding.what);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(directory.path().join("elsewhere"), &link).unwrap();
        assert!(check(&link).unwrap().what.contains("symbolic link"));
        let report = deliver(&link, &SecretString::from("canary".to_owned()));
        assert_eq!(report.delivered, Delivered::No);
        assert!(!directory.path().join("elsewhere").exists());
    }
}
