//! Watches: events as JSON lines until the time is up.

use std::sync::Arc;
use std::time::Duration;

use http::header;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::accept::{Form, wanted};
use super::body::{self, Answer};
use super::listing::{parse_version, selector};
use super::route::Target;
use super::selector::Selector;
use super::service::Call;
use super::table;
use crate::schema::convert;
use crate::store::{Event, EventKind, Status, Store, meta};

/// How often a quiet watch gets a bookmark.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// How long a watch lasts that does not say.
const DEFAULT_TIMEOUT: i64 = 1800;

/// Serves a watch.
pub(crate) fn watch(call: &Call, target: &Target) -> Result<Answer, Status> {
    let wanted = wanted(call.header(header::ACCEPT))?;
    let seconds = call.query.number("timeoutSeconds")?.unwrap_or(DEFAULT_TIMEOUT).max(0);
    let seconds = u64::try_from(seconds).unwrap_or_default();
    let from = call.query.get("resourceVersion").map(parse_version).transpose()?;
    let (sender, receiver) = mpsc::channel(64);
    let watcher = Watcher {
        store: call.shared.options.store.clone(),
        target: target.clone(),
        selector: selector(call, target)?,
        form: wanted.form,
        bookmarks: call.query.is_set("allowWatchBookmarks"),
        sender,
    };
    let initial = call.query.is_set("sendInitialEvents");
    let closing = call.shared.closing();
    let end = Instant::now() + Duration::from_secs(seconds);
    tokio::spawn(async move {
        let mut closing = closing;
        tokio::select! {
            _ = watcher.run(from, initial, end) => {}
            // The server stops, or every watch is to be dropped.
            _ = closing.changed() => {}
        }
    });
    Ok(body::respond(200, "application/json", body::stream(receiver)))
}

struct Watcher {
    store: Store,
    target: Target,
    selector: Selector,
    form: Form,
    bookmarks: bool,
    sender: mpsc::Sender<Bytes>,
}

/// The client is gone.
struct Gone;

impl Watcher {
    async fn run(self, from: Option<u64>, initial: bool, end: Instant) -> Result<(), Gone> {
        let mut position = self.store.position();
        let mut version = match from {
            Some(version) if version > 0 && !initial => version,
            _ => self.send_existing(initial).await?,
        };
        let mut next_bookmark = Instant::now() + BOOKMARK_EVERY;
        loop {
            match self.store.since(version) {
                Ok(events) => {
                    for event in events {
                        version = event.version;
                        self.send_event(&event).await?;
                    }
                }
                Err(status) => {
                    return self.send("ERROR", &status.to_value()).await;
                }
            }
            tokio::select! {
                moved = position.changed() => {
                    if moved.is_err() {
                        return Ok(());
                    }
                }
                () = tokio::time::sleep_until(next_bookmark) => {
                    next_bookmark += BOOKMARK_EVERY;
                    self.send_bookmark(self.store.version().max(version), false).await?;
                }
                () = tokio::time::sleep_until(end) => {
                    if version <= self.store.version() {
                        self.send_bookmark(self.store.version(), false).await?;
                    }
                    return Ok(());
                }
                () = self.sender.closed() => return Err(Gone),
            }
        }
    }

    async fn send_existing(&self, announce_end: bool) -> Result<u64, Gone> {
        let (objects, version) =
            self.store.snapshot(self.target.resource.key(), self.target.namespace());
        for object in objects.iter().filter(|object| self.selects(object)) {
            self.send("ADDED", &self.shown(object)).await?;
        }
        if announce_end {
            self.send_bookmark(version, true).await?;
        }
        Ok(version)
    }

    async fn send_event(&self, event: &Event) -> Result<(), Gone> {
        let of_other_place = event.resource.key() != self.target.resource.key()
            || self.target.namespace().is_some_and(|its| its != meta::namespace(&event.object));
        if of_other_place {
            return Ok(());
        }
        let before = event.old.as_ref().is_some_and(|old| self.selects(old));
        let after = event.kind != EventKind::Deleted && self.selects(&event.object);
        let kind = match (before, after) {
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
            (false, false) => return Ok(()),
        };
        self.send(kind, &self.shown(&event.object)).await
    }

    fn selects(&self, object: &Value) -> bool {
        // A request for one name in the path is a request for that field.
        let named = self.target.name.as_ref().is_none_or(|name| name == meta::name(object));
        named && self.selector.matches(object)
    }

    fn shown(&self, object: &Arc<Value>) -> Value {
        let value = convert::to_version(&self.target.resource, &self.target.version, object);
        match self.form {
            Form::Plain => value.into_owned(),
            Form::Metadata => table::partial(&value),
            Form::Table => {
                let metadata = json!({"resourceVersion": value["metadata"]["resourceVersion"]});
                let resource = &self.target.resource;
                table::table(
                    resource,
                    &[Arc::new(value.into_owned())],
                    metadata,
                    None,
                    self.store.now(),
                )
            }
        }
    }

    async fn send_bookmark(&self, version: u64, initial_end: bool) -> Result<(), Gone> {
        if !self.bookmarks && !initial_end {
            return Ok(());
        }
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let resource = &self.target.resource;
        let object = match self.form {
            Form::Plain => json!({
                "kind": resource.kind,
                "apiVersion": resource.api_version_of(&self.target.version),
                "metadata": metadata,
            }),
            Form::Metadata => json!({
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
            }),
            Form::Table => table::table(resource, &[], metadata, None, self.store.now()),
        };
        self.send("BOOKMARK", &object).await
    }

    async fn send(&self, kind: &str, object: &Value) -> Result<(), Gone> {
        let mut line = json!({"type": kind, "object": object}).to_string();
        line.push('\n');
        self.sender.send(Bytes::from(line)).await.map_err(|_| Gone)
    }
}
