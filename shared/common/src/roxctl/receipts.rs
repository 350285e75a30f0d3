//! What the suite installed on this computer, so that it removes that and nothing else.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::checksum::Checksum;
use super::error::RoxctlError;
use super::system::{System, same_place};
use crate::fs::write_private;

/// One installed file.
///
/// A receipt counts only while the file has its checksum. It is written before the file gets its
/// name, and those of what was there before are dropped after: whenever a command is killed, the
/// file that is there has its receipt.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The file.
    pub path: PathBuf,
    /// The version, as roxctl writes it; none for another machine's file of unknown version.
    pub version: Option<String>,
    /// The checksum of the file.
    pub sha256: Checksum,
    /// Where it came from: an address or a path.
    pub source: String,
    /// Whether Central offered it, which builds its own.
    #[serde(default)]
    pub from_central: bool,
    /// The machine it is for, such as `linux/amd64`.
    pub machine: String,
    /// When it was installed.
    pub installed: Timestamp,
}

/// All receipts of this user.
#[derive(Debug, Default)]
pub struct Receipts {
    place: Option<PathBuf>,
    all: Vec<Receipt>,
    // Held until the command ends.
    _lock: Option<File>,
}

#[derive(Deserialize, Serialize)]
struct Document {
    schema: u32,
    receipts: Vec<Receipt>,
}

/// The form of the file; a newer one is not touched.
const SCHEMA: u32 = 1;
const NAME: &str = "roxctl.json";
const LOCK: &str = "roxctl.lock";
/// How long another command is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

impl Receipts {
    /// Reads the receipts, to look at them.
    ///
    /// # Errors
    /// When there are some that cannot be read.
    pub fn read(system: &System) -> Result<Self, RoxctlError> {
        let place = system.state_directory().map(|directory| directory.join(NAME));
        let all = place.as_deref().map(load).transpose()?.unwrap_or_default();
        Ok(Self { place, all, _lock: None })
    }

    /// Reads the receipts, to change them; no other command can until this is dropped. Without a
    /// home directory there are none, and none are kept.
    ///
    /// # Errors
    /// [`RoxctlError::Locked`] while another command has them, and what [`Self::read`] gives.
    pub fn lock(system: &System) -> Result<Self, RoxctlError> {
        let Some(directory) = system.state_directory() else { return Ok(Self::default()) };
        let lock = directory.join(LOCK);
        let opened = fs::create_dir_all(directory).and_then(|()| File::create(&lock));
        let file = opened.map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => RoxctlError::NoRights {
                directories: vec![directory.to_owned()],
                reason: error.to_string(),
                hint: "a command with sudo made it: `sudo chown -R` gives it back to you".into(),
            },
            io::ErrorKind::ReadOnlyFilesystem => RoxctlError::NoRights {
                directories: vec![directory.to_owned()],
                reason: error.to_string(),
                hint: "receipts are kept there: name a directory that can be written as HOME"
                    .into(),
            },
            _ => RoxctlError::file("write", &lock, error),
        })?;
        acquire(&file, &lock)?;
        Ok(Self { _lock: Some(file), ..Self::read(system)? })
    }

    /// Whether receipts can be kept at all.
    #[must_use]
    pub const fn are_kept(&self) -> bool {
        self.place.is_some()
    }

    /// Every receipt.
    #[must_use]
    pub fn all(&self) -> &[Receipt] {
        &self.all
    }

    /// The receipts of a file, whether or not it is as it was.
    pub fn of<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a Receipt> {
        self.all.iter().filter(move |receipt| same_file(&receipt.path, path))
    }

    /// The receipt of a file with this checksum.
    #[must_use]
    pub fn matching(&self, path: &Path, sha256: Checksum) -> Option<&Receipt> {
        let fits = |receipt: &&Receipt| receipt.sha256 == sha256 && same_file(&receipt.path, path);
        self.all.iter().find(fits)
    }

    /// Adds a receipt beside those of the same file, before the file gets its name.
    pub(super) fn announce(&mut self, receipt: Receipt) -> Result<(), RoxctlError> {
        self.all.retain(|known| {
            known.sha256 != receipt.sha256 || !same_file(&known.path, &receipt.path)
        });
        self.all.push(receipt);
        self.save()
    }

    /// Drops every other receipt of the file, after it has its name.
    pub(super) fn settle(&mut self, path: &Path, sha256: Checksum) -> Result<(), RoxctlError> {
        let before = self.all.len();
        self.all.retain(|receipt| !same_file(&receipt.path, path) || receipt.sha256 == sha256);
        if self.all.len() == before { Ok(()) } else { self.save() }
    }

    /// Drops the receipts of a file that is gone.
    pub(super) fn forget(&mut self, path: &Path) -> Result<(), RoxctlError> {
        self.all.retain(|receipt| !same_file(&receipt.path, path));
        self.save()
    }

    /// Drops the receipts of files that are gone, as a killed command leaves them.
    pub(super) fn prune(&mut self) -> Result<(), RoxctlError> {
        let before = self.all.len();
        self.all.retain(|receipt| fs::symlink_metadata(&receipt.path).is_ok());
        if self.all.len() == before { Ok(()) } else { self.save() }
    }

    fn save(&self) -> Result<(), RoxctlError> {
        let Some(place) = &self.place else { return Ok(()) };
        let document = Document { schema: SCHEMA, receipts: self.all.clone() };
        let written = serde_json::to_vec_pretty(&document)
            .map_err(io::Error::other)
            .and_then(|bytes| write_private(place, &bytes));
        written.map_err(|error| RoxctlError::file("write", place, error))
    }
}

