//! A Splunk, clusters whose collectors send to it, and a person at a computer between them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sim::clock::Clock;
use sim::simulation::Simulation;
use sim::splunk::{self, Splunk};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{Finished, collector};

/// How much faster than the real thing the embedded clusters live in tests.
const SPEED: f64 = 2000.0;
/// A word that only secrets of tests begin with.
pub const CANARY: &str = "canary-";

/// What a stage is made of.
pub struct StageBuilder {
    splunk: splunk::Builder,
    clusters: Vec<(String, Vec<Value>)>,
}

/// A running stage.
pub struct Stage {
    // The servers end before what runs them.
    splunk: Splunk,
    clusters: Vec<(String, Simulation)>,
    directory: TempDir,
    _runtime: Runtime,
}

impl Stage {
    /// A stage with this Splunk.
    #[must_use]
    pub fn with(splunk: splunk::Builder) -> StageBuilder {
        StageBuilder { splunk, clusters: Vec::new() }
    }

    /// Splunk.
    #[must_use]
    pub const fn splunk(&self) -> &Splunk {
        &self.splunk
    }

    /// The cluster that a context of the kubeconfig leads to.
    ///
    /// # Panics
    /// When there is no such context.
    #[must_use]
    pub fn cluster(&self, context: &str) -> &Simulation {
        let found = self.clusters.iter().find(|(name, _)| name == context);
        found.map(|(_, simulation)| simulation).expect("a context of the stage")
    }

    /// The directory that commands are run in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The command, as Splunk's and the clusters' administrator, with nothing of this process's
    /// environment.
    #[must_use]
    pub fn command(&self, binary: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .env_clear()
            .env("SFX_API_URL", self.splunk.url())
            .env("SFX_AUTH_TOKEN", self.splunk.admin_token().expose_secret())
            .env("SSL_CERT_FILE", self.directory().join("authority.pem"))
            .env("KUBECONFIG", self.directory().join("kubeconfig"))
            .env("HOME", self.directory().join("home"))
            .env("PATH", "/usr/bin:/bin")
            .env("USER", "ann")
            .current_dir(self.directory().join("work"))
            .stdin(Stdio::null());
        command
    }

    /// Runs `binary` with `arguments` and asserts that no secret shows.
    #[must_use]
    pub fn run(&self, binary: &str, arguments: &[&str]) -> Finished {
        self.run_with(binary, arguments, |_| {})
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
        let output = command.output().expect("the binary starts");
        self.finish(&output, arguments, true)
    }

    /// As [`Self::run`], for a command whose standard output is the one place for a secret.
    #[must_use]
    pub fn run_that_shows(&self, binary: &str, arguments: &[&str]) -> Finished {
        let output = self.command(binary, arguments).output().expect("the binary starts");
        self.finish(&output, arguments, false)
    }

    /// What ended, no secret shown.
    #[must_use]
    pub fn finish(&self, output: &Output, arguments: &[&str], silent: bool) -> Finished {
        let finished = Finished::new(output, arguments);
        let shown = format!("{}{}", if silent { &finished.stdout } else { "" }, finished.stderr);
        for (of, secret) in self.secrets() {
            assert!(!shown.contains(&secret), "{arguments:?} shows the {of}:\n{shown}");
        }
        finished
    }

    /// Everything that must never be shown, each also as Secrets hold it, with what it is.
    #[must_use]
    pub fn secrets(&self) -> Vec<(String, String)> {
        let mut secrets: Vec<(String, String)> = self
            .splunk
            .secrets()
            .into_iter()
            .map(|(of, secret)| (of, secret.expose_secret().to_owned()))
            .collect();
        secrets.push(("password".to_owned(), splunk::ADMIN_PASSWORD.to_owned()));
        secrets.push(("word of tests".to_owned(), CANARY.to_owned()));
        for (context, simulation) in &self.clusters {
            let token = simulation.api().token("admin").expect("the admin's token");
            secrets.push((format!("token of the cluster {context}"), token));
        }
        let encoded: Vec<_> = secrets
            .iter()
            .map(|(of, secret)| (format!("encoded {of}"), collector::encode(secret)))
            .collect();
        secrets.extend(encoded.into_iter().filter(|(_, text)| text.len() > 12));
        secrets
    }

