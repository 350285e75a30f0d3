//! What the API server itself says, before anything changes and in a rehearsal.

use rhacs_tests::Installation;
use sim::faults::{RequestAction, RequestRule};

use crate::upgrade;

/// The groups of a Kubernetes without PodSecurityPolicies, with one that nobody here knows.
const SERVED: [&str; 13] = [
    "apiextensions.k8s.io/v1",
    "admissionregistration.k8s.io/v1",
    "apps/v1",
    "authentication.k8s.io/v1",
    "authorization.k8s.io/v1",
    "autoscaling/v1",
    "autoscaling/v2",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "example.com/v1beta1",
    "networking.k8s.io/v1",
    "policy/v1",
    "rbac.authorization.k8s.io/v1",
];
const VERSION: &str = "v1.27.8+k3s2";

#[test]
fn a_rehearsal_plays_the_server_that_is_there() {
    let installation = Installation::at("3.66.1").on_server(VERSION, &SERVED).start();
    let words = "plan --to 3.69.2 --rehearse -o json";
    let plan = upgrade(&installation, words).ends_with(0).json();
    assert_eq!(plan["cluster"]["version"], VERSION);
    let check = upgrade(&installation, "check --to 3.69.2 --rehearse").ends_with(0);
    assert!(!check.stdout.contains("RHACS-POD-SECURITY-POLICY"), "{}", check.stdout);
    upgrade(&installation, "--to 3.69.2 --rehearse").ends_with(0);
}

#[test]
fn a_rehearsal_ends_with_what_it_was_and_cannot_know() {
    let installation = Installation::at("3.66.1").start();
    for (words, source) in [
        ("--to 3.69.2 --rehearse", "a copy of the live cluster"),
        ("--to 3.69.2 --rehearse sample:3.66.1", "a sample installation of 3.66.1"),
        ("check --to 3.69.2 --rehearse", "a copy of the live cluster"),
    ] {
        let done = upgrade(&installation, words).ends_with(0);
        let last = done.stderr.trim_end().lines().last().unwrap_or_default();
        assert!(last.contains("this was a rehearsal") && last.contains(source), "{last}");
        for unknown in ["images can be pulled", "webhooks", "database"] {
            assert!(last.contains(unknown), "{last}");
        }
    }
    let real = upgrade(&installation, "--to 3.69.2 --yes").ends_with(0);
    assert!(!real.stderr.contains("rehearsal"), "{}", real.stderr);
}

#[test]
fn a_check_has_the_server_try_every_write() {
    let installation = Installation::at("3.66.1").start();
    let before = installation.essences();
    let refuse = RequestRule::api(RequestAction::refuse(422)).method("PATCH");
    installation.simulation().faults().add_rule(refuse.path("*/deployments/sensor*dryRun=All*"));
    upgrade(&installation, "check --to 3.69.2").ends_with(0);
    let check = upgrade(&installation, "check --to 3.69.2 --server").ends_with(3);
    check.says("RHACS-SERVER-REFUSES").says("deploy/sensor (step sensor)");
    upgrade(&installation, "--to 3.69.2 --server --yes").ends_with(2).says("needs the address");
    let words = "check --to 3.69.2 --dry-run=server -o json";
    let findings = upgrade(&installation, words).ends_with(3).json();
    let codes: Vec<_> = findings["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|finding| &finding["code"])
        .collect();
    assert!(codes.iter().any(|code| **code == "RHACS-SERVER-REFUSES"), "{codes:?}");
    assert_eq!(installation.essences(), before);
    let written: Vec<_> = installation
        .simulation()
        .requests()
        .into_iter()
        .filter(|it| it.user_agent.starts_with("kubectl-rhacs") && it.method != "GET")
        .filter(|it| !it.query.contains("dryRun=All") && !it.path.contains("selfsubject"))
        .collect();
    assert!(written.is_empty(), "{written:?}");
}
