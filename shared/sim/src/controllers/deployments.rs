//! Deployments: which ReplicaSet is the current one, and the status they report.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::objects::{
    after, condition, items, number, owned_by, owner_reference, portion, template_hash, text, time,
};
use super::{Round, history, manager, rollout};
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
        if rollout.new.is_none() {
            create_replica_set(round, &rollout);
            rollout = observe(round, rollout.deployment);
        }
        adopt_revision(round, &mut rollout);
        rollout::scale(round, &rollout);
        rollout = observe(round, rollout.deployment);
        history::clean(round, &rollout);
    }
    report(round, &rollout);
}

/// The Deployment as it is now, with its ReplicaSets sorted out.
pub(crate) fn observe(round: &Round<'_>, deployment: Arc<Value>) -> Rollout {
    let namespace = meta::namespace(&deployment);
    let store = round.store();
    let fresh = store.read("deployments.apps", Some(namespace), meta::name(&deployment));
    let deployment = fresh.unwrap_or(deployment);
    let mut sets = owned_by(&deployment, store.list(REPLICA_SETS, Some(meta::namespace(&deployment))));
    sets.sort_by_key(|set| (history::revision(set), meta::version(set)));
    let template = &deployment["spec"]["template"];
    let position = sets.iter().position(|set| same_template(template, &set["spec"]["template"]));
    let new = position.map(|position| sets.remove(position));
    Rollout { deployment, new, old: sets }
}

fn same_template(template: &Value, other: &Value) -> bool {
    let mut bare = other.clone();
    if let Some(labels) = bare.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(HASH);
    }
    *template == bare
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
    let set = json!({
        "metadata": {
            "name": format!("{}-{hash}", meta::name(deployment)),
            "namespace": meta::namespace(deployment),
            "labels": template["metadata"]["labels"],
            "annotations": annotations,
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {
            "replicas": 0,
            "minReadySeconds": number(deployment, "/spec/minReadySeconds", 0),
            "selector": selector,
            "template": template,
        },
    });
    let _ = round.store().create(REPLICA_SETS, set, &manager());
}

