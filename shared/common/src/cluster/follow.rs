//! Following a collection by a watch that survives everything but permissions that stay away.

use std::time::Duration;

use super::informer::{News, kept};
use super::list::Collection;
use super::options::Backoff;
use super::watch::{Watch, WatchEvent};
use super::{Cluster, ClusterError};

/// How long one watch is asked to last.
const WATCH_LIMIT: Duration = Duration::from_secs(540);
/// A watch that is silent for so long may be dead without anybody having told us: an API server
/// sends a bookmark every minute.
const LONGEST_SILENCE: Duration = Duration::from_secs(90);
/// The head of its answer comes at once, whatever the time limit of a request is.
const LONGEST_OPENING: Duration = Duration::from_secs(30);
/// How often the collection is read when it may not be watched.
const POLL: Duration = Duration::from_secs(3);
/// How often in a row what could be read before may be refused: an API server that has just started
/// does so until it has read its rules, and a token may be renewed meanwhile.
const MOST_REFUSALS: u32 = 5;
/// Waits between attempts to reach an API server that is away.
const RETURN: Backoff =
    Backoff { tries: u32::MAX, first: Duration::from_millis(500), longest: Duration::from_secs(8) };

/// Follows `collection` and tells all news of it, until it cannot be read at all or the future is
/// dropped. It goes on from `version`, the moment of an earlier list; without one it begins with a
/// list.
pub(super) async fn follow(
    cluster: Cluster,
    collection: Collection,
    version: String,
    tell: impl Fn(News) + Send,
) {
    let mut from = Some(version).filter(|version| !version.is_empty());
    let was_read = from.is_some();
    let mut follower = Follower { cluster, collection, tell, failures: 0, refusals: 0, was_read };
    loop {
        let version = match from.take() {
            Some(version) => version,
            None => match follower.read().await {
                Some(version) => version,
                None => return,
            },
        };
        match follower.watch(version).await {
            End::Continue(version) => from = Some(version),
            End::Restart => {}
            End::Hopeless => return,
        }
    }
}

struct Follower<F> {
    cluster: Cluster,
    collection: Collection,
    tell: F,
    failures: u32,
    refusals: u32,
    /// Whether it could be read at some time.
    was_read: bool,
}

/// Why a watch came to its end.
enum End {
    /// Another watch may go on from this resource version.
    Continue(String),
    /// The collection must be read anew.
    Restart,
    /// Nothing more can be found out.
    Hopeless,
}

impl<F: Fn(News) + Send> Follower<F> {
    /// Reads the collection, however long it takes; none when that is pointless.
    async fn read(&mut self) -> Option<String> {
        loop {
            match self.cluster.list_kept(&self.collection, |object| Some(kept(object))).await {
                Ok(list) => {
                    (self.failures, self.refusals, self.was_read) = (0, 0, true);
                    (self.tell)(News::All(list.items));
                    return Some(list.resource_version);
                }
                Err(error) => self.endure(error).await?,
            }
        }
    }

    async fn watch(&mut self, version: String) -> End {
        let opening = self.cluster.watch(&self.collection, &version, WATCH_LIMIT);
        let opened = tokio::time::timeout(LONGEST_OPENING, opening).await.unwrap_or_else(|_| {
            let server = self.cluster.server().to_owned();
            Err(ClusterError::Timeout { server, after: LONGEST_OPENING })
        });
        match opened {
            Ok(watch) => {
                (self.tell)(News::Watching);
                let end = self.relay(watch, version).await;
                (self.tell)(News::Unwatched);
                end
            }
            Err(ClusterError::Gone { .. }) => End::Restart,
            Err(ClusterError::Forbidden { .. }) => {
                tokio::time::sleep(POLL).await;
                End::Restart
            }
            Err(error) => self.go_on(error, version).await,
        }
    }

    /// Passes on what a watch brings until it ends.
    async fn relay(&mut self, mut watch: Watch, mut version: String) -> End {
        loop {
            let Ok(event) = tokio::time::timeout(LONGEST_SILENCE, watch.next()).await else {
                return End::Restart;
            };
            let news = match event {
                None => {
                    // A server that ends every watch at once must not be asked in a circle.
                    tokio::time::sleep(RETURN.jittered(1)).await;
                    return End::Continue(version);
                }
                Some(Err(ClusterError::Gone { .. })) => return End::Restart,
                Some(Err(error)) => return self.go_on(error, version).await,
                Some(Ok(WatchEvent::Bookmark(newer))) => {
                    advance(&mut version, &newer);
                    continue;
                }
                Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                    News::Put(object)
                }
                Some(Ok(WatchEvent::Deleted(object))) => News::Gone(object),
            };
            (self.failures, self.refusals) = (0, 0);
            if let News::Put(object) | News::Gone(object) = &news
                && let Some(newer) = object["metadata"]["resourceVersion"].as_str()
            {
                advance(&mut version, newer);
            }
            (self.tell)(news);
        }
    }

    async fn go_on(&mut self, error: ClusterError, version: String) -> End {
        match self.endure(error).await {
            Some(()) => End::Continue(version),
            None => End::Hopeless,
        }
    }

    /// Tells of an error and waits before the next attempt; none when there shall be none.
    async fn endure(&mut self, error: ClusterError) -> Option<()> {
        if self.is_hopeless(&error) {
            (self.tell)(News::Ended(error));
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        (self.tell)(News::Interrupted(error));
        tokio::time::sleep(RETURN.jittered(self.failures)).await;
        Some(())
    }

    /// Whether trying on is pointless: what is refused from the first on stays so.
    fn is_hopeless(&mut self, error: &ClusterError) -> bool {
        match error {
            ClusterError::Forbidden { .. }
            | ClusterError::Unauthorized { .. }
            | ClusterError::NotFound { .. } => {
                self.refusals += 1;
                !self.was_read || self.refusals > MOST_REFUSALS
            }
            ClusterError::Config { .. } => true,
            _ => false,
        }
    }
}

/// Moves on to a newer version, never back.
fn advance(version: &mut String, seen: &str) {
    let number = |text: &str| text.parse::<u64>().ok();
    match (number(version), number(seen)) {
        (Some(known), Some(seen)) if seen < known => {}
        _ => seen.clone_into(version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_never_goes_back() {
        let mut version = String::new();
        for seen in ["7", "12", "9", "13"] {
            advance(&mut version, seen);
        }
        assert_eq!(version, "13");
    }
}
