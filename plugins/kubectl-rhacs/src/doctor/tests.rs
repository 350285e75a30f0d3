//! The checks on computers made up in a temporary directory.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use common::SUITE_VERSION;
use common::env::Env;
use common::plan::Severity;
use rhacs_tests::write_program;
use tempfile::TempDir;

use super::*;
use crate::programs;

/// A computer with the whole suite in `bin`, which is the PATH.
struct Computer {
    root: PathBuf,
    path: Vec<&'static str>,
    _directory: TempDir,
}

impl Computer {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let computer = Self { root, path: vec!["bin"], _directory: directory };
        for name in programs::names() {
            computer.put(&format!("bin/{name}"), SUITE_VERSION);
        }
        let kubectl = "echo '{\"clientVersion\":{\"major\":\"1\",\"minor\":\"33+\"}}'";
        computer.put_script("bin/kubectl", kubectl);
        for name in ["rhacs", "rhacs-upgrade", "rhacs-rollback", "rhacs-scc", "rhacs-roxctl"] {
            symlink("kubectl-rhacs", computer.root.join(format!("bin/kubectl_complete-{name}")))
                .unwrap();
        }
        computer
    }

    fn put(&self, path: &str, version: &str) -> PathBuf {
        self.put_script(path, &format!("echo \"program {version}\""))
    }

    fn put_script(&self, path: &str, script: &str) -> PathBuf {
        let path = self.root.join(path);
        write_program(&path, script);
        path
    }

    fn env(&self) -> Env {
        let path: Vec<String> =
            self.path.iter().map(|part| self.root.join(part).display().to_string()).collect();
        Env::test()
            .with_executable(self.root.join("bin/kubectl-rhacs"))
            .with_home(self.root.join("home"))
            .with_variable("PATH", &path.join(":"))
    }

    fn found(&self) -> Vec<(String, Severity)> {
        let diagnoses = diagnose(&Facts::gather(&self.env()));
        diagnoses.into_iter().map(|it| (it.finding.code, it.finding.severity)).collect()
    }

    fn codes(&self) -> Vec<String> {
        self.found().into_iter().map(|(code, _)| code).collect()
    }
}

fn remove(path: impl AsRef<Path>) {
    fs::remove_file(path).unwrap();
}

#[test]
fn a_whole_installation_has_no_findings() {
    assert_eq!(Computer::new().codes(), Vec::<String>::new());
}

#[test]
fn a_program_that_is_missing_broken_or_of_another_version_is_named() {
    let computer = Computer::new();
    remove(computer.root.join("bin/kubectl-rhacs-scc"));
    remove(computer.root.join("bin/kubectl_complete-rhacs-scc"));
    computer.put("bin/kubectl-rhacs-roxctl", "0.0.9");
    computer.put_script("bin/kubectl-rhacs-rollback", "exit 7");
    assert_eq!(
        computer.found(),
        [
            ("RHACS-PROGRAM-BROKEN".to_owned(), Severity::Block),
            ("RHACS-PROGRAM-MISSING".to_owned(), Severity::Warn),
            ("RHACS-VERSION-SKEW".to_owned(), Severity::Block),
        ]
    );
}

#[test]
fn a_copy_that_wins_on_the_path_is_told_from_one_that_does_not() {
    let mut computer = Computer::new();
    computer.put("old/kubectl-rhacs-upgrade", "0.0.1");
    computer.path = vec!["bin", "old"];
    assert_eq!(computer.found(), [("RHACS-SHADOWED".to_owned(), Severity::Info)]);
    computer.path = vec!["old", "bin"];
    assert_eq!(computer.found(), [("RHACS-SHADOWED".to_owned(), Severity::Warn)]);
}

#[test]
fn a_copy_of_krew_beside_another_one_is_told() {
    let mut computer = Computer::new();
    let stored = computer.put("home/.krew/store/rhacs/v0.0.1/kubectl-rhacs", "0.0.1");
    fs::create_dir_all(computer.root.join("home/.krew/bin")).unwrap();
    symlink(stored, computer.root.join("home/.krew/bin/kubectl-rhacs")).unwrap();
    computer.path = vec!["bin", "home/.krew/bin"];
    assert_eq!(computer.codes(), ["RHACS-SHADOWED", "RHACS-TWO-INSTALLATIONS"]);
}

#[test]
fn links_to_nothing_and_files_without_rights_are_mended() {
    let computer = Computer::new();
    symlink("/nowhere/kubectl-rhacs", computer.root.join("bin/kubectl-rhacs_upgrade")).unwrap();
    let scc = computer.root.join("bin/kubectl-rhacs-scc");
    fs::set_permissions(&scc, fs::Permissions::from_mode(0o644)).unwrap();
    remove(computer.root.join("bin/kubectl_complete-rhacs"));
    let env = computer.env();
    let repairs: Vec<Repair> =
        diagnose(&Facts::gather(&env)).into_iter().filter_map(|it| it.repair).collect();
    assert_eq!(repairs.len(), 3, "{repairs:?}");
    for repair in repairs {
        repair.apply(&env).unwrap();
    }
    assert_eq!(computer.codes(), Vec::<String>::new());
}

#[test]
fn a_planted_plugin_and_an_open_directory_are_told() {
    let mut computer = Computer::new();
    computer.put("open/kubectl-rhacs-upgrade-now", "1");
    let open = computer.root.join("open");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    computer.path = vec!["open", "bin"];
    assert_eq!(computer.codes(), ["RHACS-UNKNOWN-PLUGIN", "RHACS-OPEN-PATH"]);
}

#[test]
fn an_old_kubectl_is_told_and_so_is_none() {
    let computer = Computer::new();
    let old = "echo '{\"clientVersion\":{\"major\":\"1\",\"minor\":\"18\"}}'";
    computer.put_script("bin/kubectl", old);
    assert_eq!(computer.codes(), ["RHACS-OLD-KUBECTL"]);
    remove(computer.root.join("bin/kubectl"));
    assert_eq!(computer.codes(), ["RHACS-NO-KUBECTL"]);
}

#[test]
fn a_front_door_that_is_not_on_the_path_blocks() {
    let mut computer = Computer::new();
    computer.path = vec!["other"];
    computer.put_script("other/kubectl", "exit 1");
    assert_eq!(computer.codes(), ["RHACS-NOT-ON-PATH", "RHACS-KUBECTL-BROKEN"]);
}

#[test]
fn every_finding_says_why_it_matters() {
    let mut computer = Computer::new();
    computer.put("old/kubectl-rhacs-zebra", "1");
    remove(computer.root.join("bin/kubectl-rhacs-scc"));
    remove(computer.root.join("bin/kubectl_complete-rhacs"));
    remove(computer.root.join("bin/kubectl"));
    computer.path = vec!["bin", "old"];
    for found in diagnose(&Facts::gather(&computer.env())) {
        assert!(!found.finding.why.is_empty(), "{:?}", found.finding);
        assert!(!found.finding.fix.is_empty(), "{:?}", found.finding);
    }
}
