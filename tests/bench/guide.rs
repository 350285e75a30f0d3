//! The guide's commands for an upgrade from 3.62.1 to 3.69.2, as a person types them.

use std::borrow::Cow;
use std::fs;
use std::io::{Cursor, Read};
use std::path::Path;
use std::process::Command;

use common::rhacs::{Platform, official};
use rhacs_tests::Installation;
use serde_json::Value;
use zip::ZipArchive;

use crate::process::{Usage, measure};

const CENTRAL: &str = r#"{"spec":{"template":{"spec":{"containers":[{"name":"central","env":[{"name":"ROX_NAMESPACE","valueFrom":{"fieldRef":{"fieldPath":"metadata.namespace"}}}]}]}}}}"#;
const SCANNER: &str = r#"{"spec":{"template":{"spec":{"containers":[{"name":"scanner","securityContext":{"runAsUser":65534}}]}}}}"#;
const SENSOR: &str = r#"{"spec":{"template":{"spec":{"containers":[{"name":"sensor","readinessProbe":{"httpGet":{"path":"/ready"}}}]}}}}"#;
const DIAGNOSTICS: &str = r#"{"rules":[{"apiGroups":["*"],"resources":["deployments","daemonsets","replicasets","configmaps","services"],"verbs":["get","list"]}]}"#;
const REPLICAS: &str = r#"{"spec":{"minReplicas":2}}"#;

/// What the guide took, its waits apart.
#[derive(Default)]
pub struct Guide {
    /// Everything but the waits.
    pub commands: Usage,
    /// `rollout status`.
    pub waits: Usage,
    /// How many commands that were.
    pub count: usize,
}

/// Carries out the guide's sections 2.1 to 2.3.4 on `installation`, each change with its wait.
pub fn carry_out(installation: &Installation, platform: Platform, to: &str) -> Guide {
    let mut guide = Guide::default();
    let directory = installation.directory();
    let mut kubectl = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        let used = measure(&mut installation.command("kubectl", &words));
        if words.contains(&"rollout") {
            guide.waits.add(&used);
        } else {
            guide.commands.add(&used);
            guide.count += 1;
        }
    };
    let image = |container: &str, name: &str| {
        format!("{container}=registry.redhat.io/advanced-cluster-security/rhacs-{name}-rhel8:{to}")
    };
    let wait = |workload: &str| format!("-n stackrox rollout status {workload} --timeout=120s");

    kubectl(&format!("-n stackrox patch deploy/central -p {CENTRAL}"));
    kubectl(&format!("-n stackrox patch deploy/scanner -p {SCANNER}"));
    kubectl(&format!("-n stackrox set image deploy/central {}", image("central", "main")));
    kubectl(&format!(
        "-n stackrox patch role/stackrox-central-diagnostics --type=merge -p {DIAGNOSTICS}"
    ));
    kubectl(&wait("deploy/central"));
    kubectl("-n stackrox get deploy -o wide");

    let files = scanner_bundle(installation);
    for file in &files {
        kubectl(&format!("-n stackrox apply -f {file}"));
    }
    kubectl(&format!("-n stackrox patch hpa/scanner -p {REPLICAS}"));
    kubectl(&format!("-n stackrox set image deploy/scanner {}", image("scanner", "scanner")));
    let database = [image("db", "scanner-db"), image("init-db", "scanner-db")].join(" ");
    kubectl(&format!("-n stackrox set image deploy/scanner-db {database}"));
    kubectl(&wait("deploy/scanner"));
    kubectl(&wait("deploy/scanner-db"));
    kubectl("-n stackrox get pod");
    kubectl("-n stackrox logs deploy/central -c central");

    kubectl(&format!("-n stackrox patch deploy/sensor -p {SENSOR}"));
    if platform == Platform::OpenShift {
        for (new, old) in [
            ("stackrox-central", "central"),
            ("stackrox-scanner", "scanner"),
            ("stackrox-admission-control", "admission-control collector sensor"),
        ] {
            write_constraints(directory, new, to);
            kubectl(&format!("apply -f {new}.json"));
            kubectl(&format!("delete scc {old}"));
        }
    }
    kubectl(&format!("-n stackrox set image deploy/sensor {}", image("sensor", "main")));
    kubectl(&format!("-n stackrox set image ds/collector {}", image("compliance", "main")));
    let collector = image("collector", "collector-slim");
    kubectl(&format!("-n stackrox set image ds/collector {collector}"));
    let admission = image("admission-control", "main");
    kubectl(&format!("-n stackrox set image deploy/admission-control {admission}"));
    for workload in ["deploy/sensor", "ds/collector", "deploy/admission-control"] {
        kubectl(&wait(workload));
    }
    kubectl("-n stackrox get deploy,ds -o wide");
    kubectl("-n stackrox get pod");
    guide
}

/// Fetches the scanner bundle and unpacks the two files that are applied; what that takes is not
/// counted, for the guide does it with roxctl.
fn scanner_bundle(installation: &Installation) -> Vec<String> {
    let address = installation.simulation().central_address();
    let url = format!("https://{address}/api/extensions/scanner/zip");
    let mut curl = Command::new("curl");
    let body = r#"{"clusterType": "KUBERNETES_CLUSTER"}"#;
    curl.args(["-sk", "-u", "admin:letmein", "-d", body, "-X", "POST", &url]);
    let archive = curl.output().expect("curl runs").stdout;
    let mut archive = ZipArchive::new(Cursor::new(archive)).expect("a scanner bundle");
    let names: Vec<String> = archive.file_names().flatten().map(Cow::into_owned).collect();
    let mut files = Vec::new();
    for name in names.iter().filter(|name| name.contains("/02-scanner-0")) {
        let mut text = String::new();
        let mut entry = archive.by_name(name).expect("an entry");
        entry.read_to_string(&mut text).expect("text");
        let file = name.rsplit('/').next().unwrap_or(name).to_owned();
        fs::write(installation.directory().join(&file), text).expect("a file");
        files.push(file);
    }
    files
}

/// Writes the constraints that replace the old ones: `stackrox-admission-control` stands for those
/// of the whole secured cluster, as in the guide.
fn write_constraints(directory: &Path, name: &str, to: &str) {
    let version = to.parse().expect("a version");
    let own = |object: &Value| {
        let of_secured = ["stackrox-admission-control", "stackrox-collector", "stackrox-sensor"];
        let found = object["metadata"]["name"].as_str().unwrap_or_default();
        object["kind"] == "SecurityContextConstraints"
            && (found == name || of_secured.contains(&name) && of_secured.contains(&found))
    };
    let objects = official::objects(&version, Platform::OpenShift, "stackrox");
    let items: Vec<Value> = objects.into_iter().filter(own).collect();
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items});
    fs::write(directory.join(format!("{name}.json")), list.to_string()).expect("a file");
}
