//! Support for the black-box tests: an installation on the embedded cluster, and the suite's
//! binaries run against it as a person would.

mod changes;
pub mod collector;
pub mod documents;
mod finished;
pub mod kill;
#[cfg(target_os = "linux")]
mod pod;
#[cfg(unix)]
mod program;
mod schema;
mod shared;
mod stage;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::env::Env;
use common::rehearsal::Server;
use common::rhacs::{Platform, Version, official};
use secrecy::ExposeSecret;
use serde_json::Value;
use sim::clock::Clock;
use sim::faults::Script;
use sim::simulation::Simulation;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub use finished::Finished;
pub use kill::KillSweep;
#[cfg(target_os = "linux")]
pub use pod::in_pod;
#[cfg(unix)]
pub use program::write_program;
pub use shared::{shared_file, skipped};
pub use stage::{CANARY, Stage, StageBuilder};

/// How much faster than the real thing the embedded cluster lives in tests.
const SPEED: f64 = 2000.0;

/// Kinds of which every field is somebody's decision.
const DECIDED: [&str; 13] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "DaemonSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "NetworkPolicy",
    "Role",
    "RoleBinding",
    "SecurityContextConstraints",
    "Service",
    "ServiceAccount",
    "ValidatingWebhookConfiguration",
];

/// An installation that is about to be set up. Reads as a sentence:
/// `Installation::at("3.62.1").on_openshift().start()`.
pub struct Builder {
    objects: Objects,
    platform: Platform,
    namespace: String,
    faults: Script,
    changes: Vec<Change>,
    server: Option<Server>,
    waits: bool,
}

type Change = Box<dyn FnOnce(&mut Vec<Value>)>;

enum Objects {
    Release(Version),
    Given(Vec<Value>),
}

/// A running installation.
pub struct Installation {
    runtime: Runtime,
    simulation: Simulation,
    directory: TempDir,
    namespace: String,
}

impl Installation {
    /// An installation of a release, from the suite's own knowledge, on Kubernetes.
    #[must_use]
    pub fn at(version: &str) -> Builder {
        Builder::new(Objects::Release(version.parse().expect("a version")))
    }

    /// An installation of these objects.
    #[must_use]
    pub fn of(objects: Vec<Value>) -> Builder {
        Builder::new(Objects::Given(objects))
    }

    /// Runs `binary` with `arguments`, as the cluster's and Central's administrator.
    #[must_use]
    pub fn run(&self, binary: &str, arguments: &[&str]) -> Finished {
        let mut command = self.command(binary, arguments);
        self.finish(command.output().expect("the binary starts"), binary, arguments)
    }

    /// As [`Self::run`], changed by `change` first.
    #[must_use]
    pub fn run_with(
        &self,
        binary: &str,
        arguments: &[&str],
        change: impl FnOnce(&mut Command),
    ) -> Finished {
        let mut command = self.command(binary, arguments);
        change(&mut command);
        self.finish(command.output().expect("the binary starts"), binary, arguments)
    }

    /// The command, with nothing of this process's environment.
    #[must_use]
    pub fn command(&self, binary: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .env_clear()
            .env("KUBECONFIG", self.kubeconfig())
            .env("ROX_API_TOKEN", self.simulation.admin_token().expose_secret())
            .env("HOME", self.directory.path())
            .env("USER", "ann")
            .current_dir(self.directory.path())
            .stdin(Stdio::null());
        command
    }

    /// The surroundings in which a plugin of the suite runs `words` inside this process, as the
    /// cluster's and Central's administrator; its output stays in memory.
    #[must_use]
    pub fn env(&self, program: &str, words: &str) -> Env {
        // The client library looks for KUBECONFIG in the process only.
        let kubeconfig = self.kubeconfig().display().to_string();
        let connection = ["--kubeconfig", &kubeconfig];
        let words = std::iter::once(program).chain(words.split_whitespace()).chain(connection);
        Env::test()
            .with_args(words)
            .with_clock(common::env::Clock::system())
            .with_random_run_ids()
            .with_variable("ROX_API_TOKEN", self.simulation.admin_token().expose_secret())
            .with_current_directory(self.directory.path())
    }

