//! Webhooks, budgets, quotas and autoscalers that stand in the way of new pods.

use std::collections::BTreeMap;

use crate::plan::{Finding, Severity};
use crate::rhacs::Workload;
use serde_json::Value;

use super::context::{Context, items, name, short};
use super::definition::Definition;

const FAIL_CLOSED: Definition = Definition {
    code: "RHACS-WEBHOOK-FAIL-CLOSED",
    severity: Severity::Warn,
    meaning: "RHACS' own admission webhook refuses everything while it does not answer",
    why: "while admission-control is replaced, no pod of the cluster may be created",
    source: "Kubernetes documentation, admission webhooks: failure policy",
};
const BUDGET: Definition = Definition {
    code: "RHACS-PDB-BLOCKS",
    severity: Severity::Warn,
    meaning: "a PodDisruptionBudget allows no disruption of a pod of the product",
    why: "a node drain during the upgrade would hang; the rollouts themselves do not ask it",
    source: "Kubernetes documentation, disruptions",
};
const QUOTA: Definition = Definition {
    code: "RHACS-QUOTA-TIGHT",
    severity: Severity::Accept,
    meaning: "a ResourceQuota leaves no room for the additional pod of a rolling update",
    why: "the new pod would be refused, and the rollout would never finish",
    source: "Kubernetes documentation, resource quotas",
};
const AUTOSCALER: Definition = Definition {
    code: "RHACS-AUTOSCALER",
    severity: Severity::Warn,
    meaning: "an autoscaler may run a workload twice that can only run once",
    why: "two of it would use the same database files",
    source: "product charts: central, sensor and the databases have one replica",
};

pub(super) const DEFINITIONS: &[Definition] = &[FAIL_CLOSED, BUDGET, QUOTA, AUTOSCALER];

/// The workloads of which there must be one.
const SINGLE: [&str; 5] = ["central", "central-db", "scanner-db", "scanner-v4-db", "sensor"];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(fail_closed(context));
    findings.extend(
        context.snapshot.of_kind("PodDisruptionBudget").filter_map(|it| budget(context, it)),
    );
    findings.extend(context.snapshot.of_kind("ResourceQuota").filter_map(|it| quota(context, it)));
    findings.extend(
        context
            .snapshot
            .of_kind("HorizontalPodAutoscaler")
            .filter_map(|it| autoscaler(context, it)),
    );
    findings
}

fn fail_closed(context: &Context<'_>) -> Option<Finding> {
    let configuration = context.snapshot.object("ValidatingWebhookConfiguration", "stackrox")?;
    let closed: Vec<usize> = items(&configuration["webhooks"])
        .enumerate()
        .filter(|(_, webhook)| webhook["failurePolicy"] == "Fail")
        .map(|(index, _)| index)
        .collect();
    if closed.is_empty() {
        return None;
    }
    let patches: Vec<String> = closed
        .iter()
        .map(|index| {
            format!(
                r#"{{"op":"replace","path":"/webhooks/{index}/failurePolicy","value":"Ignore"}}"#
            )
        })
        .collect();
    let fix = format!(
        "kubectl patch validatingwebhookconfiguration stackrox --type json -p '[{}]'",
        patches.join(",")
    );
    let what = format!("{} of its webhooks has failurePolicy Fail", closed.len());
    Some(FAIL_CLOSED.found(format!("ValidatingWebhookConfiguration stackrox: {what}"), fix))
}

fn budget(context: &Context<'_>, budget: &Value) -> Option<Finding> {
    if budget["status"]["disruptionsAllowed"].as_u64() != Some(0) {
        return None;
    }
    let wanted = budget["spec"]["selector"]["matchLabels"].as_object()?;
    let covered = context.touched_workloads().find(|workload| {
        let labels = &workload.object()["spec"]["template"]["metadata"]["labels"];
        !wanted.is_empty() && wanted.iter().all(|(key, value)| labels[key] == *value)
    })?;
    let what = format!(
        "PodDisruptionBudget `{}` allows no disruption of {}",
        name(budget),
        short(covered.object())
    );
    Some(BUDGET.found(what, context.kubectl(&format!("describe pdb {}", name(budget)))))
}

