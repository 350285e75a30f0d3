//! The suite's files on this computer, and the versions they say they are.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::complete::LINK_PREFIX;
use common::env::Env;

use crate::os;
use crate::words::{FRONT, SIMULATION, WORDS};

/// What a program answered to `--version`: its version, or why there is none.
pub type Asked = Result<String, String>;

/// A file, or a link, with a name of the suite.
#[derive(Clone, Debug)]
pub struct File {
    /// The program's name, without `.exe`.
    pub program: String,
    /// Where it is.
    pub path: PathBuf,
    /// The file it leads to; none for a link to nothing.
    pub resolved: Option<PathBuf>,
    /// Whether the system would start it.
    pub executable: bool,
    /// The place of its directory on the PATH, where kubectl looks; none beside the PATH.
    pub rank: Option<usize>,
}

/// The names of the suite's programs, those that are not there included.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let of_words = WORDS.iter().map(|word| word.program);
    [FRONT].into_iter().chain(of_words).chain([SIMULATION]).collect()
}

/// Those of `files` that are on the PATH, in its order.
#[must_use]
pub fn on_path(files: &[File]) -> Vec<&File> {
    let mut found: Vec<&File> = files.iter().filter(|file| file.rank.is_some()).collect();
    found.sort_by_key(|file| file.rank);
    found
}

/// Every file of the suite next to the front door and on the PATH, in the order the front door
/// looks.
#[must_use]
pub fn find(env: &Env) -> Vec<File> {
    let os = env.machine().os;
    let own = env.executable();
    let beside = own.as_deref().and_then(Path::parent).map(Path::to_owned);
    let path = env.search_path();
    let mut seen = BTreeSet::new();
    let mut files = Vec::new();
    for directory in beside.iter().chain(&path) {
        if !seen.insert(directory.canonicalize().unwrap_or_else(|_| directory.clone())) {
            continue;
        }
        let Ok(entries) = std::fs::read_dir(directory) else { continue };
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        for name in names {
            let Some(program) = name.to_str().and_then(|name| os::program_name(os, name)) else {
                continue;
            };
            if !is_ours(program) {
                continue;
            }
            let found = directory.join(&name);
            files.push(File {
                program: program.to_owned(),
                resolved: found.canonicalize().ok(),
                executable: os::is_executable(&found),
                rank: path.iter().position(|known| known == directory),
                path: found,
            });
        }
    }
    files
}

/// Asks each of `files` for its version, all at once; each has a few seconds.
#[must_use]
pub fn versions<'a>(files: impl IntoIterator<Item = &'a Path>) -> BTreeMap<PathBuf, Asked> {
    let asked: Vec<_> = files
        .into_iter()
        .map(|path| {
            let path = path.to_owned();
            let asking = path.clone();
            (path, thread::spawn(move || version(&asking)))
        })
        .collect();
    let answer = |asking: thread::JoinHandle<Asked>| {
        asking.join().unwrap_or_else(|_| Err("it could not be asked".to_owned()))
    };
    asked.into_iter().map(|(path, asking)| (path, answer(asking))).collect()
}

/// The last word of the first line that `program --version` prints.
fn version(program: &Path) -> Asked {
    let (status, text) = ask(program, &["--version"])?;
    let last = text.lines().next().and_then(|line| line.split_whitespace().last());
    match last {
        Some(word) if status.success() => Ok(word.to_owned()),
        _ => Err(format!("`--version` ended with {}", status.code().unwrap_or(1))),
    }
}

/// How `program` ends and what it prints, in no more than a few seconds.
///
/// # Errors
/// When it does not start, or does not end.
pub fn ask(program: &Path, words: &[&str]) -> Result<(ExitStatus, String), String> {
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("it does not start: {error}"))?;
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(2)),
            _ => {
                drop(child.kill());
                drop(child.wait());
                return Err("it does not say its version".to_owned());
            }
        }
    };
    let mut text = String::new();
    if let Some(output) = child.stdout.take() {
        // More than a pipe holds is no version.
        drop(output.take(4096).read_to_string(&mut text));
    }
    Ok((status, text))
}

/// How long a program may take to say its version; they take milliseconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether a file of this name is the suite's, or would be taken for it by kubectl.
fn is_ours(program: &str) -> bool {
    let plugin = program.strip_prefix(LINK_PREFIX).or_else(|| program.strip_prefix("kubectl-"));
    match plugin {
        Some("sf_token") => true,
        Some(plugin) => {
            let rest = plugin.strip_prefix("rhacs");
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
        }
        None => [SIMULATION, "sf-token"].contains(&program),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_kubectl_would_try_are_ours() {
        for (program, ours) in [
            ("kubectl-rhacs", true),
            ("kubectl-rhacs-upgrade-4.8.1", true),
            ("kubectl-rhacs_upgrade", true),
            ("kubectl_complete-rhacs-scc", true),
            ("kubectl-sf_token", true),
            ("rhacs-sim", true),
            ("kubectl-rhacsx", false),
            ("kubectl-argo", false),
            ("rhacs-simulator", false),
        ] {
            assert_eq!(is_ours(program), ours, "{program}");
        }
    }
}
