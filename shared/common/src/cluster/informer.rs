//! The objects of a collection, kept up to date by one watch that everybody shares.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::follow::follow;
use super::list::{Collection, List};
use super::{Cluster, ClusterError};
use crate::rhacs::ObjectRef;

/// After so much time an open watch has brought what happened before it was opened.
const SETTLED: Duration = Duration::from_secs(1);
/// A list this old may stand for the present where nothing depends on the last second.
const RECENT: Duration = Duration::from_secs(15);
/// What is kept of the specification of a pod.
const IN_PODS: [&str; 3] = ["nodeName", "containers", "initContainers"];

/// The informers of one connection. Their watches are opened when they are first needed and stay
/// open until the last clone of the connection is dropped.
pub(super) struct Informers {
    followed: Mutex<Vec<Informer>>,
    changed: watch::Sender<u64>,
}

/// One followed collection.
struct Informer {
    collection: Collection,
    state: Arc<Mutex<State>>,
    task: Option<JoinHandle<()>>,
}

/// What is known of a collection.
#[derive(Default)]
pub(super) struct State {
    objects: BTreeMap<String, Arc<Value>>,
    /// Whether `objects` were all there were at some moment.
    complete: bool,
    /// The moment of the last list, for a watch from there.
    version: String,
    listed_at: Option<Instant>,
    /// Since when a watch is open, if one is.
    watched_since: Option<Instant>,
    /// Why it cannot be read at the moment.
    fault: Option<ClusterError>,
    /// Whether that will not pass: nothing more will come.
    ended: bool,
}

/// News of a followed collection.
#[derive(Debug)]
pub(super) enum News {
    /// All its objects at a moment, in place of what was known.
    All(Vec<Value>),
    /// A watch was opened: from now on changes are told.
    Watching,
    /// The watch has ended, as all do: until the next one nothing is told.
    Unwatched,
    /// One object is new or changed.
    Put(Value),
    /// One object is gone.
    Gone(Value),
    /// It cannot be read at the moment; trying goes on.
    Interrupted(ClusterError),
    /// It cannot be read at all; nothing more will come.
    Ended(ClusterError),
}

/// A look at a followed collection.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    /// The objects.
    pub(super) objects: Vec<Arc<Value>>,
    /// They are all there are, not only some that were seen so far.
    pub(super) complete: bool,
    /// They are those of the present.
    pub(super) live: bool,
    /// What happens is told within moments, so that asking tells no more.
    pub(super) watched: bool,
    /// Why it cannot be read at the moment.
    pub(super) fault: Option<ClusterError>,
    /// It cannot be read at all.
    pub(super) ended: bool,
}

impl Look {
    /// Whether these are objects of some time ago, of which nobody knows what they are now.
    pub(super) fn is_stale(&self) -> bool {
        !self.objects.is_empty() && self.fault.is_some()
    }
}

impl Cluster {
    /// Takes over a list as the beginning of a watch that may be needed later, which saves reading
    /// the collection once more. Too old a list does no harm: the API server says so, and it is
    /// read anew.
    pub fn remember_list(&self, collection: &Collection, list: &List) {
        if !list.served || list.resource_version.is_empty() {
            return;
        }
        let mut state = State { version: list.resource_version.clone(), ..State::default() };
        state.take(News::All(list.items.clone()));
        let mut followed = self.informers.followed();
        match followed.iter_mut().find(|known| known.collection == *collection) {
            Some(known) if known.task.is_some() => lock(&known.state).adopt(list.items.clone()),
            Some(known) => known.state = Arc::new(Mutex::new(state)),
            None => {
                let (collection, state) = (collection.clone(), Arc::new(Mutex::new(state)));
                followed.push(Informer { collection, state, task: None });
            }
        }
    }

    /// Takes over some objects of a collection that were read a moment ago. The others are not
    /// known by that, and nothing is followed.
    pub fn remember_objects(
        &self,
        collection: &Collection,
        objects: impl IntoIterator<Item = Value>,
    ) {
        let mut state = State::default();
        for object in objects {
            state.take(News::Put(object));
        }
        let mut followed = self.informers.followed();
        if !followed.iter().any(|known| known.collection == *collection) {
            let (collection, state) = (collection.clone(), Arc::new(Mutex::new(state)));
            followed.push(Informer { collection, state, task: None });
        }
    }

    /// The object as the watches of this connection saw it last, when one of them covers it, and
    /// whether that is its present state. It may be younger or older than what a write returned.
    #[must_use]
    pub fn seen(&self, object: &ObjectRef) -> Option<(Arc<Value>, bool)> {
        let look = self.peek(&Collection::of(object))?;
        let found = look.objects.into_iter().find(|known| is_named(known, &object.name))?;
        Some((found, look.live))
    }

