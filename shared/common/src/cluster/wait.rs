//! Waiting for a rollout: it ends when it is done, when it cannot succeed, or when time is up.

#![expect(clippy::result_large_err, reason = "the error is made once, after minutes of waiting")]

mod outcome;
mod related;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

pub use outcome::{WaitError, Waiting};
use related::{BESIDE_THE_USUAL, beside, quiet, selector, telling};

use super::Cluster;
use super::informer::{is_later, kept};
use super::list::Collection;
use super::log::LogOptions;
use super::rollout::{
    Memory, Observed, Progress, Trouble, counts, diagnose, is_late, is_refused, is_suspicious,
    judge,
};
use crate::rhacs::ObjectRef;

/// How often a rollout is judged anew when nothing happens: graces run out by themselves.
const TICK: Duration = Duration::from_secs(2);
/// How long it takes at least from one look at so many pods to the next: of thousands each change
/// would else have all of them looked at.
const LOOK_PER_POD: Duration = Duration::from_micros(100);
/// How long a rollout stands still before its events are read, and how often then.
const STANDSTILL: Duration = Duration::from_secs(20);
const LOG_LINES: u32 = 20;

/// Waits until the rollout of `workload` is complete and returns the workload as it is then. `seen`
/// is its newest state that is known already, such as a write returned it: older ones say nothing.
/// `on` is told whenever what is waited for changes.
///
/// The workload, and its pods once it stands still, are followed by the watches of the connection,
/// which stay open for the next wait; one that breaks or expires is renewed, and one that is
/// forbidden is replaced by reading every few seconds.
///
/// # Errors
///
/// See [`WaitError`]; it fails at once when the pods cannot come up.
pub async fn rollout(
    cluster: &Cluster,
    workload: &ObjectRef,
    seen: Option<&Value>,
    timeout: Duration,
    on: &mut (dyn FnMut(Waiting) + Send),
) -> Result<Value, WaitError> {
    Wait::new(cluster, workload, seen, on).within(timeout).await
}

/// Whether a workload still is as it was written.
pub type Keeps<'a> = &'a (dyn Fn(&Value) -> bool + Send + Sync);

/// As [`rollout`], of a workload that stays as it was written: it ends when `keeps` says no.
///
/// # Errors
///
/// As [`rollout`], and [`WaitError::Changed`].
pub async fn rollout_of(
    cluster: &Cluster,
    workload: &ObjectRef,
    seen: Option<&Value>,
    timeout: Duration,
    keeps: Keeps<'_>,
    on: &mut (dyn FnMut(Waiting) + Send),
) -> Result<Value, WaitError> {
    let wait = Wait { keeps: Some(keeps), ..Wait::new(cluster, workload, seen, on) };
    wait.within(timeout).await
}

/// As [`rollout_of`], but goes on after the controller of a Deployment gave the rollout up for taking
/// too long: for pods that do something before they are ready.
///
/// # Errors
///
/// As [`rollout_of`].
pub async fn slow_rollout(
    cluster: &Cluster,
    workload: &ObjectRef,
    seen: Option<&Value>,
    timeout: Duration,
    keeps: Keeps<'_>,
    on: &mut (dyn FnMut(Waiting) + Send),
) -> Result<Value, WaitError> {
    let new = Wait::new(cluster, workload, seen, on);
    let wait = Wait { outlasts_deadline: true, keeps: Some(keeps), ..new };
    wait.within(timeout).await
}

struct Wait<'a> {
    /// What fails is told and tried again here, within the time limit of the wait.
    cluster: Cluster,
    reference: &'a ObjectRef,
    on: &'a mut (dyn FnMut(Waiting) + Send),
    told: Option<Waiting>,
    told_fault: String,
    workloads: Collection,
    replica_sets: Collection,
    /// The pods to look at; none while the rollout goes on.
    pods: Option<Collection>,
    looked_at_pods: Option<Instant>,
    changes: watch::Receiver<u64>,
    workload: Option<Arc<Value>>,
    memory: Memory,
    min_generation: i64,
    outlasts_deadline: bool,
    keeps: Option<Keeps<'a>>,
    /// Whether a watch or list had the workload, so that its absence means something.
    was_there: bool,
    events: Vec<Value>,
    events_are_known: bool,
    /// When the status of the workload changed last.
    moved_at: Instant,
    /// When events were read last, or the workload moved after that.
    events_since: Instant,
}

