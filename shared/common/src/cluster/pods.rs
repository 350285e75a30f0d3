//! Pods by their label, with as few requests as possible.

use std::sync::Arc;

use serde_json::Value;

use super::informer::kept;
use super::list::Collection;
use super::{Cluster, ClusterError};

impl Cluster {
    /// The pods of the namespace whose label `app` is `app` and that fit: from a watch if there is
    /// one, or from a list of a moment ago if that has any; else from the API server.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn pods_of(
        &self,
        app: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Arc<Value>>, ClusterError> {
        let all = Collection::namespaced("v1", "Pod", self.namespace());
        let own = all.clone().with_labels(format!("app={app}"));
        let is_meant = |pod: &Arc<Value>| pod["metadata"]["labels"]["app"] == app && fits(pod);
        for collection in [&own, &all] {
            let look = self.peek(collection).filter(|look| look.live).unwrap_or_default();
            let is_watched = look.watched;
            let pods: Vec<_> = look.objects.into_iter().filter(is_meant).collect();
            if is_watched || !pods.is_empty() {
                return Ok(pods);
            }
        }
        let list = self.list_kept(&own, |pod| Some(kept(pod))).await?;
        self.remember_list(&own, &list);
        Ok(list.items.into_iter().map(Arc::new).filter(is_meant).collect())
    }
}
