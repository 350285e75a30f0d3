//! Reads an installation once, as a [`Snapshot`]; nothing downstream sees the cluster.

pub mod central;
pub mod elsewhere;
pub mod webhooks;

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{
    Cluster, ClusterError, Collection, List, ServerVersion, decoded, secret_facts,
};
use crate::rhacs::{Access, ClusterIdentity, ObjectRef, Permission, Platform, Snapshot};
use jiff::Timestamp;
use serde_json::Value;

/// What was read, with the one secret that reaching Central takes.
pub struct Observation {
    /// The installation, without Central's own word and without the user's rights.
    pub snapshot: Snapshot,
    /// The certificate authority of Central, PEM.
    pub central_ca: Option<Vec<u8>>,
}

/// Reads the installation in `namespace`: a score of concurrent requests, none of which writes.
///
/// What may not be read is left out and named in [`Snapshot::unread`].
///
/// # Errors
/// When the API server cannot be asked at all, or not for the Deployments.
pub async fn observe(
    cluster: &Cluster,
    namespace: &str,
    taken_at: Timestamp,
) -> Result<Observation, ClusterError> {
    let own = ObjectRef::cluster_wide("v1", "Namespace", namespace);
    let (served, version) = tokio::try_join!(cluster.served_versions(), cluster.server_version())?;
    let looked_at = WANTED.iter().filter(|wanted| wanted.tells_something(&served, &version));
    let (own, lists) =
        tokio::join!(cluster.read(&own), lists(cluster, namespace, &served, looked_at));
    let server_time = cluster.now().to_string();
    let mut snapshot = Snapshot {
        namespace: namespace.to_owned(),
        taken_at: taken_at.to_string(),
        server_time: Some(server_time),
        platform: Some(match served.contains("security.openshift.io/v1") {
            true => Platform::OpenShift,
            false => Platform::Kubernetes,
        }),
        ..Snapshot::default()
    };
    let is_inhabited = lists.iter().any(|(wanted, answer)| {
        wanted.namespaced && answer.as_ref().is_ok_and(|list| !list.items.is_empty())
    });
    let own = noted(own, "namespace", &mut snapshot.unread)?;
    snapshot.namespace_exists =
        is_inhabited || own.is_some() || snapshot.unread.contains_key("namespace");
    snapshot.cluster = ClusterIdentity {
        id: own.as_ref().map(|own| text(&own["metadata"]["uid"])).unwrap_or_default(),
        server: cluster.server().to_owned(),
        version: version.git_version,
    };
    let central_ca = fill(&mut snapshot, lists)?;
    // Its annotations say which users and groups OpenShift gives its pods.
    snapshot.objects.extend(own.map(without_managed_fields));
    Ok(Observation { snapshot, central_ca })
}

/// Every object of the installation, for comparing it with the official ones; of Secrets the keys
/// only.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn all_objects(cluster: &Cluster, namespace: &str) -> Result<Vec<Value>, ClusterError> {
    let served = cluster.served_versions().await?;
    let mut objects = Vec::new();
    for (wanted, answer) in lists(cluster, namespace, &served, WANTED.iter().chain(&COMPARED)).await
    {
        let mut list = match answer {
            Err(ClusterError::Forbidden { .. }) => continue,
            answer => answer?,
        };
        if wanted.kind == "Secret" {
            list.items.iter_mut().for_each(without_data);
        }
        objects.append(&mut list.items);
    }
    Ok(objects)
}

/// Finds out what of `wanted` the user may do: one review for the namespace, one more for each
/// permission that it cannot answer.
pub async fn review(cluster: &Cluster, namespace: &str, wanted: Vec<Permission>) -> Access {
    let mut access = Access::default();
    let mut single = Vec::new();
    match cluster.review_rules(namespace).await {
        Ok(rules) => {
            for permission in wanted {
                let namespaced = permission.namespace.as_deref() == Some(namespace);
                match rules.allow(&permission) {
                    // The list mixes rules for the namespace with those for the whole cluster.
                    true if namespaced => {}
                    false if namespaced && !rules.incomplete => access.denied.push(permission),
                    _ => single.push(permission),
                }
            }
        }
        Err(_) => single = wanted,
    }
    for group in by_resource(single) {
        ask(cluster, group, &mut access).await;
    }
    access
}

