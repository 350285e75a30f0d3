//! Reads what decides about SCCs besides the installation: Roles of the cluster, pods of others.

use common::cluster::{Cluster, ClusterError, Collection, List};
use common::command::Session;
use common::exit::Exit;
use common::failure::Failure;
use common::observe::observe;
use common::rhacs::Snapshot;
use common::rhacs::scc::{KIND, admitted_by, is_marked};
use serde_json::Value;

/// What is said of pods that may not be listed, in [`Snapshot::unread`].
pub const OTHER_PODS: &str = "pods of other namespaces";
/// What is said of ClusterRoles that may not be listed.
pub const CLUSTER_ROLES: &str = "ClusterRoles";

const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// Reads the installation, without asking Central; among its objects then are the
/// cluster's Roles and bindings, and the pods of other namespaces that an SCC of the product
/// admitted.
///
/// # Errors
/// [`Exit::NoPath`] when this is no OpenShift, [`Exit::Blocked`] when SCCs may not be read.
pub async fn run(session: &Session) -> Result<Snapshot, Failure> {
    let namespace = session.namespace();
    let observed = observe(&session.cluster, namespace, session.env.now()).await;
    let mut snapshot = observed
        .map_err(|error| {
            error.into_failure(format!("cannot read the installation in `{namespace}`"))
        })?
        .snapshot;
    if session.is_rehearsal() {
        // The embedded cluster lives faster than this computer's clock.
        snapshot.server_time = None;
    }
    fit(&snapshot)?;
    surroundings(&session.cluster, &mut snapshot)
        .await
        .map_err(|error| error.into_failure("cannot read who may use which SCC".to_owned()))?;
    Ok(snapshot)
}

/// Whether there are SCCs to look at.
///
/// # Errors
/// [`Exit::NoPath`] when this is no OpenShift, [`Exit::Blocked`] when SCCs may not be read.
pub fn fit(snapshot: &Snapshot) -> Result<(), Failure> {
    if !snapshot.is_openshift() {
        return Err(Failure::new(
            Exit::NoPath,
            "this cluster is no OpenShift: it has no SecurityContextConstraints to look after",
        ));
    }
    let Some(reason) = snapshot.unread.get(KIND) else { return Ok(()) };
    Err(Failure::new(Exit::Blocked, "SecurityContextConstraints may not be read")
        .because(reason)
        .hint("kubectl auth can-i list securitycontextconstraints.security.openshift.io"))
}

async fn surroundings(cluster: &Cluster, snapshot: &mut Snapshot) -> Result<(), ClusterError> {
    let roles = Collection::all(RBAC, "ClusterRole");
    let bindings = Collection::all(RBAC, "ClusterRoleBinding");
    let pods = Collection::all("v1", "Pod");
    let (roles, bindings, pods) =
        tokio::join!(cluster.list(&roles), cluster.list(&bindings), cluster.list_metadata(&pods),);
    // One without the other tells nothing.
    let roles = readable(roles, CLUSTER_ROLES, snapshot)?;
    let bindings = readable(bindings, CLUSTER_ROLES, snapshot)?;
    if !snapshot.unread.contains_key(CLUSTER_ROLES) {
        snapshot.objects.extend(roles.into_iter().chain(bindings).map(trimmed));
    }
    let pods = readable(pods, OTHER_PODS, snapshot)?;
    let captured: Vec<Value> =
        pods.into_iter().filter(|pod| is_captured(snapshot, pod)).map(trimmed).collect();
    snapshot.objects.extend(captured);
    Ok(())
}

fn readable(
    answer: Result<List, ClusterError>,
    what: &str,
    snapshot: &mut Snapshot,
) -> Result<Vec<Value>, ClusterError> {
    match answer {
        Ok(list) => Ok(list.items),
        Err(ClusterError::Forbidden { message }) => {
            snapshot.unread.insert(what.to_owned(), message);
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// Whether a pod is not of the product's namespace, but was admitted by an SCC of the product.
fn is_captured(snapshot: &Snapshot, pod: &Value) -> bool {
    let is_ours = pod["metadata"]["namespace"] == snapshot.namespace.as_str();
    let scc = admitted_by(pod).and_then(|name| snapshot.object(KIND, name));
    !is_ours && scc.is_some_and(is_marked)
}

fn trimmed(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

#[cfg(test)]
mod tests {
    use common::rhacs::Platform;

    use super::*;

    #[test]
    fn without_openshift_there_is_nothing_to_look_after() {
        let mut snapshot = Snapshot { platform: Some(Platform::Kubernetes), ..Snapshot::default() };
        assert_eq!(fit(&snapshot).unwrap_err().exit(), Exit::NoPath);
        snapshot.platform = Some(Platform::OpenShift);
        fit(&snapshot).unwrap();
        snapshot.unread.insert(KIND.to_owned(), "forbidden".to_owned());
        assert_eq!(fit(&snapshot).unwrap_err().exit(), Exit::Blocked);
    }
}
