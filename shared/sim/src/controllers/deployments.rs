//! Deployments: which ReplicaSet is the current one, and the status they report.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::events::Told;
use super::objects::{
    collect_if_orphaned, number, owned_by, owner_reference, portion, template_hash, text,
};
use super::{Round, deployment_status, history, manager, rollout};
use crate::store::{Subresource, meta};

pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";
const REPLICA_SETS: &str = "replicasets.apps";
const HASH: &str = "pod-template-hash";
/// Annotations that a ReplicaSet does not take over from its Deployment.
const NOT_COPIED: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.revision",
];

/// A Deployment with its ReplicaSets.
pub(crate) struct Rollout {
    pub(crate) deployment: Arc<Value>,
    /// The ReplicaSet of the current template.
    pub(crate) new: Option<Arc<Value>>,
    /// The others, oldest revision first.
    pub(crate) old: Vec<Arc<Value>>,
}

/// Moves every Deployment one step on.
pub(crate) fn reconcile(round: &mut Round<'_>) {
    for deployment in round.store().list("deployments.apps", None) {
        if !meta::is_being_deleted(&deployment) {
            reconcile_one(round, deployment);
        }
    }
}

fn reconcile_one(round: &mut Round<'_>, deployment: Arc<Value>) {
    let mut rollout = observe(round, deployment);
    if rollout.deployment.pointer("/spec/paused") != Some(&json!(true)) {
        let before = round.store().version();
        if rollout.new.is_none() && rollout::is_room_for_new(round, &rollout) {
            create_replica_set(round, &rollout);
            rollout = observe(round, rollout.deployment);
        }
        adopt_revision(round, &mut rollout);
        rollout::scale(round, &rollout);
        if round.store().version() != before {
            rollout = observe(round, rollout.deployment);
        }
        history::clean(round, &rollout);
    }
    deployment_status::report(round, &rollout);
}

/// The Deployment as it is now, with its ReplicaSets sorted out.
pub(crate) fn observe(round: &Round<'_>, deployment: Arc<Value>) -> Rollout {
    let namespace = meta::namespace(&deployment);
    let store = round.store();
    let fresh = store.read("deployments.apps", Some(namespace), meta::name(&deployment));
    let deployment = fresh.unwrap_or(deployment);
    let mut sets =
        owned_by(&deployment, store.list(REPLICA_SETS, Some(meta::namespace(&deployment))));
    sets.sort_by_key(|set| (history::revision(set), meta::version(set)));
    let template = &deployment["spec"]["template"];
    let position = sets.iter().position(|set| same_template(template, &set["spec"]["template"]));
    let new = position.map(|position| sets.remove(position));
    Rollout { deployment, new, old: sets }
}

/// Whether two templates are the same but for the hash; asked often, so nothing is copied.
fn same_template(template: &Value, other: &Value) -> bool {
    let fields = |value: &Value, key: &str| value[key].as_object().map_or(0, Map::len);
    let (own, others) = (&template["metadata"], &other["metadata"]);
    let labels = |metadata: &Value| {
        metadata["labels"]
            .as_object()
            .map_or(0, |labels| labels.keys().filter(|key| *key != HASH).count())
    };
    template["spec"] == other["spec"]
        && fields(template, "metadata") == fields(other, "metadata")
        && own
            .as_object()
            .into_iter()
            .flatten()
            .all(|(key, value)| key == "labels" || others.get(key) == Some(value))
        && labels(own) == labels(others)
        && own["labels"]
            .as_object()
            .into_iter()
            .flatten()
            .all(|(key, value)| key == HASH || others["labels"].get(key) == Some(value))
}

