//! The wait for a DaemonSet on 3,000 nodes, beside `kubectl rollout status` for the same one.
//!
//! The suite's wait is no program of its own: this benchmark starts itself again to do nothing
//! else, so that its memory and time are those of one process, as kubectl's are.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use common::cluster::{Cluster, ConnectionArgs, Options, wait};
use common::rhacs::ObjectRef;
use rhacs_tests::Installation;
use serde_json::{Value, json};
use sim::store::Writer;

use crate::process::{Usage, measure};
use crate::{has, mib, say};

/// Says to a copy of this program that it is to wait, and with which kubeconfig.
const WAITS: &str = "RHACS_BENCH_WAITS_WITH";
const NODES: usize = 3_000;
/// Pods of the namespace, those of the DaemonSet included; the others have ended, so that they cost
/// the embedded cluster little.
const PODS: usize = 9_000;
/// How much faster than the real thing the cluster lives.
const SPEED: f64 = 4.0;
/// As long as the slowest machine may take.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// Where this process was started to wait, it waits; otherwise it says so.
pub fn waited_instead() -> bool {
    let Some(kubeconfig) = std::env::var_os(WAITS) else { return false };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(follow(PathBuf::from(kubeconfig)));
    true
}

async fn follow(kubeconfig: PathBuf) {
    let args = ConnectionArgs { kubeconfig: Some(kubeconfig), ..ConnectionArgs::default() };
    let cluster = Cluster::connect(&args, &Options::default()).await.expect("a connection");
    let collector = ObjectRef::daemon_set("stackrox", "collector");
    let done = wait::rollout(&cluster, &collector, None, PATIENCE, &mut |_| {}).await;
    done.expect("a rollout");
}

/// One rollout for each side, on the same cluster.
pub fn row() {
    say(&format!("wait for a DaemonSet on {NODES} nodes, {PODS} pods in the namespace"));
    let installation = large();
    let mut own = Command::new(std::env::current_exe().expect("this program"));
    own.env(WAITS, installation.kubeconfig());
    let ours = measured(&installation, "ours", &mut own);
    line("the suite's wait", &ours);
    if !has("kubectl") {
        return;
    }
    let words = ["-n", "stackrox", "rollout", "status", "ds/collector", "--timeout=30m"];
    let theirs = measured(&installation, "theirs", &mut installation.command("kubectl", &words));
    line("kubectl rollout status", &theirs);
    let (peak, own) = (ratio(ours.peak, theirs.peak), ratio(ours.own, theirs.own));
    say(&format!(
        "  ratio: CPU {:.3}, memory {peak:.3}, of it its own {own:.3}; at most 32 MiB wanted",
        ours.cpu / theirs.cpu
    ));
}

fn line(name: &str, usage: &Usage) {
    let Usage { wall, cpu, peak, own } = usage;
    let (peak, own) = (mib(*peak), mib(*own));
    say(&format!(
        "  {name:28} {wall:6.1} s wall  {cpu:6.3} s CPU  peak {peak:.1} MiB, {own:.1} its own"
    ));
}

#[expect(clippy::cast_precision_loss, reason = "a ratio of megabytes")]
fn ratio(ours: u64, theirs: u64) -> f64 {
    ours as f64 / theirs as f64
}

/// Begins a rollout, and measures what waits for it.
fn measured(installation: &Installation, mark: &str, command: &mut Command) -> Usage {
    installation.change("DaemonSet", "collector", |set| {
        set["spec"]["template"]["metadata"]["annotations"]["bench"] = json!(mark);
    });
    measure(command)
}

/// An installation on many nodes, with as many pods of others. All pods of the DaemonSet are
/// replaced at once: one after the other would measure the patience of the reader.
fn large() -> Installation {
    let at_once = |objects: &mut Vec<Value>| {
        let mut sets = objects.iter_mut().filter(|object| object["kind"] == "DaemonSet");
        let set = sets.next().expect("the collector");
        set["spec"]["updateStrategy"] =
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}});
    };
    let installation = Installation::at("3.66.1").but(at_once).start();
    let store = installation.simulation().store();
    // At the pace of tests, what a real cluster does at once falls into hours of virtual time.
    installation.simulation().clock().set_factor(SPEED);
    let by = Writer::new("bench");
    let first = store.list("nodes", None).into_iter().next().expect("a node");
    for number in store.list("nodes", None).len()..NODES {
        let name = format!("node-{number}");
        let mut node = json!({"spec": first["spec"], "status": first["status"]});
        node["metadata"] = json!({"name": name, "labels": {"kubernetes.io/hostname": name}});
        store.create("nodes", node, &by).expect("a node");
    }
    let collector = installation.object("DaemonSet", "collector").expect("the collector");
    let template = &collector["spec"]["template"]["spec"];
    for number in 0..PODS - NODES {
        let mut pod =
            json!({"metadata": {"namespace": "stackrox", "name": format!("other-{number}")}});
        pod["metadata"]["labels"] = json!({"app": "other"});
        pod["spec"] = template.clone();
        pod["status"]["phase"] = json!("Succeeded");
        pod["spec"]["nodeName"] = json!(format!("node-{}", number % NODES));
        store.create("pods", pod, &by).expect("a pod");
    }
    // The first wait is nobody's: it only sees the pods of the new nodes come.
    let mut settle = Command::new(std::env::current_exe().expect("this program"));
    measure(settle.env(WAITS, installation.kubeconfig()));
    installation
}
