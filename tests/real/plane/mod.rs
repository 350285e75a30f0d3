//! The control plane the tests run on: one of their own, or the one of `KUBECONFIG_REAL`.

mod own;
mod process;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError, Weak};

use tokio::runtime::Runtime;

use crate::api::Api;
use crate::logs::KubeletServer;
use crate::{constraints, nodes};
use own::ControlPlane;

/// The plane that the tests of this process share, for as long as one of them uses it.
static SHARED: Mutex<Weak<Plane>> = Mutex::new(Weak::new());

/// Cluster-wide objects have fixed names, so that there is one installation at a time.
static TURN: Mutex<()> = Mutex::new(());

/// A control plane with three nodes on which nothing really runs.
pub struct Plane {
    /// The administrator's kubeconfig, in YAML.
    pub kubeconfig: String,
    /// The API server.
    pub api: Api,
    /// Where containers' logs are read from.
    pub kubelets: KubeletServer,
    /// Whether there is something that rolls Deployments out.
    pub has_controllers: bool,
    /// Whether it is a cluster of somebody else.
    pub is_given: bool,
    /// Whether SecurityContextConstraints are there for the tests only.
    defines_constraints: bool,
    runtime: Runtime,
    installations: AtomicUsize,
    // Ends last.
    own: Option<ControlPlane>,
}

impl Plane {
    /// The plane of this process; none, said aloud, where the environment names none.
    pub fn shared() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plane) = shared.upgrade() {
            return Some(plane);
        }
        let plane = Arc::new(Self::find()?);
        *shared = Arc::downgrade(&plane);
        Some(plane)
    }

    /// A namespace that was never used, or the product's usual one on a plane of our own.
    pub fn fresh_namespace(&self, is_usual: bool) -> String {
        if is_usual && !self.is_given {
            return "stackrox".to_owned();
        }
        let number = self.installations.fetch_add(1, Ordering::Relaxed);
        format!("rhacs-tests-{}-{number}", std::process::id())
    }

    /// Ends the API server and starts it again; false where it is not our own.
    pub fn restart_api_server(&self) -> bool {
        self.own.as_ref().map(ControlPlane::restart_api_server).is_some()
    }

    /// Leaves the logs of a plane of our own behind: something failed.
    pub fn keep_logs(&self) {
        if let Some(own) = &self.own {
            own.keep_logs();
        }
    }

    /// The runtime of the stand-ins.
    pub const fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Waits until no other test of this process has an installation.
    pub fn turn() -> MutexGuard<'static, ()> {
        TURN.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find() -> Option<Self> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        if let Some(path) = variable("KUBECONFIG_REAL") {
            let kubeconfig = std::fs::read_to_string(path).expect("the file of KUBECONFIG_REAL");
            return Some(Self::start(kubeconfig, None));
        }
        let Some(assets) = variable("KUBEBUILDER_ASSETS") else {
            static SAID: Once = Once::new();
            SAID.call_once(|| {
                say("skipped: neither KUBEBUILDER_ASSETS nor KUBECONFIG_REAL is set");
            });
            return None;
        };
        let own = ControlPlane::start(&PathBuf::from(assets));
        Some(Self::start(own.kubeconfig(), Some(own)))
    }

    fn start(kubeconfig: String, own: Option<ControlPlane>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let (api, kubelets, defines_constraints) = runtime.block_on(async {
            let api = Api::connect(&kubeconfig).await;
            let kubelets = KubeletServer::start().await;
            nodes::create(&api, kubelets.port()).await;
            tokio::spawn(nodes::beat(api.clone()));
            let defines_constraints = constraints::define(&api).await;
            (api, kubelets, defines_constraints)
        });
        let has_controllers = own.as_ref().is_none_or(ControlPlane::has_controllers);
        Self {
            kubeconfig,
            api,
            kubelets,
            has_controllers,
            is_given: own.is_none(),
            defines_constraints,
            runtime,
            installations: AtomicUsize::default(),
            own,
        }
    }
}

/// Tells a person, also when the output of tests that pass is not shown.
pub fn say(text: &str) {
    // Nobody may be there to read it.
    let _ = writeln!(std::io::stderr(), "{text}");
}

impl Drop for Plane {
    fn drop(&mut self) {
        if self.is_given {
            self.runtime.block_on(nodes::delete(&self.api));
            if self.defines_constraints {
                self.runtime.block_on(constraints::undefine(&self.api));
            }
        }
    }
}
