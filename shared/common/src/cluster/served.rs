//! Which API groups the server serves.

use std::collections::BTreeSet;

use super::request::Call;
use super::{Cluster, ClusterError};

impl Cluster {
    /// The group versions the API server serves, such as `apps/v1`, without the core group.
    /// Discovery is open to every authenticated user, so this also tells an unserved kind from a
    /// forbidden one.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn served_versions(&self) -> Result<BTreeSet<String>, ClusterError> {
        let groups = self.json(Call::get("/apis")).await?;
        let versions = groups["groups"].as_array().into_iter().flatten();
        let versions =
            versions.flat_map(|group| group["versions"].as_array().into_iter().flatten());
        Ok(versions
            .filter_map(|version| version["groupVersion"].as_str())
            .map(str::to_owned)
            .collect())
    }
}
