//! The Central of the embedded cluster, stand-alone: it serves what the ready pod of Deployment
//! `central` on the real cluster would, and knows the sensor that runs there.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use common::rhacs::Version;
use jiff::Timestamp;
use serde_json::Value;
use sim::central::pki::{Pki, host_names};
use sim::central::{
    Central, CentralOptions, CentralServer, Database, SecuredCluster, Surroundings, image_version,
};
use sim::clock::Clock;
use sim::faults::Faults;
use tokio::sync::Notify;

use crate::nodes;
use crate::pods::{app, containers, is_ready, meta};

/// Central with its server.
pub struct Product {
    central: Central,
    server: CentralServer,
    /// The pod that serves.
    pod: Mutex<Option<String>>,
}

impl Product {
    /// Central in `namespace`, on a database that `version` has used, with one secured cluster.
    pub async fn start(version: &Version, namespace: &str, pki: Pki) -> Self {
        let leaf = pki
            .issue("CENTRAL_SERVICE", "Central", &host_names("central", namespace))
            .expect("Central's certificate");
        let mut cluster = SecuredCluster::elsewhere("production", version);
        cluster.is_local = true;
        cluster.is_openshift = true;
        let options = CentralOptions { clusters: vec![cluster], ..CentralOptions::default() };
        let parts = (Clock::real(), Faults::default(), Arc::new(Notify::new()));
        let central = Central::new(options, Database::of(version), pki, parts);
        let server = CentralServer::start(central.clone(), &leaf).await.expect("Central's server");
        Self { central, server, pod: Mutex::default() }
    }

    /// Central itself.
    pub const fn central(&self) -> &Central {
        &self.central
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Starts the binary of a release on the database; the lines it writes to its log.
    pub fn start_binary(&self, version: &Version) -> Vec<String> {
        let start = self.central.start_binary(version, &Surroundings::default());
        let stamp = Timestamp::now().strftime("%Y/%m/%d %H:%M:%S%.6f").to_string();
        let lines = start.lines.iter();
        lines
            .map(|line| format!("{}: {stamp}: {}: Info: {}", line.module, line.place, line.text))
            .collect()
    }

    /// Takes note of the pods as they are now.
    pub fn follow(&self, pods: &[Value]) {
        self.follow_central(pods);
        let of = |name: &'static str| pods.iter().filter(move |pod| app(pod) == name);
        let counted = |name: &'static str, all: usize| {
            let ready = of(name).filter(|pod| is_ready(pod)).count();
            (i64::try_from(ready).unwrap_or(0), i64::try_from(all).unwrap_or(0))
        };
        let sensor = of("sensor").find(|pod| is_ready(pod)).and_then(|pod| version(pod, "sensor"));
        let serves = self.central.version().is_some();
        self.central.update_clusters(|clusters| {
            for cluster in clusters {
                cluster.collector = counted("collector", nodes::NAMES.len());
                cluster.admission_control =
                    counted("admission-control", of("admission-control").count());
                match sensor.clone().filter(|_| serves) {
                    Some(sensor) => {
                        cluster.sensor_version = Some(sensor);
                        cluster.connected_since.get_or_insert_with(Timestamp::now);
                    }
                    None if cluster.connected_since.take().is_some() => {
                        cluster.last_contact = Some(Timestamp::now());
                    }
                    None => {}
                }
            }
        });
    }

    fn follow_central(&self, pods: &[Value]) {
        let mut pod = self.pod.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = pods.iter().find(|pod| app(pod) == "central" && is_ready(pod));
        let served = ready.and_then(|pod| Some((meta(pod, "uid"), version(pod, "central")?)));
        if let Some(gone) = pod.take_if(|uid| served.as_ref().is_none_or(|(now, _)| now != uid)) {
            self.central.stop(&gone);
        }
        if let Some((uid, version)) = served {
            self.central.serve(uid, &version, Timestamp::now());
            *pod = Some(uid.to_owned());
        }
    }
}

/// The release that a container of a pod runs.
fn version(pod: &Value, container: &str) -> Option<Version> {
    let container = containers(pod, "containers").iter().find(|one| one["name"] == container)?;
    image_version(container["image"].as_str()?)
}
