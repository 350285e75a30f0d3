//! A cluster without servers: objects, controllers, the product, faults and a clock.

mod load;
mod prepare;
mod ready;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::Notify;

use crate::central::pki::{Leaf, Pki, host_names, uuid};
use crate::central::{Central, CentralOptions, Database, Releases, SecuredCluster};
use crate::clock::Clock;
use crate::controllers::objects::{items, text};
use crate::controllers::{Cluster, Controllers, LogBook, create_nodes, scc};
use crate::faults::{Faults, Script};
use crate::schema::kinds::of_openshift;
use crate::store::{Status, Store, meta};
use crate::webhooks;
pub(crate) use load::resource_of;

/// The least speed of the clock while the cluster comes up.
const BOOT_SPEED: f64 = 5_000.0;
/// The same for a clock that is to run at about real time: slower, and beginning in the past, so that
/// the cluster is a few minutes old and not ahead of its clients when it is up.
const GENTLE_BOOT_SPEED: f64 = 300.0;
const GENTLE_BOOT_TIME: SignedDuration = SignedDuration::from_secs(15 * 60);
/// Clocks up to this speed are taken for real ones.
const ABOUT_REAL: f64 = 10.0;

/// Why a cluster does not come up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An object of the input is refused.
    #[error("cannot load `{object}`: {}", status.message)]
    Object {
        /// Kind and name.
        object: String,
        /// What the store answered.
        status: Box<Status>,
    },
    /// The cluster's own objects are refused.
    #[error("cannot set the cluster up: {}", .0.message)]
    Cluster(Box<Status>),
    /// A certificate cannot be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// Central's server does not start.
    #[error("cannot start Central's server")]
    Central(#[source] std::io::Error),
    /// The API server does not start.
    #[error("cannot start the API server")]
    Api(#[source] crate::api::Error),
    /// The thread or the runtime of the simulation does not start.
    #[error("cannot start the thread of the simulation")]
    Thread(#[source] std::io::Error),
    /// Nothing says which release Central is.
    #[error(
        "cannot tell which release the image `{image}` of deploy/central is: neither its tag says \
         it nor another image, nor do the objects look like those of one release; give it the tag \
         of the release"
    )]
    UnknownRelease {
        /// The image.
        image: String,
    },
    /// The workloads did not become ready.
    #[error("not ready after {seconds} s: {}", .workloads.join(", "))]
    NotReady {
        /// Real seconds that were waited.
        seconds: u64,
        /// The workloads that are missing.
        workloads: Vec<String>,
    },
}

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Manifests, or what was read from a live cluster.
    pub objects: Vec<Value>,
    /// Where those of them go that need a namespace and name none.
    pub namespace: Option<String>,
    /// Whether it is OpenShift.
    pub openshift: bool,
    /// Whether OpenShift's own constraints are there.
    pub built_in_constraints: bool,
    /// The API server that is played; none for one that serves what it can.
    pub server: Option<common::rehearsal::Server>,
    /// The clock.
    pub clock: Clock,
    /// The faults that come into force when everything is up.
    pub faults: Script,
    /// Central.
    pub central: CentralOptions,
    /// Whether to wait until every workload is ready.
    pub wait: bool,
    /// Real time until they must be.
    pub patience: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            objects: Vec::new(),
            namespace: None,
            openshift: false,
            built_in_constraints: true,
            server: None,
            clock: Clock::scaled(BOOT_SPEED),
            faults: Script::default(),
            central: CentralOptions::default(),
            wait: true,
            patience: ready::PATIENCE,
        }
    }
}

/// A living cluster; it ends when this is dropped.
#[derive(Debug)]
pub struct World {
    /// The objects.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
    /// The faults; they can be changed while the cluster runs.
    pub faults: Faults,
    /// Central.
    pub central: Central,
    /// What containers wrote.
    pub logs: LogBook,
    /// Objects of kinds that the API server does not know, as `Kind/name`; they were not loaded.
    pub skipped: Vec<String>,
    pub(crate) leaf: Leaf,
    _controllers: Controllers,
}

