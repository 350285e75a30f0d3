//! Quotas and limit ranges that leave no room for new pods.

use std::collections::BTreeMap;

use serde_json::Value;

use super::context::{Context, items, name, short};
use super::definition::Definition;
use crate::plan::{Finding, Severity};
use crate::rhacs::Workload;

const QUOTA: Definition = Definition {
    code: "RHACS-QUOTA-TIGHT",
    severity: Severity::Accept,
    meaning: "a ResourceQuota leaves no room for a new pod, such as the additional one of a \
              rolling update",
    why: "the new pod would be refused, and the rollout would never finish",
    source: "Kubernetes documentation, resource quotas",
};
const UNSPECIFIED: Definition = Definition {
    code: "RHACS-QUOTA-UNSPECIFIED",
    severity: Severity::Accept,
    meaning: "a ResourceQuota counts what a container does not specify",
    why: "new pods that do not specify it are refused",
    source: "Kubernetes documentation, resource quotas",
};
const LIMIT_RANGE: Definition = Definition {
    code: "RHACS-LIMIT-RANGE",
    severity: Severity::Accept,
    meaning: "a LimitRange does not allow the resources of a pod of the product",
    why: "it came after the running pods; new ones are refused",
    source: "Kubernetes documentation, limit ranges",
};

pub(super) const DEFINITIONS: &[Definition] = &[QUOTA, UNSPECIFIED, LIMIT_RANGE];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for quota in context.snapshot.of_kind("ResourceQuota") {
        // A quota with scopes counts only some pods; whether these belong to them is not known.
        let spec = &quota["spec"];
        if spec.get("scopes").is_none() && spec.get("scopeSelector").is_none() {
            findings.extend(tight(context, quota));
            findings.extend(unspecified(context, quota));
        }
    }
    for range in context.snapshot.of_kind("LimitRange") {
        let limits = items(&range["spec"]["limits"]);
        findings.extend(limits.flat_map(|limit| out_of_range(context, range, limit)));
    }
    findings
}

fn tight(context: &Context<'_>, quota: &Value) -> Option<Finding> {
    let needed = surge(context);
    let changes = context.touched_workloads().next().is_some();
    let hard = quota["status"]["hard"].as_object()?;
    let short_of: Vec<String> = hard
        .iter()
        .filter_map(|(resource, limit)| {
            let counted = canonical(resource);
            let used = &quota["status"]["used"][resource.as_str()];
            let left = quantity(limit)? - quantity(used).unwrap_or(0.0);
            let need = needed.get(counted).copied().unwrap_or(0.0);
            // Over its limit a quota refuses also a pod that takes the place of an old one.
            let is_over = changes && COUNTED.contains(&counted) && left < 0.0;
            (is_over || need > left)
                .then(|| format!("{resource}: {} of {} used", text(used), text(limit)))
        })
        .collect();
    (!short_of.is_empty()).then(|| {
        let what = format!("ResourceQuota `{}` is used up: {}", name(quota), short_of.join(", "));
        QUOTA.found(what, context.kubectl(&format!("edit quota {}", name(quota))))
    })
}

