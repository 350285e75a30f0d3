//! Admission webhooks that nobody answers for: with failurePolicy Fail they refuse what they are
//! asked about. Those that are alive are not called: what they would say, nobody here knows.

use common::rhacs::webhooks::{KINDS, Request, closed, intercepts, service_of};
use serde_json::{Value, json};

use crate::controllers::objects::{is_true, items, selects, text};
use crate::store::{Store, meta};

const GROUP: &str = "admissionregistration.k8s.io";

/// Whether an object configures webhooks.
pub(crate) fn is_configuration(object: &Value) -> bool {
    KINDS.contains(&text(object, "/kind"))
}

/// The labels of a namespace, for [`Request`].
pub(crate) fn namespace(store: &Store, name: &str) -> Option<(String, Value)> {
    let object = store.read("namespaces", None, name)?;
    let labels = object["metadata"]["labels"].clone();
    Some((name.to_owned(), if labels.is_object() { labels } else { json!({}) }))
}

/// The words in which the API server refuses a request that a dead webhook is asked about; none when
/// no webhook stands in its way.
pub(crate) fn refusal(store: &Store, request: &Request) -> Option<String> {
    KINDS.iter().find_map(|kind| {
        let resource = format!("{}s.{GROUP}", kind.to_lowercase());
        let configurations = store.list(&resource, None);
        configurations.iter().find_map(|configuration| {
            closed(configuration)
                .filter(|webhook| intercepts(webhook, request))
                // What its conditions say in CEL is not known.
                .filter(|webhook| items(webhook, "/matchConditions").is_empty())
                .find_map(|webhook| dead(store, webhook))
        })
    })
}

fn dead(store: &Store, webhook: &Value) -> Option<String> {
    let (namespace, name) = service_of(webhook)?;
    let why = match store.read("services", Some(namespace), name) {
        None => format!("service \"{name}\" not found"),
        Some(service) if has_endpoints(store, &service) => return None,
        Some(_) => format!("no endpoints available for service \"{name}\""),
    };
    let client = &webhook["clientConfig"]["service"];
    let port = client["port"].as_u64().unwrap_or(443);
    let path = client["path"].as_str().unwrap_or("/");
    let seconds = webhook["timeoutSeconds"].as_u64().unwrap_or(10);
    Some(format!(
        "failed calling webhook \"{}\": failed to call webhook: Post \
         \"https://{name}.{namespace}.svc:{port}{path}?timeout={seconds}s\": {why}",
        text(webhook, "/name")
    ))
}

fn has_endpoints(store: &Store, service: &Value) -> bool {
    let (namespace, name) = (Some(meta::namespace(service)), meta::name(service));
    let selector = &service["spec"]["selector"];
    if selector.is_object() {
        let pods = store.list("pods", namespace);
        return pods.iter().any(|pod| selects(selector, pod) && is_true(pod, "Ready"));
    }
    let endpoints = store.read("endpoints", namespace, name);
    endpoints.is_some_and(|endpoints| {
        items(&endpoints, "/subsets").iter().any(|subset| !items(subset, "/addresses").is_empty())
    })
}
