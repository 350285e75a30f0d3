//! A custom index of krew: a git repository with `plugins/*.yaml`.

use std::path::{Path, PathBuf};

use crate::releases::Releases;
use crate::world::World;

/// The repository, empty at first.
pub struct Index(PathBuf);

impl Index {
    /// A new repository; none when git does not work here.
    pub fn new(world: &World) -> Option<Self> {
        let path = world.root().join("index");
        std::fs::create_dir_all(path.join("plugins")).unwrap();
        let index = Self(path);
        if !index.git(world, &["init", "--quiet", "--initial-branch=main"]) {
            eprintln!("skipped: git makes no repository here");
            return None;
        }
        Some(index)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Commits the manifests of a release.
    pub fn publish(&self, world: &World, version: &str) {
        let releases = Releases::all();
        for plugin in releases.plugins() {
            let to = self.0.join("plugins").join(format!("{}.yaml", plugin.name));
            std::fs::copy(releases.manifest(plugin.name, version), to).unwrap();
        }
        assert!(self.git(world, &["add", "."]));
        assert!(self.git(world, &["commit", "--quiet", "--message", "release"]));
    }

    fn git(&self, world: &World, args: &[&str]) -> bool {
        let path = self.0.to_str().unwrap();
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-C", path];
        let args: Vec<&str> = who.iter().chain(args).copied().collect();
        world.run("git", &args).succeeded
    }
}