/// What quotas count of pods, under the names that say it whole.
const COUNTED: [&str; 5] =
    ["pods", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

fn canonical(resource: &str) -> &str {
    match resource {
        "cpu" => "requests.cpu",
        "memory" => "requests.memory",
        "count/pods" => "pods",
        other => other,
    }
}

/// What one more pod of the largest rolling update asks for, by quota resource.
fn surge(context: &Context<'_>) -> BTreeMap<&'static str, f64> {
    let mut needed: BTreeMap<&'static str, f64> = BTreeMap::new();
    for workload in context.touched_workloads().filter(needs_room) {
        for resource in COUNTED {
            let amount = match resource.split_once('.') {
                Some((kind, resource)) => asked_for(&workload, kind, resource),
                None => 1.0,
            };
            let most = needed.entry(resource).or_insert(0.0);
            *most = most.max(amount);
        }
    }
    needed
}

/// What a pod of the workload asks for: its containers together, or its largest init container.
fn asked_for(workload: &Workload<'_>, kind: &str, resource: &str) -> f64 {
    let amounts = |list: &str| -> Vec<f64> {
        items(&workload.pod_spec()[list])
            .filter_map(|container| quantity(&container["resources"][kind][resource]))
            .collect()
    };
    let at_once: f64 = amounts("containers").iter().sum();
    amounts("initContainers").into_iter().fold(at_once, f64::max)
}

/// Whether an update of the workload cannot begin without an additional pod: one that may do
/// without an old pod makes room for the new one itself.
fn needs_room(workload: &Workload<'_>) -> bool {
    let spec = &workload.object()["spec"];
    match workload.object()["kind"].as_str() {
        Some("Deployment") => {
            let replicas = spec["replicas"].as_u64().unwrap_or(1);
            let rolling = &spec["strategy"]["rollingUpdate"];
            spec["strategy"]["type"] != "Recreate"
                && portion(&rolling["maxSurge"], replicas, true) > 0
                && portion(&rolling["maxUnavailable"], replicas, false) == 0
        }
        Some("DaemonSet") => {
            let surge = &spec["updateStrategy"]["rollingUpdate"]["maxSurge"];
            !surge.is_null() && portion(surge, 100, true) > 0
        }
        _ => false,
    }
}

/// So many of `replicas` as a number or a percentage says, a quarter of them when nothing does.
fn portion(value: &Value, replicas: u64, round_up: bool) -> u64 {
    if let Some(number) = value.as_u64() {
        return number;
    }
    let percent = value.as_str().and_then(|text| text.strip_suffix('%')?.parse().ok());
    let hundredths: u64 = percent.unwrap_or(25) * replicas;
    if round_up { hundredths.div_ceil(100) } else { hundredths / 100 }
}

/// Containers that say nothing of what the quota counts, unless a LimitRange says it for them.
fn unspecified(context: &Context<'_>, quota: &Value) -> Option<Finding> {
    let hard = quota["spec"]["hard"].as_object()?;
    let mut missing = Vec::new();
    for (kind, resource) in hard.keys().filter_map(|resource| canonical(resource).split_once('.')) {
        if !COUNTED.contains(&format!("{kind}.{resource}").as_str())
            || has_default(context, kind, resource)
        {
            continue;
        }
        for workload in context.touched_workloads() {
            let lacks = |container: &&Value| {
                let resources = &container["resources"];
                // A limit is the request of a container that has none.
                resources[kind][resource].is_null()
                    && (kind == "limits" || resources["limits"][resource].is_null())
            };
            let containers = ["initContainers", "containers"];
            let pod = workload.pod_spec();
            if containers.iter().flat_map(|list| items(&pod[*list])).any(|one| lacks(&one)) {
                missing.push(format!("{}: {kind}.{resource}", short(workload.object())));
            }
        }
    }
    (!missing.is_empty()).then(|| {
        let what =
            format!("ResourceQuota `{}` counts, unspecified: {}", name(quota), missing.join(", "));
        let explain = context.kubectl("explain limitrange.spec.limits.default");
        UNSPECIFIED
            .found(what, format!("give the namespace defaults with a LimitRange: `{explain}`"))
    })
}

fn has_default(context: &Context<'_>, kind: &str, resource: &str) -> bool {
    let of_containers = |range: &Value| {
        items(&range["spec"]["limits"]).any(|limit| {
            let given = |field: &str| !limit[field][resource].is_null();
            limit["type"] == "Container"
                && (given("default")
                    || given("max")
                    || kind == "requests" && given("defaultRequest"))
        })
    };
    context.snapshot.of_kind("LimitRange").any(of_containers)
}

/// Pods of the plan's workloads that one row of a LimitRange does not allow.
fn out_of_range(context: &Context<'_>, range: &Value, limit: &Value) -> Option<Finding> {
    let mut wrong = Vec::new();
    for (bound, kind) in [("max", "limits"), ("min", "requests")] {
        for (resource, amount) in limit[bound].as_object().into_iter().flatten() {
            let Some(bound_to) = quantity(amount) else { continue };
            for workload in context.touched_workloads() {
                let outside = |found: f64| match bound {
                    "max" => found > bound_to,
                    _ => found < bound_to,
                };
                if asked(&workload, limit, kind, resource).into_iter().any(outside) {
                    let object = short(workload.object());
                    wrong.push(format!("{object}: {kind}.{resource}, {bound} {}", text(amount)));
                }
            }
        }
    }
    (!wrong.is_empty()).then(|| {
        let what = format!("LimitRange `{}` does not allow {}", name(range), wrong.join(", "));
        LIMIT_RANGE.found(what, context.kubectl(&format!("edit limitrange {}", name(range))))
    })
}

/// The amounts of a workload's pods that a row of a LimitRange is about: those of each container,
/// or of the pod.
fn asked(workload: &Workload<'_>, limit: &Value, kind: &str, resource: &str) -> Vec<f64> {
    let pod = workload.pod_spec();
    match limit["type"].as_str() {
        Some("Container") => ["initContainers", "containers"]
            .iter()
            .flat_map(|list| items(&pod[*list]))
            .filter_map(|container| quantity(&container["resources"][kind][resource]))
            .collect(),
        Some("Pod") => {
            let sum = asked_for(workload, kind, resource);
            if sum > 0.0 { vec![sum] } else { Vec::new() }
        }
        _ => Vec::new(),
    }
}

/// A Kubernetes quantity in whole units.
fn quantity(value: &Value) -> Option<f64> {
    if let Some(number) = value.as_f64() {
        return Some(number);
    }
    let text = value.as_str()?;
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let factor = match suffix {
        "" => 1.0,
        "m" => 0.001,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::Installation;
    use super::*;

    const TO: &str = "3.69.2";

    fn object(kind: &str, spec: &Value, status: &Value) -> Value {
        json!({
            "apiVersion": "v1", "kind": kind, "metadata": {"name": "x", "namespace": "stackrox"},
            "spec": spec, "status": status,
        })
    }

    #[test]
    fn a_quota_must_leave_room_for_one_more_pod() {
        for (hard, used, found) in [
            (json!({"pods": "10"}), json!({"pods": "10"}), true),
            (json!({"pods": "10"}), json!({"pods": "9"}), false),
            (json!({"requests.memory": "20Gi"}), json!({"requests.memory": "20400Mi"}), true),
            (json!({"memory": "200Gi"}), json!({"memory": "20Gi"}), false),
            (json!({"services": "1"}), json!({"services": "1"}), false),
            (json!({"limits.cpu": "10"}), json!({"limits.cpu": "11"}), true),
        ] {
            let quota = object("ResourceQuota", &json!({}), &json!({"hard": hard, "used": used}));
            let installation = Installation::at("3.62.1").plus(quota);
            assert_eq!(installation.has("RHACS-QUOTA-TIGHT", TO), found, "{hard} {used}");
        }
    }

    #[test]
    fn quantities_are_read_with_their_suffix() {
        for (value, number) in [
            (json!("1500m"), Some(1.5)),
            (json!(2), Some(2.0)),
            (json!("4Gi"), Some(4_294_967_296.0)),
            (json!("1G"), Some(1e9)),
            (json!("much"), None),
            (json!(null), None),
        ] {
            assert_eq!(quantity(&value), number, "{value}");
        }
    }

    #[test]
    fn an_update_that_can_begin_without_an_old_pod_needs_no_room() {
        let full = || {
            let (hard, used) = (json!({"pods": "10"}), json!({"pods": "10"}));
            object("ResourceQuota", &json!({}), &json!({"hard": hard, "used": used}))
        };
        for (strategy, found) in [
            (json!({"type": "Recreate"}), false),
            (json!({"rollingUpdate": {"maxUnavailable": 1}}), false),
            (json!({"rollingUpdate": {"maxUnavailable": "50%"}}), false),
            (json!({"rollingUpdate": {"maxUnavailable": "10%"}}), true),
            (json!({"rollingUpdate": {"maxSurge": 0}}), false),
        ] {
            let installation = Installation::at("3.62.1").plus(full());
            let set = |deployment: &mut Value| deployment["spec"]["strategy"] = strategy.clone();
            let installation = installation.with("Deployment", "admission-control", set);
            assert_eq!(installation.has("RHACS-QUOTA-TIGHT", TO), found, "{strategy}");
        }
    }

    #[test]
    fn what_a_quota_counts_has_to_be_specified() {
        let quota = || {
            let hard = json!({"limits.memory": "1Ti"});
            object("ResourceQuota", &json!({"hard": hard}), &json!({}))
        };
        let unlimited = |deployment: &mut Value| {
            let container = &mut deployment["spec"]["template"]["spec"]["containers"][0];
            container["resources"] = json!({"requests": {"memory": "1Gi"}});
        };
        let installation = || Installation::at("3.62.1").plus(quota());
        let code = "RHACS-QUOTA-UNSPECIFIED";
        let names_sensor = |installation: &Installation| {
            installation.finding(code, TO).what.contains("deploy/sensor: limits.memory")
        };
        // An init container of the Scanner's database says nothing in any case.
        assert!(!names_sensor(&installation()));
        let without = || installation().with("Deployment", "sensor", unlimited);
        assert!(names_sensor(&without()));
        let limits = json!([{"type": "Container", "default": {"memory": "1Gi"}}]);
        let range = object("LimitRange", &json!({"limits": limits}), &json!({}));
        assert!(!without().plus(range).has(code, TO), "it has a default");
    }

    #[test]
    fn a_limit_range_has_to_allow_the_pods() {
        for (limit, found) in [
            (json!({"type": "Container", "max": {"memory": "1Ti"}}), false),
            (json!({"type": "Container", "max": {"memory": "100Mi"}}), true),
            (json!({"type": "Container", "min": {"cpu": "1m"}}), false),
            (json!({"type": "Container", "min": {"cpu": "900m"}}), true),
            (json!({"type": "Pod", "max": {"cpu": "1m"}}), true),
            (json!({"type": "PersistentVolumeClaim", "max": {"storage": "1"}}), false),
        ] {
            let range = object("LimitRange", &json!({"limits": [limit]}), &json!({}));
            let installation = Installation::at("3.62.1").plus(range);
            assert_eq!(installation.has("RHACS-LIMIT-RANGE", TO), found, "{limit}");
        }
    }
}
