//! Reading a backup to its last byte before anybody relies on it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::LARGEST_ERROR;
use super::error::BackupError;
use super::tar;
use crate::central::error::one_line;
use crate::rhacs::Version;

/// The size of the pieces in which entries are read.
const BUFFER: usize = 128 << 10;
/// The file that names the version; it has three lines.
const VERSION_FILE: &str = "migration_version.yaml";
const LARGEST_VERSION_FILE: u64 = 16 << 10;
/// A RocksDB, as a tar.
const ROCKS: &str = "rocks.db";
/// The directory of the keys.
const KEYS: &str = "keys/";
/// What ends an archive: a record of this mark and length, and a comment of up to 64 KiB after it.
const END_MARK: &[u8] = b"PK\x05\x06";
const END_LENGTH: usize = 22;

/// What must be there, each under one of these names.
type Needed = &'static [&'static str];
const OLD_DATABASE: [Needed; 1] = [&["bolt.db", ROCKS]];
const ROCKS_DATABASE: [Needed; 2] = [&["bolt.db"], &[ROCKS]];
const POSTGRES_DATABASE: [Needed; 1] = [&["postgres.dump"]];
const NEEDED_KEYS: [Needed; 3] =
    [&["keys/ca.pem"], &["keys/ca-key.pem"], &["keys/jwt-key.pem", "keys/jwt-key.der"]];
const NEEDED_PASSWORD: Needed = &["central-db/password"];
const NEEDED_VERSION: Needed = &[VERSION_FILE];

/// What a backup must hold.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    /// The version that runs; none when it is not known.
    pub(super) version: Option<Version>,
    /// Whether keys belong to it: the old download has only the database.
    pub(super) keys: bool,
}

impl Expected {
    /// Whether archives name their version and have the form that is known in every detail.
    fn is_modern(&self) -> bool {
        self.version.as_ref().is_none_or(|version| version.is_at_least(3, 58))
    }
}

/// Checks the archive at `path`: that nothing follows it, its directory, each entry's checksum,
/// what it must hold, and its version, which is returned.
pub(super) fn verify(path: &Path, expected: &Expected) -> Result<Option<Version>, BackupError> {
    let reading = |error: &io::Error| BackupError::Write {
        directory: path.parent().unwrap_or(path).to_owned(),
        reason: format!("cannot read it again: {error}"),
    };
    let mut file = File::open(path).map_err(|error| reading(&error))?;
    let size = file.metadata().map_err(|error| reading(&error))?.len();
    let after = after_the_end(&mut file, size).map_err(|error| reading(&error))?;
    if !after.is_empty() {
        return Err(BackupError::Failed { message: one_line(&after) });
    }
    let truncated = |error: ZipError| BackupError::Truncated {
        received: size,
        reason: format!("its table of contents is missing ({error})"),
    };
    let mut archive = ZipArchive::new(BufReader::with_capacity(BUFFER, file)).map_err(truncated)?;
    let mut contents = Contents::default();
    for index in 0..archive.len() {
        read_entry(&mut archive, index, &mut contents)?;
    }
    contents.judge(expected)
}

/// What follows the archive. Central ends it properly also when it failed, and has no other place
/// left for its words. Empty when there is no end either: then the archive is cut off.
fn after_the_end(file: &mut File, size: u64) -> io::Result<Vec<u8>> {
    let longest = (END_LENGTH + usize::from(u16::MAX)) as u64 + (LARGEST_ERROR as u64);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(size.saturating_sub(longest)))?;
    file.read_to_end(&mut tail)?;
    file.seek(SeekFrom::Start(0))?;
    let mark = tail.windows(END_MARK.len()).rposition(|window| window == END_MARK);
    let end = mark.and_then(|at| {
        let comment = tail.get(at + END_LENGTH - 2..at + END_LENGTH)?;
        let comment = u16::from_le_bytes(comment.try_into().ok()?);
        Some(at + END_LENGTH + usize::from(comment))
    });
    Ok(end.and_then(|end| tail.get(end..)).unwrap_or_default().to_vec())
}

/// What was found in an archive: its entries, each with its size.
#[derive(Debug, Default)]
struct Contents {
    sizes: BTreeMap<String, u64>,
    version: Option<String>,
}

impl Contents {
    fn has(&self, name: &str) -> bool {
        self.sizes.contains_key(name)
    }

    /// What a restore of that mode reads.
    fn needed(&self, expected: &Expected) -> Vec<Needed> {
        let is_postgres = self.sizes.keys().any(|name| name.starts_with("postgres."));
        let mut needed = match (is_postgres, expected.is_modern()) {
            (true, _) => POSTGRES_DATABASE.to_vec(),
            (false, true) => ROCKS_DATABASE.to_vec(),
            (false, false) => OLD_DATABASE.to_vec(),
        };
        if expected.keys {
            needed.extend(NEEDED_KEYS);
            needed.extend(is_postgres.then_some(NEEDED_PASSWORD));
        }
        needed.extend(expected.is_modern().then_some(NEEDED_VERSION));
        needed
    }

