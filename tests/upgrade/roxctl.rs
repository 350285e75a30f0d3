//! `--roxctl`: the step of the guide for the administrator's own computer.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::env::{Arch, Machine, Os};
use common::exit::Exit;
use rhacs_tests::{Finished, Installation, write_program};
use serde_json::Value;
use sim::faults::{RequestAction, RequestRule};
use sim::mirror::{Mirror, MirrorFault};

use crate::UPGRADE;

fn run(installation: &Installation, words: &str) -> Finished {
    let words: Vec<&str> = words.split_whitespace().collect();
    installation.run_with(UPGRADE, &words, |command| prepare(installation, command))
}

fn prepare(installation: &Installation, command: &mut Command) {
    let binaries = installation.directory().join(".local/bin");
    // Without a mirror of one's own it is the vendor's, which a test does not ask.
    command.env("PATH", binaries).env("HTTPS_PROXY", "http://127.0.0.1:1");
}

/// A mirror of the release that is upgraded to.
fn mirror() -> Mirror {
    let version = "3.69.2".parse().expect("a version");
    Mirror::builder().release(version).start().expect("the mirror starts")
}

/// An installation whose Central gives roxctl to nobody.
fn refusing() -> Installation {
    let installation = Installation::at("3.66.1").start();
    let refuse = RequestRule::central(RequestAction::refuse(403)).path("/api/cli/*");
    installation.simulation().faults().add_rule(refuse);
    installation
}

/// Kills an upgrade to Central once roxctl is `begun`, and resumes it.
fn is_killed_and_resumed(
    installation: &Installation,
    mirror: &Mirror,
    begun: impl Fn(&Path) -> bool,
) {
    let old = installed(installation);
    let directory = old.parent().expect("a directory");
    write_program(&old, "echo 3.66.1");
    let program = std::fs::read(&old).expect("written");
    let words = ["--to", "3.69.2", "--components", "central", "--roxctl", "--yes"];
    let mut command = installation.command(UPGRADE, &words);
    prepare(installation, &mut command);
    command.env("RHACS_MIRROR", mirror.url()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    let began = Instant::now();
    while !begun(&directory.join("roxctl.part")) {
        assert!(began.elapsed() < Duration::from_secs(120), "roxctl is never begun");
        assert!(child.try_wait().expect("waited").is_none(), "it has ended before");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert_eq!(std::fs::read(&old).expect("there"), program, "the old one is there");
    installation.simulation().faults().clear();
    mirror.clear();
    run(installation, "unlock --reason crashed --force --yes").ends_with(0);
    run(installation, "resume --yes").ends_with(0);
    assert_eq!(version(&old), "3.69.2");
    assert_eq!(files(directory, ""), [old], "nothing is left of the first attempt");
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
fn what_central_does_not_give_comes_from_the_mirror() {
    let (installation, mirror) = (refusing(), mirror());
    let words = ["--to", "3.69.2", "--components", "central", "--roxctl", "--yes", "-o", "json"];
    let done = installation.run_with(UPGRADE, &words, |command| {
        prepare(&installation, command);
        command.env("RHACS_MIRROR", mirror.url());
    });
    let done = done.ends_with(0).json();
    assert!(!warnings(&done).contains("not installed"), "{done}");
    assert_eq!(version(&installed(&installation)), "3.69.2");
    assert!(mirror.requests().iter().any(|request| request.path.ends_with("/roxctl")));
}

#[test]
fn a_run_killed_while_central_gives_roxctl_is_resumed() {
    let installation = Installation::at("3.66.1").start();
    let hold = RequestAction::Delay { milliseconds: 3_600_000 };
    let rule = RequestRule::central(hold).path("/api/cli/*");
    installation.simulation().faults().add_rule(rule);
    is_killed_and_resumed(&installation, &mirror(), Path::exists);
}

#[test]
fn a_run_killed_in_the_middle_of_the_mirrors_file_is_resumed() {
    let (installation, mirror) = (refusing(), mirror());
    mirror.add(MirrorFault::Stall { after: 40_000, times: 1 });
    is_killed_and_resumed(&installation, &mirror, |part| {
        std::fs::metadata(part).is_ok_and(|part| part.len() == 40_000)
    });
}

#[test]
fn a_computer_that_the_release_is_not_published_for_is_told_so_without_asking() {
    let (installation, mirror) = (Installation::at("3.66.1").start(), mirror());
    let words = "--to 3.69.2 --components central --roxctl --yes -o json";
    let env = installation
        .env("kubectl-rhacs-upgrade", words)
        .with_home(installation.directory())
        .with_machine(Machine { os: Os::Linux, arch: Arch::Arm64 })
        .with_variable("RHACS_MIRROR", &mirror.url());
    assert_eq!(kubectl_rhacs_upgrade::run(&env), Exit::Done, "{}", env.stderr().captured());
    let report: Value = serde_json::from_str(&env.stdout().captured()).expect("JSON");
    let warnings = warnings(&report);
    assert!(warnings.contains("is not published for linux/arm64"), "{warnings}");
    assert_eq!(mirror.requests(), []);
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