fn quota(context: &Context<'_>, quota: &Value) -> Option<Finding> {
    // A quota with scopes counts only some pods; whether these belong to them is not known here.
    if quota["spec"].get("scopes").is_some() || quota["spec"].get("scopeSelector").is_some() {
        return None;
    }
    let needed = surge(context);
    let hard = quota["status"]["hard"].as_object()?;
    let short_of: Vec<String> = hard
        .iter()
        .filter_map(|(resource, limit)| {
            let need = needed.get(canonical(resource))?;
            let used = &quota["status"]["used"][resource.as_str()];
            let left = quantity(limit)? - quantity(used).unwrap_or(0.0);
            (*need > left).then(|| format!("{resource}: {} of {} used", text(used), text(limit)))
        })
        .collect();
    (!short_of.is_empty()).then(|| {
        let what = format!("ResourceQuota `{}` is used up: {}", name(quota), short_of.join(", "));
        QUOTA.found(what, context.kubectl(&format!("edit quota {}", name(quota))))
    })
}

/// What one more pod of the largest rolling update asks for, by quota resource.
fn surge(context: &Context<'_>) -> BTreeMap<&'static str, f64> {
    let mut needed = BTreeMap::new();
    for workload in context.touched_workloads().filter(surges) {
        let mut need = |resource: &'static str, amount: f64| {
            let most: &mut f64 = needed.entry(resource).or_insert(0.0);
            *most = most.max(amount);
        };
        need("pods", 1.0);
        for (kind, cpu, memory) in [
            ("requests", "requests.cpu", "requests.memory"),
            ("limits", "limits.cpu", "limits.memory"),
        ] {
            let sum = |resource: &str| -> f64 {
                items(&workload.pod_spec()["containers"])
                    .filter_map(|container| quantity(&container["resources"][kind][resource]))
                    .sum()
            };
            need(cpu, sum("cpu"));
            need(memory, sum("memory"));
        }
    }
    needed
}

/// Whether an update of the workload runs an additional pod.
fn surges(workload: &Workload<'_>) -> bool {
    let spec = &workload.object()["spec"];
    let surge = &spec["strategy"]["rollingUpdate"]["maxSurge"];
    workload.object()["kind"] == "Deployment"
        && spec["strategy"]["type"] != "Recreate"
        && *surge != 0
        && *surge != "0%"
}

fn canonical(resource: &str) -> &str {
    match resource {
        "cpu" => "requests.cpu",
        "memory" => "requests.memory",
        "count/pods" => "pods",
        other => other,
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

fn autoscaler(context: &Context<'_>, autoscaler: &Value) -> Option<Finding> {
    let target = &autoscaler["spec"]["scaleTargetRef"];
    let workload = target["name"].as_str().filter(|name| SINGLE.contains(name))?;
    let most = autoscaler["spec"]["maxReplicas"].as_u64().filter(|most| *most > 1)?;
    let what = format!("hpa/{} scales {workload} up to {most} replicas", name(autoscaler));
    Some(AUTOSCALER.found(what, context.kubectl(&format!("delete hpa {}", name(autoscaler)))))
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
    fn a_webhook_that_fails_closed_is_seen() {
        let installation =
            Installation::at("3.62.1").with("ValidatingWebhookConfiguration", "stackrox", |it| {
                it["webhooks"] = json!([{"failurePolicy": "Ignore"}, {"failurePolicy": "Fail"}]);
            });
        let finding = installation.finding("RHACS-WEBHOOK-FAIL-CLOSED", TO);
        assert!(finding.fix.contains("/webhooks/1/failurePolicy"), "{}", finding.fix);
        assert!(!finding.fix.contains("/webhooks/0/"), "{}", finding.fix);
    }

    #[test]
    fn a_budget_without_room_is_seen() {
        let spec = json!({"selector": {"matchLabels": {"app": "sensor"}}});
        for (allowed, found) in [(0, true), (1, false)] {
            let status = json!({"disruptionsAllowed": allowed});
            let budget = object("PodDisruptionBudget", &spec, &status);
            assert_eq!(Installation::at("3.62.1").plus(budget).has("RHACS-PDB-BLOCKS", TO), found);
        }
    }

    #[test]
    fn a_quota_must_leave_room_for_one_more_pod() {
        for (hard, used, found) in [
            (json!({"pods": "10"}), json!({"pods": "10"}), true),
            (json!({"pods": "10"}), json!({"pods": "9"}), false),
            (json!({"requests.memory": "20Gi"}), json!({"requests.memory": "20400Mi"}), true),
            (json!({"memory": "200Gi"}), json!({"memory": "20Gi"}), false),
            (json!({"services": "1"}), json!({"services": "1"}), false),
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
    fn central_must_not_be_scaled() {
        for (target, found) in [("central", true), ("scanner", false)] {
            let spec = json!({"scaleTargetRef": {"name": target}, "maxReplicas": 5});
            let autoscaler = object("HorizontalPodAutoscaler", &spec, &json!({}));
            assert_eq!(
                Installation::at("3.62.1").plus(autoscaler).has("RHACS-AUTOSCALER", TO),
                found,
                "{target}"
            );
        }
    }
}