    fn judge(self, expected: &Expected) -> Result<Option<Version>, BackupError> {
        let lacks = |what: String| BackupError::Incomplete { what };
        if !self.sizes.keys().any(|name| is_database(name)) {
            return Err(lacks("the database".to_owned()));
        }
        if expected.keys && !self.sizes.keys().any(|name| name.starts_with(KEYS)) {
            return Err(lacks("the keys".to_owned()));
        }
        for names in self.needed(expected) {
            if !names.iter().any(|name| self.has(name)) {
                return Err(lacks(format!("`{}`", names.join("` or `"))));
            }
        }
        let demanded = |name: &str| is_database(name) || name.starts_with(KEYS);
        let empty = self.sizes.iter().find(|(name, size)| demanded(name) && **size == 0);
        if let Some((name, _)) = empty {
            return Err(BackupError::Empty { entry: name.clone() });
        }
        // Archives of early versions do not name theirs.
        let text = match self.version {
            Some(text) => text,
            None if expected.is_modern() => {
                return Err(lacks(format!("the version in `{VERSION_FILE}`")));
            }
            None => return Ok(None),
        };
        let found: Option<Version> = text.parse().ok();
        match &expected.version {
            Some(version) if found.as_ref() != Some(version) => {
                Err(BackupError::OtherVersion { found: text, expected: version.clone() })
            }
            _ => Ok(found),
        }
    }
}

/// Whether an entry holds a database, or a part of one.
fn is_database(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    matches!(file, "postgres.dump" | "bolt.db" | ROCKS)
}

fn read_entry(
    archive: &mut ZipArchive<BufReader<File>>,
    index: usize,
    contents: &mut Contents,
) -> Result<(), BackupError> {
    let mut entry = archive.by_index(index).map_err(|error| BackupError::Damaged {
        entry: format!("entry {}", index + 1),
        reason: error.to_string(),
    })?;
    let name = entry.name().map(|name| name.into_owned()).map_err(|error| {
        BackupError::Damaged { entry: format!("entry {}", index + 1), reason: error.to_string() }
    })?;
    if entry.is_dir() {
        return Ok(());
    }
    contents.sizes.insert(name.clone(), entry.size());
    let damaged =
        |error: io::Error| BackupError::Damaged { entry: name.clone(), reason: error.to_string() };
    if name == VERSION_FILE {
        let mut text = String::new();
        entry.by_ref().take(LARGEST_VERSION_FILE).read_to_string(&mut text).map_err(damaged)?;
        contents.version = image_version(&text);
    }
    let mut not_a_database = None;
    let mut entry = BufReader::with_capacity(BUFFER, entry);
    if name == ROCKS && contents.sizes[&name] > 0 {
        match tar::read_through(&mut entry) {
            Ok(0) => not_a_database = Some("its tar holds no file".to_owned()),
            Ok(_) => {}
            // A wrong checksum, which reading on finds, says more of the cause.
            Err(error) => not_a_database = Some(error.to_string()),
        }
    }
    // Reading to the end compares the checksum.
    io::copy(&mut entry, &mut io::sink()).map_err(damaged)?;
    match not_a_database {
        Some(reason) => Err(BackupError::Damaged { entry: name, reason }),
        None => Ok(()),
    }
}

