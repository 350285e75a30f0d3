//! The recorded kubectl commands, run again with the kubectl on this computer.

#![expect(clippy::unwrap_used, reason = "what helps a test fails as the test does")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use sim::clock::Clock;
use sim::simulation::Simulation;

/// Commands of which only the success is compared, and why.
const OUTPUT_NOT_COMPARED: &[(&str, &str)] = &[
    ("kubectl version", "the first lines are the version of this computer's kubectl"),
    ("kubectl explain", "the descriptions of fields are not carried"),
    ("kubectl logs", "how many lines come out depends on the era of the log, its times on the run"),
    ("kubectl get events", "the order depends on names that are random"),
    ("kubectl rollout status", "how often progress is seen depends on the speed of the run"),
    ("kubectl describe", "conditions and events depend on the moment"),
    ("kubectl get nodes", "the recorded nodes had no kubelet, and so no version"),
];

#[test]
fn kubectl_sees_what_it_saw_on_a_real_cluster() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let recorded = std::fs::read_to_string(shared.join("conformance/kubectl-wire-1.36.json"));
    let manifest = std::fs::read_to_string(shared.join("manifests/3.0.62.1-openshift.yaml"));
    let (Ok(recorded), Ok(manifest)) = (recorded, manifest) else {
        eprintln!("skipped: there are no recordings beside this workspace");
        return;
    };
    if Command::new("kubectl").arg("version").arg("--client").output().is_err() {
        eprintln!("skipped: there is no kubectl on PATH");
        return;
    }
    let recorded: Value = serde_json::from_str(&recorded).unwrap();
    let objects: Vec<Value> = serde_saphyr::from_multiple(&manifest).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cluster = runtime.block_on(start(objects));
    let directory = tempfile::tempdir().unwrap();
    write_files(directory.path(), &cluster.kubeconfig());

    let mut differences = Vec::new();
    for command in recorded["commands"].as_array().unwrap() {
        let line = command["command"].as_str().unwrap();
        let (line, directory) = (line.to_owned(), directory.path().to_owned());
        let output = runtime.block_on(async {
            let task = tokio::task::spawn_blocking(move || run(&line, &directory));
            task.await.unwrap()
        });
        differences.extend(difference(command, &output));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

async fn start(mut objects: Vec<Value>) -> Simulation {
    objects.iter_mut().for_each(remember_as_applied);
    let builder = Simulation::builder().objects(objects).openshift(true);
    let builder = builder.without_built_in_constraints().clock(Clock::scaled(2_000.0));
    let cluster = builder.start().await.unwrap();
    // From here on the commands set the pace: fast, but slower than kubectl polls.
    cluster.clock().set_factor(50.0);
    cluster
}

/// Leaves behind what `kubectl apply` leaves behind; the recorded objects were applied.
fn remember_as_applied(object: &mut Value) {
    let mut text = object.to_string();
    for (plain, escaped) in [("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e")] {
        text = text.replace(plain, escaped);
    }
    if object["metadata"].is_object() {
        let key = "kubectl.kubernetes.io/last-applied-configuration";
        object["metadata"]["annotations"][key] = format!("{text}\n").into();
    }
}

fn write_files(directory: &Path, kubeconfig: &str) {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: probe, namespace: stackrox}\n\
               data: {a: b}\n";
    let constraint = "apiVersion: security.openshift.io/v1\nkind: SecurityContextConstraints\n\
        metadata: {name: probe}\nallowHostDirVolumePlugin: false\nallowHostIPC: false\n\
        allowHostNetwork: false\nallowHostPID: false\nallowHostPorts: false\n\
        allowPrivilegedContainer: false\nallowedCapabilities: []\ndefaultAddCapabilities: []\n\
        priority: 0\nreadOnlyRootFilesystem: true\nrequiredDropCapabilities: []\n\
        runAsUser: {type: RunAsAny}\nseLinuxContext: {type: RunAsAny}\nvolumes: [configMap]\n";
    std::fs::write(directory.join("cm.yaml"), map).unwrap();
    std::fs::write(directory.join("scc.yaml"), constraint).unwrap();
    std::fs::write(directory.join("kubeconfig"), kubeconfig).unwrap();
}

/// Runs a command line of the recording; only a patch has quotes, and no spaces in them.
fn run(line: &str, directory: &Path) -> Output {
    let line = line.replace("DIR", directory.to_str().unwrap());
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().unwrap());
    command.args(words).env("KUBECONFIG", directory.join("kubeconfig"));
    command.env("HOME", directory).env("KUBECACHEDIR", directory.join("cache"));
    command.output().unwrap()
}

fn difference(command: &Value, output: &Output) -> Option<String> {
    let line = command["command"].as_str().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    if command["exit"] != output.status.code().unwrap_or(-1) {
        let exit = &command["exit"];
        return Some(format!("{line}: exit {exit} is {}:\n{stdout}{stderr}", output.status));
    }
    if OUTPUT_NOT_COMPARED.iter().any(|(start, _)| line.starts_with(start)) {
        return None;
    }
    let expected = command["stdout"].as_str().unwrap();
    let (left, mut right) = (normal(expected), normal(&stdout));
    // The recording keeps the first 3000 characters.
    if expected.len() >= 3_000 {
        let whole = left.rsplit_once('\n').map_or(left.as_str(), |(whole, _)| whole).len();
        right.truncate(whole.min(right.len()));
        return (left[..whole] != right).then(|| format!("{line}:\n{left}\nis\n{right}"));
    }
    (left != right).then(|| format!("{line}:\n{left}\nis\n{right}"))
}

/// Text without what differs from run to run: times, ages, hashes, suffixes, padding.
fn normal(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("diff ") && !is_file_line(line));
    let lines = lines.map(|line| {
        let words: Vec<String> = line.split_whitespace().map(normal_word).collect();
        words.join(" ")
    });
    let mut lines: Vec<String> = lines.collect();
    if text.starts_with("NAME ") {
        // Rows come in the order of names, which are random in part.
        lines[1..].sort();
    }
    lines.join("\n")
}

fn is_file_line(line: &str) -> bool {
    line.starts_with("--- ") || line.starts_with("+++ ")
}

fn normal_word(word: &str) -> String {
    let age = word.trim_end_matches(['s', 'm', 'h', 'd']);
    if age.len() < word.len() && age.chars().all(|c| c.is_ascii_digit() || "smhd".contains(c)) {
        return "AGE".to_owned();
    }
    let bare = word.trim_matches('"');
    if bare.parse::<jiff::Timestamp>().is_ok() {
        return "TIME".to_owned();
    }
    if bare.len() == 36 && bare.matches('-').count() == 4 {
        return "UID".to_owned();
    }
    let mut parts: Vec<&str> = word.split('-').collect();
    let random = |part: &str| {
        let suffix =
            part.len() == 5 && part.chars().all(|c| "bcdfghjklmnpqrstvwxz2456789".contains(c));
        let hash = (8..=10).contains(&part.len())
            && part.chars().all(|c| c.is_ascii_alphanumeric())
            && part.chars().any(|c| c.is_ascii_digit());
        suffix || hash
    };
    while parts.len() > 1 && parts.last().is_some_and(|part| random(part)) {
        parts.pop();
    }
    parts.join("-")
}
