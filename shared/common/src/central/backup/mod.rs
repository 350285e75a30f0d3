//! Backups of Central: streamed to a private file, read back whole, and only then given a name.

mod error;
mod tar;
mod verify;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::header::CONTENT_DISPOSITION;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::client::{Ask, CentralClient, describe};
use super::error::{CentralError, one_line};
use crate::fs::PartialFile;
use crate::rhacs::Version;
use verify::{Expected, verify};

pub use error::BackupError;

const PATH: &str = "/api/extensions/backup";
/// What there was before: the database without the keys.
const OLD_PATH: &str = "/db/backup";
/// How much is written at once.
const BUFFER: usize = 256 << 10;
const LARGEST_ERROR: usize = 64 << 10;

/// What is to be backed up, and where to.
#[derive(Clone, Debug)]
pub struct BackupRequest {
    /// The directory the file is written to; it must exist.
    pub directory: PathBuf,
    /// The version that runs: the backup must be of it.
    pub version: Option<Version>,
    /// The longest time in which nothing arrives.
    pub idle_timeout: Duration,
    /// The longest time for all of it.
    pub timeout: Duration,
}

/// A backup that was verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Backup {
    /// The file, readable by its owner only: it holds private keys.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// The version it was made by, when it says so.
    pub version: Option<Version>,
}

impl BackupRequest {
    /// A backup into `directory`, with the limits of roxctl: an hour, five minutes of silence.
    pub fn new(directory: impl Into<PathBuf>, version: Option<Version>) -> Self {
        Self {
            directory: directory.into(),
            version,
            idle_timeout: Duration::from_secs(5 * 60),
            timeout: Duration::from_secs(60 * 60),
        }
    }

    /// The extension is there since 3.0.55.
    fn has_extension(&self) -> bool {
        self.version.as_ref().is_none_or(|version| version.is_at_least(3, 55))
    }
}

impl CentralClient {
    /// Downloads a backup and verifies it to its last entry; `progress` is told the bytes that
    /// arrived. It is not asked for twice: each time costs Central a dump of its database.
    ///
    /// # Errors
    ///
    /// See [`BackupError`]; nothing is left on disk then, nor when the future is dropped.
    pub async fn backup(
        &self,
        request: &BackupRequest,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Backup, BackupError> {
        match tokio::time::timeout(request.timeout, self.download(request, progress)).await {
            Ok(result) => result,
            Err(_) => Err(BackupError::Timeout { what: "it did not end", after: request.timeout }),
        }
    }

    async fn download(
        &self,
        request: &BackupRequest,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Backup, BackupError> {
        let (response, keys) = self.start(request).await?;
        let name = file_name(response.headers());
        let (file, path) = create(&request.directory, &name)?;
        let mut sink = Sink::new(file, &request.directory, progress);
        receive(response.into_body(), request.idle_timeout, &mut sink).await?;
        let (file, size, sha256) = sink.finish()?;
        let expected = Expected { version: request.version.clone(), keys };
        let (part, directory) = (file.path().to_owned(), request.directory.clone());
        // Reading gigabytes again takes a while; renewals of the lock must go on meanwhile.
        let verified = tokio::task::spawn_blocking(move || {
            let version = verify(&part, &expected)?;
            make_durable(&part).map_err(|error| BackupError::writing(&error, &directory, size))?;
            Ok(version)
        });
        let version = verified.await.unwrap_or_else(|error| {
            Err(BackupError::Incomplete { what: format!("a verification: {error}") })
        })?;
        // The task cannot be stopped: the file stays here, to go when this future is dropped.
        file.persist().map_err(|error| BackupError::writing(&error, &request.directory, size))?;
        Ok(Backup { path, size, sha256, version })
    }

    /// Asks for the backup; with whether its archive has keys.
    async fn start(
        &self,
        request: &BackupRequest,
    ) -> Result<(Response<Incoming>, bool), BackupError> {
        let paths: &[&str] = if request.has_extension() { &[PATH, OLD_PATH] } else { &[OLD_PATH] };
        let mut last = None;
        for path in paths {
            let ask = Ask::get(path);
            let open = tokio::time::timeout(request.idle_timeout, self.open(&ask));
            let response = open.await.map_err(|_| BackupError::Timeout {
                what: "nothing arrived",
                after: request.idle_timeout,
            })??;
            if response.status().is_success() {
                return Ok((response, *path == PATH));
            }
            let is_missing = response.status() == StatusCode::NOT_FOUND;
            let error = refusal(path, response).await;
            if !is_missing {
                return Err(error);
            }
            last = Some(error);
        }
        Err(last.unwrap_or_else(|| CentralError::NotFound { what: PATH.to_owned() }.into()))
    }
}

/// What Central says instead of a backup.
async fn refusal(path: &str, response: Response<Incoming>) -> BackupError {
    let status = response.status();
    let body = Limited::new(response.into_body(), LARGEST_ERROR).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    match CentralError::from_answer(path, status.as_u16(), &body) {
        CentralError::Server { message, .. } if status == StatusCode::NOT_IMPLEMENTED => {
            BackupError::ExternalDatabase { message }
        }
        error => error.into(),
    }
}

async fn receive(
    mut body: Incoming,
    idle_timeout: Duration,
    sink: &mut Sink<'_>,
) -> Result<(), BackupError> {
    loop {
        let Ok(frame) = tokio::time::timeout(idle_timeout, body.frame()).await else {
            return Err(BackupError::Timeout { what: "nothing arrived", after: idle_timeout });
        };
        match frame {
            None => return Ok(()),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    sink.write(&data)?;
                }
            }
            Some(Err(error)) => {
                let reason = describe(&error);
                return Err(BackupError::Truncated { received: sink.received, reason });
            }
        }
    }
}

