//! Webhooks, budgets and autoscalers that stand in the way of new pods.

use crate::plan::{Finding, Severity};
use serde_json::Value;

use super::context::{Context, items, name, short};
use super::definition::Definition;
use super::webhooks;

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
const AUTOSCALER: Definition = Definition {
    code: "RHACS-AUTOSCALER",
    severity: Severity::Warn,
    meaning: "an autoscaler may run a workload twice that can only run once",
    why: "two of it would use the same database files",
    source: "product charts: central, sensor and the databases have one replica",
};

pub(super) const DEFINITIONS: &[Definition] =
    &[FAIL_CLOSED, webhooks::DEAD, webhooks::REFUSES, BUDGET, AUTOSCALER];

/// The workloads of which there must be one.
const SINGLE: [&str; 5] = ["central", "central-db", "scanner-db", "scanner-v4-db", "sensor"];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(fail_closed(context));
    findings.extend(
        context.snapshot.of_kind("PodDisruptionBudget").filter_map(|it| budget(context, it)),
    );
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
