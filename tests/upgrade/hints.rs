//! Every command that a finding prints is typed, by kubectl itself, on the embedded cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use common::checks::hints::commands;
use rhacs_tests::{Finished, Installation, skipped};
use serde_json::{Value, json};

use crate::{UPGRADE, upgrade};

/// What only a person can fill in, in commands of programs that are not here.
const BLANKS: [&str; 6] = ["CLUSTER", "FILE", "HOST:PORT", "NAME", "RUN", "USER"];

/// The object of this kind and name.
fn the<'a>(objects: &'a mut [Value], kind: &str, name: &str) -> &'a mut Value {
    let found = objects.iter_mut().find(|it| it["kind"] == kind && it["metadata"]["name"] == name);
    found.expect(name)
}

/// Much of what can be wrong at once.
fn trouble(objects: &mut Vec<Value>) {
    the(objects, "Deployment", "scanner")["spec"]["paused"] = json!(true);
    the(objects, "Deployment", "admission-control")["spec"]["replicas"] = json!(0);
    the(objects, "DaemonSet", "collector")["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
    let sensor = the(objects, "Deployment", "sensor");
    sensor["metadata"]["annotations"]["kubernetes.io/change-cause"] = json!("by hand");
    let pod = &mut sensor["spec"]["template"]["spec"];
    pod["imagePullSecrets"] = json!([{"name": "mine"}]);
    pod["containers"][0]["imagePullPolicy"] = json!("Never");
    let containers = pod["containers"].as_array_mut().expect("containers");
    containers.push(json!({"name": "logger", "image": "example.org/logger:1"}));
    let central = &mut the(objects, "Deployment", "central")["spec"]["template"]["spec"];
    for volume in central["volumes"].as_array_mut().expect("volumes") {
        if volume["name"] == "stackrox-db" {
            *volume = json!({"name": "stackrox-db", "hostPath": {"path": "/var/lib/rox"}});
        }
    }
    let webhooks = &mut the(objects, "ValidatingWebhookConfiguration", "stackrox")["webhooks"];
    for webhook in webhooks.as_array_mut().into_iter().flatten() {
        webhook["failurePolicy"] = json!("Fail");
    }
    let role = the(objects, "Role", "stackrox-central-diagnostics");
    role["rules"][0]["verbs"] = json!(["get"]);
    let namespace = role["metadata"]["namespace"].clone();
    let config = the(objects, "ConfigMap", "scanner-config");
    config["data"]["config.yaml"] = json!("scanner: {updater: {interval: 12h}}");
    let config = the(objects, "ConfigMap", "central-config");
    config["data"]["central-config.yaml"] = json!("maintenance:\n  safeMode: true\n");
    objects.push(json!({
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "central", "namespace": namespace},
        "spec": {"maxReplicas": 3, "scaleTargetRef":
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": "central"}},
    }));
    objects.push(json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "small", "namespace": namespace},
        "spec": {"hard": {"limits.cpu": "1", "pods": "1"}},
    }));
}

/// Constraints of before 3.64 that somebody made his own.
fn constraints(objects: &mut [Value]) {
    the(objects, "SecurityContextConstraints", "scanner")["priority"] = json!(20);
    let central = the(objects, "SecurityContextConstraints", "central");
    let users = central["users"].as_array_mut().expect("users");
    users.push(json!("system:serviceaccount:shop:default"));
}

/// Central without a claim, and under a second name.
fn unsafe_central(objects: &mut Vec<Value>) {
    objects.retain(|object| object["kind"] != "PersistentVolumeClaim");
    let mut copy = the(objects, "Deployment", "central").clone();
    copy["metadata"]["name"] = json!("prod-central");
    copy["spec"]["replicas"] = json!(0);
    objects.push(copy);
}

/// What `words` of the upgrade finds, as commands.
fn found(installation: &Installation, words: &str) -> BTreeMap<String, BTreeSet<String>> {
    let answer = upgrade(installation, words);
    let document = answer.json();
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in document["findings"].as_array().expect("findings") {
        let fix = finding["fix"].as_str().expect("a fix");
        let code = finding["code"].as_str().expect("a code").to_owned();
        all.entry(code).or_default().extend(commands(fix).into_iter().map(str::to_owned));
    }
    all
}

