//! Admission webhooks that nobody answers for and that stand before what a plan writes.

use serde_json::{Value, json};

use super::context::name;
use super::definition::Definition;
use super::permissions::permissions;
use crate::plan::{Finding, Plan, Severity};
use crate::rhacs::webhooks::Request;
use crate::rhacs::{ObjectRef, Permission, Snapshot};

pub(super) const DEAD: Definition = Definition {
    code: "RHACS-WEBHOOK-DEAD",
    severity: Severity::Accept,
    meaning: "nobody answers for an admission webhook that is asked about what the plan writes",
    why: "its failurePolicy is Fail, so that the API server refuses the request",
    source: "Kubernetes documentation, admission webhooks: failure policy",
};

pub(super) const REFUSES: Definition = Definition {
    code: "RHACS-SERVER-REFUSES",
    severity: Severity::Block,
    meaning: "the API server refuses a write of the plan, asked with dryRun=All (`check --server`)",
    why: "the run would stop there, half-way",
    source: "Kubernetes documentation, API concepts: dry-run",
};

/// The finding for a write that the API server has refused.
#[must_use]
pub fn refused_write(object: &ObjectRef, step: &str, reason: &str) -> Finding {
    REFUSES.found(format!("{object} (step {step}): {reason}"), "")
}

/// What admission is asked about in a run of `plan`: its own writes, its record and its lock, and
/// the pods of the workloads that it changes.
#[must_use]
pub fn admission_requests(snapshot: &Snapshot, plan: &Plan) -> Vec<Request> {
    let mut all: Vec<Request> = Vec::new();
    let mut add = |request: Request| {
        if !all.contains(&request) {
            all.push(request);
        }
    };
    for permission in permissions(plan) {
        let operation = match permission.verb.as_str() {
            "create" => "CREATE",
            "update" | "patch" => "UPDATE",
            "delete" => "DELETE",
            _ => continue,
        };
        add(Request {
            operation,
            labels: labels(snapshot, &permission),
            namespace: permission.namespace.as_ref().map(|it| (it.clone(), of_namespace(snapshot))),
            group: permission.group,
            resource: permission.resource,
        });
    }
    for forecast in plan.forecast() {
        let object = forecast.object.as_ref();
        let template = snapshot.find(object).map(|it| &it["spec"]["template"]);
        let Some(template) = template.filter(|it| it.is_object()) else { continue };
        if forecast.deletes() {
            continue;
        }
        let namespace = Some((snapshot.namespace.clone(), of_namespace(snapshot)));
        let labels = template["metadata"]["labels"].clone();
        for (group, resource) in [("", "pods"), ("apps", "replicasets")] {
            if resource == "replicasets" && object.kind != "Deployment" {
                continue;
            }
            add(Request {
                operation: "CREATE",
                group: group.to_owned(),
                resource: resource.to_owned(),
                labels: labels.clone(),
                namespace: namespace.clone(),
            });
        }
    }
    all
}

/// The finding for one webhook; `why` says why nobody answers.
#[must_use]
pub fn dead_webhook(
    configuration: &ObjectRef,
    webhook: &Value,
    intercepted: &[&Request],
    why: &str,
) -> Finding {
    let kind = configuration.kind.to_lowercase();
    let mut resources: Vec<&str> = intercepted.iter().map(|it| it.resource.as_str()).collect();
    resources.sort_unstable();
    resources.dedup();
    let what = format!(
        "{kind} {}, webhook {}: {why}; it is asked about {}",
        configuration.name,
        webhook["name"].as_str().unwrap_or_default(),
        resources.join(", ")
    );
    let fix = format!(
        "bring its Service back, or, if nobody needs it: kubectl delete {kind} {}",
        configuration.name
    );
    DEAD.found(what, fix)
}

fn labels(snapshot: &Snapshot, permission: &Permission) -> Value {
    let is_it = |object: &&Value| {
        ObjectRef::of(object).is_some_and(|it| it.plural() == permission.resource)
    };
    let found = permission.name.as_ref().and_then(|wanted| {
        snapshot.objects.iter().filter(is_it).find(|object| name(object) == wanted)
    });
    found.map_or_else(|| json!({}), |object| object["metadata"]["labels"].clone())
}

fn of_namespace(snapshot: &Snapshot) -> Value {
    let own = snapshot
        .objects
        .iter()
        .find(|object| object["kind"] == "Namespace" && name(object) == snapshot.namespace);
    let labels = own.map(|own| own["metadata"]["labels"].clone());
    labels.filter(Value::is_object).unwrap_or_else(|| json!({}))
}
