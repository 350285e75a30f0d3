//! Running a roxctl to ask for its version, within a time limit.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use thiserror::Error;

use crate::rhacs::Version;

/// The longest time a roxctl may take to say its version.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// More than this is no version.
const LARGEST_ANSWER: u64 = 64 << 10;

/// What a roxctl says of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reported {
    /// As it writes it.
    pub text: String,
    /// The version, when it is one.
    pub version: Option<Version>,
}

/// Why a program did not say its version.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// It could not be started.
    #[error("it cannot be run: {0}")]
    Start(io::Error),
    /// It did not end in time.
    #[error("it did not say its version within {} s", .0.as_secs())]
    Timeout(Duration),
    /// It failed, or said nothing.
    #[error("`version` of it ended with {status}{said}")]
    Failed {
        /// Such as `exit status: 1`.
        status: String,
        /// What it wrote, after `: `.
        said: String,
    },
}

/// Asks the program at `path` for its version; it is killed when it takes longer than `limit`.
///
/// # Errors
/// When it cannot be run, fails or does not end.
pub fn reported_version(path: &Path, limit: Duration) -> Result<Reported, ProgramError> {
    let mut command = Command::new(path);
    command.arg("version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = start(&mut command).map_err(ProgramError::Start)?;
    let read = |pipe: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            // What cannot be read counts as not said.
            if let Some(pipe) = pipe {
                drop(pipe.take(LARGEST_ANSWER).read_to_end(&mut bytes));
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let stdout = read(child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
    let stderr = read(child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
    let began = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if began.elapsed() < limit => std::thread::sleep(Duration::from_millis(2)),
            other => {
                drop(child.kill());
                drop(child.wait());
                return Err(other.err().map_or(ProgramError::Timeout(limit), ProgramError::Start));
            }
        }
    };
    let text = stdout.join().unwrap_or_default();
    match parse(&text) {
        Some(reported) if status.success() => Ok(reported),
        _ => {
            let said = format!("{text}\n{}", stderr.join().unwrap_or_default());
            let said = said.lines().find(|line| !line.trim().is_empty());
            let said = said.map(|line| format!(": {}", line.trim())).unwrap_or_default();
            Err(ProgramError::Failed { status: status.to_string(), said })
        }
    }
}

/// Starts a program that has just been written. A process that was forked meanwhile may still hold
/// it open for a moment, which makes it busy.
fn start(command: &mut Command) -> io::Result<std::process::Child> {
    for _ in 0..500 {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
    command.spawn()
}

/// Reads one plain line, or the JSON of newer releases.
fn parse(answer: &str) -> Option<Reported> {
    let text = match serde_json::from_str::<Value>(answer) {
        Ok(Value::Object(fields)) => fields.get("MainVersion")?.as_str()?.to_owned(),
        _ => answer.lines().map(str::trim).find(|line| !line.is_empty())?.to_owned(),
    };
    let version = text.parse().ok();
    Some(Reported { text, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_json_answers_are_read() {
        let plain = parse("4.8.3\n").unwrap();
        assert_eq!(plain.version, Some(Version::release(4, 8, 3)));
        let json =
            parse("{\n  \"CollectorVersion\": \"3.21\",\n  \"MainVersion\": \"3.0.62.1\"\n}");
        assert_eq!(json.unwrap().version, Some(Version::release(3, 62, 1)));
        assert_eq!(parse("hello\n").unwrap().version, None);
        assert_eq!(parse("\n"), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_program_is_asked_but_not_waited_for_for_ever() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let program = |text: &str| {
            let path = directory.path().join("program");
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            reported_version(&path, Duration::from_millis(500))
        };
        assert_eq!(program("#!/bin/sh\necho 4.8.3\n").unwrap().text, "4.8.3");
        let failed = program("#!/bin/sh\necho broken >&2\nexit 3\n").unwrap_err().to_string();
        assert!(failed.contains("broken"), "{failed}");
        assert!(matches!(program("#!/bin/sh\nexec sleep 60\n"), Err(ProgramError::Timeout(_))));
        assert!(matches!(program("\x7fELF"), Err(ProgramError::Start(_))));
    }
}
