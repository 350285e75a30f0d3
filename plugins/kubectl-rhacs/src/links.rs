//! The links by which kubectl asks for completions: `kubectl_complete-rhacs` and its kin.

use std::path::{Path, PathBuf};

use common::complete::{LINK_PREFIX, REQUEST};
use common::env::Env;
use common::exit::Exit;
use common::failure::Failure;

use crate::os;
use crate::programs::{self, File};
use crate::words::{FRONT, WORDS};

/// What installing a link did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// It is there now.
    Made,
    /// It was right already.
    None,
}

/// The names of the links that kubectl looks for, given the suite's files: for `kubectl rhacs
/// upgrade` it asks `kubectl_complete-rhacs-upgrade` if `kubectl-rhacs-upgrade` is on the PATH,
/// else `kubectl_complete-rhacs`.
#[must_use]
pub fn needed(files: &[File]) -> Vec<String> {
    let on_path = |program: &str| {
        files.iter().any(|file| file.rank.is_some() && file.executable && file.program == program)
    };
    let plugins = WORDS.iter().map(|word| word.program).chain(["kubectl-sf_token"]);
    let present = plugins.filter(|program| on_path(program));
    [FRONT]
        .into_iter()
        .chain(present)
        .filter_map(|program| program.strip_prefix("kubectl-"))
        .map(|plugin| format!("{LINK_PREFIX}{plugin}"))
        .collect()
}

/// The directory for the links: where kubectl finds the front door.
#[must_use]
pub fn directory(files: &[File]) -> Option<PathBuf> {
    let on_path = programs::on_path(files);
    let front = on_path.into_iter().find(|file| file.executable && file.program == FRONT)?;
    front.path.parent().map(Path::to_owned)
}

/// The file of the link `name` in `directory`.
#[must_use]
pub fn path(env: &Env, directory: &Path, name: &str) -> PathBuf {
    directory.join(os::link_file(env.machine().os, name))
}

/// Whether the link at `path` leads to a front door that is there.
#[must_use]
pub fn is_right(path: &Path) -> bool {
    let Some(target) = os::link_target(path).and_then(|target| target.canonicalize().ok()) else {
        return false;
    };
    target.file_stem().is_some_and(|name| name == FRONT) && os::is_executable(&target)
}

/// Puts the link `name` into `directory`. It leads to the front door's link in the same directory
/// where there is one, so that it survives krew's upgrades.
///
/// # Errors
/// A file of somebody else in the way, and what writing gives.
pub fn install(env: &Env, directory: &Path, name: &str) -> Result<Change, Failure> {
    let link = path(env, directory, name);
    if is_right(&link) {
        return Ok(Change::None);
    }
    let beside = os::file_name(env.machine().os, FRONT);
    let target = if directory.join(&beside).exists() {
        PathBuf::from(beside)
    } else {
        env.executable().ok_or_else(|| Failure::unexpected("cannot tell where this program is"))?
    };
    os::put_link(&link, &target, REQUEST).map(|()| Change::Made).map_err(|error| {
        Failure::new(Exit::Unexpected, format!("cannot link `{}`", link.display()))
            .caused_by(&error)
            .hint("kubectl rhacs completion install --bin-dir DIR, with another DIR of the PATH")
    })
}

/// The links that [`install`] made, those that lead nowhere included; files of somebody else are
/// not among them.
#[must_use]
pub fn installed(files: &[File]) -> Vec<PathBuf> {
    files
        .iter()
        .filter(|file| file.program.starts_with(LINK_PREFIX) && os::is_link(&file.path))
        .map(|file| file.path.clone())
        .collect()
}

/// Removes a link.
///
/// # Errors
/// What removing gives.
pub fn remove(link: &Path) -> Result<(), Failure> {
    std::fs::remove_file(link).map_err(|error| {
        Failure::unexpected(format!("cannot remove `{}`", link.display())).caused_by(&error)
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_link_survives_an_upgrade_by_krew() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let (bin, store) = (root.join("bin"), root.join("store"));
        for version in ["v1", "v2"] {
            std::fs::create_dir_all(store.join(version)).unwrap();
            let file = store.join(version).join(FRONT);
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        std::fs::create_dir_all(&bin).unwrap();
        symlink(store.join("v1").join(FRONT), bin.join(FRONT)).unwrap();
        let env = Env::test()
            .with_executable(store.join("v1").join(FRONT))
            .with_variable("PATH", &bin.display().to_string());
        let files = programs::find(&env);
        assert_eq!(super::directory(&files), Some(bin.clone()));
        assert_eq!(needed(&files), ["kubectl_complete-rhacs"]);
        let name = "kubectl_complete-rhacs";
        assert_eq!(install(&env, &bin, name).unwrap(), Change::Made);
        assert_eq!(install(&env, &bin, name).unwrap(), Change::None);
        std::fs::remove_file(bin.join(FRONT)).unwrap();
        symlink(store.join("v2").join(FRONT), bin.join(FRONT)).unwrap();
        std::fs::remove_dir_all(store.join("v1")).unwrap();
        assert!(is_right(&bin.join(name)));
        assert_eq!(installed(&programs::find(&env)), [bin.join(name)]);
    }
}