/// Where the bytes go: the file, its checksum, and whoever watches.
struct Sink<'a> {
    file: PartialFile,
    directory: &'a Path,
    buffer: Vec<u8>,
    hasher: Sha256,
    received: u64,
    told_at: Instant,
    progress: &'a mut (dyn FnMut(u64) + Send),
}

impl<'a> Sink<'a> {
    fn new(
        file: PartialFile,
        directory: &'a Path,
        progress: &'a mut (dyn FnMut(u64) + Send),
    ) -> Self {
        Self {
            file,
            directory,
            buffer: Vec::with_capacity(BUFFER),
            hasher: Sha256::new(),
            received: 0,
            told_at: Instant::now(),
            progress,
        }
    }

    fn write(&mut self, data: &[u8]) -> Result<(), BackupError> {
        if self.received == 0 && !data.is_empty() {
            check_beginning(data)?;
        }
        self.received += data.len() as u64;
        self.hasher.update(data);
        if self.buffer.len() + data.len() > BUFFER {
            self.flush()?;
        }
        if data.len() >= BUFFER {
            self.write_through(data)?;
        } else {
            self.buffer.extend_from_slice(data);
        }
        // Ten times a second is enough for everybody.
        if self.told_at.elapsed() >= Duration::from_millis(100) {
            self.told_at = Instant::now();
            (self.progress)(self.received);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(PartialFile, u64, String), BackupError> {
        self.flush()?;
        (self.progress)(self.received);
        if self.received == 0 {
            return Err(BackupError::Truncated { received: 0, reason: "it is empty".to_owned() });
        }
        let digest = self.hasher.finalize();
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok((self.file, self.received, sha256))
    }

    fn flush(&mut self) -> Result<(), BackupError> {
        let buffer = std::mem::take(&mut self.buffer);
        self.write_through(&buffer)?;
        self.buffer = buffer;
        self.buffer.clear();
        Ok(())
    }

    fn write_through(&mut self, data: &[u8]) -> Result<(), BackupError> {
        self.file
            .write_all(data)
            .map_err(|error| BackupError::writing(&error, self.directory, self.received))
    }
}

/// Writes out what the system still holds of the file, which may take as long as reading it.
fn make_durable(path: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new().write(true).open(path)?.sync_all()
}

/// A zip archive begins `PK`; a login page or an error does not.
fn check_beginning(data: &[u8]) -> Result<(), BackupError> {
    let mark = b"PK";
    let length = data.len().min(mark.len());
    if data[..length] == mark[..length] {
        return Ok(());
    }
    Err(BackupError::NotAnArchive { beginning: one_line(&data[..data.len().min(120)]) })
}

/// Creates the file under the first name that is free.
fn create(directory: &Path, name: &str) -> Result<(PartialFile, PathBuf), BackupError> {
    let stem = name.strip_suffix(".zip").unwrap_or(name);
    let mut number = 1;
    loop {
        let name = if number == 1 { format!("{stem}.zip") } else { format!("{stem}-{number}.zip") };
        let path = directory.join(name);
        match PartialFile::create_new(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && number < 100 => {
                number += 1;
            }
            Err(error) => return Err(BackupError::writing(&error, directory, 0)),
        }
    }
}

/// The name Central proposes, without anything that could lead elsewhere.
fn file_name(headers: &HeaderMap) -> String {
    let proposed = headers
        .get(CONTENT_DISPOSITION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once("filename="))
        .map(|(_, name)| name.trim_start_matches('"'))
        .map(|name| name.split(['"', ';']).next().unwrap_or_default());
    let safe: String = proposed
        .unwrap_or_default()
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .collect();
    let safe = safe.trim_start_matches('.');
    if safe.is_empty() || safe.len() > 128 {
        let now = jiff::Timestamp::now();
        return format!("stackrox_db_{}.zip", now.strftime("%Y_%m_%d_%H_%M_%S"));
    }
    safe.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposed_name_cannot_lead_elsewhere() {
        let named = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_DISPOSITION, value.parse().unwrap());
            file_name(&headers)
        };
        let usual = "attachment; filename=\"stackrox_db_2026_01_02_03_04_05.zip\"";
        assert_eq!(named(usual), "stackrox_db_2026_01_02_03_04_05.zip");
        assert_eq!(named("attachment; filename=a.zip; size=3"), "a.zip");
        assert_eq!(named("attachment; filename=\"../../etc/passwd\""), "passwd");
        assert_eq!(named("attachment; filename=\"C:\\x\\.b.zip\""), "b.zip");
        assert!(named("attachment; filename=\"..\"").starts_with("stackrox_db_2"));
        assert!(named("inline").ends_with(".zip"));
    }

    #[test]
    fn only_an_archive_is_accepted() {
        assert!(check_beginning(b"PK\x03\x04").is_ok());
        assert!(check_beginning(b"P").is_ok(), "the rest may come with the next piece");
        let error = check_beginning(b"{\"error\": \"no\"}").unwrap_err().to_string();
        assert!(error.contains("begins `{\"error\": \"no\"}`"), "{error}");
    }
}
