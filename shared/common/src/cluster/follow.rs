//! Following a collection by a watch that survives everything but missing permissions.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::list::Collection;
use super::options::Backoff;
use super::watch::{Watch, WatchEvent};
use super::{Cluster, ClusterError};

/// How long one watch is asked to last.
const WATCH_LIMIT: Duration = Duration::from_secs(240);
/// A watch that is silent for so long may be dead without anybody having told us.
const LONGEST_SILENCE: Duration = Duration::from_secs(90);
/// How often the collection is read when it may not be watched.
const POLL: Duration = Duration::from_secs(3);
/// Waits between attempts to reach an API server that is away.
const RETURN: Backoff =
    Backoff { tries: u32::MAX, first: Duration::from_millis(500), longest: Duration::from_secs(8) };

/// News of a followed collection.
#[derive(Debug)]
pub(super) enum News {
    /// All its objects, in place of what was known.
    All(Vec<Value>),
    /// One object is new or changed.
    Put(Value),
    /// One object is gone.
    Gone(Value),
    /// It cannot be read at the moment; trying goes on.
    Interrupted(ClusterError),
    /// It cannot be read at all; nothing more will come.
    Ended(ClusterError),
}

/// Follows `collection` in a task of `tasks`; each piece of news is sent with `tag`.
pub(super) fn follow<T: Copy + Send + Sync + 'static>(
    tasks: &mut JoinSet<()>,
    cluster: &Cluster,
    collection: Collection,
    tag: T,
    news: mpsc::Sender<(T, News)>,
) {
    let follower = Follower { cluster: cluster.clone(), collection, tag, news, failures: 0 };
    tasks.spawn(follower.run());
}

struct Follower<T> {
    cluster: Cluster,
    collection: Collection,
    tag: T,
    news: mpsc::Sender<(T, News)>,
    failures: u32,
}

/// Why a watch came to its end.
enum End {
    /// Another watch may go on from this resource version.
    Continue(String),
    /// The collection must be read anew.
    Restart,
    /// Nobody listens any more.
    Unheard,
}

impl<T: Copy + Send + Sync + 'static> Follower<T> {
    async fn run(mut self) {
        // A watch from no version begins with all there is: one request instead of two.
        let mut version = String::new();
        loop {
            match self.watch(version).await {
                End::Continue(next) => version = next,
                End::Restart => match self.read().await {
                    Some(moment) => version = moment,
                    None => return,
                },
                End::Unheard => return,
            }
        }
    }

    /// Reads the collection, however long it takes; none when that is pointless.
    async fn read(&mut self) -> Option<String> {
        loop {
            match self.cluster.list(&self.collection).await {
                Ok(list) => {
                    self.failures = 0;
                    self.tell(News::All(list.items)).await?;
                    return Some(list.resource_version);
                }
                Err(error) => self.endure(error).await?,
            }
        }
    }

    async fn watch(&mut self, version: String) -> End {
        match self.cluster.watch(&self.collection, &version, WATCH_LIMIT).await {
            Ok(watch) => self.relay(watch, version).await,
            Err(ClusterError::Gone { .. }) => End::Restart,
            Err(ClusterError::Forbidden { .. }) => {
                if !version.is_empty() {
                    tokio::time::sleep(POLL).await;
                }
                End::Restart
            }
            Err(error) => match self.endure(error).await {
                Some(()) => End::Continue(version),
                None => End::Unheard,
            },
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
                Some(Err(error)) => {
                    return match self.endure(error).await {
                        Some(()) => End::Continue(version),
                        None => End::Unheard,
                    };
                }
                Some(Ok(WatchEvent::Bookmark(newer))) => {
                    advance(&mut version, &newer);
                    continue;
                }
                Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                    News::Put(object)
                }
                Some(Ok(WatchEvent::Deleted(object))) => News::Gone(object),
            };
            self.failures = 0;
            if let News::Put(object) | News::Gone(object) = &news
                && let Some(newer) = object["metadata"]["resourceVersion"].as_str()
            {
                advance(&mut version, newer);
            }
            if self.tell(news).await.is_none() {
                return End::Unheard;
            }
        }
    }

    /// Tells of an error and waits before the next attempt; none when there shall be none.
    async fn endure(&mut self, error: ClusterError) -> Option<()> {
        let hopeless = matches!(
            error,
            ClusterError::Forbidden { .. }
                | ClusterError::Unauthorized { .. }
                | ClusterError::NotFound { .. }
                | ClusterError::Config { .. }
        );
        if hopeless {
            self.tell(News::Ended(error)).await;
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        self.tell(News::Interrupted(error)).await?;
        tokio::time::sleep(RETURN.jittered(self.failures)).await;
        Some(())
    }

    async fn tell(&self, news: News) -> Option<()> {
        self.news.send((self.tag, news)).await.ok()
    }
}

/// Moves on to a newer version. The objects that a watch begins with come in any order.
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
