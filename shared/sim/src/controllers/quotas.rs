//! ResourceQuotas and LimitRanges: what the pods of a namespace use, and which pods are refused.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::objects::{items, text};
use super::{Round, manager};
use crate::schema::quantity::{canonical, milli};
use crate::store::{Store, Subresource, meta};

const QUOTAS: &str = "resourcequotas";

/// Keeps the counts of every quota.
pub(crate) fn reconcile(round: &Round<'_>) {
    for quota in round.store().list(QUOTAS, None) {
        let hard = &quota["spec"]["hard"];
        let namespace = meta::namespace(&quota);
        let used: BTreeMap<&String, String> = limits(&quota)
            .map(|(resource, _)| {
                (resource, written(resource, used(round.store(), namespace, resource)))
            })
            .collect();
        let status = json!({"hard": hard, "used": used});
        if quota.get("status") != Some(&status) {
            let (by, name) = (manager(), meta::name(&quota));
            let part = Subresource::Status;
            let _ = round.store().modify(QUOTAS, Some(namespace), name, part, &by, |object| {
                object["status"] = status;
            });
        }
    }
}

/// Whether the namespace has room for a pod, and allows what it asks for.
///
/// # Errors
/// The reason of the refusal, worded as the API server words it.
pub(crate) fn admit(store: &Store, pod: &Value) -> Result<(), String> {
    let namespace = meta::namespace(pod);
    for range in store.list("limitranges", Some(namespace)) {
        check_range(&range, pod)?;
    }
    for quota in store.list(QUOTAS, Some(namespace)) {
        check_quota(store, &quota, pod)?;
    }
    Ok(())
}

/// The limits of a quota on pods; one with scopes is taken to mean other pods.
fn limits(quota: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let spec = &quota["spec"];
    let is_scoped = spec.get("scopes").is_some() || spec.get("scopeSelector").is_some();
    let hard = spec["hard"].as_object().filter(|_| !is_scoped);
    hard.into_iter().flatten().filter(|(resource, _)| asked(&Value::Null, resource).is_some())
}

fn check_quota(store: &Store, quota: &Value, pod: &Value) -> Result<(), String> {
    let (name, namespace) = (meta::name(quota), meta::namespace(quota));
    let unspecified: Vec<&str> = limits(quota)
        .filter(|(resource, _)| lacks(pod, resource))
        .map(|(it, _)| it.as_str())
        .collect();
    if !unspecified.is_empty() {
        return Err(format!("failed quota: {name}: must specify {}", unspecified.join(",")));
    }
    let mut exceeded = [Vec::new(), Vec::new(), Vec::new()];
    for (resource, limit) in limits(quota) {
        let requested = asked(pod, resource).unwrap_or(0);
        let used = used(store, namespace, resource);
        if requested > 0 && used + requested > amount(limit) {
            let amounts = [requested, used, amount(limit)];
            for (list, amount) in exceeded.iter_mut().zip(amounts) {
                list.push(format!("{resource}={}", written(resource, amount)));
            }
        }
    }
    let [requested, used, limited] = exceeded.map(|list| list.join(","));
    if requested.is_empty() {
        return Ok(());
    }
    Err(format!("exceeded quota: {name}, requested: {requested}, used: {used}, limited: {limited}"))
}

fn check_range(range: &Value, pod: &Value) -> Result<(), String> {
    for limit in items(range, "/spec/limits").iter().filter(|limit| limit["type"] == "Container") {
        for (bound, word, kind) in [("max", "maximum", "limits"), ("min", "minimum", "requests")] {
            for (resource, allowed) in limit[bound].as_object().into_iter().flatten() {
                for container in containers(pod) {
                    let found = &container["resources"][kind][resource];
                    let is_outside = match bound {
                        "max" => amount(found) > amount(allowed),
                        _ => !found.is_null() && amount(found) < amount(allowed),
                    };
                    if is_outside {
                        let kind = kind.trim_end_matches('s');
                        return Err(format!(
                            "{word} {resource} usage per Container is {}, but {kind} is {}",
                            plain(allowed),
                            plain(found)
                        ));
                    }
                }
            }
        }
    }
    Ok(())
}

