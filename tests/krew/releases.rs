//! Releases of what is built, packed once for all tests: debug programs take seconds to pack.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use release::manifest::{Release, manifest};
use release::plugins::{PLATFORMS, PLUGINS, Plugin};

use crate::server;

/// This computer's architecture, as krew calls it.
pub const ARCH: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };

/// The releases of this run of the tests, and the server they are downloaded from.
pub struct Releases {
    root: PathBuf,
    url: String,
    made: Mutex<BTreeSet<String>>,
}

impl Releases {
    /// Those of this process.
    pub fn all() -> &'static Self {
        static ALL: OnceLock<Releases> = OnceLock::new();
        ALL.get_or_init(|| {
            let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("krew-releases");
            // What an earlier run left behind.
            drop(std::fs::remove_dir_all(&root));
            for name in ["dist", "here", "elsewhere"] {
                std::fs::create_dir_all(root.join(name)).unwrap();
            }
            for plugin in PLUGINS {
                plugin.programs.iter().for_each(|program| provide(&root, program));
            }
            let url = server::serve(&root.join("dist"));
            Self { root, url, made: Mutex::default() }
        })
    }

    /// Packs a release and writes its manifests, unless that was done.
    pub fn make(&self, version: &str) {
        let mut made = self.made.lock().unwrap();
        if !made.insert(version.to_owned()) {
            return;
        }
        self.pack(version, &self.dist());
        let release = Release {
            version,
            repository: "https://forge.example/ours",
            base_url: &self.url,
            archives: Some(&self.root.join("dist")),
        };
        for plugin in self.plugins() {
            let path = self.manifest(plugin.name, version);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, manifest(plugin, release).unwrap()).unwrap();
        }
    }

    /// Packs the archives of a release into `directory`.
    pub fn pack(&self, version: &str, directory: &Path) {
        for platform in PLATFORMS {
            let platform = platform.to_string();
            let is_here = platform == format!("linux-{ARCH}");
            let binaries = self.root.join(if is_here { "here" } else { "elsewhere" });
            let status = Command::new(env!("CARGO_BIN_EXE_rhacs-release"))
                .args(["archives", "--partial", "--release", version, "--platform", &platform])
                .arg("--binaries")
                .arg(binaries)
                .arg("--out")
                .arg(directory)
                .stdout(std::process::Stdio::null())
                .status()
                .unwrap();
            assert!(status.success(), "{platform}");
        }
    }

    /// The directory of all archives.
    pub fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// The archive for this computer.
    pub fn archive(&self, plugin: &str, version: &str) -> PathBuf {
        self.dist().join(format!("kubectl-{plugin}-v{version}-linux-{ARCH}.tar.gz"))
    }

    /// The manifest of a plugin.
    pub fn manifest(&self, plugin: &str, version: &str) -> PathBuf {
        self.root.join("manifests").join(version).join(format!("{plugin}.yaml"))
    }

    /// The plugins whose command is built.
    pub fn plugins(&self) -> impl Iterator<Item = &'static Plugin> {
        PLUGINS.iter().filter(|plugin| self.has(plugin.bin))
    }

    /// Whether a program of the suite is built.
    pub fn has(&self, program: &str) -> bool {
        self.root.join("here").join(program).is_file()
    }
}

/// Puts a built program, without its symbols, where it is packed from; a script stands for it on
/// the other platforms, where krew only unpacks it.
fn provide(root: &Path, program: &str) {
    let built = Path::new(env!("CARGO_BIN_EXE_rhacs-release")).with_file_name(program);
    if !built.is_file() {
        return;
    }
    let to = root.join("here").join(program);
    let stripped = Command::new("strip").arg("-o").arg(&to).arg(&built).status();
    if !stripped.is_ok_and(|status| status.success()) {
        std::fs::copy(&built, &to).unwrap();
    }
    for name in [program.to_owned(), format!("{program}.exe")] {
        std::fs::write(root.join("elsewhere").join(name), "#!/bin/sh\n").unwrap();
    }
}
