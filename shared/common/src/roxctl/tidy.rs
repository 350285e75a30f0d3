//! What killed commands left behind: unfinished files go, a file moved aside comes back.

use std::fs;
use std::path::{Path, PathBuf};

use super::names::is_installed_name;
use super::receipts::Receipts;
use super::system::{System, before_aside};
use crate::env::Os;

/// Tidies up the directories a command of ours may have been killed in: that of the present one,
/// those of the receipts, the usual one. Only exact names of ours are touched, and what cannot be
/// removed stays: this is no reason to fail. Returns what was done, for people.
pub(super) fn tidy(system: &System, receipts: &Receipts, directory: Option<&Path>) -> Vec<String> {
    let mut directories: Vec<PathBuf> = Vec::new();
    let of_receipts = receipts.all().iter().filter_map(|receipt| receipt.path.parent());
    let usual = system.default_directory();
    let all = directory.into_iter().chain(of_receipts).chain(usual.as_deref());
    for candidate in all {
        if !directories.iter().any(|known| known == candidate) {
            directories.push(candidate.to_owned());
        }
    }
    directories.iter().flat_map(|directory| tidy_directory(directory)).collect()
}

fn tidy_directory(directory: &Path) -> Vec<String> {
    let mut done = Vec::new();
    let Ok(entries) = fs::read_dir(directory) else { return done };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let Some(name) = name.to_str() else { continue };
        if name.strip_suffix(".part").is_some_and(is_ours) {
            if fs::remove_file(&path).is_ok() {
                done.push(format!("removed `{}`, which was not finished", path.display()));
            }
        } else if let Some(before) = before_aside(name).filter(|before| is_ours(before)) {
            let original = directory.join(before);
            let was_replacing = name.ends_with(".old");
            if was_replacing && fs::symlink_metadata(&original).is_err() {
                if fs::rename(&path, &original).is_ok() {
                    done.push(format!("put `{}` back", original.display()));
                }
            } else {
                // It may still run.
                drop(fs::remove_file(&path));
            }
        }
    }
    done
}

fn is_ours(name: &str) -> bool {
    [Os::Linux, Os::Windows].into_iter().any(|os| is_installed_name(os, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;

    #[test]
    fn only_what_a_killed_command_left_is_touched() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("bin");
        fs::create_dir(&directory).unwrap();
        for name in [
            "roxctl.part",
            "roxctl-4.8.3.part",
            "roxctl.exe.old",
            "roxctl-4.8.3.exe.old3",
            "roxctl.txt.part",
            "other.part",
            "roxctl-4.9.0",
        ] {
            fs::write(directory.join(name), name).unwrap();
        }
        let system = System::of(&Env::test().with_home(home.path()));
        let done = tidy(&system, &Receipts::default(), Some(&directory));
        assert_eq!(done.len(), 3, "{done:?}");
        let mut left: Vec<String> = fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["other.part", "roxctl-4.9.0", "roxctl.exe", "roxctl.txt.part"]);
        assert_eq!(fs::read(directory.join("roxctl.exe")).unwrap(), b"roxctl.exe.old");
    }
}
