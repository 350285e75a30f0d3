//! The life of the cluster: one task that moves every controller, the kubelets and the product by events and time.

mod daemonsets;
mod deployment_status;
mod deployments;
mod endpoints;
mod events;
mod history;
mod hpa;
mod kubelet;
mod namespaces;
mod nodes;
pub(crate) mod objects;
mod pods;
mod quotas;
mod replicasets;
mod rollout;
pub mod scc;
mod serving_certificates;
mod statefulsets;
mod storage;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::central::{Central, Releases};
use crate::clock::Clock;
use crate::faults::Faults;
use crate::store::{Store, Writer};

pub use kubelet::logs::LogBook;
pub use nodes::create_nodes;

/// More rounds than any settled state of a cluster needs; a guard against two controllers that disagree.
const MOST_ROUNDS: usize = 500;

/// All that the controllers share.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The objects.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// What goes wrong.
    pub faults: Faults,
    /// The product.
    pub central: Central,
    /// Which release each image is.
    pub releases: Releases,
    /// What containers wrote.
    pub logs: LogBook,
    /// Whether pods need an SCC that admits them.
    pub openshift: bool,
    /// Whether pods come up that nothing admits any more: those of a cluster that is copied run,
    /// whatever became of their SCCs since.
    pub lenient: Arc<AtomicBool>,
    /// Wakes the controllers after a change that is no change of an object.
    pub poke: Arc<Notify>,
}

/// What the controllers remember between rounds.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) kubelet: kubelet::Kubelet,
    pub(crate) events: events::Recorder,
    pub(crate) endpoints: endpoints::Known,
    /// Hashes of templates by uid and generation of their owner.
    pub(crate) hashes: std::collections::HashMap<(String, i64), String>,
}

/// One round at one moment: reads the state, changes what has to change, notes when to look again.
pub(crate) struct Round<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) memory: &'a mut Memory,
    pub(crate) now: Timestamp,
    wake: Option<Timestamp>,
}

/// The running controllers; they end when this is dropped.
#[derive(Debug)]
pub struct Controllers {
    task: JoinHandle<()>,
}

impl Controllers {
    /// Starts them on the current runtime.
    #[must_use]
    pub fn spawn(cluster: Cluster) -> Self {
        Self { task: tokio::spawn(run(cluster)) }
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Round<'_> {
    /// Asks for another round at `moment`, if that is in the future, or a little later: what is due
    /// within the same tenth of a second shares a round, or thousands of pods would take one each.
    pub(crate) fn wake_at(&mut self, moment: Timestamp) {
        if moment > self.now {
            let moment = next_tenth(moment);
            self.wake = Some(self.wake.map_or(moment, |wake| wake.min(moment)));
        }
    }

    /// The store.
    pub(crate) const fn store(&self) -> &Store {
        &self.cluster.store
    }

    fn controllers(&mut self) {
        namespaces::reconcile(self);
        storage::bind_claims(self);
        storage::release_claims(self);
        serving_certificates::reconcile(self);
        hpa::reconcile(self);
        deployments::reconcile(self);
        replicasets::reconcile(self);
        daemonsets::reconcile(self);
        statefulsets::reconcile(self);
        kubelet::reconcile(self);
        quotas::reconcile(self);
        endpoints::reconcile(self);
        crate::central::reconcile(self);
    }
}

/// The first full tenth of a second that is not before `moment`.
fn next_tenth(moment: Timestamp) -> Timestamp {
    const TENTH: i128 = 100_000_000;
    let tenths = (moment.as_nanosecond() + TENTH - 1).div_euclid(TENTH);
    Timestamp::from_nanosecond(tenths * TENTH).unwrap_or(moment)
}

/// The name under which the controllers write.
pub(crate) fn manager() -> Writer {
    Writer::new("kube-controller-manager")
}

async fn run(cluster: Cluster) {
    let mut memory = Memory::default();
    let mut position = cluster.store.position();
    let mut now = cluster.clock.now();
    loop {
        position.borrow_and_update();
        let wake = settle(&cluster, &mut memory, now);
        // Moments that are already past are lived through one by one, so that a busy machine
        // changes nothing in the order of what happens.
        if let Some(moment) = wake.filter(|moment| *moment <= cluster.clock.now()) {
            now = moment;
            tokio::task::yield_now().await;
            continue;
        }
        let pause = async {
            match wake {
                Some(moment) => cluster.clock.sleep_until(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = position.changed() => if changed.is_err() { return },
            () = cluster.poke.notified() => {}
            () = pause => {}
        }
        let shown = cluster.clock.now();
        now = now.max(wake.map_or(shown, |moment| moment.min(shown)));
    }
}

/// Runs rounds until nothing changes any more; the next moment at which something will.
fn settle(cluster: &Cluster, memory: &mut Memory, now: Timestamp) -> Option<Timestamp> {
    for _ in 0..MOST_ROUNDS {
        let before = cluster.store.version();
        let mut round = Round { cluster, memory, now, wake: None };
        round.controllers();
        let wake = round.wake;
        if cluster.store.version() == before {
            return wake;
        }
    }
    Some(objects::after(now, 1))
}
