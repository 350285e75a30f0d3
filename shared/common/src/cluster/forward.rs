//! A connection to a port of a pod, through the API server.

use http::StatusCode;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::client::UpgradeConnectionError;
use tokio::io::DuplexStream;

use super::review::ServerVersion;
use super::{Cluster, ClusterError, redact};
use crate::rhacs::{Need, Permission};

/// What is asked for, as a resource.
const RESOURCE: &str = "pods/portforward";

/// The rights that a port-forward over WebSocket takes in `namespace` of an API server of
/// `version`: reading the subresource, and from Kubernetes 1.35 on creating it as well, as over
/// SPDY.
#[must_use]
pub fn port_forward_rights(version: &ServerVersion, namespace: &str) -> Vec<Permission> {
    let verbs: &[&str] =
        if (version.major, version.minor) >= (1, 35) { &["get", "create"] } else { &["get"] };
    let right = |verb: &&str| Permission {
        verb: (*verb).to_owned(),
        group: String::new(),
        resource: RESOURCE.to_owned(),
        name: None,
        namespace: Some(namespace.to_owned()),
        purpose: "reach Central through the API server".to_owned(),
        needed_for: Need::Run,
    };
    verbs.iter().map(right).collect()
}

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
        let mut forwarded = match forwarded {
            Ok(forwarded) => forwarded,
            Err(error) if names_nothing(&error) => {
                return Err(self.denied_port_forward(namespace, pod).await);
            }
            Err(error) => return Err(redact::kube_error(&error, self.server(), &what)),
        };
        forwarded.take_stream(port).ok_or_else(|| ClusterError::Decode {
            what,
            reason: "the API server opened no stream".to_owned(),
        })
    }

    /// The refusal of a port-forward, which names nothing, with the verb that is missing.
    async fn denied_port_forward(&self, namespace: &str, pod: &str) -> ClusterError {
        let version = self.server_version().await.unwrap_or_default();
        let wanted = port_forward_rights(&version, namespace);
        let mut missing = None;
        for right in &wanted {
            if self.review_access(right).await.is_ok_and(|decision| !decision.allowed) {
                missing = Some(right.verb.as_str());
                break;
            }
        }
        let message = match missing {
            Some(verb) => format!(
                "pods \"{pod}\" is forbidden: User cannot {verb} resource \"{RESOURCE}\" in API \
                 group \"\" in the namespace \"{namespace}\""
            ),
            None => {
                let verbs: Vec<&str> = wanted.iter().map(|right| right.verb.as_str()).collect();
                format!(
                    "the API server refuses the port-forward to pod/{pod}; it takes {} on \
                     {RESOURCE} in `{namespace}`",
                    verbs.join(" and ")
                )
            }
        };
        ClusterError::Forbidden { message }
    }
}

/// Whether it is a refusal that does not say what is not allowed.
fn names_nothing(error: &kube::Error) -> bool {
    match error {
        kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(status)) => {
            *status == StatusCode::FORBIDDEN
        }
        kube::Error::Api(status) => status.code == 403 && !status.message.contains(" cannot "),
        _ => false,
    }
}