/// Whether both name one entry of one directory, however that is written.
fn same_file(a: &Path, b: &Path) -> bool {
    let parents = || a.parent().zip(b.parent()).is_some_and(|(a, b)| same_place(a, b));
    a == b || (a.file_name() == b.file_name() && parents())
}

/// Takes the lock. It is waited for a moment: a command that ends just now gives it back, and a
/// process that was forked meanwhile holds it until it runs its own program.
fn acquire(file: &File, path: &Path) -> Result<(), RoxctlError> {
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => return Err(RoxctlError::Locked),
            // Some network file systems have no locks.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                return Ok(());
            }
            Err(TryLockError::Error(error)) => return Err(RoxctlError::file("lock", path, error)),
        }
    }
}

fn load(place: &Path) -> Result<Vec<Receipt>, RoxctlError> {
    let bytes = match fs::read(place) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RoxctlError::file("read", place, error)),
    };
    let document: Document = serde_json::from_slice(&bytes)
        .map_err(|error| RoxctlError::file("read", place, io::Error::other(error)))?;
    if document.schema > SCHEMA {
        let error = io::Error::other("a newer version of the suite wrote it");
        return Err(RoxctlError::file("read", place, error));
    }
    Ok(document.receipts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;

    fn receipt(path: &Path, digit: &str) -> Receipt {
        Receipt {
            path: path.to_owned(),
            version: Some("4.8.3".to_owned()),
            sha256: digit.repeat(64).parse().unwrap(),
            source: "test".to_owned(),
            from_central: false,
            machine: "linux/amd64".to_owned(),
            installed: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn old_and_new_have_a_receipt_until_the_new_one_is_there() {
        let home = tempfile::tempdir().unwrap();
        let system = System::of(&Env::test().with_home(home.path()));
        let path = home.path().join("roxctl");
        let (old, new) = (receipt(&path, "a"), receipt(&path, "b"));
        let mut receipts = Receipts::lock(&system).unwrap();
        receipts.announce(old.clone()).unwrap();
        receipts.announce(new.clone()).unwrap();
        let seen = Receipts::read(&system).unwrap();
        assert!(seen.matching(&path, old.sha256).is_some());
        assert!(seen.matching(&path, new.sha256).is_some());
        receipts.settle(&path, new.sha256).unwrap();
        assert_eq!(Receipts::read(&system).unwrap().all(), [new]);
        receipts.prune().unwrap();
        assert!(Receipts::read(&system).unwrap().all().is_empty(), "there is no such file");
    }

    #[test]
    fn two_commands_do_not_change_them_at_once() {
        let home = tempfile::tempdir().unwrap();
        let system = System::of(&Env::test().with_home(home.path()));
        let first = Receipts::lock(&system).unwrap();
        assert!(matches!(Receipts::lock(&system), Err(RoxctlError::Locked)));
        drop(first);
        assert!(Receipts::lock(&system).is_ok());
    }

    #[test]
    fn a_file_of_the_future_is_not_touched() {
        let home = tempfile::tempdir().unwrap();
        let system = System::of(&Env::test().with_home(home.path()));
        let directory = system.state_directory().unwrap();
        fs::create_dir_all(directory).unwrap();
        fs::write(directory.join(NAME), r#"{"schema": 9, "receipts": []}"#).unwrap();
        assert!(Receipts::lock(&system).unwrap_err().to_string().contains("newer"));
        assert!(Receipts::lock(&System::of(&Env::test())).is_ok_and(|none| !none.are_kept()));
    }
}
