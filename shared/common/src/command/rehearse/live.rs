//! A copy of the live cluster: the namespace, the product's cluster-wide objects, the recorded runs.

use serde_json::Value;

use super::past::Past;
use crate::cluster::{Cluster, ClusterError, Collection, Options, secret_facts};
use crate::command::Flags;
use crate::failure::Failure;
use crate::plan::check_manifest;
use crate::rhacs::{Component, Snapshot, Version};

/// A copy of the namespace and of the product's cluster-wide objects; Secrets without their data,
/// for which the embedded cluster puts in its own. The records of runs hold such data, too: they
/// follow when the embedded cluster is there.
pub(super) async fn copy(flags: &Flags, options: &Options) -> Result<(Vec<Value>, Past), Failure> {
    let connect = Cluster::connect(&flags.connection, options).await;
    let cluster = connect.map_err(|error| error.into_failure("cannot connect to the cluster"))?;
    let namespace = flags.connection.namespace();
    let cannot = "cannot copy the installation";
    let served = cluster.served_versions().await.map_err(|error| error.into_failure(cannot))?;
    let mut objects = Vec::new();
    for (api_version, kind, namespaced) in COPIED {
        if *api_version != "v1" && !served.contains(*api_version) {
            continue;
        }
        let collection = if *namespaced {
            Collection::namespaced(api_version, kind, namespace)
        } else {
            Collection::all(api_version, kind)
        };
        match cluster.list(&collection).await {
            Ok(list) => objects.extend(list.items),
            // What may not be read is not copied; the run finds out what it misses.
            Err(ClusterError::Forbidden { .. }) => {}
            Err(error) => return Err(error.into_failure(cannot)),
        }
    }
    objects.retain(|object| is_of_product(object, namespace));
    refuse_managed(&objects, flags)?;
    objects.retain(|object| object["type"] != "helm.sh/release.v1");
    let past = Past::read(&cluster, &objects).await?;
    objects.iter_mut().for_each(redact);
    Ok((objects, past))
}

/// A copy has neither operator nor Helm, so that a rehearsal on it would prove nothing.
fn refuse_managed(objects: &[Value], flags: &Flags) -> Result<(), Failure> {
    let is_secret = |object: &&Value| object["kind"] == "Secret";
    let snapshot = Snapshot {
        namespace: flags.connection.namespace().to_owned(),
        objects: objects.iter().filter(|object| !is_secret(object)).cloned().collect(),
        secrets: objects.iter().filter(is_secret).map(secret_facts).collect(),
        ..Snapshot::default()
    };
    let newest = Version::release(3, 74, 9);
    check_manifest(&snapshot, flags.to.as_ref().unwrap_or(&newest), &Component::ALL)
        .map_err(|unfit| unfit.into_failure())
}

/// Cluster-wide objects belong to the product when they say so.
fn is_of_product(object: &Value, namespace: &str) -> bool {
    let metadata = &object["metadata"];
    if metadata["namespace"] == namespace {
        return match object["kind"].as_str() {
            Some("Secret") => !is_record(object),
            Some("ReplicaSet") => is_revision(object),
            _ => true,
        };
    }
    let users = object["users"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let account = format!("system:serviceaccount:{namespace}:");
    metadata["labels"]["app.kubernetes.io/name"] == "stackrox"
        || metadata["name"].as_str().is_some_and(|name| name.starts_with("stackrox"))
        || users.into_iter().any(|user| user.starts_with(&account))
}

/// Whether it holds the record of a run, or a part of one.
fn is_record(secret: &Value) -> bool {
    secret["type"].as_str().is_some_and(|kind| kind.starts_with("rhacs.kubectl/"))
}

/// Whether it keeps a revision of a Deployment.
fn is_revision(set: &Value) -> bool {
    let owners = set["metadata"]["ownerReferences"].as_array();
    owners.into_iter().flatten().any(|owner| owner["kind"] == "Deployment")
}

/// Secrets never leave the cluster: the copy has their keys only.
fn redact(object: &mut Value) {
    if object["kind"] == "Secret"
        && let Some(data) = object.get_mut("data").and_then(Value::as_object_mut)
    {
        data.values_mut().for_each(|value| *value = Value::String(String::new()));
    }
}

const COPIED: &[(&str, &str, bool)] = &[
    ("v1", "ServiceAccount", true),
    ("v1", "Secret", true),
    ("v1", "ConfigMap", true),
    ("v1", "Service", true),
    ("v1", "PersistentVolumeClaim", true),
    ("v1", "ResourceQuota", true),
    ("v1", "LimitRange", true),
    ("apps/v1", "Deployment", true),
    ("apps/v1", "ReplicaSet", true),
    ("apps/v1", "DaemonSet", true),
    ("autoscaling/v1", "HorizontalPodAutoscaler", true),
    ("networking.k8s.io/v1", "NetworkPolicy", true),
    ("policy/v1", "PodDisruptionBudget", true),
    ("rbac.authorization.k8s.io/v1", "Role", true),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", true),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", false),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", false),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", false),
    ("security.openshift.io/v1", "SecurityContextConstraints", false),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_copy_has_no_secret_data() {
        let mut secret = json!({"kind": "Secret", "data": {"password": "Y2FuYXJ5"}});
        redact(&mut secret);
        assert_eq!(secret["data"], json!({"password": ""}));
    }
}
