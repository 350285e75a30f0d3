//! Reading a backup to its last byte before anybody relies on it.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::error::BackupError;
use crate::rhacs::Version;

/// The size of the pieces in which entries are read.
const BUFFER: usize = 128 << 10;
/// The file that names the version; it has three lines.
const VERSION_FILE: &str = "migration_version.yaml";
const LARGEST_VERSION_FILE: u64 = 16 << 10;

/// What a backup must hold.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    /// The version that runs; none when it is not known.
    pub(super) version: Option<Version>,
    /// Whether keys belong to it: the old download has only the database.
    pub(super) keys: bool,
}

/// Checks the archive at `path`: its directory, each entry's checksum, what it must hold, and its
/// version, which is returned.
pub(super) fn verify(path: &Path, expected: &Expected) -> Result<Option<Version>, BackupError> {
    let reading = |error: &io::Error| BackupError::Write {
        directory: path.parent().unwrap_or(path).to_owned(),
        reason: format!("cannot read it again: {error}"),
    };
    let file = File::open(path).map_err(|error| reading(&error))?;
    let size = file.metadata().map_err(|error| reading(&error))?.len();
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

/// What was found in an archive.
#[derive(Debug, Default)]
struct Contents {
    database: bool,
    keys: bool,
    version: Option<String>,
}

impl Contents {
    fn note(&mut self, name: &str) {
        let file = name.rsplit('/').next().unwrap_or(name);
        self.keys |= name.starts_with("keys/") && !file.is_empty();
        self.database |= matches!(file, "postgres.dump" | "bolt.db" | "rocks.db")
            || name.starts_with("rocks.db/")
            || name.starts_with("rocksdb");
    }

    fn judge(self, expected: &Expected) -> Result<Option<Version>, BackupError> {
        let lacks = |what: &str| BackupError::Incomplete { what: what.to_owned() };
        if !self.database {
            return Err(lacks("the database"));
        }
        if expected.keys && !self.keys {
            return Err(lacks("the keys"));
        }
        // Archives of early versions do not name theirs.
        let Some(text) = self.version else { return Ok(None) };
        let found: Option<Version> = text.parse().ok();
        match &expected.version {
            Some(version) if found.as_ref() != Some(version) => {
                Err(BackupError::OtherVersion { found: text, expected: version.clone() })
            }
            _ => Ok(found),
        }
    }
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
    contents.note(&name);
    let damaged =
        |error: io::Error| BackupError::Damaged { entry: name.clone(), reason: error.to_string() };
    if name == VERSION_FILE {
        let mut text = String::new();
        entry.by_ref().take(LARGEST_VERSION_FILE).read_to_string(&mut text).map_err(damaged)?;
        contents.version = image_version(&text);
    }
    // Reading to the end compares the checksum.
    let mut buffer = vec![0; BUFFER];
    loop {
        match entry.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(damaged(error)),
        }
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

    const WHOLE: [(&str, &str); 3] = [
        ("migration_version.yaml", "image: 3.0.62.1\ndatabase: 81\n"),
        ("rocks.db", "data data data data data data data data"),
        ("keys/ca.pem", "key"),
    ];

    fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
        let stored =
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for (name, text) in entries {
            writer.start_file(*name, stored).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
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
        let version = verified(&archive(&WHOLE), true).unwrap();
        assert_eq!(version, "3.0.62.1".parse().ok());
    }

    #[test]
    fn each_fault_is_told() {
        let cut = archive(&WHOLE);
        let cut = &cut[..cut.len() - 30];
        assert!(matches!(verified(cut, true), Err(BackupError::Truncated { .. })));
        let lacking = verified(&archive(&WHOLE[..2]), true).unwrap_err().to_string();
        assert_eq!(lacking, "the backup lacks the keys");
        assert!(verified(&archive(&WHOLE[..2]), false).is_ok(), "the old download has none");
        let lacking = verified(&archive(&WHOLE[2..]), true).unwrap_err().to_string();
        assert_eq!(lacking, "the backup lacks the database");
        let other = [("migration_version.yaml", "image: 3.69.2"), WHOLE[1], WHOLE[2]];
        let other = verified(&archive(&other), true).unwrap_err().to_string();
        assert_eq!(other, "the backup is of version 3.69.2, but 3.0.62.1 is running");
    }

    #[test]
    fn a_single_wrong_byte_is_found() {
        let mut bytes = archive(&WHOLE);
        let at = bytes.windows(9).position(|window| window == b"data data").unwrap();
        bytes[at] ^= 1;
        let error = verified(&bytes, true).unwrap_err();
        assert!(
            matches!(&error, BackupError::Damaged { entry, .. } if entry == "rocks.db"),
            "{error}"
        );
    }
}
