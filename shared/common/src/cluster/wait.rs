//! Waiting for a rollout: it ends when it is done, when it cannot succeed, or when time is up.

#![expect(clippy::result_large_err, reason = "the error is made once, after minutes of waiting")]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::follow::{News, follow};
use super::list::Collection;
use super::log::LogOptions;
use super::rollout::{Observed, Progress, Trouble, counts, diagnose, judge};
use super::{Cluster, ClusterError};
use crate::rhacs::ObjectRef;

/// How often a rollout is judged anew when nothing happens: graces run out by themselves.
const TICK: Duration = Duration::from_secs(5);
/// How long a rollout stands still before its events are read, and how often then.
const STANDSTILL: Duration = Duration::from_secs(20);
const LOG_LINES: u32 = 20;

/// What a wait waits for at the moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Waiting {
    /// The workload.
    pub object: ObjectRef,
    /// For people: `1 of 2 new pods to be available`.
    pub message: String,
    /// Pods that are available with the new template.
    pub ready: u64,
    /// Pods that are wanted.
    pub desired: u64,
}

/// Why a wait ended without success.
#[derive(Clone, Debug, Error)]
pub enum WaitError {
    /// It cannot succeed by itself.
    #[error("the rollout of `{workload}` does not succeed: `{object}` {reason}: {message}")]
    Failed {
        /// The workload.
        workload: ObjectRef,
        /// The object that is in trouble, most often a pod.
        object: ObjectRef,
        /// The machine-readable reason, such as `ImagePullBackOff`.
        reason: String,
        /// The cluster's words.
        message: String,
        /// The last lines of the troubled container's log.
        logs: Vec<String>,
    },
    /// Time is up.
    #[error("the rollout of `{workload}` did not finish within {} s; it waited for {last}",
            .after.as_secs())]
    TimedOut {
        /// The workload.
        workload: ObjectRef,
        /// What it waited for last.
        last: String,
        /// How long it was waited for.
        after: Duration,
        /// The last lines of the log of a container that was in trouble.
        logs: Vec<String>,
    },
    /// There is no such workload (any more).
    #[error("`{workload}` is not there, so its rollout cannot be waited for")]
    Deleted {
        /// The workload.
        workload: ObjectRef,
    },
    /// The workload may not be read.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

impl WaitError {
    /// The last log lines that belong to the error.
    #[must_use]
    pub fn logs(&self) -> &[String] {
        match self {
            Self::Failed { logs, .. } | Self::TimedOut { logs, .. } => logs,
            Self::Deleted { .. } | Self::Cluster(_) => &[],
        }
    }
}

/// Waits until the rollout of `workload`, of `min_generation` at least, is complete and returns
/// the workload as it is then. `on` is told whenever what is waited for changes.
///
/// The workload, its pods and ReplicaSets are watched; a watch that breaks or expires is renewed,
/// and one that is forbidden is replaced by reading every few seconds. Dropping the future ends it
/// all.
///
/// # Errors
///
/// See [`WaitError`]; it fails at once when the pods cannot come up.
pub async fn rollout(
    cluster: &Cluster,
    workload: &ObjectRef,
    min_generation: i64,
    timeout: Duration,
    on: &mut (dyn FnMut(Waiting) + Send),
) -> Result<Value, WaitError> {
    let mut wait = Wait::start(cluster, workload, min_generation, on);
    match tokio::time::timeout(timeout, wait.run()).await {
        Ok(result) => result,
        Err(_) => {
            let trouble = wait.trouble();
            let logs = wait.logs(trouble.as_ref()).await;
            let last = wait.told.map_or_else(|| "the API server".to_owned(), |told| told.message);
            Err(WaitError::TimedOut { workload: workload.clone(), last, after: timeout, logs })
        }
    }
}

/// What is followed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Workload,
    ReplicaSets,
    Pods,
}

/// Objects by name.
type Objects = BTreeMap<String, Value>;

struct Wait<'a> {
    cluster: &'a Cluster,
    reference: &'a ObjectRef,
    min_generation: i64,
    on: &'a mut (dyn FnMut(Waiting) + Send),
    told: Option<Waiting>,
    tasks: JoinSet<()>,
    sender: mpsc::Sender<(Part, News)>,
    news: mpsc::Receiver<(Part, News)>,
    follows_pods: bool,
    workload: Option<Value>,
    replica_sets: Objects,
    pods: Objects,
    events: Vec<Value>,
    events_are_known: bool,
    moved_at: Instant,
}

impl<'a> Wait<'a> {
    fn start(
        cluster: &'a Cluster,
        reference: &'a ObjectRef,
        min_generation: i64,
        on: &'a mut (dyn FnMut(Waiting) + Send),
    ) -> Self {
        let (sender, news) = mpsc::channel(64);
        let mut tasks = JoinSet::new();
        follow(&mut tasks, cluster, Collection::only(reference), Part::Workload, sender.clone());
        Self {
            cluster,
            reference,
            min_generation,
            on,
            told: None,
            tasks,
            sender,
            news,
            follows_pods: false,
            workload: None,
            replica_sets: Objects::new(),
            pods: Objects::new(),
            events: Vec::new(),
            events_are_known: false,
            moved_at: Instant::now(),
        }
    }

    async fn run(&mut self) -> Result<Value, WaitError> {
        loop {
            match tokio::time::timeout(TICK, self.news.recv()).await {
                Ok(Some((part, news))) => self.take(part, news)?,
                // The sender is held here, so the channel does not close.
                Ok(None) => {}
                Err(_) if self.workload.is_none() => self.look().await?,
                Err(_) => self.read_events().await,
            }
            while let Ok((part, news)) = self.news.try_recv() {
                self.take(part, news)?;
            }
            if let Some(result) = self.judge().await {
                return result;
            }
        }
    }

