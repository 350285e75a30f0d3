//! The real kubectl on a whole simulation, on OpenShift objects of a real installation when they are there.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sim::simulation::{Hosted, Simulation};

struct Kubectl<'a> {
    simulation: &'a Hosted,
    directory: tempfile::TempDir,
}

impl<'a> Kubectl<'a> {
    fn new(simulation: &'a Hosted) -> Option<Self> {
        if Command::new("kubectl").arg("version").arg("--client").output().is_err() {
            eprintln!("skipped: there is no kubectl");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config"), simulation.kubeconfig()).unwrap();
        Some(Self { simulation, directory })
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("config")
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new("kubectl")
            .env("HOME", self.directory.path())
            .arg("--kubeconfig")
            .arg::<&Path>(&self.config())
            .args(["-n", "stackrox"])
            .args(arguments)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        let requests = self.simulation.requests().len();
        assert!(output.status.success(), "{arguments:?} after {requests} requests: {error}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn objects() -> Option<Vec<Value>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/manifests/3.0.62.1-openshift.yaml");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: the manifests are not there");
        return None;
    };
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    Some(documents.into_iter().filter(Value::is_object).collect())
}

#[test]
fn kubectl_upgrades_and_undoes_central() {
    let Some(objects) = objects() else { return };
    let simulation =
        Simulation::builder().objects(objects).openshift(true).start_blocking().unwrap();
    let Some(kubectl) = Kubectl::new(&simulation) else { return };
    let central = ["deploy/central"];
    let new = "central=registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:3.69.2";
    kubectl.run(&["set", "image", central[0], new]);
    let status = kubectl.run(&["rollout", "status", central[0], "--timeout=30s"]);
    assert!(status.contains("successfully rolled out"), "{status}");
    assert_eq!(simulation.central().version().unwrap().tag(), "3.69.2");
    let logs = kubectl.run(&["logs", central[0], "-c", "central", "--tail=2"]);
    assert!(logs.contains("Version found in the DB was current. We're good to go!"), "{logs}");
    let history = kubectl.run(&["rollout", "history", central[0]]);
    assert!(history.contains("REVISION") && history.contains("\n2 "), "{history}");
    let pods = kubectl.run(&["get", "pods"]);
    assert!(pods.lines().skip(1).all(|line| line.contains("Running")), "{pods}");
    let events = kubectl.run(&["get", "events"]);
    assert!(events.contains("Scaled up replica set central-"), "{events}");

    kubectl.run(&["rollout", "restart", "ds/collector"]);
    let status = kubectl.run(&["rollout", "status", "ds/collector", "--timeout=30s"]);
    assert!(status.contains("successfully rolled out"), "{status}");
    let scc = kubectl.run(&[
        "get",
        "pod",
        "-l",
        "app=central",
        "-o",
        "jsonpath={.items[0].metadata.annotations.openshift\\.io/scc}",
    ]);
    assert_eq!(scc, "central");
}
