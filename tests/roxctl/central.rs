//! From Central: by an address or through the API server, with the mirror behind it.

use std::process::Command;

use rhacs_tests::{Finished, Installation};
use sim::faults::{RequestAction, RequestRule};

use crate::computer::Computer;
use crate::{ROXCTL, publishing};

fn run(installation: &Installation, words: &str) -> Finished {
    run_with(installation, words, |_| ())
}

fn run_with(
    installation: &Installation,
    words: &str,
    change: impl FnOnce(&mut Command),
) -> Finished {
    let words: Vec<&str> = words.split_whitespace().collect();
    installation.run_with(ROXCTL, &words, |command| {
        command.env("PATH", installation.directory().join(".local/bin"));
        change(command);
    })
}

fn version(installation: &Installation) -> String {
    let roxctl = installation.directory().join(".local/bin/roxctl");
    let output = Command::new(roxctl).arg("version").output();
    String::from_utf8_lossy(&output.expect("it runs").stdout).trim().to_owned()
}

#[test]
fn the_version_central_runs_comes_from_central() {
    for release in ["3.69.2", "3.74.9"] {
        let installation = Installation::at(release).start();
        let done = run(&installation, "install -o json").ends_with(0).json();
        assert_eq!(done["version"], release);
        let source = done["source"].as_str().expect("a source").to_owned();
        assert!(source.contains("port-forward") && source.contains("cli/download"), "{source}");
        assert_eq!(version(&installation), release);
        assert_eq!(run(&installation, "install -o json").ends_with(0).json()["changed"], false);
        let list = run(&installation, "list").ends_with(0);
        list.says("this suite").says("same");
    }
}

#[test]
fn a_version_that_central_runs_comes_from_central_and_is_a_build_of_its_own() {
    let installation = Installation::at("3.69.2").start();
    let mirror = publishing(&["3.69.2"]).start().expect("up");
    let done = run(&installation, "install 3.69.2 -o json").ends_with(0).json();
    assert!(done["source"].as_str().expect("a source").contains("port-forward"), "{done}");
    run(&installation, &format!("verify --mirror {}", mirror.url()))
        .ends_with(0)
        .says("Central's own build");
    run(&installation, "uninstall").ends_with(0);
    assert!(!installation.directory().join(".local/bin/roxctl").exists());
}

#[test]
fn an_address_of_central_needs_no_port_forward() {
    let installation = Installation::at("3.69.2").start();
    let address = installation.simulation().central_address().to_string();
    let done = run_with(&installation, "install central -o json", |command| {
        command.env("ROX_ENDPOINT", &address);
    });
    let done = done.ends_with(0).json();
    assert!(done["source"].as_str().expect("a source").starts_with(&address), "{done}");
    // Without a checked certificate nothing vouches for the file.
    let words = "install central --force --central-insecure-skip-tls-verify";
    run(&installation, words).ends_with(3).says("certificate of Central");
}

#[test]
fn without_credentials_the_cluster_tells_the_version_and_the_mirror_has_the_file() {
    let installation = Installation::at("3.69.2").start();
    let mirror = publishing(&["3.69.2"]).start().expect("up");
    let done = run_with(&installation, "install -o json", |command| {
        command.env_remove("ROX_API_TOKEN").env("RHACS_MIRROR", mirror.url());
    });
    let done = done.ends_with(0).json();
    assert_eq!(done["version"], "3.69.2");
    assert!(done["source"].as_str().expect("a source").starts_with(&mirror.url()), "{done}");
    run_with(&installation, "install central", |command| {
        command.env_remove("ROX_API_TOKEN");
    })
    .ends_with(2)
    .says("ROX_API_TOKEN");
}

#[test]
fn when_central_does_not_give_it_the_mirror_does() {
    let installation = Installation::at("3.69.2").start();
    let mirror = publishing(&["3.69.2", "4.8.3"]).start().expect("up");
    let refuse = RequestRule::central(RequestAction::refuse(403)).path("/api/cli/*");
    installation.simulation().faults().add_rule(refuse);
    // Without a mirror of one's own it is the vendor's, which a test does not ask.
    let without_network = |command: &mut Command| {
        command.env("HTTPS_PROXY", "http://127.0.0.1:1");
    };
    run_with(&installation, "install --request-timeout 20s", without_network)
        .ends_with(1)
        .says("trying the mirror instead")
        .says("proxy");
    run(&installation, &format!("install --mirror {}", mirror.url())).ends_with(0);
    assert_eq!(version(&installation), "3.69.2");
    run(&installation, "install central --force").ends_with(1).says("403");
    run(&installation, &format!("install 4.8.3 --mirror {}", mirror.url())).ends_with(0);
    assert_eq!(version(&installation), "4.8.3");
    run(&installation, "list").ends_with(0).says("newer than 3.69.2");
}

#[test]
fn a_break_at_central_is_tried_again() {
    let installation = Installation::at("3.69.2").start();
    let cut = RequestRule::central(RequestAction::CutAfter).path("/api/cli/*").times(2);
    installation.simulation().faults().add_rule(cut);
    run(&installation, "install").ends_with(0).says("retry:");
}

#[test]
fn a_machine_that_central_has_no_file_for_is_told_those_it_has() {
    let installation = Installation::at("3.74.9").start();
    run(&installation, "install central --os linux --arch arm64")
        .ends_with(2)
        .says("linux/amd64, linux/ppc64le, linux/s390x, darwin/amd64, windows/amd64");
    run(&installation, "install central --os windows --arch amd64").ends_with(0);
    assert!(installation.directory().join("roxctl.exe").is_file());
    // What neither Central nor the mirror has for a release is known without asking them.
    let asked = installation.simulation().requests().len();
    run(&installation, "install 3.69.2 --os linux --arch arm64")
        .ends_with(2)
        .says("linux/amd64, darwin/amd64, windows/amd64");
    assert_eq!(installation.simulation().requests().len(), asked);
}

#[test]
fn a_cluster_that_is_not_there_is_said() {
    let computer = Computer::new();
    let kubeconfig = "apiVersion: v1\nkind: Config\nclusters: [{name: a, cluster: {server: \
                      'https://127.0.0.1:1'}}]\ncontexts: [{name: a, context: {cluster: a}}]\n\
                      current-context: a\n";
    std::fs::write(computer.home().join("kubeconfig"), kubeconfig).expect("written");
    let words = "install --kubeconfig kubeconfig --request-timeout 2s";
    computer.run(words).ends_with(1).says("127.0.0.1:1").says("install latest");
    computer.run("list --kubeconfig kubeconfig").ends_with(0).says("--offline");
}
