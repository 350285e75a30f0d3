//! Where others reach into the server: faults, logs of pods, connections to pods, the request log.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::store::Status;

/// Decides about every request before it is served.
pub trait Gate: Send + Sync {
    /// What is to happen to the request.
    fn admit(&self, request: &RequestInfo) -> Verdict;
}

/// What a [`Gate`] says.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Serve it.
    Pass,
    /// Answer with this refusal instead.
    Answer(Status),
    /// Serve it after this real time.
    Delay(Duration),
    /// Drop the connection.
    Cut(CutAt),
}

/// When a connection is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutAt {
    /// Before the request took effect.
    Before,
    /// After it took effect; the client cannot know.
    After,
}

/// A request as the hooks see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestInfo {
    /// The HTTP method.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The query, without the question mark.
    pub query: String,
    /// The `User-Agent` header, empty when absent.
    pub user_agent: String,
}

/// One line of the request log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// The HTTP method.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The query, without the question mark.
    pub query: String,
    /// The `User-Agent` header, empty when absent.
    pub user_agent: String,
    /// The HTTP status, or 0 when the connection was cut.
    pub status: u16,
    /// When it was answered, by the clock of the cluster.
    pub at: jiff::Timestamp,
}

/// One line of a container's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub at: jiff::Timestamp,
    /// The line, without its end.
    pub text: String,
}

/// Supplies the logs of containers.
pub trait PodLogs: Send + Sync {
    /// All lines of a container that exists, oldest first; `previous` asks for the run before.
    ///
    /// # Errors
    /// A refusal, such as a container that is still waiting to start.
    fn lines(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        previous: bool,
    ) -> Result<Vec<LogLine>, Status>;
}

/// Two-way bytes.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection in the making.
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Duplex>>> + Send>>;

/// Connects to ports of pods.
pub trait PortForward: Send + Sync {
    /// Opens a connection to a port of a pod that exists.
    fn connect(&self, namespace: &str, pod: &str, port: u16) -> Connecting;
}
