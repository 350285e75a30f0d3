//! Reading the log of a container.

use super::request::{Call, Query};
use super::{Cluster, ClusterError};

/// Which part of a log is wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogOptions {
    /// The container that ran before the last restart.
    pub previous: bool,
    /// Only so many lines from the end.
    pub tail_lines: Option<u32>,
    /// Only lines since then, RFC 3339.
    pub since_time: Option<String>,
    /// At most so many bytes.
    pub limit_bytes: u32,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { previous: false, tail_lines: None, since_time: None, limit_bytes: 4 << 20 }
    }
}

impl LogOptions {
    /// The last `lines` lines.
    #[must_use]
    pub fn tail(lines: u32) -> Self {
        Self { tail_lines: Some(lines), ..Self::default() }
    }
}

impl Cluster {
    /// The log of a container; bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    ///
    /// `Server { status: 400, … }` while the container has not started, and everything a request
    /// can fail with.
    pub async fn log(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        options: &LogOptions,
    ) -> Result<String, ClusterError> {
        let query = Query::new()
            .with("container", container)
            .with_some("previous", options.previous.then_some("true"))
            .with_some("tailLines", options.tail_lines.map(|lines| lines.to_string()))
            .with_some("sinceTime", options.since_time.as_deref())
            .with("limitBytes", options.limit_bytes.to_string());
        let path = query.on(&format!("/api/v1/namespaces/{namespace}/pods/{pod}/log"));
        let bytes = self.bytes(&Call::get(path).accept("*/*")).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