    /// Follows a collection from now on, unless it is followed already.
    pub(super) fn follow(&self, collection: &Collection) {
        let mut followed = self.informers.followed();
        let place = followed.iter().position(|known| known.collection == *collection);
        let place = place.unwrap_or_else(|| {
            let (collection, state) = (collection.clone(), Arc::default());
            followed.push(Informer { collection, state, task: None });
            followed.len() - 1
        });
        let informer = &mut followed[place];
        if informer.task.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let state = Arc::clone(&informer.state);
        let version = {
            let mut state = lock(&state);
            (state.ended, state.fault) = (false, None);
            std::mem::take(&mut state.version)
        };
        let changed = self.informers.changed.clone();
        let tell = move |news: News| {
            lock(&state).take(news);
            changed.send_modify(|count| *count = count.wrapping_add(1));
        };
        // The task must not keep alive what ends it.
        let alone = Self { informers: Arc::default(), ..self.without_patience() };
        informer.task = Some(tokio::spawn(follow(alone, collection.clone(), version, tell)));
    }

    /// Lists of objects of this kind of a moment ago say no longer what there is: it is about to
    /// change.
    pub(super) fn outdate(&self, kind: &str) {
        let followed = self.informers.followed();
        for known in followed.iter().filter(|known| known.collection.kind == kind) {
            lock(&known.state).listed_at = None;
        }
    }

    /// What is known of a collection that is or was followed or listed; none when it never was.
    pub(super) fn peek(&self, collection: &Collection) -> Option<Look> {
        let followed = self.informers.followed();
        let known = followed.iter().find(|known| known.collection == *collection)?;
        Some(lock(&known.state).look(Instant::now()))
    }

    /// Tells of every change of anything that is followed.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.informers.changed.subscribe()
    }
}

impl Informers {
    fn followed(&self) -> MutexGuard<'_, Vec<Informer>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Informers {
    fn default() -> Self {
        Self { followed: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl fmt::Debug for Informers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let followed = self.followed();
        let names = followed.iter().map(|informer| informer.collection.path());
        f.debug_list().entries(names).finish()
    }
}

impl Drop for Informer {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl State {
    fn take(&mut self, news: News) {
        self.take_at(news, Instant::now());
    }

    fn take_at(&mut self, news: News, now: Instant) {
        match news {
            News::All(items) => {
                self.objects = items.into_iter().map(kept_by_name).collect();
                (self.complete, self.listed_at, self.fault) = (true, Some(now), None);
            }
            News::Watching => (self.watched_since, self.fault) = (Some(now), None),
            News::Unwatched => self.watched_since = None,
            News::Put(object) => {
                let (name, object) = kept_by_name(object);
                self.objects.insert(name, object);
            }
            News::Gone(object) => drop(self.objects.remove(&name(&object))),
            News::Interrupted(error) => {
                (self.watched_since, self.fault) = (None, Some(error));
            }
            News::Ended(error) => {
                (self.watched_since, self.fault, self.ended) = (None, Some(error), true);
            }
        }
    }

    /// Takes over a list that was read beside what follows the collection: the latter is newer,
    /// once it could read anything.
    fn adopt(&mut self, items: Vec<Value>) {
        if !self.complete {
            self.take(News::All(items));
        }
    }