    /// The files that commands have left behind and that hold a secret.
    #[must_use]
    pub fn files_with_secrets(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect(&self.directory().join("work"), &mut files);
        collect(&self.directory().join("home"), &mut files);
        let secrets = self.secrets();
        files.retain(|path| {
            let bytes = std::fs::read(path).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            secrets.iter().any(|(_, secret)| text.contains(secret))
        });
        files
    }

    /// The objects of this kind in the collectors' namespace of a cluster.
    #[must_use]
    pub fn objects(&self, context: &str, kind: &str) -> Vec<Value> {
        let all = self.cluster(context).store().everything();
        let fitting = all.iter().filter(|object| {
            object["kind"] == kind && object["metadata"]["namespace"] == collector::NAMESPACE
        });
        fitting.map(|object| object.as_ref().clone()).collect()
    }

    /// The value of a key of the Secret of this name, decoded.
    #[must_use]
    pub fn secret_value(&self, context: &str, secret: &str, key: &str) -> Option<String> {
        use base64::Engine;
        let objects = self.objects(context, "Secret");
        let object = objects.iter().find(|object| object["metadata"]["name"] == secret)?;
        let bytes = base64::prelude::BASE64_STANDARD.decode(object["data"][key].as_str()?).ok()?;
        String::from_utf8(bytes).ok()
    }
}

impl StageBuilder {
    /// With a cluster of these objects behind a context; the first one is the current one.
    #[must_use]
    pub fn cluster(mut self, context: &str, objects: Vec<Value>) -> Self {
        self.clusters.push((context.to_owned(), objects));
        self
    }

    /// Starts everything and waits until it is up.
    ///
    /// # Panics
    /// When something does not come up.
    #[must_use]
    pub fn start(self) -> Stage {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let splunk = runtime.block_on(self.splunk.start()).expect("the embedded Splunk starts");
        let mut clusters = Vec::new();
        for (context, objects) in self.clusters {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": collector::NAMESPACE}});
            let objects = [vec![namespace], objects].concat();
            let builder = Simulation::builder().objects(objects).clock(Clock::scaled(SPEED));
            let simulation = runtime.block_on(builder.start()).expect("the cluster starts");
            clusters.push((context, simulation));
        }
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            std::fs::write(directory.path().join(name), text).expect("a file is written");
        };
        write("authority.pem", splunk.ca_pem());
        write("kubeconfig", &kubeconfig(&clusters));
        for name in ["home", "work"] {
            std::fs::create_dir(directory.path().join(name)).expect("a directory is made");
        }
        Stage { splunk, clusters, directory, _runtime: runtime }
    }
}

/// One kubeconfig with a context for each cluster.
fn kubeconfig(clusters: &[(String, Simulation)]) -> String {
    let mut merged = json!({"apiVersion": "v1", "kind": "Config",
        "clusters": [], "users": [], "contexts": []});
    for (context, simulation) in clusters {
        let one: Value = serde_saphyr::from_str(&simulation.kubeconfig()).expect("a kubeconfig");
        for (list, field) in [("clusters", "cluster"), ("users", "user")] {
            let entry = json!({"name": context, field: one[list][0][field]});
            merged[list].as_array_mut().expect("a list").push(entry);
        }
        let entry = json!({"name": context, "context": {"cluster": context, "user": context}});
        merged["contexts"].as_array_mut().expect("a list").push(entry);
    }
    merged["current-context"] = clusters.first().map(|(context, _)| context.as_str()).into();
    merged.to_string()
}

/// All files below a directory.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}
