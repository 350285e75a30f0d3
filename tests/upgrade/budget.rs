//! How many requests an upgrade costs the API server.

use rhacs_tests::Installation;

use crate::upgrade;

/// So many requests a run may take from the lock to its release, its waits included.
const RUN: usize = 36;
/// So many `check` may take to look at the installation.
const LOOK: usize = 22;

/// Asking who it is that runs it takes one more than `check` does.
const WHO: usize = 1;

#[test]
fn a_check_stays_within_its_budget_of_requests() {
    let installation = Installation::at("3.62.1").start();
    upgrade(&installation, "check --to 3.69.2").ends_with(0);
    let requests = requests(&installation);
    assert!(requests.len() <= LOOK, "{} requests:\n{}", requests.len(), requests.join("\n"));
}

#[test]
fn an_upgrade_stays_within_its_budget_of_requests() {
    let installation = Installation::at("3.62.1").start();
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0);
    let requests = requests(&installation);
    let takes_lock = |line: &String| line.starts_with("POST") && line.contains("/leases");
    let look = requests.iter().position(takes_lock).expect("the lock is taken");
    let run = requests.len() - look;
    assert!(look <= LOOK + WHO && run <= RUN, "{look} + {run} requests:\n{}", requests.join("\n"));
}

/// What the API server was asked so far.
fn requests(installation: &Installation) -> Vec<String> {
    let all = installation.simulation().requests();
    let own = all.iter().filter(|request| request.user_agent.starts_with("kubectl-rhacs"));
    own.map(|request| format!("{} {} {}", request.method, request.path, request.status)).collect()
}
