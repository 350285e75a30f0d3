//! A whole cluster in one process: objects, controllers, Central, API server, faults and a clock.

mod hooks;
mod hosted;
mod start;

use std::net::SocketAddr;

use secrecy::SecretString;
use serde_json::Value;

use crate::api::{RequestRecord, Running, User};
use crate::central::{Central, CentralOptions, CentralServer};
use crate::clock::Clock;
use crate::controllers::LogBook;
use crate::faults::{Faults, Script};
use crate::store::Store;
pub use crate::world::Error;
use crate::world::{Plan, World};
pub use hosted::Hosted;

/// What a simulation is made of.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    plan: Plan,
    users: Vec<User>,
}

/// A running cluster; it ends when this is dropped.
#[derive(Debug)]
pub struct Simulation {
    // The servers end before what they serve.
    api: Running,
    central_server: CentralServer,
    world: World,
}

impl Simulation {
    /// An empty Kubernetes cluster with a fast clock and no faults, to be filled.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A kubeconfig, in YAML, whose user may do everything.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        self.api.kubeconfig("admin")
    }

    /// A kubeconfig of a user of the API server.
    #[must_use]
    pub fn kubeconfig_of(&self, user: &str) -> String {
        self.api.kubeconfig(user)
    }

    /// The API server's URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.api.url()
    }

    /// The API server, for tests that let users in or drop watches.
    #[must_use]
    pub const fn api(&self) -> &Running {
        &self.api
    }

    /// The objects.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.world.store
    }

    /// The clock.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.world.clock
    }

    /// Central.
    #[must_use]
    pub const fn central(&self) -> &Central {
        &self.world.central
    }

    /// Where Central can be reached without a port-forward.
    #[must_use]
    pub const fn central_address(&self) -> SocketAddr {
        self.central_server.address()
    }

    /// The token with all rights in Central.
    #[must_use]
    pub fn admin_token(&self) -> SecretString {
        self.world.central.admin_token()
    }

    /// What containers wrote.
    #[must_use]
    pub const fn logs(&self) -> &LogBook {
        &self.world.logs
    }

    /// The requests that the API server has answered.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.api.requests()
    }

    /// The faults; they can be changed while the cluster runs.
    #[must_use]
    pub const fn faults(&self) -> &Faults {
        &self.world.faults
    }

    /// Objects of kinds that the API server does not know, as `Kind/name`; they were not loaded.
    #[must_use]
    pub fn skipped(&self) -> &[String] {
        &self.world.skipped
    }
}

impl Builder {
    /// Adds objects: manifests, or what was read from a live cluster.
    #[must_use]
    pub fn objects(mut self, objects: Vec<Value>) -> Self {
        self.plan.objects.extend(objects);
        self
    }

    /// Names the namespace of objects that need one and name none.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.plan.namespace = Some(namespace.to_owned());
        self
    }

    /// Makes it an OpenShift cluster, or a plain one.
    #[must_use]
    pub const fn openshift(mut self, openshift: bool) -> Self {
        self.plan.openshift = openshift;
        self
    }

    /// Leaves out the constraints that OpenShift brings along.
    #[must_use]
    pub const fn without_built_in_constraints(mut self) -> Self {
        self.plan.built_in_constraints = false;
        self
    }

    /// Has its API server say what another one says of itself, and serve no more than that.
    #[must_use]
    pub fn server(mut self, server: Option<common::rehearsal::Server>) -> Self {
        self.plan.server = server;
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.plan.clock = clock;
        self
    }

    /// Sets the faults; they come into force when everything is up.
    #[must_use]
    pub fn faults(mut self, script: Script) -> Self {
        self.plan.faults = script;
        self
    }

    /// Sets up Central.
    #[must_use]
    pub fn central(mut self, options: CentralOptions) -> Self {
        self.plan.central = options;
        self
    }

    /// Adds a user of the API server, besides `admin` and `viewer`.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Starts without waiting for the workloads, for objects that cannot become ready.
    #[must_use]
    pub const fn without_waiting(mut self) -> Self {
        self.plan.wait = false;
        self
    }

    /// Loads the objects, brings everything up and starts the servers on the current runtime.
    ///
    /// # Errors
    /// When an object is refused, a server does not start, or a workload does not become ready.
    pub async fn start(self) -> Result<Simulation, Error> {
        start::start(self).await
    }
}
