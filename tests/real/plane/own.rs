//! A control plane of our own: etcd, kube-apiserver and kube-controller-manager.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sim::central::pki::Pki;
use tempfile::TempDir;

use super::process::{Process, free_port};

/// The longest time until the API server is ready.
const PATIENCE: Duration = Duration::from_secs(60);
/// The token of a user in group `system:masters`.
const ADMIN_TOKEN: &str = "token-of-the-tests-administrator";
/// Addresses of Services. Nothing listens there, and on loopback that is found out at once, so
/// that admission webhooks which are ignored when they fail cost no time.
const SERVICES: &str = "127.77.0.0/16";
/// What rolls workloads out and cleans up. The others would need real nodes.
const CONTROLLERS: &str = "deployment-controller,replicaset-controller,daemonset-controller,\
    serviceaccount-controller,namespace-controller,garbage-collector-controller,\
    clusterrole-aggregation-controller";

/// The running programs, in the order in which they are ended.
pub struct ControlPlane {
    manager: Option<Process>,
    api_server: Mutex<Process>,
    etcd: Process,
    port: u16,
    keeps_logs: AtomicBool,
    // Removed after what writes into it has ended.
    directory: TempDir,
}

impl ControlPlane {
    /// Starts the programs of a folder and waits until the API server is ready.
    pub fn start(assets: &Path) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let here = directory.path();
        let pki = Pki::new(Timestamp::now(), None).expect("an authority");
        // Tokens of service accounts are signed with this key and verified with its certificate.
        write(here, "accounts.key", pki.ca_key_pem());
        write(here, "accounts.crt", pki.ca_pem());
        write(here, "tokens.csv", &format!("{ADMIN_TOKEN},admin,admin,\"system:masters\"\n"));
        let (client, peer, port) = (free_port(), free_port(), free_port());
        let etcd = Process::start(assets, "etcd", here, &etcd_arguments(here, client, peer));
        let arguments = api_server_arguments(here, client, port);
        let api_server = Process::start(assets, "kube-apiserver", here, &arguments);
        let api_server = Mutex::new(api_server);
        let keeps_logs = AtomicBool::new(false);
        let mut plane = Self { manager: None, api_server, etcd, port, keeps_logs, directory };
        plane.wait();
        plane.start_manager(assets);
        plane
    }

    /// The administrator's kubeconfig, in YAML.
    pub fn kubeconfig(&self) -> String {
        let authority = self.directory.path().join("certificates/apiserver.crt");
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: real\n\
             clusters:\n- name: real\n  cluster:\n    server: https://127.0.0.1:{}\n    \
             certificate-authority: {}\n\
             users:\n- name: admin\n  user:\n    token: {ADMIN_TOKEN}\n\
             contexts:\n- name: real\n  context:\n    cluster: real\n    user: admin\n",
            self.port,
            authority.display()
        )
    }

    /// Whether the controllers run.
    pub const fn has_controllers(&self) -> bool {
        self.manager.is_some()
    }

    /// Kills the API server and starts it again, without waiting for it.
    pub fn restart_api_server(&self) {
        self.api_server.lock().unwrap_or_else(PoisonError::into_inner).restart();
    }

    /// Leaves the logs behind for a person to read.
    pub fn keep_logs(&self) {
        self.keeps_logs.store(true, Ordering::Relaxed);
    }

    fn wait(&mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let certificate = self.directory.path().join("certificates/apiserver.crt");
        let began = Instant::now();
        loop {
            self.etcd.must_run();
            let api_server = self.api_server.get_mut().unwrap_or_else(PoisonError::into_inner);
            api_server.must_run();
            let log = api_server.last_lines();
            if certificate.exists() && runtime.block_on(is_ready(&self.kubeconfig())) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "the API server is not ready:\n{log}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn start_manager(&mut self, assets: &Path) {
        let name = "kube-controller-manager";
        if !assets.join(name).exists() {
            super::say(&format!("{name} is not in the folder of KUBEBUILDER_ASSETS"));
            return;
        }
        let here = self.directory.path();
        write(here, "kubeconfig", &self.kubeconfig());
        let arguments = [
            format!("--kubeconfig={}", here.join("kubeconfig").display()),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
            format!("--service-account-private-key-file={}", here.join("accounts.key").display()),
            format!("--controllers={CONTROLLERS}"),
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=1000".to_owned(),
        ];
        self.manager = Some(Process::start(assets, name, here, &arguments));
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if self.keeps_logs.load(Ordering::Relaxed) || std::thread::panicking() {
            self.directory.disable_cleanup(true);
            super::say(&format!("logs are kept in {}", self.directory.path().display()));
        }
    }
}

fn etcd_arguments(directory: &Path, client: u16, peer: u16) -> Vec<String> {
    let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
    vec![
        format!("--data-dir={}", directory.join("etcd").display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        "--unsafe-no-fsync".to_owned(),
    ]
}

fn api_server_arguments(directory: &Path, etcd: u16, port: u16) -> Vec<String> {
    let file = |name: &str| directory.join(name).display().to_string();
    vec![
        format!("--etcd-servers=http://127.0.0.1:{etcd}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", file("certificates")),
        format!("--token-auth-file={}", file("tokens.csv")),
        "--authorization-mode=RBAC".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", file("accounts.crt")),
        format!("--service-account-signing-key-file={}", file("accounts.key")),
        format!("--service-cluster-ip-range={SERVICES}"),
        // Loopback addresses are refused as endpoints of Service `kubernetes`.
        "--endpoint-reconciler-type=none".to_owned(),
        "--allow-privileged".to_owned(),
    ]
}

async fn is_ready(kubeconfig: &str) -> bool {
    let api = crate::api::Api::connect(kubeconfig).await;
    // The priority classes, which pods need, are made last.
    let class = "/apis/scheduling.k8s.io/v1/priorityclasses/system-node-critical";
    api.get(class).await.is_ok() && api.get("/api/v1/namespaces/default").await.is_ok()
}

fn write(directory: &Path, name: &str, text: &str) {
    std::fs::write(directory.join(name), text).expect("a file of the control plane");
}
