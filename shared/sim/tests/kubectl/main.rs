//! The recorded kubectl commands, run again with the kubectl on this computer.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "what helps a test fails and speaks as the test does"
)]

mod compare;
mod normal;
#[path = "../program/mod.rs"]
mod program;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

use compare::{How, Recorded};
use program::Kubectl;
use serde_json::{Value, json};
use sim::clock::Clock;
use sim::simulation::Simulation;
use sim::store::{Subresource, Writer, meta};

/// What a client prints in another way than the one that was recorded, by its version.
const OTHER_CLIENTS: &[(&str, &str, Otherwise)] = &[
    ("v1.27", "kubectl version", Otherwise::Contains("GitVersion:\"v1.36.2\"")),
    // It asks for a version of the review that was gone before 1.36.
    ("v1.27", "kubectl auth whoami", Otherwise::Fails("the selfsubjectreviews API is not enabled")),
    ("v1.27", "kubectl annotate", Otherwise::Contains("deployment.apps/central annotate")),
];

/// How another client's output differs.
#[derive(Clone, Copy)]
enum Otherwise {
    /// It succeeds, and prints this among other things.
    Contains(&'static str),
    /// It fails with this message.
    Fails(&'static str),
}

impl Otherwise {
    fn holds(self, output: &Output) -> bool {
        let says = |bytes: &[u8], text: &str| String::from_utf8_lossy(bytes).contains(text);
        match self {
            Self::Contains(text) => output.status.success() && says(&output.stdout, text),
            Self::Fails(text) => !output.status.success() && says(&output.stderr, text),
        }
    }
}

/// Commands of which not all that they print is compared: how they are, and what is left out.
const NOT_IN_WHOLE: &[(&str, How, &str)] = &[
    ("kubectl version", How::LinesWith("Server Version:"), "the version of the kubectl at hand"),
    ("kubectl explain", How::Structure, "the descriptions of fields, which are not carried"),
    (
        "kubectl logs",
        // The recorded pods wrote the lines of an upgrade at each start.
        How::Shapes(&["Migrator: TIME log.go:18: Info: DB is up to date. Nothing to do here."]),
        "how many lines there are, and their times",
    ),
    ("kubectl get events", How::Events, "order, times, and what scheduler and kubelets tell"),
    (
        "kubectl rollout status -n stackrox deploy",
        How::Progress(&[
            "Waiting for deployment spec update to be observed...",
            "Waiting for deployment \"central\" rollout to finish: 0 out of N new replicas have been updated...",
        ]),
        "how often progress is seen; here an old pod takes time to end, there it took none",
    ),
    (
        "kubectl rollout status",
        // A busy computer has it look before the controller does.
        How::Progress(&[
            "Waiting for daemon set spec update to be observed...",
            "Waiting for daemon set \"collector\" rollout to finish: 0 out of N new pods have been updated...",
        ]),
        "how often progress is seen",
    ),
    (
        "kubectl describe",
        How::LinesWithout("Replicas:"),
        "how many replicas are available, which depends on the moment",
    ),
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
    let Some(kubectl) = Kubectl::find() else { return };
    let recorded: Value = serde_json::from_str(&recorded).unwrap();
    let objects: Vec<Value> = serde_saphyr::from_multiple(&manifest).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cluster = runtime.block_on(start(objects));
    let directory = tempfile::tempdir().unwrap();
    write_files(directory.path(), &cluster.kubeconfig());

    let mut differences = Vec::new();
    for command in recorded["commands"].as_array().unwrap() {
        let line = command["command"].as_str().unwrap();
        let (program, line) = (kubectl.program.clone(), line.to_owned());
        let directory = directory.path().to_owned();
        let output = runtime.block_on(async {
            let task = tokio::task::spawn_blocking(move || run(&program, &line, &directory));
            task.await.unwrap()
        });
        differences.extend(difference(command, &kubectl.version, &output));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

async fn start(mut objects: Vec<Value>) -> Simulation {
    objects.iter_mut().for_each(remember_as_applied);
    let builder = Simulation::builder().objects(objects).openshift(true);
    let builder = builder.without_built_in_constraints().clock(Clock::scaled(2_000.0));
    let cluster = builder.start().await.unwrap();
    // The recorded nodes had no kubelet, and so no version of one.
    for node in cluster.store().list("nodes", None) {
        let by = Writer::new("test");
        let forget = |node: &mut Value| node["status"]["nodeInfo"]["kubeletVersion"] = json!("");
        let name = meta::name(&node);
        cluster.store().modify("nodes", None, name, Subresource::Status, &by, forget).unwrap();
    }
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
fn run(program: &OsStr, line: &str, directory: &Path) -> Output {
    let line = line.replace("DIR", directory.to_str().unwrap());
    let mut command = Command::new(program);
    command.args(line.split(' ').skip(1)).env("KUBECONFIG", directory.join("kubeconfig"));
    command.env("HOME", directory).env("KUBECACHEDIR", directory.join("cache"));
    command.output().unwrap()
}

fn difference(command: &Value, version: &str, output: &Output) -> Option<String> {
    let line = command["command"].as_str().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let other = OTHER_CLIENTS.iter().find(|(its_version, start, _)| {
        version.starts_with(its_version) && line.starts_with(start)
    });
    if let Some((.., otherwise)) = other {
        let why = || format!("{line} of {version}: {}:\n{stdout}{stderr}", output.status);
        return (!otherwise.holds(output)).then(why);
    }
    if command["exit"] != output.status.code().unwrap_or(-1) {
        let exit = &command["exit"];
        return Some(format!("{line}: exit {exit} is {}:\n{stdout}{stderr}", output.status));
    }
    let how = NOT_IN_WHOLE.iter().find(|(start, ..)| line.starts_with(start));
    let how = how.map_or(How::Whole, |(_, how, _)| *how);
    let (left, right) = how.differ(&Recorded::new(command["stdout"].as_str().unwrap()), &stdout)?;
    Some(format!("{line}:\n{left}\nis\n{right}\n{stderr}"))
}