/// The version in `image: 3.0.62.1`.
fn image_version(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("image:"))?;
    let version = line.trim().trim_matches(['"', '\'']);
    (!version.is_empty()).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    const VERSION: (&str, &[u8]) = ("migration_version.yaml", b"image: 3.0.62.1\ndatabase: 81\n");
    const KEYS: [(&str, &[u8]); 3] =
        [("keys/ca.pem", b"ca"), ("keys/ca-key.pem", b"key"), ("keys/jwt-key.der", b"jwt")];

    /// The entries of a backup on RocksDB, in the order in which Central writes them.
    fn whole() -> Vec<(&'static str, Vec<u8>)> {
        let rocks = tar::of_one("CURRENT", b"data data data data data data data data");
        let mut entries = vec![("bolt.db", b"bolt".to_vec()), ("rocks.db", rocks)];
        entries.extend(KEYS.into_iter().chain([VERSION]).map(|(name, text)| (name, text.to_vec())));
        entries
    }

    /// The whole backup with some of its entries otherwise; none leaves it out.
    fn but(changes: &[(&str, Option<&[u8]>)]) -> Vec<u8> {
        let mut entries = whole();
        for (wanted, bytes) in changes {
            match bytes {
                Some(bytes) => {
                    let changed = entries.iter_mut().find(|(name, _)| name == wanted).unwrap();
                    changed.1 = bytes.to_vec();
                }
                None => entries.retain(|(name, _)| name != wanted),
            }
        }
        archive(&entries)
    }

    fn archive(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
        let stored =
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for (name, bytes) in entries {
            writer.start_file(*name, stored).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn verified(bytes: &[u8], keys: bool) -> Result<Option<Version>, BackupError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        verify(file.path(), &Expected { version: "3.0.62.1".parse().ok(), keys })
    }

    #[test]
    fn a_whole_backup_is_accepted_with_its_version() {
        let version = verified(&archive(&whole()), true).unwrap();
        assert_eq!(version, "3.0.62.1".parse().ok());
        let names = ["keys/ca.pem", "keys/ca-key.pem", "keys/jwt-key.der"];
        let old = but(&names.map(|name| (name, None)));
        assert!(verified(&old, false).is_ok(), "the old download has no keys");
    }

    #[test]
    fn a_backup_that_central_declares_failed_is_none() {
        // Central ends the archive properly also when it fails, and then says so.
        let broken = but(&[("keys/jwt-key.der", Some(b"")), ("migration_version.yaml", None)]);
        let told = [&broken[..], b"could not create database backup: no such file\n"].concat();
        let error = verified(&told, true).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Central says after it that the backup failed: `could not create database backup: no \
             such file`"
        );
        assert!(matches!(error, BackupError::Failed { .. }));
        // The words are enough, whatever the archive holds; and so is what it holds, without them.
        let whole = [&archive(&whole())[..], b"x"].concat();
        assert!(matches!(verified(&whole, true), Err(BackupError::Failed { .. })));
        assert!(matches!(verified(&broken, true), Err(BackupError::Incomplete { .. })));
    }

    #[test]
    fn each_fault_is_told() {
        let cut = archive(&whole());
        let cut = &cut[..cut.len() - 30];
        assert!(matches!(verified(cut, true), Err(BackupError::Truncated { .. })));
        let other: &[u8] = b"image: 3.69.2";
        let no_tar: &[u8] = &[b'x'; 1024];
        let unfinished = tar::of_one("CURRENT", b"data");
        let (unfinished, no_file): (&[u8], &[u8]) = (&unfinished[..1024], &[0; 1024]);
        /// Entries in place of whole ones, and what is said.
        type Case<'a> = (&'a [(&'a str, Option<&'a [u8]>)], &'a str);
        let cases: [Case<'_>; 13] = [
            (&[("bolt.db", None), ("rocks.db", None)], "the backup lacks the database"),
            (&[("bolt.db", None)], "the backup lacks `bolt.db`"),
            (&[("keys/ca-key.pem", None)], "the backup lacks `keys/ca-key.pem`"),
            (
                &[("keys/jwt-key.der", None)],
                "the backup lacks `keys/jwt-key.pem` or `keys/jwt-key.der`",
            ),
            (&[("keys/ca.pem", Some(&[]))], "`keys/ca.pem` in the backup is empty"),
            (&[("bolt.db", Some(&[]))], "`bolt.db` in the backup is empty"),
            (&[("rocks.db", Some(&[]))], "`rocks.db` in the backup is empty"),
            (
                &[("rocks.db", Some(no_tar))],
                "the backup is damaged: `rocks.db`: its tar has a header with a wrong sum",
            ),
            (
                &[("rocks.db", Some(unfinished))],
                "the backup is damaged: `rocks.db`: its tar ends without an end",
            ),
            (
                &[("rocks.db", Some(no_file))],
                "the backup is damaged: `rocks.db`: its tar holds no file",
            ),
            (&[("migration_version.yaml", None)], "the backup lacks `migration_version.yaml`"),
            (
                &[("migration_version.yaml", Some(b"database: 81\n"))],
                "the backup lacks the version in `migration_version.yaml`",
            ),
            (
                &[("migration_version.yaml", Some(other))],
                "the backup is of version 3.69.2, but 3.0.62.1 is running",
            ),
        ];
        for (changes, told) in cases {
            assert_eq!(verified(&but(changes), true).unwrap_err().to_string(), told);
        }
        let none =
            but(&[("keys/ca.pem", None), ("keys/ca-key.pem", None), ("keys/jwt-key.der", None)]);
        assert_eq!(verified(&none, true).unwrap_err().to_string(), "the backup lacks the keys");
    }

    #[test]
    fn a_backup_of_postgresql_has_its_password_and_one_of_early_versions_no_version() {
        let postgres = |password: &[u8]| {
            let mut entries = vec![
                ("postgres.size", b"4".to_vec()),
                ("postgres.dump", b"PGDMP".to_vec()),
                ("central-db/password", password.to_vec()),
            ];
            entries.extend(
                KEYS.into_iter().chain([VERSION]).map(|(name, text)| (name, text.to_vec())),
            );
            if password.is_empty() {
                entries.remove(2);
            }
            verified(&archive(&entries), true)
        };
        assert!(postgres(b"secret").is_ok());
        let lacking = postgres(b"").unwrap_err().to_string();
        assert_eq!(lacking, "the backup lacks `central-db/password`");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), archive(&[("bolt.db", b"bolt".to_vec())])).unwrap();
        let early = Expected { version: "3.0.54.0".parse().ok(), keys: false };
        assert_eq!(verify(file.path(), &early).unwrap(), None);
    }

    #[test]
    fn a_single_wrong_byte_is_found() {
        let mut bytes = archive(&whole());
        let at = bytes.windows(9).position(|window| window == b"data data").unwrap();
        bytes[at] ^= 1;
        let error = verified(&bytes, true).unwrap_err();
        assert!(
            matches!(&error, BackupError::Damaged { entry, .. } if entry == "rocks.db"),
            "{error}"
        );
    }
}
