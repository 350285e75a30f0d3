//! Archives that come out the same, byte for byte, when what goes in is the same.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use common::fs::PartialFile;
use flate2::{Compression, GzBuilder};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::Problem;
use crate::plugins::{Platform, Plugin};

/// A file in an archive.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its path in the archive, with `/`.
    pub name: String,
    /// Whether it is a program.
    pub executable: bool,
    /// What is in it.
    pub content: Content,
}

/// Where an entry's bytes are.
#[derive(Clone, Debug)]
pub enum Content {
    /// In a file, which must be a regular one: krew refuses links.
    File(PathBuf),
    /// Here.
    Bytes(Vec<u8>),
}

/// The entries of a plugin's archive: programs, licence, read-me and manual pages.
///
/// With `partial`, programs that are not built are left out; the one kubectl starts has to be there.
///
/// # Errors
/// A program that is not built.
pub fn entries(
    plugin: &Plugin,
    platform: Platform,
    binaries: &Path,
    root: &Path,
    partial: bool,
) -> Result<Vec<Entry>, Problem> {
    let mut entries = Vec::new();
    for program in plugin.programs {
        let name = platform.file_name(program);
        let path = binaries.join(&name);
        if path.is_file() {
            entries.push(Entry { name, executable: true, content: Content::File(path) });
        } else if !partial || *program == plugin.bin {
            return Err(Problem(format!("`{}` is not built", path.display())));
        }
    }
    for name in ["LICENSE", "README.md"] {
        let content = Content::File(root.join(name));
        entries.push(Entry { name: name.to_owned(), executable: false, content });
    }
    for page in crate::manual::pages(plugin)? {
        let (name, content) = (format!("man/man1/{}", page.name), Content::Bytes(page.text));
        entries.push(Entry { name, executable: false, content });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Writes `entries`, in their order, to `target`: a zip when its name says so, else a tar.gz.
///
/// # Errors
/// A file that cannot be read or is not a regular one, and what writing gives.
pub fn write(target: &Path, entries: &[Entry]) -> Result<(), Problem> {
    let cannot = |error: &io::Error| Problem::with(target, "write", error);
    let file = PartialFile::create(target).map_err(|error| cannot(&error))?;
    let is_zip = target.extension().is_some_and(|extension| extension == "zip");
    let file = if is_zip { write_zip(file, entries)? } else { write_tar(file, entries)? };
    let written = file.persist().map_err(|error| cannot(&error))?;
    make_public(&written).map_err(|error| cannot(&error))
}

fn write_tar(file: PartialFile, entries: &[Entry]) -> Result<PartialFile, Problem> {
    // No name and no time in the head of the stream; the best compression, once for many downloads.
    let stream = GzBuilder::new().mtime(0).write(file, level());
    let mut archive = tar::Builder::new(stream);
    for entry in entries {
        let failed = |error: &io::Error| Problem(format!("cannot pack `{}`: {error}", entry.name));
        let (size, mut content) = open(&entry.content)?;
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(size);
        header.set_mode(mode(entry));
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(MODIFIED);
        archive
            .append_data(&mut header, &entry.name, &mut content)
            .map_err(|error| failed(&error))?;
    }
    let finish = archive.into_inner().and_then(flate2::write::GzEncoder::finish);
    finish.map_err(|error| Problem(format!("cannot pack: {error}")))
}

fn write_zip(file: PartialFile, entries: &[Entry]) -> Result<PartialFile, Problem> {
    let mut archive = ZipWriter::new_stream(file);
    for entry in entries {
        let failed = |error: String| Problem(format!("cannot pack `{}`: {error}", entry.name));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(i64::from(level().level())))
            .last_modified_time(DateTime::default())
            .unix_permissions(mode(entry));
        let (_, mut content) = open(&entry.content)?;
        archive.start_file(&entry.name, options).map_err(|error| failed(error.to_string()))?;
        io::copy(&mut content, &mut archive).map_err(|error| failed(error.to_string()))?;
    }
    let file = archive.finish().map_err(|error| Problem(format!("cannot pack: {error}")))?;
    Ok(file.into_inner())
}

fn open(content: &Content) -> Result<(u64, Box<dyn Read + '_>), Problem> {
    match content {
        Content::Bytes(bytes) => Ok((bytes.len() as u64, Box::new(bytes.as_slice()))),
        Content::File(path) => {
            let cannot = |error: &io::Error| Problem::with(path, "read", error);
            let file = File::open(path).map_err(|error| cannot(&error))?;
            let found = file.metadata().map_err(|error| cannot(&error))?;
            if !found.is_file() {
                return Err(Problem(format!("`{}` is no regular file", path.display())));
            }
            Ok((found.len(), Box::new(file)))
        }
    }
}

const fn mode(entry: &Entry) -> u32 {
    if entry.executable { 0o755 } else { 0o644 }
}

/// Programs built for debugging are packed for tests only, where time matters more than size.
const fn level() -> Compression {
    if cfg!(debug_assertions) { Compression::fast() } else { Compression::best() }
}

/// Everybody may download a release.
fn make_public(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        Ok(())
    }
}

/// When every file says it was changed: the first second that a zip can say, 1980-01-01.
const MODIFIED: u64 = 315_532_800;

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, executable: bool, text: &str) -> Entry {
        Entry { name: name.to_owned(), executable, content: Content::Bytes(text.into()) }
    }

    #[test]
    fn the_same_input_gives_the_same_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("program");
        for name in ["a.tar.gz", "a.zip"] {
            let archive = directory.path().join(name);
            let pack = |text: &str| {
                std::fs::write(&program, text).unwrap();
                let content = Content::File(program.clone());
                let entries = [
                    entry("LICENSE", false, "free"),
                    Entry { name: "kubectl-rhacs".to_owned(), executable: true, content },
                ];
                write(&archive, &entries).unwrap();
                std::fs::read(&archive).unwrap()
            };
            let first = pack("#!/bin/sh");
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert_eq!(first, pack("#!/bin/sh"), "{name}");
            assert_ne!(first, pack("#!/bin/bash"), "{name}");
        }
    }

    #[test]
    fn a_tar_has_regular_files_with_modes_and_nothing_of_this_computer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.tar.gz");
        write(&path, &[entry("bin", true, "x"), entry("man/man1/bin.1", false, "y")]).unwrap();
        let stream = flate2::read::GzDecoder::new(File::open(path).unwrap());
        let mut archive = tar::Archive::new(stream);
        let found: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                assert_eq!(header.entry_type(), tar::EntryType::Regular);
                assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
                assert_eq!(header.mtime().unwrap(), MODIFIED);
                (entry.path().unwrap().display().to_string(), header.mode().unwrap())
            })
            .collect();
        let expected = [("bin".to_owned(), 0o755), ("man/man1/bin.1".to_owned(), 0o644)];
        assert_eq!(found, expected);
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_in_place_of_a_program_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let content = Content::File(directory.path().to_owned());
        let entry = Entry { name: "x".to_owned(), executable: true, content };
        let problem = write(&directory.path().join("a.zip"), &[entry]).unwrap_err();
        assert!(problem.to_string().contains("no regular file"), "{problem}");
        assert!(!directory.path().join("a.zip").exists());
    }
}
