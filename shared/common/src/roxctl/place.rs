//! Where roxctl goes, and whether a shell finds it there.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::RoxctlError;
use super::names::installed_name;
use super::system::{System, check_writable, same_place};
use crate::env::Machine;

/// A directory for roxctl, and why this one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The directory; it may not be there yet.
    pub directory: PathBuf,
    /// Why, for people.
    pub reason: &'static str,
}

/// Whether a shell finds a file of a directory.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reach {
    /// Whether the directory is on `PATH`.
    pub on_path: bool,
    /// The file that a shell runs instead.
    pub shadowed_by: Option<PathBuf>,
    /// The command that puts the directory on `PATH`, when it is not.
    pub advice: Option<String>,
}

impl Place {
    /// Chooses: what `--bin-dir` says; for another machine's file the current directory; else
    /// where the roxctl on `PATH` is, unless it cannot be changed or is a link of somebody else's;
    /// else where a user's programs belong.
    ///
    /// # Errors
    /// When there is no such place: no home.
    pub fn choose(
        system: &System,
        machine: Machine,
        bin_dir: Option<&Path>,
        current_directory: &Path,
    ) -> Result<Self, RoxctlError> {
        if let Some(directory) = bin_dir {
            return Ok(Self { directory: directory.to_owned(), reason: "as --bin-dir says" });
        }
        if !system.runs(machine) {
            let reason = "the current directory, since it is for another machine";
            return Ok(Self { directory: current_directory.to_owned(), reason });
        }
        let first = system.find_all().into_iter().next();
        if let Some(directory) = first.as_deref().and_then(Path::parent)
            && first.as_deref().is_some_and(is_plain_file)
            && check_writable(directory).is_ok()
        {
            let reason = "where the roxctl on the PATH is";
            return Ok(Self { directory: directory.to_owned(), reason });
        }
        let directory = system.default_directory().ok_or_else(|| RoxctlError::Usage {
            message: "there is no home directory to install roxctl into".to_owned(),
            hint: "name a directory with `--bin-dir`".to_owned(),
        })?;
        Ok(Self { directory, reason: "where programs of this user belong" })
    }

    /// Whether a shell finds the roxctl of this directory.
    #[must_use]
    pub fn reach(&self, system: &System) -> Reach {
        let directory = self.directory.as_path();
        let on_path = system.is_on_path(directory);
        let own = directory.join(installed_name(system.machine().os, None));
        let first = system.find_all().into_iter().next();
        let shadowed_by = first.filter(|first| !same_place(first, &own));
        let advice = (!on_path).then(|| system.path_advice(directory));
        Reach { on_path, shadowed_by, advice }
    }
}

fn is_plain_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::env::{Arch, Env, Os};

    fn executable(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "#!/bin/sh\necho 4.8.3\n").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn choose(home: &Path, path: &str) -> (System, Place) {
        let env = Env::test().with_home(home).with_variable("PATH", path);
        let system = System::of(&env);
        let place = Place::choose(&system, system.machine(), None, Path::new("/here")).unwrap();
        (system, place)
    }

    #[test]
    fn the_roxctl_on_the_path_is_replaced_where_it_is() {
        let home = tempfile::tempdir().unwrap();
        let tools = home.path().join("tools");
        executable(&tools.join("roxctl"));
        let path = format!("/no/such:{}", tools.display());
        assert_eq!(choose(home.path(), &path).1.directory, tools);
        assert_eq!(choose(home.path(), "/no/such").1.directory, home.path().join(".local/bin"));
    }

    #[test]
    fn a_link_of_somebody_else_is_left_alone_and_then_shadows_ours() {
        let home = tempfile::tempdir().unwrap();
        let (tools, cellar) = (home.path().join("tools"), home.path().join("cellar/roxctl"));
        executable(&cellar);
        fs::create_dir_all(&tools).unwrap();
        symlink(&cellar, tools.join("roxctl")).unwrap();
        let own = home.path().join(".local/bin");
        let path = format!("{}:{}", tools.display(), own.display());
        let (system, place) = choose(home.path(), &path);
        assert_eq!(place.directory, own);
        executable(&own.join("roxctl"));
        let reach = place.reach(&system);
        assert_eq!(reach.shadowed_by, Some(tools.join("roxctl")));
        assert!(reach.on_path && reach.advice.is_none());
    }

    #[test]
    fn a_file_for_another_machine_goes_into_the_current_directory() {
        let system = System::of(&Env::test().with_home("/home/ann"));
        let windows = Machine { os: Os::Windows, arch: Arch::Amd64 };
        let place = |bin_dir| Place::choose(&system, windows, bin_dir, Path::new("/here")).unwrap();
        assert_eq!(place(None).directory, Path::new("/here"));
        assert_eq!(place(Some(Path::new("/x"))).directory, Path::new("/x"));
        let reach = place(None).reach(&system);
        assert!(reach.advice.is_some_and(|advice| advice.contains("/here")));
    }
}