    fn take(&mut self, part: Part, news: News) -> Result<(), WaitError> {
        match (part, news) {
            (_, News::Interrupted(error)) => self.tell(format!("{error}; trying again")),
            (Part::Workload, News::Ended(error)) => return Err(error.into()),
            // Without pods the wait still ends, only without saying why it fails.
            (_, News::Ended(_)) => {}
            (Part::Workload, News::All(items)) => match items.into_iter().next() {
                Some(workload) => self.set_workload(workload),
                None => return Err(self.deleted()),
            },
            (Part::Workload, News::Put(workload)) => self.set_workload(workload),
            (Part::Workload, News::Gone(_)) => return Err(self.deleted()),
            (Part::ReplicaSets, news) => update(&mut self.replica_sets, news),
            (Part::Pods, news) => update(&mut self.pods, news),
        }
        Ok(())
    }

    /// A watch of one object says nothing when there is none.
    async fn look(&mut self) -> Result<(), WaitError> {
        match self.cluster.read(self.reference).await {
            Ok(Some(workload)) => self.set_workload(workload),
            Ok(None) => return Err(self.deleted()),
            Err(error) if error.is_transient() => self.tell(format!("{error}; trying again")),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Remembers the workload; with the first one its selector is known, so its pods can be
    /// followed.
    fn set_workload(&mut self, workload: Value) {
        if self.workload.as_ref().is_none_or(|known| known["status"] != workload["status"]) {
            self.moved_at = Instant::now();
        }
        let is_done = judge(&workload, self.min_generation) == Progress::Done;
        if !self.follows_pods && !is_done {
            self.follow_pods(&workload);
        }
        self.workload = Some(workload);
    }

    fn follow_pods(&mut self, workload: &Value) {
        self.follows_pods = true;
        let namespace = self.reference.namespace.clone().unwrap_or_default();
        let selector = selector(&workload["spec"]["selector"]);
        let mut start = |api_version: &str, kind: &str, part: Part| {
            let collection = Collection::namespaced(api_version, kind, namespace.clone())
                .with_labels(selector.clone());
            follow(&mut self.tasks, self.cluster, collection, part, self.sender.clone());
        };
        if self.reference.kind == "Deployment" {
            start("apps/v1", "ReplicaSet", Part::ReplicaSets);
        }
        start("v1", "Pod", Part::Pods);
    }

    async fn judge(&mut self) -> Option<Result<Value, WaitError>> {
        let workload = self.workload.as_ref()?;
        let message = match judge(workload, self.min_generation) {
            Progress::Done => return self.workload.take().map(Ok),
            Progress::Waiting(message) => message,
            Progress::Failed { reason } => return Some(Err(self.stuck(reason).await)),
        };
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

    fn trouble(&self) -> Option<Trouble> {
        let replica_sets: Vec<Value> = self.replica_sets.values().cloned().collect();
        let pods: Vec<Value> = self.pods.values().cloned().collect();
        diagnose(&Observed {
            workload: self.workload.as_ref()?,
            replica_sets: &replica_sets,
            pods: &pods,
            events: &self.events,
            events_are_known: self.events_are_known,
            now: self.cluster.now(),
        })
    }

    /// The controller gave up; a troubled pod says more about why.
    async fn stuck(&self, reason: String) -> WaitError {
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
        if self.moved_at.elapsed() < STANDSTILL || self.workload.is_none() {
            return;
        }
        self.moved_at = Instant::now();
        let namespace = self.reference.namespace.clone().unwrap_or_default();
        let events = Collection::namespaced("v1", "Event", namespace);
        let list = self.cluster.list(&events).await;
        self.events_are_known = list.is_ok();
        if let Ok(list) = list {
            self.events = list.items;
        }
    }

    fn tell(&mut self, message: String) {
        let (ready, desired) = self.workload.as_ref().map(counts).unwrap_or_default();
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

fn update(objects: &mut Objects, news: News) {
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    match news {
        News::All(items) => {
            *objects = items.into_iter().map(|item| (name(&item), item)).collect();
        }
        News::Put(object) => {
            objects.insert(name(&object), object);
        }
        News::Gone(object) => {
            objects.remove(&name(&object));
        }
        News::Interrupted(_) | News::Ended(_) => {}
    }
}

/// A label selector in the syntax of URLs.
fn selector(selector: &Value) -> String {
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let mut terms: Vec<String> = labels
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
        .collect();
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or_default();
        let values = expression["values"].as_array().into_iter().flatten();
        let values = values.filter_map(Value::as_str).collect::<Vec<_>>().join(",");
        match expression["operator"].as_str() {
            Some("In") => terms.push(format!("{key} in ({values})")),
            Some("NotIn") => terms.push(format!("{key} notin ({values})")),
            Some("Exists") => terms.push(key.to_owned()),
            Some("DoesNotExist") => terms.push(format!("!{key}")),
            _ => {}
        }
    }
    terms.join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_are_written_as_urls_want_them() {
        let written = selector(&json!({
            "matchLabels": {"app": "central"},
            "matchExpressions": [
                {"key": "a", "operator": "In", "values": ["x", "y"]},
                {"key": "b", "operator": "DoesNotExist"},
            ],
        }));
        assert_eq!(written, "app=central,a in (x,y),!b");
    }
}
