//! A copy of the live cluster: what its API server is, the namespace, the product's cluster-wide
//! objects, what admits and refuses pods, the recorded runs.

use serde_json::{Value, json};

use super::grants;
use super::past::Past;
use crate::checks::items;
use crate::cluster::{Cluster, ClusterError, Collection, Options, secret_facts};
use crate::command::Flags;
use crate::failure::Failure;
use crate::observe::webhooks;
use crate::plan::check_manifest;
use crate::rehearsal::Server;
use crate::rhacs::scc::KIND;
use crate::rhacs::webhooks::{KINDS, service_of};
use crate::rhacs::{Component, ObjectRef, Snapshot, Version};

/// A copy of the live cluster.
pub(super) struct Copied {
    /// The objects, Secrets without their data.
    pub(super) objects: Vec<Value>,
    /// The recorded runs.
    pub(super) past: Past,
    /// What its API server says of itself.
    pub(super) server: Server,
}

impl Copied {
    /// Whether it is an OpenShift cluster, as the look at an installation tells it.
    pub(super) fn is_openshift(&self) -> bool {
        self.server.served.contains(CONSTRAINTS)
    }
}

/// A copy of the namespace and of the product's cluster-wide objects; Secrets without their data,
/// for which the embedded cluster puts in its own. The records of runs hold such data, too: they
/// follow when the embedded cluster is there.
pub(super) async fn copy(flags: &Flags, options: &Options) -> Result<Copied, Failure> {
    let connect = Cluster::connect(&flags.connection, options).await;
    let cluster = connect.map_err(|error| error.into_failure("cannot connect to the cluster"))?;
    let namespace = flags.connection.namespace();
    let cannot = "cannot copy the installation";
    let (served, version) = tokio::join!(cluster.served_versions(), cluster.server_version());
    let served = served.map_err(|error| error.into_failure(cannot))?;
    let version = version.map_err(|error| error.into_failure(cannot))?.git_version;
    let mut objects = Vec::new();
    let mut unread: Vec<&str> = Vec::new();
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
            Err(ClusterError::Forbidden { .. }) => unread.push(kind),
            Err(error) => return Err(error.into_failure(cannot)),
        }
    }
    let grants = grants::of_constraints(&objects, namespace);
    let configurations: Vec<Value> =
        objects.iter().filter(|it| is_foreign_webhook(it, namespace)).cloned().collect();
    objects.retain(|it| is_of_product(it, namespace) && !is_foreign_webhook(it, namespace));
    refuse_managed(&objects, flags)?;
    objects.retain(|object| object["type"] != "helm.sh/release.v1");
    let past = Past::read(&cluster, &objects).await?;
    objects.iter_mut().for_each(redact);
    objects.extend(grants);
    objects.extend(dead_webhooks(&cluster, &configurations).await);
    // Its labels and annotations decide who is admitted to it, and with which ranges of users.
    let own = cluster.read(&ObjectRef::cluster_wide("v1", "Namespace", namespace)).await;
    objects.extend(own.ok().flatten());
    if served.contains(CONSTRAINTS) {
        objects.extend(grants::presumed(&unread));
    }
    Ok(Copied { objects, past, server: Server { version, served } })
}

/// The webhooks of others that nobody answers for, with their Services: only these can be played.
async fn dead_webhooks(cluster: &Cluster, configurations: &[Value]) -> Vec<Value> {
    let mut copied: Vec<Value> = Vec::new();
    for dead in webhooks::dead(cluster, configurations, |_| true).await {
        let is_it =
            |object: &&mut Value| ObjectRef::of(object).as_ref() == Some(&dead.configuration);
        if let Some(known) = copied.iter_mut().find(is_it) {
            known["webhooks"]
                .as_array_mut()
                .into_iter()
                .for_each(|all| all.push(dead.webhook.clone()));
        } else {
            let ObjectRef { api_version, kind, name, .. } = &dead.configuration;
            copied.push(json!({"apiVersion": api_version, "kind": kind,
                "metadata": {"name": name}, "webhooks": [dead.webhook]}));
        }
        copied.extend(dead.service.map(|service| {
            json!({"apiVersion": "v1", "kind": "Service",
                "metadata": {"name": service["metadata"]["name"],
                             "namespace": service["metadata"]["namespace"]},
                "spec": {"ports": service["spec"]["ports"], "selector": service["spec"]["selector"]}})
        }));
    }
    copied
}

/// Whether it configures webhooks that are not the product's own.
fn is_foreign_webhook(object: &Value, namespace: &str) -> bool {
    KINDS.iter().any(|kind| object["kind"] == *kind)
        && !items(&object["webhooks"])
            .any(|webhook| service_of(webhook).is_some_and(|(its, _)| its == namespace))
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
    // Which SCC admits a pod is decided among all of them.
    object["kind"] == KIND
        || metadata["labels"]["app.kubernetes.io/name"] == "stackrox"
        || metadata["name"].as_str().is_some_and(|name| name.starts_with("stackrox"))
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
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", false),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", false),
    ("policy/v1beta1", "PodSecurityPolicy", false),
    (CONSTRAINTS, KIND, false),
];

/// The group version that tells OpenShift from Kubernetes.
const CONSTRAINTS: &str = "security.openshift.io/v1";

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
