//! A bad day: every fault ends in its exit code, with the reason a person needs.

use std::time::{Duration, Instant};

use rhacs_tests::Installation;
use sim::faults::{ClusterFault, RequestAction, RequestRule, Script};

use crate::upgrade;

/// Upgrades Central under one fault; returns the installation afterwards.
fn central_with(fault: ClusterFault, code: i32, text: &str) -> Installation {
    let installation = Installation::at("3.66.1").start();
    installation.simulation().faults().add(fault.clone());
    let began = Instant::now();
    let words = "--to 3.69.2 --components central --timeout 20s --yes";
    upgrade(&installation, words).ends_with(code).says(text);
    assert!(began.elapsed() < Duration::from_secs(40), "{fault:?} took {:?}", began.elapsed());
    installation
}

#[test]
fn an_image_that_cannot_be_pulled_is_told_in_seconds() {
    central_with(ClusterFault::broken_pull("*rhacs-main*:3.69.2"), 4, "ImagePull");
}

#[test]
fn a_crash_loop_is_told_with_the_last_log_lines() {
    central_with(ClusterFault::crash_loop("deployment/central"), 4, "CrashLoopBackOff");
}

#[test]
fn a_failed_migration_is_told_in_the_migrators_words() {
    central_with(ClusterFault::failed_migration("disk on fire"), 4, "disk on fire");
}

#[test]
fn a_pod_that_fits_nowhere_is_told() {
    central_with(ClusterFault::unschedulable("deployment/central"), 4, "nschedulable");
}

#[test]
fn a_quota_and_a_webhook_are_told() {
    central_with(ClusterFault::quota_exceeded("deployment/central"), 4, "quota");
    let denial = ClusterFault::webhook_denial("deployment/central", "not on my watch");
    central_with(denial, 4, "not on my watch");
}

#[test]
fn a_rollout_that_makes_no_progress_is_told() {
    let never = ClusterFault::never_ready("deployment/central");
    // Central may only be migrating for long: its step has all its time.
    central_with(never, 5, "ProgressDeadlineExceeded");
}

#[test]
fn a_bad_backup_stops_everything_before_the_first_change() {
    let words = "could not create database backup: open jwt-key.pem: no such file or directory";
    let faults = [
        (ClusterFault::TruncatedBackup { bytes: 100 }, "backup"),
        (ClusterFault::FailedBackup { message: words.to_owned() }, words),
        (ClusterFault::BackupRefused { status: 403 }, "Admin"),
    ];
    for (fault, text) in faults {
        let installation = central_with(fault, 4, text);
        assert!(installation.image("Deployment", "central", "central").ends_with(":3.66.1"));
        let left: Vec<_> = std::fs::read_dir(installation.directory())
            .expect("the directory")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.contains("zip") || name.ends_with(".part"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_the_run_before_the_first_change() {
    let installation = Installation::at("3.66.1").start();
    // A file system of the process's own, too small for the backup.
    let mount = "mkdir small && mount -t tmpfs -o size=16k tmpfs small && exec \"$@\"";
    let words = ["-c", mount, "sh", crate::UPGRADE, "--to", "3.69.2", "--yes"];
    let mut words = words.to_vec();
    words.extend(["--backup-dir", "small"]);
    let namespaces = ["-r", "-m", "true"];
    let able = std::process::Command::new("unshare").args(namespaces).output();
    if !able.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no file system can be mounted here");
        return;
    }
    let shell: Vec<&str> = ["-r", "-m", "sh"].into_iter().chain(words).collect();
    let ended = installation.run_with("unshare", &shell, |command| {
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    });
    ended.ends_with(4).says("o space left");
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.66.1"));
}

#[test]
fn central_goes_back_when_asked_to() {
    let installation = Installation::at("3.66.1").start();
    installation.simulation().faults().add(ClusterFault::broken_pull("*rhacs-main*:3.69.2"));
    let words = "--to 3.69.2 --rollback-on-failure --timeout 60s --yes";
    upgrade(&installation, words).ends_with(4).says("ImagePull");
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.66.1"));
}

#[test]
fn a_sensor_that_stays_away_leaves_the_run_unverified() {
    let installation = Installation::at("3.66.1").start();
    installation.simulation().faults().add(ClusterFault::sensor_stays_away("*"));
    let words = "--to 3.69.2 --timeout 8s --yes";
    upgrade(&installation, words).ends_with(5).says("3.66.1");
}

#[test]
fn a_busy_api_server_is_asked_again_and_said_so() {
    let busy = RequestAction::Refuse { status: 429, retry_after: Some(1), message: None };
    let script = Script::default()
        .request(RequestRule::api(busy).user_agent("kubectl-rhacs*").path("*/deployments*").nth(1))
        .request(
            RequestRule::api(RequestAction::refuse(503))
                .user_agent("kubectl-rhacs*")
                .path("*/secrets*")
                .nth(2),
        )
        .request(RequestRule::api(RequestAction::DropWatch).user_agent("kubectl-rhacs*").times(3))
        .request(
            RequestRule::api(RequestAction::ExpireWatch).user_agent("kubectl-rhacs*").times(2),
        );
    let installation = Installation::at("3.66.1").start();
    installation.simulation().faults().replace(script);
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0).says("again");
}

#[test]
fn a_restart_of_the_api_server_is_waited_out_once_the_run_has_begun() {
    let away = |method: &str, path: &str| {
        let rule = RequestRule::api(RequestAction::refuse(503)).user_agent("kubectl-rhacs*");
        rule.method(method).path(path).times(4)
    };
    let script = Script::default()
        .request(away("PUT", "*/secrets/kubectl-rhacs-run-*"))
        .request(away("PATCH", "*/deployments/central*"));
    let installation = Installation::at("3.66.1").start();
    installation.simulation().faults().replace(script);
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0).says("trying again in").says("more");
    assert_eq!(installation.simulation().faults().decided(), 8);
}

