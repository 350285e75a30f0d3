//! Making a pod from a template: what may refuse it, and what admission adds to it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::rhacs::webhooks::Request;
use serde_json::{Value, json};

use super::objects::{collect_if_orphaned, owner_reference, text};
use super::{Round, manager, quotas, scc};
use crate::faults::{ClusterFault, means_workload};
use crate::store::meta;
use crate::webhooks;

/// Creates a pod of an owner; `node` pins it, as a DaemonSet does.
///
/// # Errors
/// The message of the refusal, worded as the API server words it.
pub(crate) fn create(
    round: &Round<'_>,
    owner: &Value,
    template: &Value,
    node: Option<&str>,
) -> Result<Arc<Value>, String> {
    let mut metadata = template["metadata"].clone();
    if !metadata.is_object() {
        metadata = json!({});
    }
    if let Some(fields) = metadata.as_object_mut() {
        fields.remove("creationTimestamp");
    }
    // Pods with numbers have their names already.
    if metadata["name"].is_null() {
        metadata["generateName"] = json!(format!("{}-", meta::name(owner)));
    }
    metadata["namespace"] = json!(meta::namespace(owner));
    metadata["ownerReferences"] = json!([owner_reference(owner)]);
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": metadata,
        "spec": template["spec"],
        "status": {"phase": "Pending"},
    });
    if text(&pod, "/spec/serviceAccountName").is_empty() {
        pod["spec"]["serviceAccountName"] = json!("default");
    }
    if let Some(node) = node {
        pin(&mut pod, node);
    }
    refuse_by_fault(round, &pod)?;
    refuse_by_webhook(round, &pod)?;
    if round.cluster.openshift {
        match scc::admit(round.store(), &mut pod) {
            Err(_) if round.cluster.lenient.load(Ordering::Relaxed) => {}
            admitted => admitted?,
        }
    }
    quotas::admit(round.store(), &pod).map_err(|why| {
        let generated = text(&pod, "/metadata/generateName");
        format!("pods \"{generated}\" is forbidden: {why}")
    })?;
    let pod = round.store().create("pods", pod, &manager()).map_err(|status| status.message)?;
    collect_if_orphaned(round.store(), owner, "pods", &pod);
    Ok(pod)
}

fn pin(pod: &mut Value, node: &str) {
    let term =
        json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]});
    // Indexing makes the objects in between, unless one is an explicit null.
    pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"] =
        json!([term]);
}

/// A webhook that nobody answers for refuses pods of controllers as well.
fn refuse_by_webhook(round: &Round<'_>, pod: &Value) -> Result<(), String> {
    let request = Request {
        operation: "CREATE",
        group: String::new(),
        resource: "pods".to_owned(),
        labels: pod["metadata"]["labels"].clone(),
        namespace: webhooks::namespace(round.store(), meta::namespace(pod)),
    };
    let refusal = webhooks::refusal(round.store(), &request);
    refusal.map_or(Ok(()), |why| Err(format!("Internal error occurred: {why}")))
}

fn refuse_by_fault(round: &Round<'_>, pod: &Value) -> Result<(), String> {
    let (kind, name) = super::objects::workload(pod);
    let generated = text(pod, "/metadata/generateName");
    let refusal = round.cluster.faults.find(|fault| match fault {
        ClusterFault::QuotaExceeded { workload } if means_workload(workload, &kind, &name) => Some(format!(
            "pods \"{generated}\" is forbidden: exceeded quota: compute-resources, requested: pods=1, used: pods=20, limited: pods=20"
        )),
        ClusterFault::WebhookDenial { workload, message } if means_workload(workload, &kind, &name) => {
            Some(format!("admission webhook \"policyeval.stackrox.io\" denied the request: {message}"))
        }
        _ => None,
    });
    refusal.map_or(Ok(()), Err)
}
