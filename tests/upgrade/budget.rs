//! How many requests an upgrade costs the API server.

use rhacs_tests::Installation;

use crate::upgrade;

/// So many requests a run may take from the lock to its release, its waits included.
const RUN: usize = 36;
/// So many more it may take to look at the installation and to check it.
const LOOK: usize = 23;

#[test]
fn an_upgrade_stays_within_its_budget_of_requests() {
    let installation = Installation::at("3.62.1").start();
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0);
    let requests: Vec<String> = installation
        .simulation()
        .requests()
        .iter()
        .filter(|request| request.user_agent.starts_with("kubectl-rhacs"))
        .map(|request| format!("{} {} {}", request.method, request.path, request.status))
        .collect();
    let takes_lock = |line: &String| line.starts_with("POST") && line.contains("/leases");
    let look = requests.iter().position(takes_lock).expect("the lock is taken");
    let run = requests.len() - look;
    assert!(look <= LOOK && run <= RUN, "{look} + {run} requests:\n{}", requests.join("\n"));
}
