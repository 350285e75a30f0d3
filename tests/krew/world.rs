//! A computer with kubectl, krew and nothing else: a home of its own and a `KREW_ROOT`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::releases::{ARCH, Releases};
use crate::tools;

pub struct World {
    root: PathBuf,
    tools: &'static Path,
    _directory: TempDir,
}

/// What a program left behind.
pub struct Finished {
    pub succeeded: bool,
    pub stdout: String,
    pub stderr: String,
}

impl World {
    /// A new computer; none, said aloud, when the tools or the programs are not there.
    pub fn new() -> Option<Self> {
        let tools = tools::directory()?;
        let releases = Releases::all();
        if !releases.has("kubectl-rhacs") || !releases.has("kubectl-rhacs-upgrade") {
            eprintln!("skipped: the suite is not built; cargo build --workspace builds it");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        for name in ["home", "krew"] {
            std::fs::create_dir(root.join(name)).unwrap();
        }
        Some(Self { root, tools, _directory: directory })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The kubeconfig, which need not be there.
    pub fn kubeconfig(&self) -> PathBuf {
        self.root.join("home/kubeconfig")
    }

    /// Where krew keeps a version of a plugin.
    pub fn installed(&self, plugin: &str, version: &str) -> PathBuf {
        self.root.join("krew/store").join(plugin).join(format!("v{version}"))
    }

    /// The names in krew's directory of links.
    pub fn linked(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.root.join("krew/bin")).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Installs a plugin from its manifest and its archive, without a network.
    pub fn install(&self, manifest: &Path, archive: &Path) -> Finished {
        let manifest = format!("--manifest={}", manifest.display());
        let archive = format!("--archive={}", archive.display());
        self.kubectl(&["krew", "install", &manifest, &archive])
    }

    pub fn kubectl(&self, args: &[&str]) -> Finished {
        self.run("kubectl", args)
    }

    /// What kubectl prints as JSON.
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let run = self.kubectl(args);
        serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr))
    }

    /// Runs a program as a person on this computer would.
    pub fn run(&self, program: &str, args: &[&str]) -> Finished {
        let system = std::env::var("PATH").unwrap_or_default();
        let krew = self.root.join("krew");
        let path = format!("{}:{}:{system}", krew.join("bin").display(), self.tools.display());
        let output = Command::new(program)
            .args(args)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.root.join("home"))
            .env("KUBECONFIG", self.kubeconfig())
            .env("KREW_ROOT", krew)
            .env("KREW_OS", "linux")
            .env("KREW_ARCH", ARCH)
            .env("KREW_NO_UPGRADE_CHECK", "1")
            // The index that krew would fetch from its own project.
            .env("KREW_DEFAULT_INDEX_URI", self.root.join("index"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Finished {
            succeeded: output.status.success(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
