//! Watching a collection: the changes since a moment, as they happen.

use std::time::Duration;

use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;

use super::list::Collection;
use super::request::Call;
use super::{Cluster, ClusterError, redact};

/// The longest single line that is read; objects are limited to about 1.5 MiB by etcd.
const LONGEST_LINE: usize = 16 << 20;

/// A change of a watched collection.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchEvent {
    /// An object was created or came to fit the selector.
    Added(Value),
    /// An object changed.
    Modified(Value),
    /// An object was deleted or no longer fits; its last state.
    Deleted(Value),
    /// Nothing happened until this resource version.
    Bookmark(String),
}

/// A running watch; dropping it ends it.
pub struct Watch {
    body: Body,
    buffer: Vec<u8>,
    server: String,
}

impl Watch {
    /// The next change; none when the server ended the watch, as it does every few minutes.
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// `Gone` when the resource version is too old, `Unreachable` when the connection broke.
    pub async fn next(&mut self) -> Option<Result<WatchEvent, ClusterError>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                if line.trim_ascii().is_empty() {
                    continue;
                }
                return Some(parse(&line));
            }
            if self.buffer.len() > LONGEST_LINE {
                return Some(Err(unreadable("a line without end")));
            }
            match self.body.frame().await? {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Err(error) => return Some(Err(redact::transport_error(&error, &self.server))),
            }
        }
    }
}

impl Cluster {
    /// Watches a collection from a resource version, which a list returned, for at most `limit`.
    /// From an empty version it begins with an `Added` for every object there is.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with; a version too old may also show as the first event.
    pub async fn watch(
        &self,
        collection: &Collection,
        resource_version: &str,
        limit: Duration,
    ) -> Result<Watch, ClusterError> {
        let query = collection
            .query()
            .with("watch", "true")
            .with("allowWatchBookmarks", "true")
            .with_some("resourceVersion", Some(resource_version).filter(|v| !v.is_empty()))
            .with("timeoutSeconds", limit.as_secs().max(1).to_string());
        let response = self.stream(&Call::get(query.on(&collection.path()))).await?;
        Ok(Watch {
            body: response.into_body(),
            buffer: Vec::new(),
            server: self.server().to_owned(),
        })
    }
}

fn parse(line: &[u8]) -> Result<WatchEvent, ClusterError> {
    let mut event: Value =
        serde_json::from_slice(line).map_err(|error| unreadable(&error.to_string()))?;
    let object = event["object"].take();
    match event["type"].as_str() {
        Some("ADDED") => Ok(WatchEvent::Added(object)),
        Some("MODIFIED") => Ok(WatchEvent::Modified(object)),
        Some("DELETED") => Ok(WatchEvent::Deleted(object)),
        Some("BOOKMARK") => {
            let version = object["metadata"]["resourceVersion"].as_str().unwrap_or_default();
            Ok(WatchEvent::Bookmark(version.to_owned()))
        }
        Some("ERROR") => Err(ClusterError::from_status(500, &object, None)),
        _ => Err(unreadable("an event of no known type")),
    }
}

fn unreadable(reason: &str) -> ClusterError {
    ClusterError::Decode { what: "a watch".to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read() {
        let read = |line: &str| parse(line.as_bytes());
        let bookmark = read(r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}"#);
        assert_eq!(bookmark.unwrap(), WatchEvent::Bookmark("7".to_owned()));
        let expired =
            read(r#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}"#);
        assert!(matches!(expired, Err(ClusterError::Gone { .. })));
        assert!(matches!(read("{"), Err(ClusterError::Decode { .. })));
    }
}