fn create_replica_set(round: &mut Round<'_>, rollout: &Rollout) {
    let deployment = &rollout.deployment;
    let mut template = deployment["spec"]["template"].clone();
    let hash = template_hash(&template, number(deployment, "/status/collisionCount", 0));
    template["metadata"]["labels"][HASH] = json!(hash);
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"][HASH] = json!(hash);
    let mut annotations = copied_annotations(deployment);
    let revision = history::newest(&rollout.old) + 1;
    annotations.insert(REVISION.to_owned(), json!(revision.to_string()));
    let replicas = rollout::first_replicas(rollout);
    let name = format!("{}-{hash}", meta::name(deployment));
    let set = json!({
        "metadata": {
            "name": name,
            "namespace": meta::namespace(deployment),
            "labels": template["metadata"]["labels"],
            "annotations": annotations,
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {
            "replicas": replicas,
            "minReadySeconds": number(deployment, "/spec/minReadySeconds", 0),
            "selector": selector,
            "template": template,
        },
    });
    let Ok(set) = round.store().create(REPLICA_SETS, set, &manager()) else { return };
    collect_if_orphaned(round.store(), deployment, REPLICA_SETS, &set);
    if replicas > 0 {
        let message = format!("Scaled up replica set {name} from 0 to {replicas}");
        round
            .tell(deployment, Told::normal("deployment-controller", "ScalingReplicaSet", &message));
    }
}

fn copied_annotations(deployment: &Value) -> Map<String, Value> {
    let mut annotations = deployment
        .pointer("/metadata/annotations")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    annotations.retain(|key, _| !NOT_COPIED.contains(&key.as_str()));
    let desired = number(deployment, "/spec/replicas", 1);
    let surge = rollout::limits(deployment).surge;
    annotations
        .insert("deployment.kubernetes.io/desired-replicas".to_owned(), json!(desired.to_string()));
    annotations.insert(
        "deployment.kubernetes.io/max-replicas".to_owned(),
        json!((desired + surge).to_string()),
    );
    annotations
}

/// Gives the current ReplicaSet the newest revision and the Deployment's annotations, and tells the Deployment.
fn adopt_revision(round: &Round<'_>, rollout: &mut Rollout) {
    let Some(set) = rollout.new.clone() else { return };
    let newest = history::newest(&rollout.old);
    let own = history::revision(&set);
    let revision = if own > newest { own } else { newest + 1 };
    let mut annotations = copied_annotations(&rollout.deployment);
    annotations.insert(REVISION.to_owned(), json!(revision.to_string()));
    let minimum = number(&rollout.deployment, "/spec/minReadySeconds", 0);
    let is = |key: &str, value: &Value| set["metadata"]["annotations"].get(key) == Some(value);
    let same = annotations.iter().all(|(key, value)| is(key, value))
        && number(&set, "/spec/minReadySeconds", 0) == minimum;
    if !same {
        let changed = change(round, REPLICA_SETS, &set, |set| {
            if number(set, "/spec/minReadySeconds", 0) != minimum {
                set["spec"]["minReadySeconds"] = json!(minimum);
            }
            let target = meta::field(&mut set["metadata"], "annotations");
            if own != revision && own > 0 {
                history::remember(target, own);
            }
            target.extend(annotations);
        });
        rollout.new = changed.or(Some(set));
    }
    let deployment = &rollout.deployment;
    let shown = text(deployment, "/metadata/annotations/deployment.kubernetes.io~1revision");
    if shown != revision.to_string()
        && let Some(deployment) = set_revision(round, deployment, revision)
    {
        rollout.deployment = deployment;
    }
}

/// Notes the revision by a write of the status, as the real controller does: it counts as no new generation.
fn set_revision(round: &Round<'_>, deployment: &Value, revision: u64) -> Option<Arc<Value>> {
    let (namespace, name) = (Some(meta::namespace(deployment)), meta::name(deployment));
    let note = |deployment: &mut Value| {
        meta::field(&mut deployment["metadata"], "annotations")
            .insert(REVISION.to_owned(), json!(revision.to_string()));
    };
    let status = Subresource::Status;
    let written =
        round.store().modify("deployments.apps", namespace, name, status, &manager(), note).ok()?;
    if meta::version(&written) > meta::version(deployment) {
        return Some(written);
    }
    // A store that keeps annotations out of status writes takes the ordinary one.
    change(round, "deployments.apps", deployment, note)
}

fn change(
    round: &Round<'_>,
    resource: &str,
    object: &Value,
    change: impl FnOnce(&mut Value),
) -> Option<Arc<Value>> {
    let (namespace, name) = (Some(meta::namespace(object)), meta::name(object));
    round.store().modify(resource, namespace, name, Subresource::Main, &manager(), change).ok()
}

/// The pods that may be missing, as the Deployment's strategy has it.
pub(crate) fn unavailable_limit(deployment: &Value, desired: i64) -> i64 {
    portion(
        deployment.pointer("/spec/strategy/rollingUpdate/maxUnavailable"),
        "25%",
        desired,
        false,
    )
}
