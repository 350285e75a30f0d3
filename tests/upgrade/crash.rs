//! A run that is killed at any request can be resumed to the same end.

use common::rhacs::Platform;
use rhacs_tests::{Installation, KillSweep};

use crate::{UPGRADE, upgrade};

const WORDS: &str = "--to 3.69.2 --yes";

#[test]
fn a_run_killed_at_any_odd_request_is_resumed_to_the_same_end() {
    every_second_request(1, "3.66.1", Platform::Kubernetes);
}

#[test]
fn a_run_killed_at_any_even_request_is_resumed_to_the_same_end() {
    every_second_request(0, "3.66.1", Platform::Kubernetes);
}

#[test]
fn a_run_killed_at_any_odd_request_on_openshift_is_resumed_to_the_same_end() {
    every_second_request(1, "3.62.1", Platform::OpenShift);
}

#[test]
fn a_run_killed_at_any_even_request_on_openshift_is_resumed_to_the_same_end() {
    every_second_request(0, "3.62.1", Platform::OpenShift);
}

/// Two tests share the requests of one upgrade, so that they run side by side.
fn every_second_request(parity: usize, from: &str, platform: Platform) {
    let whole = Installation::at(from).on(platform).start();
    upgrade(&whole, WORDS).ends_with(0);
    let wanted = whole.essences();
    let sweep = KillSweep { program: UPGRADE, words: WORDS };
    for number in KillSweep::numbers(&whole, 0).into_iter().skip(parity).step_by(2) {
        let installation = Installation::at(from).on(platform).start();
        sweep.kill_at(&installation, number);
        finish(&installation, number);
        assert_eq!(installation.essences(), wanted, "killed at request {number}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_at_a_safe_point_and_resume_finishes() {
    let installation = Installation::at("3.66.1").start();
    let ended = signalled(&installation, UPGRADE, &["--to", "3.69.2", "--yes"], "-INT");
    assert_eq!(ended, Some(130));
    assert!(installation.object("Lease", "kubectl-rhacs").is_none(), "the lock is released");
    upgrade(&installation, "resume --yes").ends_with(0);
    assert!(installation.image("Deployment", "sensor", "sensor").ends_with(":3.69.2"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_under_nohup_outlives_its_terminal() {
    let installation = Installation::at("3.66.1").start();
    let words = ["-c", "trap '' HUP; exec \"$0\" \"$@\"", UPGRADE, "--to", "3.69.2", "--yes"];
    assert_eq!(signalled(&installation, "/bin/sh", &words, "-HUP"), Some(0));
    assert!(installation.image("Deployment", "sensor", "sensor").ends_with(":3.69.2"));
}

/// Runs an upgrade, sends it `signal` while it waits for Central, and says how it ends.
#[cfg(unix)]
fn signalled(
    installation: &Installation,
    program: &str,
    words: &[&str],
    signal: &str,
) -> Option<i32> {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use sim::faults::ClusterFault;

    let slow = ClusterFault::slow_readiness("deployment/central", Duration::from_secs(500));
    installation.simulation().clock().set_factor(60.0);
    installation.simulation().faults().add(slow);
    let mut command = installation.command(program, words);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let began = Instant::now();
    while !installation.image("Deployment", "central", "central").ends_with(":3.69.2") {
        assert!(began.elapsed() < Duration::from_secs(180), "Central is never changed");
        std::thread::sleep(Duration::from_millis(20));
    }
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.expect("kill").success());
    // A run that does not stop goes on as fast as any.
    std::thread::sleep(Duration::from_secs(1));
    installation.simulation().faults().clear();
    installation.simulation().clock().set_factor(2000.0);
    child.wait().expect("ended").code()
}

/// Resumes the run, or starts it when it was killed before it was recorded.
fn finish(installation: &Installation, number: usize) {
    upgrade(installation, "unlock --reason crashed --force --yes").ends_with(0);
    let runs = upgrade(installation, "history -o json").ends_with(0).json()["runs"].clone();
    let unfinished = runs.as_array().expect("runs").iter().any(|run| run["state"] != "finished");
    let words = if unfinished { "resume --yes" } else { WORDS };
    let done = upgrade(installation, words);
    assert_eq!(done.code, Some(0), "after a kill at request {number}: {done:?}");
}