impl<'a> Wait<'a> {
    fn new(
        cluster: &'a Cluster,
        reference: &'a ObjectRef,
        seen: Option<&Value>,
        on: &'a mut (dyn FnMut(Waiting) + Send),
    ) -> Self {
        let generation = seen.and_then(|seen| seen["metadata"]["generation"].as_i64());
        Self {
            cluster: cluster.without_patience(),
            reference,
            on,
            told: None,
            told_fault: String::new(),
            workloads: Collection::of(reference),
            replica_sets: beside(reference, "apps/v1", "ReplicaSet"),
            pods: None,
            looked_at_pods: None,
            changes: cluster.changes(),
            workload: seen.cloned().map(Arc::new),
            memory: Memory::of(seen, cluster.now()),
            min_generation: generation.unwrap_or_default(),
            outlasts_deadline: false,
            keeps: None,
            was_there: false,
            events: Vec::new(),
            events_are_known: false,
            moved_at: Instant::now(),
            events_since: Instant::now(),
        }
    }

    async fn within(mut self, timeout: Duration) -> Result<Value, WaitError> {
        if let Ok(result) = tokio::time::timeout(timeout, self.run()).await {
            return result;
        }
        self.find_pods().await;
        // Its pods may say more than it did, or that it came to its end at this moment.
        if let Some(result) = self.judge().await {
            return result;
        }
        let logs = self.logs(self.trouble().as_ref()).await;
        let last = self.told.map_or_else(|| "the API server".to_owned(), |told| told.message);
        Err(WaitError::TimedOut { workload: self.reference.clone(), last, after: timeout, logs })
    }

    async fn run(&mut self) -> Result<Value, WaitError> {
        if let Some(result) = self.judge().await {
            return result;
        }
        self.cluster.outdate("Pod");
        self.cluster.follow(&self.workloads);
        // News of other objects of the namespace must not put this off.
        let mut tick = tokio::time::interval_at(Instant::now() + TICK, TICK);
        loop {
            self.look()?;
            if let Some(result) = self.judge().await {
                return result;
            }
            tokio::select! {
                // The connection is held here, so the channel does not close.
                _ = self.changes.changed() => {}
                _ = tick.tick() => match self.is_lost() {
                    true => self.read_workload().await?,
                    false => self.read_events().await,
                },
            }
        }
    }

    /// Takes over what the watch of the workloads brought.
    fn look(&mut self) -> Result<(), WaitError> {
        let look = self.cluster.peek(&self.workloads).unwrap_or_default();
        if let Some(fault) = look.fault {
            if look.ended {
                return Err(fault.into());
            }
            let fault = format!("{fault}; trying again");
            if self.told_fault != fault {
                self.told_fault.clone_from(&fault);
                self.tell(fault);
            }
        }
        let name = self.reference.name.as_str();
        match look.objects.into_iter().find(|object| object["metadata"]["name"] == name) {
            Some(workload) => {
                self.was_there = true;
                self.set_workload(workload);
                Ok(())
            }
            None if self.was_there => Err(self.deleted()),
            None => Ok(()),
        }
    }

    /// Whether nobody told of the workload so far: it may not be there.
    fn is_lost(&self) -> bool {
        !self.was_there
    }

