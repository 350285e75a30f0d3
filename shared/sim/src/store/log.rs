//! The order of changes: versions, and the events a watch can still be told.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;

use super::Status;
use crate::schema::kinds::Resource;

/// How many events are remembered; an older watch must list again.
const MEMORY: usize = 20_000;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It is new.
    Added,
    /// It changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// One change of one object.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The resource of the object.
    pub resource: Arc<Resource>,
    /// The object after the change; the last state, with the version of the deletion, if deleted.
    pub object: Arc<Value>,
    /// The version of the store after the change.
    pub version: u64,
    /// The object before the change.
    pub old: Option<Arc<Value>>,
}

pub(crate) struct Log {
    events: VecDeque<Event>,
    version: u64,
    oldest: u64,
    unpublished: usize,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { events: VecDeque::new(), version: 1, oldest: 1, unpublished: 0 }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The version the next change will have; it is spent even if the event never comes.
    pub(crate) fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    pub(crate) fn append(&mut self, event: Event) {
        self.events.push_back(event);
        self.unpublished += 1;
        while self.events.len() > MEMORY {
            if let Some(dropped) = self.events.pop_front() {
                self.oldest = dropped.version;
            }
        }
    }

    pub(crate) fn since(&self, version: u64) -> Result<Vec<Event>, Status> {
        if version < self.oldest {
            let message = format!("too old resource version: {version} ({})", self.oldest);
            return Err(Status::expired(message));
        }
        let start = self.events.partition_point(|event| event.version <= version);
        Ok(self.events.iter().skip(start).cloned().collect())
    }

    pub(crate) fn compact(&mut self) {
        self.events.clear();
        self.unpublished = 0;
        self.oldest = self.version;
    }

    pub(crate) fn take_unpublished(&mut self) -> Vec<Event> {
        let fresh = self.unpublished.min(self.events.len());
        self.unpublished = 0;
        self.events.iter().skip(self.events.len() - fresh).cloned().collect()
    }
}
