//! `--roxctl`: the step of the guide for the administrator's own computer.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::Command;

use rhacs_tests::{Finished, Installation};
use serde_json::Value;
use sim::faults::{RequestAction, RequestRule};

use crate::UPGRADE;

fn run(installation: &Installation, words: &str) -> Finished {
    let words: Vec<&str> = words.split_whitespace().collect();
    installation.run_with(UPGRADE, &words, |command| {
        let binaries = installation.directory().join(".local/bin");
        // Without a mirror of one's own it is the vendor's, which a test does not ask.
        command.env("PATH", binaries).env("HTTPS_PROXY", "http://127.0.0.1:1");
    })
}

fn installed(installation: &Installation) -> PathBuf {
    installation.directory().join(".local/bin/roxctl")
}

fn version(roxctl: &Path) -> String {
    let output = Command::new(roxctl).arg("version").output().expect("it runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The files below the directory whose names hold `part`.
fn files(directory: &Path, part: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let below = entries.flat_map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => files(&entry.path(), part),
        _ => vec![entry.path()],
    });
    let named = |path: &PathBuf| path.display().to_string().contains(part);
    below.filter(named).collect()
}

fn warnings(report: &Value) -> String {
    report["warnings"].to_string()
}

#[test]
fn an_upgrade_brings_roxctl_along_with_a_receipt() {
    let installation = Installation::at("3.66.1").start();
    let done = run(&installation, "--to 3.69.2 --roxctl --yes -o json").ends_with(0);
    assert_eq!(version(&installed(&installation)), "3.69.2");
    assert!(!warnings(&done.json()).contains("roxctl"), "{}", done.json());
    let receipts = files(&installation.directory().join(".local/state/kubectl-rhacs"), "");
    let texts = receipts.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    let path = installed(&installation).display().to_string();
    assert!(texts.into_iter().any(|text| text.contains(&path)), "a receipt among {receipts:?}");
    let again = run(&installation, "--to 3.69.2 --roxctl --yes").ends_with(0);
    again.says("nothing to do").says("kubectl rhacs roxctl install 3.69.2");
}

#[test]
fn a_roxctl_of_the_version_is_left_alone() {
    let installation = Installation::at("3.66.1").start();
    run(&installation, "--to 3.69.2 --components central --roxctl --yes").ends_with(0);
    let written = || std::fs::metadata(installed(&installation)).and_then(|file| file.modified());
    let before = written().expect("it is there");
    run(&installation, "--to 3.69.2 --roxctl --yes").ends_with(0).says("there already");
    assert_eq!(written().expect("it is there"), before);
}

#[test]
fn without_roxctl_the_upgrade_succeeds_and_says_so() {
    let installation = Installation::at("3.66.1").start();
    let refuse = RequestRule::central(RequestAction::refuse(403)).path("/api/cli/*");
    installation.simulation().faults().add_rule(refuse);
    let done = run(&installation, "--to 3.69.2 --roxctl --yes -o json").ends_with(0);
    let warnings = warnings(&done.json());
    assert!(warnings.contains("403") && warnings.contains("roxctl install 3.69.2"), "{warnings}");
    assert!(installation.image("Deployment", "sensor", "sensor").ends_with(":3.69.2"));
    assert!(!installed(&installation).exists());
}

#[test]
fn a_rehearsal_leaves_no_roxctl_behind() {
    let installation = Installation::at("3.66.1").start();
    let done = run(&installation, "--rehearse --to 3.69.2 --roxctl -o json").ends_with(0);
    assert!(!warnings(&done.json()).contains("roxctl"), "{}", done.json());
    assert_eq!(files(installation.directory(), "roxctl"), Vec::<PathBuf>::new());
    assert_eq!(files(installation.directory(), "kubectl-rhacs"), Vec::<PathBuf>::new());
}
