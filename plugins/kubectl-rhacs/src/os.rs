//! What differs between operating systems: file names, permissions, links, and handing over.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use common::env::Os;

/// The name of the file of `program`.
#[must_use]
pub fn file_name(os: Os, program: &str) -> String {
    if os == Os::Windows { format!("{program}.exe") } else { program.to_owned() }
}

/// The program that a file of this name is; none for a name that kubectl would not run.
#[must_use]
pub fn program_name(os: Os, file_name: &str) -> Option<&str> {
    let (stem, extension) = match file_name.rsplit_once('.') {
        Some((stem, extension)) => (stem, Some(extension)),
        None => (file_name, None),
    };
    let fits = match (os, extension) {
        (Os::Windows, Some(extension)) => {
            ["exe", "cmd", "bat", "com"].iter().any(|known| extension.eq_ignore_ascii_case(known))
        }
        (Os::Windows, None) | (_, Some(_)) => false,
        (_, None) => true,
    };
    (fits && !stem.contains('.')).then_some(stem)
}

/// Whether `path` leads to a file that this user's system would start.
#[must_use]
pub fn is_executable(path: &Path) -> bool {
    let Ok(found) = std::fs::metadata(path) else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        found.is_file() && found.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    {
        found.is_file()
    }
}

/// Whether every user may put files into `directory`.
#[must_use]
pub fn is_open_to_all(directory: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(directory).map(|found| found.permissions().mode());
        mode.is_ok_and(|mode| mode & 0o002 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = directory;
        false
    }
}

/// Makes `path` a file that can be started.
///
/// # Errors
/// What changing its mode gives.
pub fn make_executable(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path)?.permissions().mode();
        // Who may read it may start it.
        let mode = mode | (mode & 0o444) >> 2;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        Ok(())
    }
}

/// The file by which `program` is called under another name, in the directory of the latter.
#[must_use]
pub fn link_file(os: Os, name: &str) -> String {
    if os == Os::Windows { format!("{name}.cmd") } else { name.to_owned() }
}

/// Puts a link called `link` to `target` in place, replacing a link that is there. A relative
/// target is seen from the link's directory. Windows gives links only to administrators: there a
/// script asks `target` with the first argument `request`.
///
/// # Errors
/// What writing gives; [`io::ErrorKind::AlreadyExists`] when something else is there.
pub fn put_link(link: &Path, target: &Path, request: &str) -> io::Result<()> {
    if std::fs::symlink_metadata(link).is_ok() && !is_link(link) {
        let message = format!("`{}` is there and is no link", link.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
    }
    let new = new_name(link);
    drop(std::fs::remove_file(&new));
    make_link(&new, target, request)?;
    std::fs::rename(&new, link).inspect_err(|_| drop(std::fs::remove_file(&new)))
}

/// Where the link at `path` leads, as [`put_link`] made it; none when it is no link.
#[must_use]
pub fn link_target(path: &Path) -> Option<PathBuf> {
    let directory = path.parent()?;
    if let Ok(target) = std::fs::read_link(path) {
        return Some(directory.join(target));
    }
    if path.extension().is_none_or(|extension| extension != "cmd") {
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    let rest = text.strip_prefix("@\"")?;
    let rest = rest.strip_prefix("%~dp0").unwrap_or(rest);
    let (target, _) = rest.split_once('"')?;
    Some(directory.join(target))
}

/// Whether [`put_link`] made it, or somebody who links by hand.
#[must_use]
pub fn is_link(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
        || link_target(path).is_some()
}

/// Becomes `program`: on Unix the process itself, so that signals and exit codes are its own.
///
/// # Errors
/// What starting it gives.
#[cfg(unix)]
pub fn hand_over(program: &Path, args: &[OsString]) -> io::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(Command::new(program).args(args).exec())
}

/// Runs `program` to its end and ends as it ended. Ctrl-C is the child's to act on: both get it.
///
/// # Errors
/// What starting it gives.
#[cfg(windows)]
pub fn hand_over(program: &Path, args: &[OsString]) -> io::Result<ExitCode> {
    // Without a handler this process would die first and leave the child without a terminal.
    drop(ctrlc::set_handler(|| {}));
    let status = Command::new(program).args(args).status()?;
    let code = status.code().unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

#[cfg(unix)]
fn make_link(link: &Path, target: &Path, _request: &str) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn make_link(link: &Path, target: &Path, request: &str) -> io::Result<()> {
    let base = if target.is_relative() { "%~dp0" } else { "" };
    let text = format!("@\"{base}{}\" {request} %*\r\n", target.display());
    std::fs::write(link, text)
}

fn new_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_system() {
        assert_eq!(file_name(Os::Windows, "kubectl-rhacs"), "kubectl-rhacs.exe");
        assert_eq!(file_name(Os::MacOs, "kubectl-rhacs"), "kubectl-rhacs");
        assert_eq!(program_name(Os::Windows, "kubectl-rhacs.EXE"), Some("kubectl-rhacs"));
        assert_eq!(program_name(Os::Windows, "kubectl-rhacs"), None);
        assert_eq!(program_name(Os::Linux, "kubectl-rhacs"), Some("kubectl-rhacs"));
        assert_eq!(program_name(Os::Linux, "kubectl-rhacs.d"), None);
    }

    #[test]
    fn the_script_of_windows_tells_where_it_leads() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("kubectl_complete-rhacs.cmd");
        std::fs::write(&link, "@\"%~dp0kubectl-rhacs.exe\" __complete %*\r\n").unwrap();
        assert_eq!(link_target(&link), Some(directory.path().join("kubectl-rhacs.exe")));
        std::fs::write(&link, "echo somebody else's").unwrap();
        assert_eq!(link_target(&link), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_replaces_links_only() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("kubectl_complete-rhacs");
        put_link(&link, Path::new("old"), "__complete").unwrap();
        put_link(&link, Path::new("kubectl-rhacs"), "__complete").unwrap();
        assert_eq!(link_target(&link), Some(directory.path().join("kubectl-rhacs")));
        std::fs::remove_file(&link).unwrap();
        std::fs::write(&link, "mine").unwrap();
        let error = put_link(&link, Path::new("kubectl-rhacs"), "__complete").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&link).unwrap(), b"mine");
    }
}
