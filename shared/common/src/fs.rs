//! Files that appear whole or not at all, readable by their owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A private file being written beside its final place; dropped unfinished, it disappears.
///
/// Its name is the target's with `.part` added. On Unix its mode is 0600 from the first byte.
#[derive(Debug)]
pub struct PartialFile {
    file: Option<File>,
    part: PathBuf,
    target: PathBuf,
    replace: bool,
}

impl PartialFile {
    /// Starts writing what will be at `target`, replacing what is there.
    ///
    /// # Errors
    /// A symbolic link at `target` or in the way of the `.part` file, and what creating gives.
    pub fn create(target: impl Into<PathBuf>) -> io::Result<Self> {
        Self::open(target.into(), true)
    }

    /// Starts writing what will be at `target`, where nothing may be.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when something is there, and what creating gives.
    pub fn create_new(target: impl Into<PathBuf>) -> io::Result<Self> {
        Self::open(target.into(), false)
    }

    fn open(target: PathBuf, replace: bool) -> io::Result<Self> {
        refuse_existing(&target, replace)?;
        let part = part_name(&target)?;
        // What an earlier, killed process left; a link is removed, not followed.
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = private_options().open(&part)?;
        Ok(Self { file: Some(file), part, target, replace })
    }

    /// The path of the unfinished file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.part
    }

    /// The path of the finished file.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Another handle of the unfinished file, by which it can be synced while it is written.
    ///
    /// # Errors
    /// What duplicating a handle gives, and a file that is closed.
    pub fn handle(&self) -> io::Result<File> {
        self.file.as_ref().map_or_else(|| Err(closed()), File::try_clone)
    }

    /// Makes what was written durable and closes the file, which keeps its unfinished name; nothing
    /// can be written to it any more.
    ///
    /// # Errors
    /// What syncing gives.
    pub fn close(&mut self) -> io::Result<()> {
        self.file.take().map_or(Ok(()), |file| file.sync_all())
    }

    /// Makes the file durable and gives it its final name.
    ///
    /// # Errors
    /// What syncing and renaming give; the unfinished file is removed.
    pub fn persist(mut self) -> io::Result<PathBuf> {
        if let Some(file) = self.file.take() {
            file.sync_all()?;
        }
        if let Err(error) = refuse_existing(&self.target, self.replace)
            .and_then(|()| fs::rename(&self.part, &self.target))
        {
            remove_quietly(&self.part);
            return Err(error);
        }
        sync_directory(directory_of(&self.target))?;
        Ok(std::mem::take(&mut self.target))
    }
}

impl Write for PartialFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().map_or_else(|| Err(closed()), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or_else(|| Err(closed()), File::flush)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if self.target.as_os_str().is_empty() {
            return;
        }
        // Windows removes only closed files.
        drop(self.file.take());
        remove_quietly(&self.part);
    }
}

/// Writes `bytes` to `path` at once, privately, replacing what is there.
///
/// # Errors
/// As [`PartialFile::create`] and [`PartialFile::persist`].
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = PartialFile::create(path)?;
    file.write_all(bytes)?;
    file.persist().map(drop)
}

/// Bytes free for this user on the file system of `directory`; none when it cannot be told.
#[must_use]
pub fn free_space(directory: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let status = rustix::fs::statvfs(directory).ok()?;
        status.f_bavail.checked_mul(status.f_frsize)
    }
    #[cfg(not(unix))]
    {
        let _ = directory;
        None
    }
}

/// Makes renames and new files of `directory` durable; systems that cannot sync one do nothing.
///
/// # Errors
/// What opening and syncing give.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

fn refuse_existing(target: &Path, replace: bool) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(target) else { return Ok(()) };
    if found.is_symlink() {
        let message = format!("`{}` is a symbolic link", target.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    if replace && found.is_file() {
        return Ok(());
    }
    let message = format!("`{}` exists already", target.display());
    Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
}

fn part_name(target: &Path) -> io::Result<PathBuf> {
    let Some(name) = target.file_name() else {
        let message = format!("`{}` names no file", target.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    };
    let mut part = name.to_owned();
    part.push(".part");
    Ok(target.with_file_name(part))
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Removing is tidying up; the error that led here matters more than one of its own.
fn remove_quietly(path: &Path) {
    drop(fs::remove_file(path));
}

fn closed() -> io::Error {
    io::Error::other("the file is closed already")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_whole_and_replaces_the_old_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("plan.yaml");
        write_private(&path, b"old").unwrap();
        let mut file = PartialFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(file.persist().unwrap(), path);
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(directory.path()), ["plan.yaml"]);
    }

    #[test]
    fn an_unfinished_file_disappears() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = PartialFile::create_new(directory.path().join("a.zip")).unwrap();
        file.write_all(b"half").unwrap();
        assert_eq!(names(directory.path()), ["a.zip.part"]);
        drop(file);
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn a_new_file_never_replaces_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.zip");
        let late = PartialFile::create_new(&path).unwrap();
        fs::write(&path, b"other").unwrap();
        assert_eq!(late.persist().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(names(directory.path()), ["a.zip"]);
        let error = PartialFile::create_new(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_it_and_links_are_not_followed() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        write_private(&path, b"x").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let link = directory.path().join("link");
        symlink(&path, &link).unwrap();
        let error = write_private(&link, b"y").unwrap_err();
        assert!(error.to_string().contains("symbolic link"), "{error}");
        symlink(&path, directory.path().join("b.part")).unwrap();
        write_private(&directory.path().join("b"), b"z").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"x");
    }

    #[test]
    fn free_space_is_known_where_it_can_be_asked() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(free_space(directory.path()).is_some(), cfg!(unix));
        assert_eq!(free_space(Path::new("/no/such/directory")), None);
    }
}