/// Permissions that differ only in the object's name.
fn by_resource(permissions: Vec<Permission>) -> Vec<Vec<Permission>> {
    let mut groups: BTreeMap<_, Vec<Permission>> = BTreeMap::new();
    for permission in permissions {
        let key = (permission.verb.clone(), permission.group.clone(), permission.resource.clone());
        groups.entry((key, permission.namespace.clone())).or_default().push(permission);
    }
    groups.into_values().collect()
}

/// Asks once for all names; only when that is not allowed, for each.
async fn ask(cluster: &Cluster, group: Vec<Permission>, access: &mut Access) {
    let Some(first) = group.first() else { return };
    if group.len() > 1 {
        let any = Permission { name: None, ..first.clone() };
        if cluster.review_access(&any).await.is_ok_and(|decision| decision.allowed) {
            return;
        }
    }
    for permission in group {
        match cluster.review_access(&permission).await {
            Ok(decision) if decision.allowed => {}
            Ok(_) => access.denied.push(permission),
            Err(error) => {
                let what = format!("{} {}", permission.verb, permission.resource);
                access.unknown.insert(what, error.to_string());
            }
        }
    }
}

type Lists = Vec<(&'static Wanted, Result<List, ClusterError>)>;

/// A collection that is read.
struct Wanted {
    api_version: &'static str,
    kind: &'static str,
    namespaced: bool,
    /// Without it there is nothing to plan.
    essential: bool,
}

impl Wanted {
    /// Whether a list of it says something of such a cluster: each is a request.
    fn tells_something(&self, served: &BTreeSet<String>, version: &ServerVersion) -> bool {
        match self.kind {
            // Gone since Kubernetes 1.25, whoever still names the group.
            "PodSecurityPolicy" => (version.major, version.minor) < (1, 25),
            // What the product binds in its namespace are SCCs.
            "RoleBinding" => served.contains("security.openshift.io/v1"),
            _ => true,
        }
    }
}

const fn wanted(api_version: &'static str, kind: &'static str, namespaced: bool) -> Wanted {
    Wanted { api_version, kind, namespaced, essential: false }
}

const WANTED: [Wanted; 20] = [
    Wanted { essential: true, ..wanted("apps/v1", "Deployment", true) },
    Wanted { essential: true, ..wanted("apps/v1", "DaemonSet", true) },
    wanted("v1", "Secret", true),
    wanted("v1", "Pod", true),
    wanted("v1", "ConfigMap", true),
    wanted("v1", "Service", true),
    wanted("v1", "ServiceAccount", true),
    wanted("v1", "PersistentVolumeClaim", true),
    wanted("v1", "ResourceQuota", true),
    wanted("v1", "LimitRange", true),
    wanted("v1", "Node", false),
    wanted("autoscaling/v1", "HorizontalPodAutoscaler", true),
    wanted("policy/v1", "PodDisruptionBudget", true),
    wanted("policy/v1beta1", "PodSecurityPolicy", false),
    wanted("rbac.authorization.k8s.io/v1", "Role", true),
    wanted("rbac.authorization.k8s.io/v1", "RoleBinding", true),
    wanted("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", false),
    wanted("security.openshift.io/v1", "SecurityContextConstraints", false),
    wanted("platform.stackrox.io/v1alpha1", "Central", true),
    wanted("platform.stackrox.io/v1alpha1", "SecuredCluster", true),
];

/// What only the comparison with the official objects needs.
const COMPARED: [Wanted; 3] = [
    wanted("networking.k8s.io/v1", "NetworkPolicy", true),
    wanted("rbac.authorization.k8s.io/v1", "ClusterRole", false),
    wanted("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", false),
];

async fn lists(
    cluster: &Cluster,
    namespace: &str,
    served: &BTreeSet<String>,
    all: impl Iterator<Item = &'static Wanted>,
) -> Lists {
    let mut tasks = tokio::task::JoinSet::new();
    for (index, wanted) in all.enumerate() {
        if wanted.api_version != "v1" && !served.contains(wanted.api_version) {
            continue;
        }
        let collection = if wanted.namespaced {
            Collection::namespaced(wanted.api_version, wanted.kind, namespace)
        } else {
            Collection::all(wanted.api_version, wanted.kind)
        };
        let cluster = cluster.clone();
        tasks.spawn(async move {
            let answer = cluster.list(&collection).await;
            if let Ok(list) = &answer {
                remember(&cluster, &collection, list);
            }
            (index, wanted, answer)
        });
    }
    let mut answers = tasks.join_all().await;
    answers.sort_by_key(|(index, ..)| *index);
    answers.into_iter().map(|(_, wanted, answer)| (wanted, answer)).collect()
}

/// Spares a run from reading again what it needs of a list.
fn remember(cluster: &Cluster, collection: &Collection, list: &List) {
    match collection.kind.as_str() {
        // It waits for these: its watches go on from here.
        "Deployment" | "DaemonSet" | "Pod" => cluster.remember_list(collection, list),
        // It renews these, and must be able to put them back.
        "Secret" => {
            let is_renewed = |secret: &&Value| {
                let name = secret["metadata"]["name"].as_str();
                matches!(name, Some("scanner-tls" | "scanner-db-tls"))
            };
            let renewed = list.items.iter().filter(is_renewed).cloned();
            cluster.remember_objects(collection, renewed);
        }
        _ => {}
    }
}

/// Sorts the answers into the snapshot; returns Central's certificate authority.
fn fill(snapshot: &mut Snapshot, lists: Lists) -> Result<Option<Vec<u8>>, ClusterError> {
    let mut central_ca = None;
    for (wanted, answer) in lists {
        let list = match answer {
            Err(error) if wanted.essential => return Err(error),
            answer => noted(answer.map(Some), wanted.kind, &mut snapshot.unread)?,
        };
        let Some(list) = list else {
            continue;
        };
        match wanted.kind {
            "Secret" => {
                // Where only a sensor is, its Secret has the authority of the Central it speaks to.
                central_ca = ["central-tls", "sensor-tls"].into_iter().find_map(|name| {
                    let secret = list.items.iter().find(|item| item["metadata"]["name"] == name)?;
                    decoded(secret, "ca.pem")
                });
                snapshot.secrets = list.items.iter().map(secret_facts).collect();
            }
            "Pod" => snapshot.pods = list.items.into_iter().map(without_managed_fields).collect(),
            "Node" => snapshot.nodes = list.items.into_iter().map(without_managed_fields).collect(),
            _ => snapshot.objects.extend(list.items.into_iter().map(without_managed_fields)),
        }
    }
    Ok(central_ca)
}

/// Turns "you may not" into a note, and leaves every other failure one.
fn noted<T>(
    answer: Result<Option<T>, ClusterError>,
    what: &str,
    unread: &mut BTreeMap<String, String>,
) -> Result<Option<T>, ClusterError> {
    match answer {
        Err(ClusterError::Forbidden { message }) => {
            unread.insert(what.to_owned(), message);
            Ok(None)
        }
        other => other,
    }
}

fn without_managed_fields(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

fn without_data(secret: &mut Value) {
    if let Some(data) = secret.get_mut("data").and_then(Value::as_object_mut) {
        data.values_mut().for_each(|value| *value = Value::String(String::new()));
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
