//! Backups: what is accepted, and what is refused without leaving anything behind.

use std::path::Path;
use std::time::Duration;

use common::central::{Backup, BackupError, BackupRequest, CentralError};
use sha2::{Digest, Sha256};

use crate::server::{Answer, Seen, Server};
use crate::support::{archive, client, options};

const NAME: &str = "attachment; filename=\"stackrox_db_2026_03_01_12_00_00.zip\"";

fn download() -> Answer {
    Answer::new(200).header("content-type", "application/zip").header("content-disposition", NAME)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

async fn backup_of(
    directory: &Path,
    change: impl FnOnce(&mut BackupRequest),
    handler: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
) -> (Result<Backup, BackupError>, Vec<String>, Vec<u64>) {
    let server = Server::start(None, handler).await;
    let (central, _) = client(&options(server.address, false));
    let mut request = BackupRequest::new(directory, "3.69.2".parse().ok());
    change(&mut request);
    let mut told = Vec::new();
    let result = central.backup(&request, &mut |bytes| told.push(bytes)).await;
    (result, server.requests(), told)
}

#[tokio::test]
async fn a_good_backup_is_kept_private_with_its_size_checksum_and_version() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = archive();
    let (first, rest) = bytes.split_at(300_000);
    let answer = download().data(first).pause(150).data(rest);
    let (result, requests, told) =
        backup_of(directory.path(), |_| (), move |_| answer.clone()).await;
    let backup = result.unwrap();
    assert_eq!(requests, ["GET /api/extensions/backup"]);
    assert_eq!(names(directory.path()), ["stackrox_db_2026_03_01_12_00_00.zip"]);
    assert_eq!(std::fs::read(&backup.path).unwrap(), bytes);
    let sha256: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!((backup.size, backup.sha256), (bytes.len() as u64, sha256));
    assert_eq!(backup.version, "3.69.2".parse().ok());
    assert_eq!(told.last(), Some(&(bytes.len() as u64)));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&backup.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_second_backup_does_not_replace_the_first() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let (result, _, _) =
            backup_of(directory.path(), |_| (), |_| download().data(archive())).await;
        result.unwrap();
    }
    let mut names = names(directory.path());
    names.sort();
    assert_eq!(
        names,
        ["stackrox_db_2026_03_01_12_00_00-2.zip", "stackrox_db_2026_03_01_12_00_00.zip"]
    );
}

async fn refused(answer: Answer) -> String {
    let directory = tempfile::tempdir().unwrap();
    let (result, _, _) = backup_of(directory.path(), |_| (), move |_| answer.clone()).await;
    assert!(names(directory.path()).is_empty(), "{:?}", names(directory.path()));
    result.unwrap_err().to_string()
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_no_backup() {
    let bytes = archive();
    let half = &bytes[..bytes.len() / 2];
    let broken = refused(download().data(half).broken()).await;
    let expected = format!("the backup was cut off after {} bytes: ", half.len());
    assert!(broken.starts_with(&expected), "{broken}");
    // Central ends the stream properly even when the dump failed.
    let short = refused(download().data(half)).await;
    assert!(short.contains("its table of contents is missing"), "{short}");
    let empty = refused(download()).await;
    assert!(empty.contains("it is empty"), "{empty}");
}

#[tokio::test]
async fn what_central_says_after_the_archive_is_told_and_nothing_is_kept() {
    let words = "could not create database backup: open jwt-key.pem: no such file\n";
    let failed = refused(download().data(archive()).data(words)).await;
    assert!(failed.contains("says after it that the backup failed: `could not create"), "{failed}");
}

#[tokio::test]
async fn a_login_page_is_no_backup() {
    let page = refused(Answer::new(200).data("<!doctype html>\n<title>Log in</title>")).await;
    assert!(page.contains("begins `<!doctype html> <title>Log in</title>`"), "{page}");
}

#[tokio::test]
async fn who_may_not_back_up_is_told_the_role() {
    let directory = tempfile::tempdir().unwrap();
    for (status, words) in [(401, "Admin"), (403, "Admin"), (501, "its own tools")] {
        let answer = move |_: &Seen| Answer::new(status).data("{\"message\":\"no\"}");
        let (result, requests, _) = backup_of(directory.path(), |_| (), answer).await;
        let text = result.unwrap_err().into_failure().render();
        assert!(text.contains(words), "{text}");
        assert_eq!(requests.len(), 1, "it is not asked for twice");
    }
}

#[tokio::test]
async fn a_backup_of_another_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let other = |request: &mut BackupRequest| request.version = "3.70.0".parse().ok();
    let (result, _, _) = backup_of(directory.path(), other, |_| download().data(archive())).await;
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "the backup is of version 3.69.2, but 3.70.0 is running");
    assert!(names(directory.path()).is_empty());
}

#[tokio::test]
async fn a_silent_central_is_left_after_a_while() {
    let directory = tempfile::tempdir().unwrap();
    let impatient = |request: &mut BackupRequest| request.idle_timeout = Duration::from_millis(100);
    let silent = |_: &Seen| download().data("PK").pause(60_000);
    let (result, _, _) = backup_of(directory.path(), impatient, silent).await;
    assert!(matches!(result, Err(BackupError::Timeout { .. })), "{result:?}");
    assert!(names(directory.path()).is_empty());
}

#[tokio::test]
async fn a_backup_given_up_while_it_is_verified_leaves_nothing_now_or_later() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(None, |_| download().data(archive())).await;
    let (central, _) = client(&options(server.address, false));
    let request = BackupRequest::new(directory.path(), "3.69.2".parse().ok());
    let size = archive().len() as u64;
    let received = tokio::sync::Notify::new();
    let mut progress = |bytes| {
        if bytes == size {
            received.notify_one();
        }
    };
    let given_up = tokio::select! {
        biased;
        result = central.backup(&request, &mut progress) => Err(result),
        () = received.notified() => Ok(()),
    };
    given_up.unwrap();
    assert!(names(directory.path()).is_empty(), "{:?}", names(directory.path()));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(names(directory.path()).is_empty(), "{:?}", names(directory.path()));
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_named() {
    let nowhere = Path::new("/nowhere/at/all");
    let (result, _, _) = backup_of(nowhere, |_| (), |_| download().data(archive())).await;
    let text = result.unwrap_err().to_string();
    assert!(text.starts_with("cannot write the backup into `/nowhere/at/all`: "), "{text}");
}

#[tokio::test]
async fn an_old_central_is_asked_the_old_way() {
    let directory = tempfile::tempdir().unwrap();
    let old = |request: &mut BackupRequest| request.version = "3.0.54.0".parse().ok();
    let missing = |_: &Seen| Answer::new(404);
    let (result, requests, _) = backup_of(directory.path(), old, missing).await;
    assert_eq!(requests, ["GET /db/backup"]);
    assert!(
        matches!(result, Err(BackupError::Central(CentralError::NotFound { .. }))),
        "{result:?}"
    );
}