    fn look(&self, now: Instant) -> Look {
        let age = |moment: Instant| now.saturating_duration_since(moment);
        let is_settled = self.watched_since.is_some_and(|since| age(since) >= SETTLED);
        let is_recent = self.listed_at.is_some_and(|at| age(at) < RECENT);
        Look {
            objects: self.objects.values().cloned().collect(),
            complete: self.complete,
            live: self.complete && (is_settled || is_recent),
            watched: self.complete && is_settled,
            fault: self.fault.clone(),
            ended: self.ended,
        }
    }
}

/// Whether `new` is a later state of the same object than `old`. Versions are numbers in practice;
/// of others nothing is said.
#[must_use]
pub fn is_later(new: &Value, old: &Value) -> bool {
    let version = |object: &Value| -> Option<u64> {
        object["metadata"]["resourceVersion"].as_str()?.parse().ok()
    };
    matches!((version(new), version(old)), (Some(new), Some(old)) if new > old)
}

/// An object as it is kept: who owns which field is of no interest, and long. Of pods there may be
/// thousands: of what they were made of only the images are.
pub(super) fn kept(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    if object["kind"] == "Pod"
        && let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
    {
        spec.retain(|field, _| IN_PODS.contains(&field.as_str()));
        for containers in spec.values_mut().filter_map(Value::as_array_mut) {
            for container in containers.iter_mut().filter_map(Value::as_object_mut) {
                container.retain(|field, _| matches!(field.as_str(), "name" | "image"));
            }
        }
    }
    object
}

fn kept_by_name(object: Value) -> (String, Arc<Value>) {
    (name(&object), Arc::new(kept(object)))
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

fn is_named(object: &Value, name: &str) -> bool {
    object["metadata"]["name"] == name
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, version: &str) -> Value {
        json!({"metadata": {"name": name, "resourceVersion": version, "managedFields": [1]}})
    }

    #[test]
    fn what_is_known_follows_the_news() {
        let mut state = State::default();
        let now = Instant::now();
        assert!(!state.look(now).complete);
        state.take(News::All(vec![pod("a", "1"), pod("b", "2")]));
        state.take(News::Put(pod("b", "3")));
        state.take(News::Put(pod("c", "4")));
        state.take(News::Gone(pod("a", "5")));
        let look = state.look(now);
        let names: Vec<&Value> = look.objects.iter().map(|pod| &pod["metadata"]["name"]).collect();
        assert_eq!(names, ["b", "c"]);
        assert_eq!(look.objects[0]["metadata"]["resourceVersion"], "3");
        assert!(look.objects[0]["metadata"].get("managedFields").is_none());
        state.take(News::All(vec![pod("d", "9")]));
        assert_eq!(state.look(now).objects.len(), 1, "a list replaces what was known");
    }

    #[test]
    fn of_a_pod_only_what_tells_how_it_does_is_kept() {
        let container = json!({"name": "a", "image": "b:1", "env": [{"name": "x"}]});
        let spec = json!({"nodeName": "n", "containers": [container], "volumes": [{"name": "v"}]});
        let status = json!({"phase": "Running"});
        let pod = json!({"kind": "Pod", "spec": spec, "status": status});
        let left = json!({"nodeName": "n", "containers": [{"name": "a", "image": "b:1"}]});
        assert_eq!(kept(pod), json!({"kind": "Pod", "spec": left, "status": status}));
        let set = json!({"kind": "DaemonSet", "spec": spec});
        assert_eq!(kept(set.clone()), set);
    }

    #[test]
    fn only_an_open_watch_or_a_recent_list_is_the_present() {
        let mut state = State::default();
        let start = Instant::now();
        state.take_at(News::All(Vec::new()), start);
        assert!(state.look(start).live && !state.look(start).watched);
        let later = start + RECENT;
        assert!(!state.look(later).live);
        state.take_at(News::Watching, later);
        assert!(!state.look(later).live, "what happened before may still be on its way");
        assert!(state.look(later + SETTLED).live && state.look(later + SETTLED).watched);
        let server = "https://api:6443".to_owned();
        let error = ClusterError::Timeout { server, after: Duration::from_secs(1) };
        state.take_at(News::Interrupted(error), later + SETTLED);
        let look = state.look(later + SETTLED);
        assert!(!look.live && look.fault.is_some());
        assert!(!look.is_stale(), "of nothing nothing wrong is known");
    }

    #[test]
    fn a_list_counts_where_following_has_brought_nothing_yet() {
        let mut state = State::default();
        let server = "https://api:6443".to_owned();
        state.take(News::Interrupted(ClusterError::Timeout {
            server,
            after: Duration::from_secs(1),
        }));
        state.adopt(vec![pod("a", "1")]);
        let look = state.look(Instant::now());
        assert!(look.complete && look.objects.len() == 1 && !look.is_stale());
        state.take(News::Put(pod("b", "2")));
        state.adopt(vec![pod("a", "1")]);
        assert_eq!(state.look(Instant::now()).objects.len(), 2, "what is followed is newer");
    }

    #[test]
    fn a_watch_that_has_ended_tells_no_longer_what_happens() {
        let mut state = State::default();
        let start = Instant::now();
        state.take_at(News::All(vec![pod("a", "1")]), start);
        state.take_at(News::Watching, start);
        let later = start + RECENT;
        assert!(state.look(later).live);
        state.take_at(News::Unwatched, later);
        assert!(!state.look(later).live);
        state.take_at(News::Watching, later);
        assert!(state.look(later + SETTLED).live);
    }

    #[test]
    fn what_cannot_be_read_any_more_is_stale_until_it_is_told_anew() {
        let server = "https://api:6443".to_owned();
        let error = ClusterError::Timeout { server, after: Duration::from_secs(1) };
        let mut state = State::default();
        let now = Instant::now();
        state.take_at(News::All(vec![pod("a", "1")]), now);
        assert!(!state.look(now).is_stale());
        state.take_at(News::Interrupted(error), now);
        assert!(state.look(now).complete && state.look(now).is_stale());
        state.take_at(News::Watching, now);
        assert!(!state.look(now).is_stale());
    }

    #[test]
    fn later_is_told_by_number() {
        assert!(is_later(&pod("a", "10"), &pod("a", "9")));
        assert!(!is_later(&pod("a", "9"), &pod("a", "9")));
        assert!(!is_later(&pod("a", "x"), &pod("a", "9")));
    }
}