/// The command as a test can type it: nobody answers questions or waits for ever; none for a
/// program that is not here, or with blanks that only a person can fill in.
fn typed(command: &str) -> Option<String> {
    let command = command.replace(" --context NAME", "").replace("-n NAMESPACE", "-n stackrox");
    let has_blanks = command.split([' ', '=']).any(|word| BLANKS.contains(&word));
    if !command.starts_with("kubectl ") || has_blanks {
        return None;
    }
    let changes = ["upgrade --", "upgrade -n", "rollback --", "scc apply", "resume"];
    let is_run = command.strip_prefix("kubectl rhacs ").is_some_and(|words| {
        changes.iter().any(|start| words.starts_with(start)) || words.contains(" resume ")
    });
    Some(match command.as_str() {
        _ if is_run => format!("{command} --dry-run"),
        _ if command.contains(" rollout status ") => format!("{command} --timeout=1s"),
        _ => command,
    })
}

fn type_it(installation: &Installation, command: &str) -> Finished {
    let programs = Path::new(UPGRADE).parent().expect("a directory").display().to_string();
    let system = std::env::var("PATH").unwrap_or_default();
    installation.run_with("sh", &["-c", command], |shell| {
        shell.env("PATH", format!("{programs}:{system}")).env("KUBE_EDITOR", "true");
    })
}

#[test]
fn every_printed_command_works_as_printed() {
    let has_kubectl = Command::new("kubectl").arg("help").output().is_ok();
    let siblings = ["kubectl-rhacs", "kubectl-rhacs-scc", "kubectl-rhacs-rollback", "rhacs-sim"];
    let built = |name: &&&str| Path::new(UPGRADE).with_file_name(**name).exists();
    if !has_kubectl || siblings.iter().filter(built).count() < siblings.len() {
        return skipped("kubectl, or the suite's other programs, are not here");
    }
    let sample = |version: &str| Installation::at(version).without_waiting();
    let mut seen = BTreeSet::new();
    let mut count = 0;
    for (installation, words) in [
        (sample("3.66.1").but(trouble).start(), "check --to 3.69.2 -o json"),
        (
            sample("3.66.1").but(trouble).in_namespace("acs").start(),
            "check -n acs --to 3.69.2 -o json",
        ),
        (
            sample("3.62.1").on_openshift().but(|all| constraints(all)).start(),
            "check --to 3.69.2 -o json",
        ),
        (sample("3.66.1").but(unsafe_central).start(), "check --to 3.73.0 --skip-backup -o json"),
        (sample("3.66.1").start(), "check --to 3.69.2 --components secured -o json"),
    ] {
        let found = found(&installation, words);
        let all: BTreeSet<String> =
            found.values().flatten().filter_map(|command| typed(command)).collect();
        // What is deleted cannot be looked at any more.
        let (last, first): (Vec<String>, Vec<String>) =
            all.into_iter().partition(|command| command.contains(" delete "));
        for command in first.into_iter().chain(last) {
            let done = type_it(&installation, &command);
            let is_fine = match done.code {
                Some(0) => true,
                // A look at what is blocked is told so; a wait that is cut off did begin.
                Some(3) => command.contains("--dry-run"),
                Some(1) => {
                    let ends = ["timed out", "exceeded its progress deadline"];
                    command.contains("--timeout=1s")
                        && ends.iter().any(|end| done.stderr.contains(end))
                }
                _ => false,
            };
            assert!(
                is_fine,
                "{words}: `{command}` ended with {:?}\n{}\n{}",
                done.code, done.stdout, done.stderr
            );
            count += 1;
        }
        seen.extend(found.into_keys());
    }
    // So many at least, so that nothing is looked for in vain.
    assert!(seen.len() >= 20 && count >= 25, "{count} commands of {seen:?}");
}