    /// The file with the administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("kubeconfig")
    }

    /// The directory commands are run in, where backups land.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The embedded cluster.
    #[must_use]
    pub const fn simulation(&self) -> &Simulation {
        &self.simulation
    }

    /// Runs something asynchronous of the embedded cluster.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// The object of this kind and name, as it is now.
    #[must_use]
    pub fn object(&self, kind: &str, name: &str) -> Option<Value> {
        self.objects().into_iter().find(|object| {
            object["kind"] == kind && object["metadata"]["name"] == name && {
                let namespace = &object["metadata"]["namespace"];
                namespace.is_null() || *namespace == self.namespace.as_str()
            }
        })
    }

    /// All objects, as they are now.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        let all = self.simulation.store().everything();
        all.iter().map(|object| object.as_ref().clone()).collect()
    }

    /// What people decide about the product's objects, in a fixed order: without what a cluster or
    /// a run's own record owns.
    #[must_use]
    pub fn essences(&self) -> Vec<Value> {
        let mut objects: Vec<Value> = self
            .objects()
            .iter()
            .filter(|object| object["kind"].as_str().is_some_and(|kind| DECIDED.contains(&kind)))
            .map(common::rhacs::essence)
            .collect();
        objects.sort_by_key(|object| format!("{}/{}", object["kind"], object["metadata"]["name"]));
        objects
    }

    /// The image of a container.
    #[must_use]
    pub fn image(&self, kind: &str, workload: &str, container: &str) -> String {
        let object = self.object(kind, workload).expect(workload);
        let spec = &object["spec"]["template"]["spec"];
        let all = ["initContainers", "containers"].map(|field| spec[field].as_array().cloned());
        let mut all = all.into_iter().flatten().flatten();
        let found = all.find(|one| one["name"] == container).expect(container);
        found["image"].as_str().expect("an image").to_owned()
    }

    /// Everything that must never be printed: tokens and private keys.
    fn secrets(&self) -> Vec<String> {
        let kubeconfig = std::fs::read_to_string(self.kubeconfig()).expect("the kubeconfig");
        let token = kubeconfig.lines().find_map(|line| line.trim().strip_prefix("token: "));
        let mut secrets: Vec<String> =
            token.map(|token| token.trim_matches('"').to_owned()).into_iter().collect();
        secrets.push(self.simulation.admin_token().expose_secret().to_owned());
        for secret in self.objects().iter().filter(|object| object["kind"] == "Secret") {
            let data = secret["data"].as_object().into_iter().flatten();
            secrets.extend(
                data.filter(|(key, _)| key.contains("key") || key.contains("password"))
                    .filter_map(|(_, value)| value.as_str())
                    .filter(|value| value.len() > 40)
                    .map(str::to_owned),
            );
        }
        secrets
    }

    fn finish(&self, output: std::process::Output, binary: &str, arguments: &[&str]) -> Finished {
        let finished = Finished::new(&output, arguments);
        for secret in self.secrets() {
            let all = format!("{}{}", finished.stdout, finished.stderr);
            assert!(!all.contains(&secret), "a secret was printed by {arguments:?}:\n{all}");
        }
        documents::check(binary, arguments, &finished.stdout);
        finished
    }
}

impl Builder {
    fn new(objects: Objects) -> Self {
        Self {
            objects,
            platform: Platform::Kubernetes,
            namespace: "stackrox".to_owned(),
            faults: Script::default(),
            changes: Vec::new(),
            server: None,
            waits: true,
        }
    }

    /// On OpenShift.
    #[must_use]
    pub fn on_openshift(mut self) -> Self {
        self.platform = Platform::OpenShift;
        self
    }

    /// On this platform.
    #[must_use]
    pub const fn on(mut self, platform: Platform) -> Self {
        self.platform = platform;
        self
    }

    /// In another namespace than `stackrox`.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        namespace.clone_into(&mut self.namespace);
        self
    }

    /// With these faults.
    #[must_use]
    pub fn with_faults(mut self, faults: Script) -> Self {
        self.faults = faults;
        self
    }

    /// On a server that says that it is this version, and serves no other groups than these.
    #[must_use]
    pub fn on_server(mut self, version: &str, served: &[&str]) -> Self {
        let served = served.iter().map(|group| (*group).to_owned()).collect();
        self.server = Some(Server { version: version.to_owned(), served });
        self
    }

    /// With its objects changed before they are created.
    #[must_use]
    pub fn but(mut self, change: impl FnOnce(&mut Vec<Value>) + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// That need not become ready.
    #[must_use]
    pub const fn without_waiting(mut self) -> Self {
        self.waits = false;
        self
    }

    /// Starts it and waits until it is up.
    #[must_use]
    pub fn start(self) -> Installation {
        let mut objects = match self.objects {
            Objects::Release(version) => official::sample(&version, self.platform, &self.namespace),
            Objects::Given(objects) => objects,
        };
        for change in self.changes {
            change(&mut objects);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let mut builder = Simulation::builder()
            .objects(objects)
            .openshift(self.platform.is_openshift())
            .clock(Clock::scaled(SPEED))
            .server(self.server)
            .faults(self.faults);
        if !self.waits {
            builder = builder.without_waiting();
        }
        let simulation = runtime.block_on(builder.start()).expect("the embedded cluster starts");
        let directory = tempfile::tempdir().expect("a directory");
        let kubeconfig = directory.path().join("kubeconfig");
        std::fs::write(&kubeconfig, simulation.kubeconfig()).expect("the kubeconfig is written");
        Installation { runtime, simulation, directory, namespace: self.namespace }
    }
}
