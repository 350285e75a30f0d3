//! The embedded cluster of the installed suite, for the kubectl of a [`World`].

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::world::World;

/// A cluster that serves until this is dropped.
pub struct Cluster {
    child: Child,
    // It says more than is read, and ends when nobody can read that.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Cluster {
    /// Serves RHACS 3.66.1 on OpenShift by the `rhacs-sim` in `directory`, and makes it the cluster
    /// of `world`.
    pub fn serve(world: &World, directory: &Path) -> Self {
        let mut child = Command::new(directory.join("rhacs-sim"))
            .args(["serve", "--openshift", "--sample", "3.66.1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let kubeconfig = lines
            .find_map(|line| line.unwrap().strip_prefix("export KUBECONFIG=").map(str::to_owned));
        std::fs::copy(kubeconfig.unwrap(), world.kubeconfig()).unwrap();
        Self { child, _output: lines }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