impl World {
    /// Brings a cluster up on the current runtime.
    ///
    /// # Errors
    /// When an object is refused or a workload does not become ready.
    pub async fn start(plan: Plan) -> Result<Self, Error> {
        let Plan {
            objects,
            namespace,
            openshift,
            built_in_constraints,
            server,
            clock,
            faults: script,
            central,
            wait,
            patience,
        } = plan;
        let speed = clock.factor();
        if speed <= ABOUT_REAL {
            clock.set_back(GENTLE_BOOT_TIME);
            clock.set_factor(GENTLE_BOOT_SPEED);
        } else {
            clock.set_factor(speed.max(BOOT_SPEED));
        }
        let reads = clock.clone();
        let store = Store::new(Arc::new(move || reads.now()));
        let objects = prepare::placed(objects, namespace.as_deref());
        let pki = prepare::authority(&objects, clock.now(), central.certificates_expire)?;
        let releases = Releases::of(&objects);
        let prepared = prepare::prepare(objects, &pki)?;
        set_up(&store, &clock, openshift, built_in_constraints).map_err(cluster_error)?;
        load::namespaces(&store, &prepared)?;
        // What runs was admitted before, whatever became of its webhooks since.
        let (webhooks, others): (Vec<Value>, Vec<Value>) =
            prepared.objects.into_iter().partition(webhooks::is_configuration);
        let skipped = load::objects(&store, others)?;

        let (faults, poke) = (Faults::default(), Arc::new(Notify::new()));
        faults.wakes(Arc::clone(&poke));
        let leaf = pki.issue("CENTRAL_SERVICE", "Central", &central_names(&store))?;
        let parts = (clock.clone(), faults.clone(), Arc::clone(&poke));
        let central = make_central(&store, central, pki, (openshift, &releases), parts);
        let logs = LogBook::default();
        let lenient = Arc::new(AtomicBool::new(server.is_some()));
        let cluster = Cluster {
            store: store.clone(),
            clock: clock.clone(),
            faults: faults.clone(),
            central: central.clone(),
            releases: releases.clone(),
            logs: logs.clone(),
            openshift,
            lenient: Arc::clone(&lenient),
            poke: Arc::clone(&poke),
        };
        let controllers = Controllers::spawn(cluster);
        if wait {
            check_central(&store, &releases)?;
            ready::wait(&store, &central, patience).await?;
        }
        lenient.store(false, Ordering::Relaxed);
        load::objects(&store, webhooks)?;
        clock.set_factor(speed);
        clock.advance_to(Timestamp::now());
        faults.replace(script);
        Ok(Self { store, clock, faults, central, logs, skipped, leaf, _controllers: controllers })
    }
}

/// The objects of manifests as a cluster can take them: in an order in which they can be created,
/// with certificates of this authority in place of redacted ones.
///
/// # Errors
/// When a certificate cannot be made.
pub fn installable(objects: Vec<Value>, pki: &Pki) -> Result<Vec<Value>, rcgen::Error> {
    Ok(prepare::prepare(objects, pki)?.objects)
}

fn set_up(store: &Store, clock: &Clock, openshift: bool, built_in: bool) -> Result<(), Status> {
    create_nodes(store, clock)?;
    if openshift {
        of_openshift().for_each(|resource| store.serve(resource));
        load::define_constraints(store)?;
        if built_in {
            scc::create_built_in(store)?;
        }
    }
    Ok(())
}

pub(crate) fn cluster_error(status: Status) -> Error {
    Error::Cluster(Box::new(status))
}

/// The DNS names of Central, wherever it is deployed.
fn central_names(store: &Store) -> Vec<String> {
    let namespace = workload(store, "central").map(|central| meta::namespace(&central).to_owned());
    let mut names = host_names("central", namespace.as_deref().unwrap_or("stackrox"));
    names.push("localhost".to_owned());
    names
}

/// The image of the container `name` in the Deployment of that name.
fn image(store: &Store, name: &str) -> Option<String> {
    let deployment = workload(store, name)?;
    let containers = items(&deployment, "/spec/template/spec/containers");
    let container = containers.iter().find(|container| container["name"] == name)?;
    Some(text(container, "/image").to_owned())
}

/// Whether Central can be played: a release has to be known for that.
fn check_central(store: &Store, releases: &Releases) -> Result<(), Error> {
    match image(store, "central").filter(|image| releases.version(image).is_none()) {
        Some(image) => Err(Error::UnknownRelease { image }),
        None => Ok(()),
    }
}

fn workload(store: &Store, name: &str) -> Option<Arc<Value>> {
    store
        .list("deployments.apps", None)
        .into_iter()
        .find(|deployment| meta::name(deployment) == name)
}

/// Central on a database that the release in Deployment `central` has used, with this cluster as one of its own.
fn make_central(
    store: &Store,
    mut options: CentralOptions,
    pki: Pki,
    (openshift, releases): (bool, &Releases),
    parts: (Clock, Faults, Arc<Notify>),
) -> Central {
    let release = |name: &str| releases.version(&image(store, name)?);
    let database = release("central").or_else(|| options.elsewhere.clone()).map_or_else(
        Database::fresh,
        |version| {
            let copy = options.database_copy.as_ref().filter(|copy| **copy < version);
            Database {
                previous: copy.map(|copy| Box::new(Database::of(copy))),
                ..Database::of(&version)
            }
        },
    );
    if let Some(version) = release("sensor") {
        let mut cluster = SecuredCluster::elsewhere(&options.cluster_name, &version);
        cluster.id = uuid(&options.cluster_name);
        cluster.is_local = true;
        cluster.is_openshift = openshift;
        cluster.sensor_version = None;
        cluster.certificate_expiry = pki.expires();
        cluster.last_contact = Some(parts.0.now() - SignedDuration::from_secs(30));
        options.clusters.insert(0, cluster);
    }
    Central::new(options, database, pki, parts)
}
