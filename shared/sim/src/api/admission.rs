//! What may refuse a write that is allowed: admission webhooks that nobody answers for.

use common::rhacs::webhooks::Request;
use serde_json::{Value, json};

use super::route::Target;
use super::service::Call;
use super::verbs::parse;
use crate::store::Status;
use crate::webhooks;

const APPLY: &str = "application/apply-patch+yaml";

/// Refuses a write that a dead webhook is asked about.
///
/// # Errors
/// 500, as the API server words it.
pub(crate) fn check(call: &Call, target: &Target, verb: &str) -> Result<(), Status> {
    let Some(request) = request(call, target, verb) else { return Ok(()) };
    match webhooks::refusal(&call.shared.options.store, &request) {
        None => Ok(()),
        Some(why) => {
            let message = format!("Internal error occurred: {why}");
            Err(Status::new(500, "InternalError", message))
        }
    }
}

/// The request as admission sees it; none for what it is not asked about, or what finds no object.
fn request(call: &Call, target: &Target, verb: &str) -> Option<Request> {
    if target.subresource.is_some() {
        return None;
    }
    let store = &call.shared.options.store;
    let (namespace, name) = (target.namespace(), target.name());
    let live = store.read(target.resource.key(), namespace, name);
    let (operation, live) = match (verb, live) {
        ("create", _) => ("CREATE", None),
        ("update" | "patch", Some(live)) => ("UPDATE", Some(live)),
        ("patch", None) if call.content_type() == APPLY => ("CREATE", None),
        ("delete", Some(live)) => ("DELETE", Some(live)),
        ("deletecollection", _) => ("DELETE", None),
        _ => return None,
    };
    let labels = match live {
        Some(live) => live["metadata"]["labels"].clone(),
        None => parse(call).map_or(Value::Null, |object| object["metadata"]["labels"].clone()),
    };
    Some(Request {
        operation,
        group: target.resource.group.clone(),
        resource: target.resource.plural.clone(),
        labels: if labels.is_object() { labels } else { json!({}) },
        namespace: namespace.map(|name| {
            webhooks::namespace(store, name).unwrap_or_else(|| (name.to_owned(), json!({})))
        }),
    })
}
