//! Central: credentials, certificates, silence.

use rhacs_tests::{Finished, Installation};
use sim::faults::{ClusterFault, RequestAction, RequestRule};

use crate::UPGRADE;

fn with(installation: &Installation, words: &str, variables: &[(&str, &str)]) -> Finished {
    let words: Vec<&str> = words.split_whitespace().collect();
    installation.run_with(UPGRADE, &words, |command| {
        command.env_remove("ROX_API_TOKEN").envs(variables.iter().copied());
    })
}

#[test]
fn without_credentials_there_is_no_backup_and_so_no_upgrade() {
    let installation = Installation::at("3.66.1").start();
    with(&installation, "--to 3.69.2 --yes", &[]).ends_with(3).says("--token-file");
    let skipped = "--to 3.69.2 --skip-backup --accept RHACS-BACKUP-SKIPPED --yes";
    let done = with(&installation, skipped, &[]).ends_with(0);
    done.says("RHACS-SCANNER-BUNDLE")
        .says("its workloads are ready; Central did not say what it runs");
    assert!(installation.image("Deployment", "sensor", "sensor").ends_with(":3.69.2"));
}

#[test]
fn the_scanner_bundle_comes_with_the_next_run_that_has_credentials() {
    let installation = Installation::at("3.62.1").start();
    let skipped = "--to 3.69.2 --skip-backup --accept RHACS-BACKUP-SKIPPED --yes";
    with(&installation, skipped, &[]).ends_with(0);
    let config = |installation: &Installation| {
        let config = installation.object("ConfigMap", "scanner-config").expect("it is there");
        config["data"]["config.yaml"].as_str().expect("text").to_owned()
    };
    let old = config(&installation);
    let password = [("ROX_ADMIN_PASSWORD", "letmein")];
    with(&installation, "--to 3.69.2 --yes", &password).ends_with(0).says("scanner-config");
    assert_ne!(config(&installation), old);
    with(&installation, "--to 3.69.2 --yes", &password).ends_with(0).says("nothing to do");
}

#[test]
fn a_run_that_was_limited_does_not_claim_the_rest() {
    let installation = Installation::at("3.66.1").start();
    let password = [("ROX_ADMIN_PASSWORD", "letmein")];
    let done = with(&installation, "--to 3.69.2 --components central --yes", &password);
    done.ends_with(0).says("3.69.2 is done for central: verified; the rest was left as it is");
}

#[test]
fn the_administrators_password_does_as_well() {
    let installation = Installation::at("3.66.1").start();
    with(&installation, "--to 3.69.2 --yes", &[("ROX_ADMIN_PASSWORD", "letmein")]).ends_with(0);
}

#[test]
fn a_wrong_or_doubled_credential_is_told() {
    let installation = Installation::at("3.66.1").start();
    let wrong = with(&installation, "--to 3.69.2 --yes", &[("ROX_API_TOKEN", "nonsense")]);
    wrong.ends_with(3).says("RHACS-CENTRAL-UNAUTHORIZED");
    let both = [("ROX_API_TOKEN", "a"), ("ROX_ADMIN_PASSWORD", "b")];
    with(&installation, "--to 3.69.2 --yes", &both).ends_with(2).says("at the same time");
}

#[test]
fn an_endpoint_is_used_instead_of_a_port_forward() {
    let installation = Installation::at("3.66.1").start();
    let address = installation.simulation().central_address().to_string();
    let variables = [("ROX_ENDPOINT", address.as_str()), ("ROX_ADMIN_PASSWORD", "letmein")];
    with(&installation, "--to 3.69.2 --yes", &variables).ends_with(0);
    let requests = installation.simulation().requests();
    let forwards = requests.iter().filter(|request| request.path.ends_with("/portforward"));
    assert_eq!(forwards.count(), 0);
}