#[test]
fn before_the_run_an_api_server_that_is_away_is_told_within_seconds() {
    let installation = Installation::at("3.66.1").start();
    installation
        .simulation()
        .faults()
        .add_rule(RequestRule::api(RequestAction::refuse(503)).user_agent("kubectl-rhacs*"));
    let began = Instant::now();
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(1).says("503");
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
}

#[test]
fn watches_that_break_off_in_midstream_do_not_matter() {
    let installation = Installation::at("3.66.1").start();
    let mut command = installation.command(crate::UPGRADE, &["--to", "3.69.2", "--yes"]);
    let mut child = command.stderr(std::process::Stdio::null()).spawn().expect("it starts");
    let code = loop {
        if let Some(status) = child.try_wait().expect("waited") {
            break status.code();
        }
        installation.simulation().api().drop_watches();
        std::thread::sleep(Duration::from_millis(40));
    };
    assert_eq!(code, Some(0));
    assert!(installation.image("Deployment", "sensor", "sensor").ends_with(":3.69.2"));
}

#[test]
fn two_runs_at_once_are_kept_apart() {
    let installation = Installation::at("3.66.1").start();
    installation.simulation().faults().add(ClusterFault::never_ready("deployment/central"));
    let words: Vec<String> =
        "--to 3.69.2 --timeout 60s --yes".split_whitespace().map(str::to_owned).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut first = installation.command(crate::UPGRADE, &words).spawn().expect("it starts");
    let began = Instant::now();
    while installation.object("Lease", "kubectl-rhacs").is_none() {
        assert!(began.elapsed() < Duration::from_secs(120), "the first run takes no lock");
        std::thread::sleep(Duration::from_millis(20));
    }
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(8).says("pid");
    first.kill().expect("killed");
    first.wait().expect("ended");
    upgrade(&installation, "unlock --reason dead --force --yes").ends_with(0);
    installation.simulation().faults().clear();
}

#[test]
fn a_watched_status_outlasts_an_api_server_that_is_away() {
    let installation = Installation::at("3.66.1").start();
    let (stdout, stderr) =
        (installation.directory().join("stdout"), installation.directory().join("stderr"));
    let to = |path: &std::path::Path| std::fs::File::create(path).expect("a file");
    let mut command = installation.command(crate::UPGRADE, &["status", "--watch"]);
    let mut child = command.stdout(to(&stdout)).stderr(to(&stderr)).spawn().expect("it starts");
    let began = Instant::now();
    let mut waits_for = |path: &std::path::Path, text: &str, times: usize| {
        loop {
            let shown = std::fs::read_to_string(path).expect("a file");
            if shown.matches(text).count() >= times {
                return;
            }
            let ended = child.try_wait().expect("waited");
            assert!(ended.is_none(), "it ended ({ended:?}) instead of showing {text}: {shown}");
            assert!(began.elapsed() < Duration::from_secs(120), "no {text}: {shown}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    waits_for(&stdout, "COMPONENT", 1);
    let away = RequestRule::api(RequestAction::refuse(503)).user_agent("kubectl-rhacs*");
    installation.simulation().faults().add_rule(away);
    waits_for(&stderr, "; trying again\n", 1);
    installation.simulation().faults().clear();
    waits_for(&stdout, "COMPONENT", 2);
    child.kill().expect("killed");
    child.wait().expect("ended");
}

#[test]
fn help_is_given_by_its_word_too() {
    let installation = Installation::at("3.66.1").start();
    upgrade(&installation, "help resume").ends_with(0).says("Finish a run that was cut off");
    upgrade(&installation, "help").ends_with(0).says("Verbs:");
}
