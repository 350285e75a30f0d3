//! Events on the objects that are touched, so that `kubectl describe` tells what was done.

use jiff::Timestamp;
use serde_json::json;

use super::{Cluster, FIELD_MANAGER, WriteOptions};
use crate::rhacs::ObjectRef;

/// The API server refuses longer messages.
const LONGEST_MESSAGE: usize = 1024;

/// What an event says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EventNote {
    /// Whether it is a warning rather than something normal.
    pub warning: bool,
    /// One word in camel case, such as `Upgraded`.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl Cluster {
    /// Writes an event on an object. Best effort: who may not write events still upgrades.
    pub async fn note(&self, object: &ObjectRef, uid: Option<&str>, note: &EventNote) {
        let now = self.now();
        // The same rule as the API's: events of cluster-wide objects are in `default`.
        let namespace = object.namespace.as_deref().unwrap_or("default");
        let event = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": format!("{}.{:x}", object.name, now.as_nanosecond()),
                "namespace": namespace,
            },
            "involvedObject": {
                "apiVersion": object.api_version,
                "kind": object.kind,
                "namespace": object.namespace,
                "name": object.name,
                "uid": uid,
            },
            "type": if note.warning { "Warning" } else { "Normal" },
            "reason": note.reason,
            "message": shortened(&note.message),
            "source": {"component": FIELD_MANAGER},
            "reportingComponent": FIELD_MANAGER,
            "reportingInstance": FIELD_MANAGER,
            "firstTimestamp": seconds(now),
            "lastTimestamp": seconds(now),
            "count": 1,
        });
        drop(self.create(&event, &WriteOptions::default()).await);
    }
}

/// A time as `metav1.Time` has it.
pub(super) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn shortened(message: &str) -> &str {
    let mut end = message.len().min(LONGEST_MESSAGE);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    &message[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_are_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        let long = "ä".repeat(800);
        assert!(shortened(&long).len() <= LONGEST_MESSAGE);
        assert_eq!(seconds(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00Z");
    }
}
