//! A computer of a person: a home, a PATH, and the suite's binary run on it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::env::{Env, Machine};
use common::exit::Exit;
use rhacs_tests::{Finished, documents, write_program};
use serde_json::Value;
use tempfile::TempDir;

use crate::ROXCTL;

/// A computer with an empty home.
pub struct Computer {
    home: TempDir,
    path: Vec<PathBuf>,
}

/// What a command in this process left behind.
#[derive(Debug)]
pub struct Ended {
    pub exit: Exit,
    pub stdout: String,
    pub stderr: String,
}

impl Computer {
    /// One whose PATH has the directory for a user's own programs.
    pub fn new() -> Self {
        let home = tempfile::tempdir().expect("a home");
        let path = vec![home.path().join(".local/bin")];
        Self { home, path }
    }

    /// The same with other directories of its home on the PATH.
    pub fn with_path(mut self, directories: &[&str]) -> Self {
        self.path = directories.iter().map(|directory| self.home.path().join(directory)).collect();
        self
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Where programs of a user belong.
    pub fn bin(&self) -> PathBuf {
        self.home.path().join(".local/bin")
    }

    /// Runs the binary with these words.
    pub fn run(&self, words: &str) -> Finished {
        self.run_with(words, |_| ())
    }

    /// The same, changed by `change` first.
    pub fn run_with(&self, words: &str, change: impl FnOnce(&mut Command)) -> Finished {
        let words: Vec<&str> = words.split_whitespace().collect();
        let mut command = self.command(&words);
        change(&mut command);
        let finished = Finished::new(&command.output().expect("the binary starts"), &words);
        documents::check_closed(ROXCTL, &words, &finished.stdout);
        finished
    }

    /// The command, with nothing of this process's environment.
    pub fn command(&self, words: &[&str]) -> Command {
        self.command_of(ROXCTL, words)
    }

    fn command_of(&self, program: &str, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(words)
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", std::env::join_paths(&self.path).expect("a PATH"))
            .env("KUBECONFIG", self.home.path().join("no-kubeconfig"))
            .current_dir(self.home.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs a shell script that may mount file systems of its own; `$ROXCTL` is the binary. None,
    /// said aloud, where nothing can be mounted.
    #[cfg(target_os = "linux")]
    pub fn run_script(&self, script: &str) -> Option<Finished> {
        let shell = |script: &str| {
            let path = std::env::join_paths(&self.path).expect("a PATH");
            let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", path.display());
            let words = ["--map-root-user", "--mount", "sh", "-euc", script];
            self.command_of("unshare", &words).env("PATH", path).env("ROXCTL", ROXCTL).output()
        };
        let trial = shell("mkdir trial; mount -t tmpfs tmpfs trial; umount trial");
        drop(fs::remove_dir(self.home.path().join("trial")));
        if trial.is_ok_and(|output| output.status.success()) {
            return Some(Finished::new(&shell(script).expect("a shell starts"), &[script]));
        }
        rhacs_tests::skipped("no file system can be mounted here");
        None
    }

    /// Runs the command in this process, as on a computer of this machine.
    pub fn run_on(&self, machine: Machine, words: &str) -> Ended {
        let env = self.env(machine, words);
        let exit = kubectl_rhacs_roxctl::run(&env);
        Ended { exit, stdout: env.stdout().captured(), stderr: env.stderr().captured() }
    }

    /// The surroundings of the command in this process, as on a computer of this machine.
    pub fn env(&self, machine: Machine, words: &str) -> Env {
        let windows = machine.os == common::env::Os::Windows;
        let path: Vec<String> =
            self.path.iter().map(|directory| directory.display().to_string()).collect();
        let kubeconfig = self.home.path().join("no-kubeconfig").display().to_string();
        let args = ["kubectl-rhacs-roxctl"].into_iter().chain(words.split_whitespace());
        let args: Vec<&str> = args.chain(["--kubeconfig", &kubeconfig]).collect();
        let local = self.home.path().join("AppData").display().to_string();
        Env::test()
            .with_args(args)
            .with_machine(machine)
            .with_home(self.home.path())
            .with_current_directory(self.home.path())
            .with_variable("PATH", &path.join(if windows { ";" } else { ":" }))
            .with_variable("LOCALAPPDATA", &local)
    }

    /// Puts a program at a path of its home, which says that it is roxctl of `version`.
    pub fn put_program(&self, path: &str, version: &str) -> PathBuf {
        let path = self.home.path().join(path);
        write_program(&path, &format!("echo {version}"));
        path
    }

    /// Every file below its home with its content, but for what the suite keeps for itself.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut waiting = vec![self.home.path().to_owned()];
        while let Some(directory) = waiting.pop() {
            for entry in fs::read_dir(&directory).expect("a directory").flatten() {
                let path = entry.path();
                let name = path.strip_prefix(self.home.path()).expect("below the home");
                let name = name.display().to_string();
                if path.is_dir() && !path.is_symlink() {
                    if !name.ends_with("kubectl-rhacs") {
                        waiting.push(path);
                    }
                } else {
                    files.insert(name, fs::read(&path).unwrap_or_default());
                }
            }
        }
        files
    }

    /// The names of the files below its home.
    pub fn names(&self) -> Vec<String> {
        self.files().into_keys().collect()
    }

    /// The receipts.
    pub fn receipts(&self) -> Vec<Value> {
        let path = self.home.path().join(".local/state/kubectl-rhacs/roxctl.json");
        let text = fs::read(path).unwrap_or_else(|_| br#"{"receipts": []}"#.to_vec());
        let document: Value = serde_json::from_slice(&text).expect("JSON");
        document["receipts"].as_array().expect("a list").clone()
    }

    /// What the roxctl at its usual place says.
    pub fn version(&self) -> String {
        let output = Command::new(self.bin().join("roxctl")).arg("version").output();
        let output = output.expect("it runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}
