//! A connection to a port of a pod, through the API server.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::io::DuplexStream;

use super::{Cluster, ClusterError, redact};

impl Cluster {
    /// Connects to `port` of a pod; no local port is opened.
    ///
    /// The stream ends when the pod does not listen on the port.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn port_forward(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> Result<DuplexStream, ClusterError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let ports = [port];
        let connecting = pods.portforward(pod, &ports);
        let forwarded = match self.timeout {
            Some(limit) => tokio::time::timeout(limit, connecting).await.map_err(|_| {
                ClusterError::Timeout { server: self.server().to_owned(), after: limit }
            })?,
            None => connecting.await,
        };
        let what = format!("the port-forward to pod/{pod}");
        let mut forwarded =
            forwarded.map_err(|error| redact::kube_error(&error, self.server(), &what))?;
        forwarded.take_stream(port).ok_or_else(|| ClusterError::Decode {
            what,
            reason: "the API server opened no stream".to_owned(),
        })
    }
}
