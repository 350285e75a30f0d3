//! Black-box tests of `kubectl rhacs upgrade` on a real API server and its real controllers.
//!
//! They need `KUBEBUILDER_ASSETS`, a folder with `etcd`, `kube-apiserver` and
//! `kube-controller-manager` as envtest has it, or `KUBECONFIG_REAL`, the kubeconfig of a cluster
//! that may be used up: it gets Nodes and cluster-wide objects of RHACS for the time of a test.
//! Without either they say that they are skipped. Pods do not run: a stand-in for the kubelets
//! reports what they would do, and the Central of the embedded cluster serves for theirs.

mod admission;
mod api;
mod central;
mod constraints;
mod crash;
mod faults;
mod flow;
mod installation;
mod kubelet;
mod logs;
mod nodes;
mod plane;
mod plans;
mod pods;
mod rights;

use rhacs_tests::Finished;

use crate::installation::Installation;

/// The binary under test.
const UPGRADE: &str = env!("CARGO_BIN_EXE_kubectl-rhacs-upgrade");

/// What `--yes` runs accept that samples have: a Central without a persistent volume.
const ACCEPT: &str = "--yes --accept RHACS-CENTRAL-NOT-PERSISTENT";

/// Runs `kubectl rhacs upgrade` with these words.
fn upgrade(installation: &Installation, words: &str) -> Finished {
    installation.run(UPGRADE, words)
}
