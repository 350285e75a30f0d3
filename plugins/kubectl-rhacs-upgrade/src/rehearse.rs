//! `--rehearse`: the same run on an embedded copy.

use std::path::{Path, PathBuf};

use common::central::{CentralOptions, Credentials};
use common::cluster::{Cluster, Collection, Options, secret_facts};
use common::env::Clock;
use common::failure::Failure;
use common::rhacs::hops::is_known_line;
use common::rhacs::{InstallMethod, ObjectRef, Platform, Snapshot, Version, official};
use serde_json::Value;
use sim::simulation::Simulation;

use crate::cli::Cli;
use crate::planner::Refusal;

/// How much faster than the real thing the embedded cluster lives.
const SPEED: f64 = 60.0;

/// A running embedded cluster, and the files it needs.
pub struct Rehearsal {
    simulation: Simulation,
    description: String,
    /// Holds the kubeconfig and the backup until the end.
    _directory: tempfile::TempDir,
}

/// Where the objects come from.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Source {
    Live,
    Sample(Version, Platform),
    File(PathBuf),
}

impl Rehearsal {
    /// Starts an embedded copy of `source` and points the flags of `cli` at it.
    ///
    /// # Errors
    /// When there is no such source, it cannot be read, or what it describes cannot be started.
    pub async fn start(source: &str, cli: &mut Cli, options: &Options) -> Result<Self, Failure> {
        let source = Source::parse(source)?;
        let namespace = cli.connection.namespace().to_owned();
        let (objects, description) = match &source {
            Source::Live => (live(cli, options).await?, "a copy of the live cluster".to_owned()),
            Source::Sample(version, platform) => (
                official::objects(version, *platform, &namespace),
                format!("a sample installation of {version} on {platform}"),
            ),
            Source::File(path) => (read(path)?, format!("the objects of {}", path.display())),
        };
        let openshift = objects.iter().any(|object| {
            object["apiVersion"].as_str().is_some_and(|version| version.contains("openshift.io"))
        });
        let simulation = Simulation::builder()
            .objects(objects)
            .openshift(openshift)
            .clock(sim::clock::Clock::scaled(SPEED))
            .start()
            .await
            .map_err(|error| {
                Failure::usage(format!("cannot rehearse on {description}")).caused_by(&error)
            })?;
        let directory = tempfile::tempdir().map_err(|error| {
            Failure::unexpected("cannot make a temporary directory").caused_by(&error)
        })?;
        let kubeconfig = directory.path().join("kubeconfig");
        common::fs::write_private(&kubeconfig, simulation.kubeconfig().as_bytes())
            .map_err(|error| Failure::unexpected("cannot write a kubeconfig").caused_by(&error))?;
        cli.connection = common::cluster::ConnectionArgs {
            kubeconfig: Some(kubeconfig),
            namespace,
            request_timeout: cli.connection.request_timeout,
            verbosity: cli.connection.verbosity,
            ..common::cluster::ConnectionArgs::default()
        };
        if !cli.target.skip_backup {
            cli.target.backup_dir = Some(directory.path().to_owned());
        }
        Ok(Self { simulation, description, _directory: directory })
    }

    /// What is rehearsed on, for people.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The embedded cluster's time.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::scaled(self.simulation.clock().now(), SPEED)
    }

    /// How to reach the embedded Central: through the embedded API server, as its administrator.
    #[must_use]
    pub fn central_options(&self) -> CentralOptions {
        let credentials = Some(Credentials::Token(self.simulation.admin_token()));
        CentralOptions { credentials, ..CentralOptions::default() }
    }
}

impl Source {
    fn parse(text: &str) -> Result<Self, Failure> {
        if text == "live" {
            return Ok(Self::Live);
        }
        let Some(sample) = text.strip_prefix("sample:") else {
            return Ok(Self::File(PathBuf::from(text)));
        };
        let (version, platform) = match sample.split_once(':') {
            Some((version, platform)) => (version, platform.parse()),
            None => (sample, Ok(Platform::Kubernetes)),
        };
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("cannot rehearse on `{text}`"))
                .because(error.to_string())
                .hint("a sample is written sample:3.62.1 or sample:3.62.1:openshift")
        };
        let version: Version = version.parse().map_err(|error| wrong(&error))?;
        if !is_known_line(&version) {
            return Err(wrong(&format!("there is no release {version}")));
        }
        Ok(Self::Sample(version, platform.map_err(|error| wrong(&error))?))
    }
}

/// The objects of a file with YAML or JSON documents; lists are taken apart.
fn read(path: &Path) -> Result<Vec<Value>, Failure> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!("cannot read `{name}`"))
            .caused_by(&error)
            .hint("--rehearse takes `live`, a YAML file, or sample:VERSION[:openshift]")
    })?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text)
        .map_err(|error| Failure::usage(format!("`{name}` is not valid YAML")).caused_by(&error))?;
    let objects: Vec<Value> = documents.into_iter().flat_map(flatten).collect();
    if let Some(other) = objects.iter().find(|object| ObjectRef::of(object).is_none()) {
        return Err(Failure::usage(format!("`{name}` has a document that is no object"))
            .because(format!("kind {}, name {}", other["kind"], other["metadata"]["name"])));
    }
    if objects.is_empty() {
        return Err(Failure::usage(format!("`{name}` has no objects")));
    }
    Ok(objects)
}