/// What the pods of a namespace use of what a quota counts, in thousandths.
fn used(store: &Store, namespace: &str, resource: &str) -> i128 {
    let pods = store.list("pods", Some(namespace));
    let counts =
        pods.iter().filter(|pod| !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed"));
    counts.filter_map(|pod| asked(pod, resource)).sum()
}

/// What a pod asks for of what a quota counts, in thousandths; none if a quota counts no such thing
/// of pods.
fn asked(pod: &Value, resource: &str) -> Option<i128> {
    let Some((kind, resource)) = parts(resource) else {
        return matches!(resource, "pods" | "count/pods").then_some(1000);
    };
    let sum = |list: &str| -> Vec<i128> {
        let pointer = format!("/spec/{list}");
        items(pod, &pointer).iter().map(|one| amount(&one["resources"][kind][resource])).collect()
    };
    let at_once = sum("containers").into_iter().sum();
    Some(sum("initContainers").into_iter().fold(at_once, i128::max))
}

fn lacks(pod: &Value, resource: &str) -> bool {
    let Some((kind, resource)) = parts(resource) else { return false };
    containers(pod).any(|container| container["resources"][kind][resource].is_null())
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    ["/spec/initContainers", "/spec/containers"].into_iter().flat_map(|list| items(pod, list))
}

/// `requests.cpu` as `requests` and `cpu`; a bare `cpu` means requests.
fn parts(resource: &str) -> Option<(&str, &str)> {
    match resource {
        "cpu" | "memory" => Some(("requests", resource)),
        _ => resource.split_once('.').filter(|(kind, of)| {
            matches!(*kind, "requests" | "limits") && matches!(*of, "cpu" | "memory")
        }),
    }
}

fn amount(value: &Value) -> i128 {
    milli(&plain(value)).unwrap_or(0)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Thousandths as a quantity of that resource is written.
fn written(resource: &str, thousandths: i128) -> String {
    let whole = thousandths / 1000;
    if resource.ends_with("memory") {
        let units = [("Gi", 1_i128 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];
        let unit = units.iter().find(|(_, size)| whole > 0 && whole % size == 0);
        return unit
            .map_or_else(|| whole.to_string(), |(name, size)| format!("{}{name}", whole / size));
    }
    canonical(&format!("{thousandths}m")).unwrap_or_else(|| whole.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(requests: &Value, limits: &Value) -> Value {
        json!({"spec": {"containers": [{"resources": {"requests": requests, "limits": limits}}]}})
    }

    #[test]
    fn amounts_are_written_as_people_write_them() {
        for (resource, thousandths, text) in [
            ("pods", 12_000, "12"),
            ("requests.cpu", 1500, "1500m"),
            ("limits.cpu", 2000, "2"),
            ("requests.memory", 3 * 1000 * (1 << 30), "3Gi"),
            ("limits.memory", 1000 * 700 * (1 << 20), "700Mi"),
            ("limits.memory", 0, "0"),
        ] {
            assert_eq!(written(resource, thousandths), text);
        }
    }

    #[test]
    fn a_limit_range_refuses_containers_outside_of_it() {
        let range = |bound: &str| json!({"spec": {"limits": [{"type": "Container", bound: {"memory": "1Gi"}}]}});
        let large = pod(&json!({"memory": "2Gi"}), &json!({"memory": "2Gi"}));
        let small = pod(&json!({"memory": "1Mi"}), &json!({"memory": "2Mi"}));
        let refusal = check_range(&range("max"), &large).unwrap_err();
        assert_eq!(refusal, "maximum memory usage per Container is 1Gi, but limit is 2Gi");
        let refusal = check_range(&range("min"), &small).unwrap_err();
        assert_eq!(refusal, "minimum memory usage per Container is 1Gi, but request is 1Mi");
        assert_eq!(check_range(&range("max"), &small), Ok(()));
    }

    #[test]
    fn what_a_quota_counts_must_be_specified() {
        let pod = pod(&json!({"cpu": "1"}), &Value::Null);
        assert!(lacks(&pod, "limits.cpu") && lacks(&pod, "memory") && !lacks(&pod, "cpu"));
        assert!(!lacks(&pod, "pods"));
        assert_eq!(asked(&pod, "requests.cpu"), Some(1000));
        assert_eq!(asked(&pod, "services"), None);
    }
}
