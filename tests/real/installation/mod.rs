//! An installation of RHACS on the real control plane, and the suite's binary run against it.

mod asks;
mod objects;
mod remove;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use common::rhacs::{ObjectRef, Version};
use jiff::Timestamp;
use rhacs_tests::Finished;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sim::central::pki::Pki;
use sim::faults::Faults;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::central::Product;
use crate::kubelet::Kubelet;
use crate::plane::{Plane, say};

/// The longest time until everything is ready, or gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running installation; it is removed when this is dropped.
pub struct Installation {
    namespace: String,
    product: Arc<Product>,
    faults: Faults,
    directory: TempDir,
    kubelet: JoinHandle<()>,
    installed: Vec<ObjectRef>,
    _turn: MutexGuard<'static, ()>,
    plane: Arc<Plane>,
}

impl Installation {
    /// A release on OpenShift, up and running; none, said aloud, where nothing can run.
    pub fn at(version: &str) -> Option<Self> {
        Self::up(version, false)
    }

    /// As [`Self::at`], in the product's usual namespace where the cluster is our own.
    pub fn in_the_usual_namespace(version: &str) -> Option<Self> {
        Self::up(version, true)
    }

    /// The objects of a release on OpenShift, running where something can run; none, said aloud,
    /// where there is no control plane.
    pub fn of_objects(version: &str) -> Option<Self> {
        let plane = Plane::shared()?;
        if plane.has_controllers {
            drop(plane);
            return Self::at(version);
        }
        Some(Self::install(plane, &version.parse().expect("a version"), false))
    }

    /// Runs `binary` with `words`, as the cluster's and Central's administrator, and asserts that
    /// it prints no secret.
    pub fn run(&self, binary: &str, words: &str) -> Finished {
        let words: Vec<&str> = words.split_whitespace().collect();
        let output = self.command(binary, &words).output().expect("the binary starts");
        let finished = Finished::new(&output, &words);
        let all = format!("{}{}", finished.stdout, finished.stderr);
        for secret in self.secrets() {
            assert!(!all.contains(&secret), "a secret was printed by {words:?}:\n{all}");
        }
        finished
    }

    /// The command, with nothing of this process's environment.
    pub fn command(&self, binary: &str, words: &[&str]) -> Command {
        let mut command = Command::new(binary);
        command
            .args(words)
            .args(["-n", &self.namespace])
            .env_clear()
            .env("KUBECONFIG", self.directory.path().join("kubeconfig"))
            .env("ROX_ENDPOINT", self.product.address().to_string())
            .env("ROX_API_TOKEN", self.product.central().admin_token().expose_secret())
            .env("HOME", self.directory.path())
            .env("USER", "ann")
            .current_dir(self.directory.path())
            .stdin(Stdio::null());
        command
    }

    /// The directory commands are run in.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What goes wrong with pods; it can be changed at any time.
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Ends the API server and starts it again, where it is our own; false where it is not.
    pub fn restart_api_server(&self) -> bool {
        self.plane.restart_api_server()
    }

    /// The namespace of the installation.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Merges a patch into an object, as a person would who does not know of the suite.
    pub fn change(&self, reference: &ObjectRef, patch: &Value) {
        let path = reference.path();
        let change = self.plane.api.merge(&path, patch);
        self.plane.runtime().block_on(change).expect("the object is changed");
    }

    /// Whether the API server would refuse to merge a patch into an object.
    pub fn would_refuse(&self, reference: &ObjectRef, patch: &Value) -> bool {
        let path = format!("{}?dryRun=All", reference.path());
        let change = self.plane.api.merge(&path, patch);
        self.plane.runtime().block_on(change).is_err_and(|refusal| refusal.code != 0)
    }

    /// Creates an object, which is deleted with the installation.
    pub fn create(&mut self, object: &Value) {
        let reference = ObjectRef::of(object).expect("an object with a name");
        let path = reference.collection_path();
        let create = self.plane.api.create(&path, object);
        let created = self.plane.runtime().block_on(create);
        created.unwrap_or_else(|refusal| panic!("cannot create {reference}: {refusal}"));
        self.installed.push(reference);
    }

    /// Waits, for a bounded time.
    #[track_caller]
    pub fn wait_until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            let pods = || self.list("v1", "Pod").iter().map(objects::describe).collect::<Vec<_>>();
            assert!(began.elapsed() < PATIENCE, "never: {what}: {:#?}", pods());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn up(version: &str, is_usual: bool) -> Option<Self> {
        let plane = Plane::shared()?;
        if !plane.has_controllers {
            say("skipped: without kube-controller-manager nothing is rolled out");
            return None;
        }
        let installation = Self::install(plane, &version.parse().expect("a version"), is_usual);
        installation.wait_until("everything is ready", Self::is_up);
        Some(installation)
    }

    fn install(plane: Arc<Plane>, version: &Version, is_usual: bool) -> Self {
        let turn = Plane::turn();
        let namespace = plane.fresh_namespace(is_usual);
        let pki = Pki::new(Timestamp::now(), None).expect("an authority");
        let objects = objects::of(version, &namespace, &pki, plane.is_given);
        let faults = Faults::default();
        let (product, kubelet) = plane.runtime().block_on(async {
            let product = Arc::new(Product::start(version, &namespace, pki).await);
            let logs = plane.kubelets.logs().clone();
            let api = plane.api.clone();
            let kubelet = Kubelet::new(api, &namespace, Arc::clone(&product), logs, faults.clone());
            let kubelet = tokio::spawn(kubelet.run());
            (product, kubelet)
        });
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("kubeconfig"), &plane.kubeconfig).expect("written");
        let mut installation = Self {
            namespace,
            product,
            faults,
            directory,
            kubelet,
            installed: Vec::new(),
            _turn: turn,
            plane,
        };
        installation.create_namespace();
        for object in &objects {
            installation.create(object);
        }
        installation
    }

    fn create_namespace(&self) {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": self.namespace}});
        let create = self.plane.api.create("/api/v1/namespaces", &namespace);
        self.plane.runtime().block_on(create).expect("the namespace is created");
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.plane.keep_logs();
        }
        self.plane.runtime().block_on(self.remove());
        self.kubelet.abort();
    }
}
