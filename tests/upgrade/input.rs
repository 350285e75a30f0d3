//! Bad input gets a clear error and changes nothing.

use rhacs_tests::Installation;

use crate::{UPGRADE, upgrade};

#[test]
fn what_cannot_be_done_is_said() {
    let installation = Installation::at("3.66.1").start();
    let before = installation.essences();
    let table = [
        ("", 2, "--to"),
        ("--to 3.66.0", 2, "newer"),
        ("--to 3.99.0", 2, "3.99.0"),
        ("--to 2.0.0", 2, "2.0.0"),
        ("--to 5.0.0", 7, "up to 4.11"),
        ("--to latest", 2, "not an RHACS version"),
        ("--to 4.5.9", 7, "3.74.9"),
        ("--to 3.69.2 -n nowhere", 2, "nowhere"),
        ("--to 3.69.2 -n kube-system", 2, "no RHACS installation"),
        ("--to 3.69.2 --components scanner,rocks", 2, "rocks"),
        ("--to 3.69.2 --accept RHACS-NO-SUCH-THING", 2, "RHACS-NO-SUCH-THING"),
        ("--to 3.69.2 --context nowhere", 2, "nowhere"),
        ("--to 3.69.2 --kubeconfig missing", 2, "missing"),
        ("--to 3.69.2 --skip-backup --yes", 3, "RHACS-BACKUP-SKIPPED"),
        ("--to 3.67.0 --yes", 2, "--image"),
        ("status --to 3.69.2", 2, "does not apply"),
        ("apply missing.yaml --yes", 2, "missing.yaml"),
        ("unlock", 2, "--reason"),
        ("resume 20200101-000000-none --yes", 2, "no run"),
        ("frobnicate", 2, "frobnicate"),
        ("--to 3.69.2 --token-file missing --yes", 2, "missing"),
        ("--to 3.69.2 --timeout 0 --yes", 2, "more time than none"),
        ("--to 3.69.2 --skip-backup --dry-run=server", 3, "RHACS-BACKUP-SKIPPED"),
        ("--to 3.69.2 --skip-backup --dry-run", 3, "RHACS-BACKUP-SKIPPED"),
    ];
    for (words, code, text) in table {
        upgrade(&installation, words).ends_with(code).says(text);
    }
    assert_eq!(installation.essences(), before, "nothing was changed");
}

#[test]
fn what_is_no_plan_is_told_in_plain_words() {
    let installation = Installation::at("3.66.1").start();
    for (text, words) in [
        ("", "the plan is empty"),
        ("a: 1\n---\nb: 2\n", "2 documents"),
        ("{}", "schema none"),
        ("a: [", "not valid YAML"),
    ] {
        std::fs::write(installation.directory().join("plan.yaml"), text).expect("written");
        let done = upgrade(&installation, "apply plan.yaml --yes").ends_with(2);
        done.says(words);
    }
    std::fs::write(installation.directory().join("token"), "\n").expect("written");
    let words = ["--to", "3.69.2", "--yes", "--token-file", "token"];
    installation.run(UPGRADE, &words).ends_with(2).says("is empty");
}

#[test]
fn what_helm_does_not_manage_is_upgraded_by_itself() {
    let secured = "stackrox-secured-cluster-services";
    let released = move |objects: &mut Vec<serde_json::Value>| {
        for object in objects.iter_mut().filter(|it| it["metadata"]["name"] == "sensor") {
            object["metadata"]["annotations"]["meta.helm.sh/release-name"] = secured.into();
        }
        objects.push(serde_json::json!({
            "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
            "metadata": {
                "name": format!("sh.helm.release.v1.{secured}.v1"), "namespace": "stackrox",
                "labels": {"owner": "helm", "status": "deployed"},
            },
        }));
    };
    let installation = Installation::at("3.66.1").but(released).start();
    let refused = upgrade(&installation, "--to 3.69.2 --yes").ends_with(7);
    refused.says("--components central,scanner");
    upgrade(&installation, "--to 3.69.2 --components central,scanner --yes").ends_with(0);
}

#[test]
fn an_api_server_that_is_not_there_is_said_with_its_address() {
    let installation = Installation::at("3.66.1").start();
    let done = upgrade(&installation, "--to 3.69.2 -s https://127.0.0.1:1 --yes");
    assert!(matches!(done.code, Some(1 | 2)), "{done:?}");
    done.says("127.0.0.1:1");
}

#[test]
fn rights_that_are_missing_are_named_with_the_user() {
    let installation = Installation::at("3.66.1").start();
    let kubeconfig = installation.simulation().kubeconfig_of("viewer");
    std::fs::write(installation.directory().join("viewer"), kubeconfig).expect("written");
    let done = upgrade(&installation, "--to 3.69.2 --kubeconfig viewer --yes");
    assert!(matches!(done.code, Some(1..=3)), "{done:?}");
    done.says("viewer").says("deployments");
}

#[test]
fn operators_and_helm_are_refused_with_their_own_commands() {
    use serde_json::json;
    let owned = |objects: &mut Vec<serde_json::Value>| {
        for object in objects.iter_mut().filter(|object| object["metadata"]["name"] == "central") {
            object["metadata"]["labels"]["app.stackrox.io/managed-by"] = json!("operator");
        }
    };
    let operator = Installation::at("3.66.1").but(owned).start();
    upgrade(&operator, "--to 3.69.2 --yes").ends_with(7).says("subscription");
    let released = |objects: &mut Vec<serde_json::Value>| {
        objects.push(json!({
            "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
            "metadata": {
                "name": "sh.helm.release.v1.stackrox-central-services.v1", "namespace": "stackrox",
                "labels": {"owner": "helm", "status": "deployed"},
            },
        }));
    };
    let helm = Installation::at("3.66.1").but(released).start();
    // With values on the command line the release would lose all others.
    upgrade(&helm, "--to 3.69.2 --yes").ends_with(7).says(
        "helm upgrade -n stackrox stackrox-central-services rhacs/central-services --version 69.2.0\n",
    );
}

#[test]
fn help_and_version_need_no_cluster() {
    let run = |words: &[&str]| {
        let output = std::process::Command::new(UPGRADE).args(words).env_clear().output();
        let output = output.expect("the binary starts");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, text) = run(&["--version"]);
    assert_eq!((code, text.trim()), (Some(0), "kubectl rhacs upgrade 0.1.0"));
    for words in [&["--help"][..], &["-h"], &["plan", "--help"], &["apply", "-h"]] {
        let (code, text) = run(words);
        assert_eq!(code, Some(0), "{words:?}");
        assert!(text.contains("Usage: kubectl rhacs upgrade"), "{words:?}: {text}");
    }
}