fn copied_annotations(deployment: &Value) -> Map<String, Value> {
    let mut annotations =
        deployment.pointer("/metadata/annotations").and_then(Value::as_object).cloned().unwrap_or_default();
    annotations.retain(|key, _| !NOT_COPIED.contains(&key.as_str()));
    let desired = number(deployment, "/spec/replicas", 1);
    let surge = rollout::limits(deployment).surge;
    annotations.insert("deployment.kubernetes.io/desired-replicas".to_owned(), json!(desired.to_string()));
    annotations
        .insert("deployment.kubernetes.io/max-replicas".to_owned(), json!((desired + surge).to_string()));
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
    if shown != revision.to_string() {
        let changed = change(round, "deployments.apps", deployment, |deployment| {
            meta::field(&mut deployment["metadata"], "annotations")
                .insert(REVISION.to_owned(), json!(revision.to_string()));
        });
        if let Some(deployment) = changed {
            rollout.deployment = deployment;
        }
    }
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

/// The sums over ReplicaSets that the status is made of.
struct Totals {
    desired: i64,
    replicas: i64,
    updated: i64,
    ready: i64,
    available: i64,
    terminating: i64,
}

fn report(round: &mut Round<'_>, rollout: &Rollout) {
    let deployment = &rollout.deployment;
    let sum = |pointer: &str| -> i64 {
        rollout.old.iter().chain(&rollout.new).map(|set| number(set, pointer, 0)).sum()
    };
    let totals = Totals {
        desired: number(deployment, "/spec/replicas", 1),
        replicas: sum("/status/replicas"),
        updated: rollout.new.as_ref().map_or(0, |set| number(set, "/status/replicas", 0)),
        ready: sum("/status/readyReplicas"),
        available: sum("/status/availableReplicas"),
        terminating: sum("/status/terminatingReplicas"),
    };
    let conditions = conditions(round, rollout, &totals);
    let mut status = Map::new();
    status.insert("observedGeneration".to_owned(), json!(meta::generation(deployment)));
    for (key, value) in [
        ("replicas", totals.replicas),
        ("updatedReplicas", totals.updated),
        ("readyReplicas", totals.ready),
        ("availableReplicas", totals.available),
        ("unavailableReplicas", (totals.replicas.max(totals.desired) - totals.available).max(0)),
    ] {
        if value != 0 {
            status.insert(key.to_owned(), json!(value));
        }
    }
    status.insert("terminatingReplicas".to_owned(), json!(totals.terminating));
    status.insert("conditions".to_owned(), json!(conditions));
    let status = Value::Object(status);
    if deployment.get("status") == Some(&status) {
        return;
    }
    let _ = round.store().modify(
        "deployments.apps",
        Some(meta::namespace(deployment)),
        meta::name(deployment),
        Subresource::Status,
        &manager(),
        |object| object["status"] = status,
    );
}

fn conditions(round: &mut Round<'_>, rollout: &Rollout, totals: &Totals) -> Vec<Value> {
    let mut kept: Vec<Value> = items(&rollout.deployment, "/status/conditions").to_vec();
    let needed = totals.desired - rollout::limits(&rollout.deployment).unavailable;
    let available = if totals.available >= needed {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.".to_owned())
    } else {
        (
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.".to_owned(),
        )
    };
    set_condition(&mut kept, round, "Available", available, false);
    if let Some((verdict, moved)) = progress(round, rollout, totals) {
        set_condition(&mut kept, round, "Progressing", verdict, moved);
    }
    let failure = rollout.new.iter().chain(&rollout.old).find_map(|set| condition(set, "ReplicaFailure"));
    match failure {
        Some(failure) => {
            let verdict = ("True", "FailedCreate", text(failure, "/message").to_owned());
            set_condition(&mut kept, round, "ReplicaFailure", verdict, false);
        }
        None => kept.retain(|condition| condition["type"] != "ReplicaFailure"),
    }
    kept
}

type Verdict = (&'static str, &'static str, String);

/// What the rollout's progress is, and whether it moved since the last report.
fn progress(round: &mut Round<'_>, rollout: &Rollout, totals: &Totals) -> Option<(Verdict, bool)> {
    let deployment = &rollout.deployment;
    let set = rollout.new.as_ref()?;
    let name = meta::name(set);
    let before = condition(deployment, "Progressing");
    let reason = before.map_or("", |condition| text(condition, "/reason"));
    let complete = totals.updated == totals.desired
        && totals.replicas == totals.desired
        && totals.available >= totals.desired;
    if complete {
        let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
        return Some((("True", "NewReplicaSetAvailable", message), false));
    }
    // Once a template is out, the loss of a pod is no new rollout.
    let same_set = before.is_some_and(|condition| text(condition, "/message").contains(&format!("\"{name}\"")));
    if reason == "NewReplicaSetAvailable" && same_set {
        return None;
    }
    let moved = [
        ("/status/updatedReplicas", totals.updated, 1),
        ("/status/replicas", totals.replicas - totals.updated, -1),
        ("/status/readyReplicas", totals.ready, 1),
        ("/status/availableReplicas", totals.available, 1),
    ]
    .into_iter()
    .any(|(pointer, now, direction)| {
        let was = match pointer {
            "/status/replicas" => {
                number(deployment, pointer, 0) - number(deployment, "/status/updatedReplicas", 0)
            }
            _ => number(deployment, pointer, 0),
        };
        (now - was) * direction > 0
    });
    let progressing = ("True", "ReplicaSetUpdated", format!("ReplicaSet \"{name}\" is progressing."));
    if before.is_none() || !same_set || moved {
        return Some((progressing, true));
    }
    if reason == "ProgressDeadlineExceeded" {
        return None;
    }
    let started = before.and_then(|condition| time(condition, "/lastUpdateTime"))?;
    let deadline = after(started, number(deployment, "/spec/progressDeadlineSeconds", 600));
    if round.now < deadline {
        round.wake_at(deadline);
        return None;
    }
    let message = format!("ReplicaSet \"{name}\" has timed out progressing.");
    Some((("False", "ProgressDeadlineExceeded", message), false))
}

/// Sets a condition; the transition time moves with the status, the update time with any change or on request.
fn set_condition(
    conditions: &mut Vec<Value>,
    round: &Round<'_>,
    kind: &str,
    (status, reason, message): Verdict,
    touch: bool,
) {
    let now = json!(meta::time(round.now));
    let position = conditions.iter().position(|condition| condition["type"] == kind);
    let before = position.map(|position| conditions[position].clone());
    let same = before.as_ref().is_some_and(|before| {
        before["status"] == status && before["reason"] == reason && before["message"] == json!(message)
    });
    if same && !touch {
        return;
    }
    let transition = before
        .as_ref()
        .filter(|before| before["status"] == status)
        .map_or_else(|| now.clone(), |before| before["lastTransitionTime"].clone());
    let fresh = json!({
        "type": kind, "status": status, "lastUpdateTime": now, "lastTransitionTime": transition,
        "reason": reason, "message": message,
    });
    match position {
        Some(position) => conditions[position] = fresh,
        None => conditions.push(fresh),
    }
}

/// The pods that may be missing, as the Deployment's strategy has it.
pub(crate) fn unavailable_limit(deployment: &Value, desired: i64) -> i64 {
    portion(deployment.pointer("/spec/strategy/rollingUpdate/maxUnavailable"), "25%", desired, false)
}