#[test]
fn an_endpoint_that_is_not_there_is_named() {
    let installation = Installation::at("3.66.1").start();
    let variables = [("ROX_ENDPOINT", "127.0.0.1:1"), ("ROX_ADMIN_PASSWORD", "letmein")];
    with(&installation, "--to 3.69.2 --yes", &variables).ends_with(3).says("127.0.0.1:1");
}

#[test]
fn a_certificate_of_another_authority_is_not_trusted() {
    let installation = Installation::at("3.66.1").start();
    let other = Installation::at("3.66.1").start();
    let address = other.simulation().central_address().to_string();
    let variables = [("ROX_ENDPOINT", address.as_str()), ("ROX_ADMIN_PASSWORD", "letmein")];
    with(&installation, "--to 3.69.2 --yes", &variables).ends_with(3).says("trust");
}

#[test]
fn a_central_of_another_installation_is_told_nothing_and_blocks() {
    let installation = Installation::at("3.66.1").start();
    let other = Installation::at("3.66.1").start();
    let address = other.simulation().central_address().to_string();
    let insecure = ("ROX_INSECURE_CLIENT_SKIP_TLS_VERIFY", "true");
    std::fs::write(installation.directory().join("ca.pem"), other.simulation().central().ca_pem())
        .expect("written");
    for trusts in [insecure, ("ROX_CA_CERT_FILE", "ca.pem")] {
        let variables =
            [("ROX_ENDPOINT", address.as_str()), ("ROX_ADMIN_PASSWORD", "letmein"), trusts];
        let blocked = with(&installation, "--to 3.69.2 --yes", &variables).ends_with(3);
        blocked.says("RHACS-CENTRAL-FOREIGN").says("ROX_ENDPOINT");
    }
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.66.1"));
    let asked = other.simulation().central().requests();
    let told = asked.iter().filter(|request| request.path != "/v1/ping");
    let told: Vec<_> = told.filter(|it| !it.path.starts_with("/v1/tls-challenge")).collect();
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn a_run_is_not_taken_up_with_a_central_of_another_installation() {
    let installation = Installation::at("3.66.1").start();
    let broken = ClusterFault::broken_pull("*rhacs-scanner-rhel8*:3.69.2");
    installation.simulation().faults().add(broken);
    with(&installation, "--to 3.69.2 --yes", &[("ROX_ADMIN_PASSWORD", "letmein")]).ends_with(4);
    installation.simulation().faults().clear();
    let other = Installation::at("3.66.1").start();
    let address = other.simulation().central_address().to_string();
    let foreign = [
        ("ROX_ENDPOINT", address.as_str()),
        ("ROX_ADMIN_PASSWORD", "letmein"),
        ("ROX_INSECURE_CLIENT_SKIP_TLS_VERIFY", "true"),
    ];
    let objects = installation.essences();
    with(&installation, "resume --yes", &foreign).ends_with(3).says("RHACS-CENTRAL-FOREIGN");
    assert_eq!(installation.essences(), objects, "nothing is changed");
    with(&installation, "resume --yes", &[("ROX_ADMIN_PASSWORD", "letmein")]).ends_with(0);
    with(&installation, "verify", &foreign).ends_with(3).says("RHACS-CENTRAL-FOREIGN");
    let asked = other.simulation().central().requests();
    let told = asked.iter().filter(|request| request.path != "/v1/ping");
    let told: Vec<_> = told.filter(|it| !it.path.starts_with("/v1/tls-challenge")).collect();
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn a_silent_central_does_not_hang_the_command() {
    let installation = Installation::at("3.66.1").start();
    let silent = RequestRule::central(RequestAction::refuse(503));
    installation.simulation().faults().add_rule(silent);
    let password = [("ROX_ADMIN_PASSWORD", "letmein")];
    with(&installation, "--to 3.69.2 --yes", &password).ends_with(3).says("RHACS-");
    installation.simulation().faults().clear();
    installation.simulation().faults().add(ClusterFault::FullDisk);
    with(&installation, "check --to 3.69.2", &password).ends_with(3).says("RHACS-ROLLBACK-SPACE");
}