    async fn read_workload(&mut self) -> Result<(), WaitError> {
        match self.cluster.read(self.reference).await {
            Ok(Some(workload)) => self.set_workload(Arc::new(workload)),
            Ok(None) => return Err(self.deleted()),
            Err(error) if error.is_transient() => self.tell(format!("{error}; trying again")),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Remembers a state of the workload, unless a later one is known.
    fn set_workload(&mut self, workload: Arc<Value>) {
        let known = self.workload.as_deref();
        let generation = workload["metadata"]["generation"].as_i64().unwrap_or_default();
        if generation < self.min_generation || known.is_some_and(|known| is_later(known, &workload))
        {
            return;
        }
        if known.is_none_or(|known| known["status"] != workload["status"]) {
            (self.moved_at, self.events_since) = (Instant::now(), Instant::now());
        }
        self.workload = Some(workload);
    }

    async fn judge(&mut self) -> Option<Result<Value, WaitError>> {
        let workload = self.workload.as_ref()?;
        if self.keeps.is_some_and(|keeps| !keeps(workload)) {
            return Some(Err(WaitError::Changed { workload: self.reference.clone() }));
        }
        let message = match judge(workload, self.min_generation) {
            Progress::Done => return Some(Ok(workload.as_ref().clone())),
            Progress::Waiting(message) => message,
            Progress::Failed { reason } if self.outlasts_deadline && is_late(&reason) => reason,
            Progress::Failed { reason } if self.memory.is_old_deadline(workload, &reason) => {
                format!("new progress; before, {reason}")
            }
            Progress::Failed { reason } => return Some(Err(self.stuck(reason).await)),
        };
        if self.pods.is_some() || self.moved_at.elapsed() >= quiet(workload) {
            self.follow_pods();
            if !self.may_look_at_pods() {
                return None;
            }
        }
        self.follow_replica_sets_if_needed();
        match self.trouble() {
            Some(trouble) if trouble.fatal => Some(Err(self.failed(trouble).await)),
            Some(trouble) => {
                let Trouble { object, reason, message: words, .. } = trouble;
                self.tell(format!("{message}; `{object}` {reason}: {words}"));
                None
            }
            None => {
                self.tell(message);
                None
            }
        }
    }

    /// Follows the pods of the workload: those of the whole namespace where a quota may have no
    /// room, which others may make.
    fn follow_pods(&mut self) {
        let Some(workload) = &self.workload else { return };
        let all = beside(self.reference, "v1", "Pod");
        let pods = match selector(workload) {
            Some(selector) if !is_refused(workload) => all.with_labels(selector),
            _ => all,
        };
        self.cluster.follow(&pods);
        self.pods = Some(pods);
    }

    /// Whether it is time for another look at the pods; then they are remembered.
    fn may_look_at_pods(&mut self) -> bool {
        let look = self.pods.as_ref().and_then(|pods| self.cluster.peek(pods)).unwrap_or_default();
        let count = u32::try_from(look.objects.len()).unwrap_or(u32::MAX);
        let pause = LOOK_PER_POD.saturating_mul(count);
        if self.looked_at_pods.is_some_and(|at| at.elapsed() < pause) {
            return false;
        }
        self.looked_at_pods = Some(Instant::now());
        if look.complete {
            self.memory.note(&look.objects, self.cluster.now());
        }
        true
    }

    /// What is wrong, as far as that is known now: graces run out while the API server is away, and
    /// objects of before do not tell whether their trouble has passed meanwhile.
    fn trouble(&self) -> Option<Trouble> {
        let mut looked_at = self.pods.iter().chain([&self.replica_sets]);
        if looked_at.any(|of| self.cluster.peek(of).is_some_and(|look| look.is_stale())) {
            return None;
        }
        self.observed(diagnose)?
    }

    /// Which of a Deployment's ReplicaSets is the newest matters only when a pod is in trouble.
    fn follow_replica_sets_if_needed(&self) {
        if self.is_deployment() && self.observed(is_suspicious).unwrap_or_default() {
            self.cluster.follow(&self.replica_sets);
        }
    }

    /// Reads the pods and the ReplicaSets where they are not followed, for a wait that ends anyway.
    async fn find_pods(&mut self) {
        if let Some(selector) = self.workload.as_deref().and_then(selector)
            && self.pods.is_none()
        {
            let pods = beside(self.reference, "v1", "Pod").with_labels(selector);
            if let Ok(list) = self.cluster.list_kept(&pods, |pod| Some(kept(pod))).await {
                self.cluster.remember_list(&pods, &list);
                self.pods = Some(pods);
            }
        }
        if self.is_deployment()
            && self.cluster.peek(&self.replica_sets).is_none_or(|look| !look.complete)
            && let Ok(list) = self.cluster.list(&self.replica_sets).await
        {
            self.cluster.remember_list(&self.replica_sets, &list);
        }
    }

    fn is_deployment(&self) -> bool {
        self.reference.kind == "Deployment"
    }

    /// What `judgement` says of the workload and the objects around it; none without a workload.
    fn observed<T>(&self, judgement: impl FnOnce(&Observed<'_>) -> T) -> Option<T> {
        let objects = |collection| self.cluster.peek(collection).unwrap_or_default().objects;
        let pods = self.pods.as_ref().map(objects).unwrap_or_default();
        let replica_sets = objects(&self.replica_sets);
        Some(judgement(&Observed {
            workload: self.workload.as_deref()?,
            replica_sets: &replica_sets,
            pods: &pods,
            events: &self.events,
            events_are_known: self.events_are_known,
            memory: &self.memory,
            now: self.cluster.now(),
        }))
    }

    /// The controller gave up; a troubled pod says more about why.
    async fn stuck(&mut self, reason: String) -> WaitError {
        self.find_pods().await;
        match self.trouble() {
            Some(trouble) => self.failed(trouble).await,
            None => WaitError::Failed {
                workload: self.reference.clone(),
                object: self.reference.clone(),
                reason: "does not progress".to_owned(),
                message: reason,
                logs: Vec::new(),
            },
        }
    }

    async fn failed(&self, trouble: Trouble) -> WaitError {
        let logs = self.logs(Some(&trouble)).await;
        WaitError::Failed {
            workload: self.reference.clone(),
            object: trouble.object,
            reason: trouble.reason,
            message: trouble.message,
            logs,
        }
    }

    /// The last log lines of the troubled container, of its previous run when it crashed.
    async fn logs(&self, trouble: Option<&Trouble>) -> Vec<String> {
        let Some(Trouble { object, container: Some(container), crashed, .. }) = trouble else {
            return Vec::new();
        };
        let namespace = object.namespace.as_deref().unwrap_or_default();
        for previous in [true, false] {
            if previous && !crashed {
                continue;
            }
            let options = LogOptions { previous, ..LogOptions::tail(LOG_LINES) };
            let log = self.cluster.log(namespace, &object.name, container, &options).await;
            if let Ok(log) = log
                && !log.trim().is_empty()
            {
                return log.lines().map(str::to_owned).collect();
            }
        }
        Vec::new()
    }

    /// Events tell what objects do not (volumes, refused pods); they are read only at standstill.
    async fn read_events(&mut self) {
        if self.events_since.elapsed() < STANDSTILL || self.workload.is_none() {
            return;
        }
        self.events_since = Instant::now();
        let events = beside(self.reference, "v1", "Event").with_fields(BESIDE_THE_USUAL);
        let list = self.cluster.list_kept(&events, telling).await;
        self.events_are_known = list.is_ok();
        if let Ok(list) = list {
            self.events = list.items;
        }
    }

    fn tell(&mut self, message: String) {
        let (ready, desired) = self.workload.as_deref().map(counts).unwrap_or_default();
        let waiting = Waiting { object: self.reference.clone(), message, ready, desired };
        if self.told.as_ref() != Some(&waiting) {
            self.told = Some(waiting.clone());
            (self.on)(waiting);
        }
    }

    fn deleted(&self) -> WaitError {
        WaitError::Deleted { workload: self.reference.clone() }
    }
}
