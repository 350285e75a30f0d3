//! Runs that are cut off: killed ones are finished by `unlock` and `resume`, an API server that
//! goes away for a while is waited for.

use std::process::{Child, Stdio};

use sim::faults::ClusterFault;

use crate::installation::Installation;
use crate::plane::say;
use crate::{ACCEPT, UPGRADE, upgrade};

#[test]
fn two_runs_at_once_are_kept_apart_and_a_killed_one_is_resumed() {
    let Some(installation) = Installation::at("3.62.1") else { return };
    installation.faults().add(ClusterFault::never_ready("deployment/central"));
    let mut first = start(&installation);
    installation.wait_until("the first run changes Central", |installation| {
        installation.image("Deployment", "central", "central").ends_with(":3.69.2")
    });
    upgrade(&installation, &format!("--to 3.69.2 {ACCEPT}")).ends_with(8).says("pid");
    kill(&mut first);
    installation.faults().clear();
    finish(&installation);
}

#[test]
fn a_run_killed_behind_central_is_resumed() {
    let Some(installation) = Installation::at("3.62.1") else { return };
    let mut run = start(&installation);
    installation.wait_until("the run changes the sensor", |installation| {
        installation.image("Deployment", "sensor", "sensor").ends_with(":3.69.2")
    });
    kill(&mut run);
    finish(&installation);
}

#[test]
fn a_run_outlives_a_restart_of_the_api_server() {
    let Some(installation) = Installation::at("3.62.1") else { return };
    let done = std::thread::scope(|scope| {
        let run = scope.spawn(|| upgrade(&installation, &format!("--to 3.69.2 {ACCEPT}")));
        installation.wait_until("the run changes Central", |installation| {
            installation.image("Deployment", "central", "central").ends_with(":3.69.2")
        });
        if !installation.restart_api_server() {
            say("the API server is not ours: it goes on without a restart");
        }
        run.join().expect("the run ends")
    });
    done.ends_with(0);
    assert!(installation.image("DaemonSet", "collector", "compliance").ends_with(":3.69.2"));
}

fn start(installation: &Installation) -> Child {
    let words = format!("--to 3.69.2 --timeout 60s {ACCEPT}");
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut command = installation.command(UPGRADE, &words);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
}

/// Ends the process with SIGKILL.
fn kill(child: &mut Child) {
    child.kill().expect("killed");
    child.wait().expect("ended");
}

/// Removes the lock of a dead run and resumes the run.
fn finish(installation: &Installation) {
    let lease = ("coordination.k8s.io/v1", "Lease", "kubectl-rhacs");
    assert!(installation.object(lease.0, lease.1, lease.2).is_some(), "the lock is left behind");
    upgrade(installation, "unlock --reason killed --force --yes").ends_with(0);
    upgrade(installation, "resume --yes").ends_with(0);
    assert!(installation.object(lease.0, lease.1, lease.2).is_none(), "the lock is released");
    for (kind, workload, container) in [
        ("Deployment", "central", "central"),
        ("Deployment", "scanner", "scanner"),
        ("Deployment", "sensor", "sensor"),
        ("DaemonSet", "collector", "compliance"),
    ] {
        assert!(installation.image(kind, workload, container).ends_with(":3.69.2"), "{workload}");
    }
    let runs = upgrade(installation, "history -o json").ends_with(0).json()["runs"].clone();
    assert_eq!(runs[0]["state"], "finished", "{runs:#}");
}
