//! Finding the programs of the suite: next to the front door's own file, then on the PATH.

use std::path::{Path, PathBuf};

use common::env::{Env, Os};
use common::exit::Exit;
use common::failure::Failure;

use crate::os;
use crate::words;

/// Where the programs are looked for.
#[derive(Clone, Debug)]
pub struct Siblings {
    os: Os,
    own: Option<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Siblings {
    /// Those of this process: links to it are resolved first, as krew's is.
    #[must_use]
    pub fn of(env: &Env) -> Self {
        let own = env.executable();
        let beside = own.as_deref().and_then(Path::parent).map(Path::to_owned);
        let directories = beside.into_iter().chain(env.search_path()).collect();
        Self { os: env.machine().os, own, directories }
    }

    /// The file of `program`; never the front door itself, which would call itself for ever.
    #[must_use]
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        let name = os::file_name(self.os, program);
        self.directories
            .iter()
            .map(|directory| directory.join(&name))
            .find(|path| os::is_executable(path) && !self.is_own(path))
    }

    /// The file of the program that answers a word.
    ///
    /// # Errors
    /// A word that the suite does not have (exit 2), and one whose program is not installed.
    pub fn of_word(&self, name: &str) -> Result<PathBuf, Failure> {
        // A word is a part of a file's name: it must not lead out of the directory.
        let found = crate::route::looks_like_a_word(name.as_ref())
            .then(|| self.find(&words::program_of(name)))
            .flatten();
        match (found, words::word(name)) {
            (Some(path), _) => Ok(path),
            (None, Some(word)) => Err(self.missing(word.program)),
            (None, None) => Err(unknown_word(name)),
        }
    }

    fn is_own(&self, path: &Path) -> bool {
        self.own.is_some() && path.canonicalize().ok() == self.own
    }

    fn missing(&self, program: &str) -> Failure {
        let beside = self.directories.first().map(|path| path.display().to_string());
        let place = beside.unwrap_or_else(|| "the front door".to_owned());
        Failure::new(Exit::Unexpected, format!("`{program}` is not installed"))
            .because(format!("it is neither in `{place}` nor on the PATH"))
            .hint(install_hint(self.own.as_deref()))
            .hint("kubectl rhacs doctor shows what is installed where")
    }
}

/// How the whole suite is installed where `own` came from.
#[must_use]
pub fn install_hint(own: Option<&Path>) -> String {
    let parts = || own.into_iter().flat_map(Path::components).map(|part| part.as_os_str());
    if parts().any(|part| part == "store") {
        return "kubectl krew upgrade rhacs brings every program of the suite".to_owned();
    }
    "unpack the whole release archive next to kubectl-rhacs".to_owned()
}

/// The failure for a word that is not there, with the one that was meant.
#[must_use]
pub fn unknown_word(name: &str) -> Failure {
    let failure = Failure::usage(format!("there is no word `{name}`"));
    match words::closest(name) {
        Some(close) => failure.hint(format!("did you mean kubectl rhacs {close}?")),
        None => failure.hint("kubectl rhacs help lists the words"),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn put(path: &Path, mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_program_beside_the_front_door_goes_before_the_path() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        for path in ["own/kubectl-rhacs", "own/kubectl-rhacs-scc", "bin/kubectl-rhacs-scc"] {
            put(&root.join(path), 0o755);
        }
        put(&root.join("own/kubectl-rhacs-roxctl"), 0o644);
        put(&root.join("bin/kubectl-rhacs-roxctl"), 0o755);
        symlink(root.join("own/kubectl-rhacs"), root.join("bin/kubectl-rhacs-rollback")).unwrap();
        let env = Env::test()
            .with_executable(root.join("own/kubectl-rhacs"))
            .with_variable("PATH", &root.join("bin").display().to_string());
        let siblings = Siblings::of(&env);
        let found = |word: &str| siblings.of_word(word).map_err(|failure| failure.render());
        assert_eq!(found("scc"), Ok(root.join("own/kubectl-rhacs-scc")));
        assert_eq!(found("roxctl"), Ok(root.join("bin/kubectl-rhacs-roxctl")));
        let itself = found("rollback").unwrap_err();
        assert!(itself.contains("`kubectl-rhacs-rollback` is not installed"), "{itself}");
        let escaped = found("../own/kubectl-rhacs-scc").unwrap_err();
        assert!(escaped.starts_with("error: there is no word"), "{escaped}");
    }

    #[test]
    fn an_unknown_word_gets_a_suggestion() {
        let failure = Siblings::of(&Env::test()).of_word("upgade").unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert_eq!(
            failure.render(),
            "error: there is no word `upgade`\nhint: did you mean kubectl rhacs upgrade?"
        );
    }
}
