//! Where the other programs of the suite are.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::machine::Os;

/// The program `name`: next to this one, else on `path`.
pub(super) fn find(
    name: &str,
    os: Os,
    own_directory: Option<&Path>,
    path: Option<&OsStr>,
) -> Option<PathBuf> {
    let file = if os == Os::Windows { format!("{name}.exe") } else { name.to_owned() };
    let on_path = path.into_iter().flat_map(std::env::split_paths);
    own_directory
        .map(Path::to_owned)
        .into_iter()
        .chain(on_path)
        .map(|directory| directory.join(&file))
        .find(|program| program.is_file())
}

/// The directory of the running program, with links resolved: a plugin manager links only the
/// program that kubectl calls.
pub(super) fn own_directory() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let program = program.canonicalize().unwrap_or(program);
    program.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_neighbour_comes_before_the_path() {
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = std::env::join_paths([other.path()]).unwrap();
        let find = |os| find("rhacs-sim", os, Some(own.path()), Some(&path));
        assert_eq!(find(Os::Linux), None);
        std::fs::write(other.path().join("rhacs-sim"), "").unwrap();
        assert_eq!(find(Os::Linux), Some(other.path().join("rhacs-sim")));
        assert_eq!(find(Os::Windows), None);
        std::fs::write(own.path().join("rhacs-sim"), "").unwrap();
        assert_eq!(find(Os::Linux), Some(own.path().join("rhacs-sim")));
        std::fs::write(own.path().join("rhacs-sim.exe"), "").unwrap();
        assert_eq!(find(Os::Windows), Some(own.path().join("rhacs-sim.exe")));
    }
}