fn flatten(document: Value) -> Vec<Value> {
    match document {
        Value::Null => Vec::new(),
        Value::Object(mut list) if list.get("items").is_some_and(Value::is_array) => {
            match list.remove("items") {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            }
        }
        object => vec![object],
    }
}

/// A copy of the namespace and of the product's cluster-wide objects; Secrets without their data,
/// for which the embedded cluster puts in its own.
async fn live(cli: &Cli, options: &Options) -> Result<Vec<Value>, Failure> {
    let connect = Cluster::connect(&cli.connection, options).await;
    let cluster = connect.map_err(|error| error.into_failure("cannot connect to the cluster"))?;
    let namespace = cli.connection.namespace();
    let cannot = "cannot copy the installation";
    let served = cluster.served_versions().await.map_err(|error| error.into_failure(cannot))?;
    let mut objects = Vec::new();
    for (api_version, kind, namespaced) in COPIED {
        if *api_version != "v1" && !served.contains(*api_version) {
            continue;
        }
        let collection = if *namespaced {
            Collection::namespaced(api_version, kind, namespace)
        } else {
            Collection::all(api_version, kind)
        };
        match cluster.list(&collection).await {
            Ok(list) => objects.extend(list.items),
            // What may not be read is not copied; the run finds out what it misses.
            Err(common::cluster::ClusterError::Forbidden { .. }) => {}
            Err(error) => return Err(error.into_failure(cannot)),
        }
    }
    objects.retain(|object| is_of_product(object, namespace));
    refuse_managed(&objects, cli)?;
    objects.retain(|object| object["type"] != "helm.sh/release.v1");
    objects.iter_mut().for_each(redact);
    Ok(objects)
}

/// A copy has neither operator nor Helm, so that a rehearsal on it would prove nothing.
fn refuse_managed(objects: &[Value], cli: &Cli) -> Result<(), Failure> {
    let is_secret = |object: &&Value| object["kind"] == "Secret";
    let snapshot = Snapshot {
        objects: objects.iter().filter(|object| !is_secret(object)).cloned().collect(),
        secrets: objects.iter().filter(is_secret).map(secret_facts).collect(),
        ..Snapshot::default()
    };
    match (InstallMethod::detect(&snapshot), &cli.target.to) {
        (InstallMethod::Manifest, _) | (_, None) => Ok(()),
        (method, Some(to)) => {
            let commands = method.own_commands(cli.connection.namespace(), to);
            Err(Refusal::ManagedElsewhere { method, commands }.into_failure())
        }
    }
}

/// Cluster-wide objects belong to the product when they say so.
fn is_of_product(object: &Value, namespace: &str) -> bool {
    let metadata = &object["metadata"];
    if metadata["namespace"] == namespace {
        return object["type"] != "rhacs.kubectl/run";
    }
    let users = object["users"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let account = format!("system:serviceaccount:{namespace}:");
    metadata["labels"]["app.kubernetes.io/name"] == "stackrox"
        || metadata["name"].as_str().is_some_and(|name| name.starts_with("stackrox"))
        || users.into_iter().any(|user| user.starts_with(&account))
}

/// Secrets never leave the cluster: the copy has their keys only.
fn redact(object: &mut Value) {
    if object["kind"] == "Secret"
        && let Some(data) = object.get_mut("data").and_then(Value::as_object_mut)
    {
        data.values_mut().for_each(|value| *value = Value::String(String::new()));
    }
}

const COPIED: &[(&str, &str, bool)] = &[
    ("v1", "ServiceAccount", true),
    ("v1", "Secret", true),
    ("v1", "ConfigMap", true),
    ("v1", "Service", true),
    ("v1", "PersistentVolumeClaim", true),
    ("v1", "ResourceQuota", true),
    ("apps/v1", "Deployment", true),
    ("apps/v1", "DaemonSet", true),
    ("autoscaling/v1", "HorizontalPodAutoscaler", true),
    ("networking.k8s.io/v1", "NetworkPolicy", true),
    ("policy/v1", "PodDisruptionBudget", true),
    ("rbac.authorization.k8s.io/v1", "Role", true),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", true),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", false),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", false),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", false),
    ("security.openshift.io/v1", "SecurityContextConstraints", false),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sources_are_told_apart() {
        let sample = |platform| Source::Sample(Version::release(3, 62, 1), platform);
        assert_eq!(Source::parse("live").expect("live"), Source::Live);
        assert_eq!(Source::parse("sample:3.62.1").expect("sample"), sample(Platform::Kubernetes));
        let openshift = Source::parse("sample:3.0.62.1:openshift").expect("sample");
        assert_eq!(openshift, sample(Platform::OpenShift));
        assert_eq!(Source::parse("x.yaml").expect("file"), Source::File("x.yaml".into()));
        for text in ["sample:", "sample:x", "sample:3.62.1:windows", "sample:9.9.9"] {
            assert!(Source::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_is_read_document_by_document() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("objects.yaml");
        let write = |text: &str| std::fs::write(&path, text).expect("written");
        write(
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n",
        );
        assert_eq!(read(&path).expect("objects").len(), 2);
        for text in ["", "a: [", "kind: Pod\n"] {
            write(text);
            assert!(read(&path).is_err(), "{text}");
        }
        assert!(read(&directory.path().join("missing")).is_err());
    }

    #[test]
    fn a_copy_has_no_secret_data() {
        let mut secret = json!({"kind": "Secret", "data": {"password": "Y2FuYXJ5"}});
        redact(&mut secret);
        assert_eq!(secret["data"], json!({"password": ""}));
    }
}
