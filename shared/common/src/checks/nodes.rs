//! Whether the new pods find nodes to run on.

use crate::plan::{Finding, Severity};
use serde_json::Value;

use super::context::{Context, items, name};
use super::definition::Definition;

const NONE: Definition = Definition {
    code: "RHACS-NODE-NONE",
    severity: Severity::Block,
    meaning: "no node takes pods",
    why: "Central is stopped before its new pod starts, and that pod would have no place",
    source: "Kubernetes documentation, nodes: conditions",
};
const NOT_READY: Definition = Definition {
    code: "RHACS-NODE-NOT-READY",
    severity: Severity::Warn,
    meaning: "a node is not ready",
    why: "the collector on it cannot be replaced, and its rollout waits",
    source: "Kubernetes documentation, nodes: conditions",
};
const UNSCHEDULABLE: Definition = Definition {
    code: "RHACS-NODE-UNSCHEDULABLE",
    severity: Severity::Warn,
    meaning: "a node is cordoned",
    why: "the new pods of Deployments have one node less to choose from",
    source: "Kubernetes documentation, safely drain a node",
};
const ARCHITECTURE: Definition = Definition {
    code: "RHACS-NODE-ARCHITECTURE",
    severity: Severity::Warn,
    meaning: "a node has an architecture for which the release has no images",
    why: "pods that land there cannot start",
    source: "product change log 4.0 and 4.3: images for other architectures",
};

pub(super) const DEFINITIONS: &[Definition] = &[NONE, NOT_READY, UNSCHEDULABLE, ARCHITECTURE];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let nodes = &context.snapshot.nodes;
    let mut findings = Vec::new();
    let not_ready = names(nodes.iter().filter(|node| !is_ready(node)));
    let cordoned = names(nodes.iter().filter(|node| is_cordoned(node)));
    if !nodes.is_empty() && nodes.iter().all(|node| !is_ready(node) || is_cordoned(node)) {
        findings.push(NONE.found(
            format!("none of the {} nodes is ready and schedulable", nodes.len()),
            "kubectl get nodes",
        ));
    }
    if !not_ready.is_empty() {
        findings.push(NOT_READY.found(
            format!("not ready: {}", not_ready.join(", ")),
            format!("kubectl describe node {}", not_ready[0]),
        ));
    }
    if !cordoned.is_empty() {
        findings.push(UNSCHEDULABLE.found(
            format!("cordoned: {}", cordoned.join(", ")),
            format!("kubectl uncordon {}", cordoned.join(" ")),
        ));
    }
    findings.extend(architecture(context));
    findings
}

fn architecture(context: &Context<'_>) -> Option<Finding> {
    if context.plan.to.is_at_least(4, 0) {
        return None;
    }
    let others: Vec<String> = context
        .snapshot
        .nodes
        .iter()
        .filter_map(|node| {
            let architecture = node["status"]["nodeInfo"]["architecture"].as_str()?;
            (architecture != "amd64").then(|| format!("{} ({architecture})", name(node)))
        })
        .collect();
    (!others.is_empty()).then(|| {
        ARCHITECTURE.found(
            format!("{} has images for amd64 only: {}", context.plan.to, others.join(", ")),
            format!(
                "`{}` shows what runs where; keep pods away with a taint",
                context.kubectl("get pods -o wide")
            ),
        )
    })
}

fn names<'a>(nodes: impl Iterator<Item = &'a Value>) -> Vec<&'a str> {
    nodes.map(name).collect()
}

fn is_ready(node: &Value) -> bool {
    items(&node["status"]["conditions"])
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn is_cordoned(node: &Value) -> bool {
    node["spec"]["unschedulable"] == true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{Installation, node};

    fn codes(change: impl Fn(&mut serde_json::Value), to: &str) -> Vec<String> {
        let mut installation = Installation::at("3.62.1");
        let mut changed = node("c");
        change(&mut changed);
        installation.snapshot.nodes.push(changed);
        let findings = installation.findings_for(to);
        let codes = findings.into_iter().map(|finding| finding.code);
        codes.filter(|code| code.contains("NODE")).collect()
    }

    #[test]
    fn each_trouble_of_a_node_has_its_name() {
        let not_ready = |node: &mut serde_json::Value| {
            node["status"]["conditions"] = json!([{"type": "Ready", "status": "Unknown"}]);
        };
        assert_eq!(codes(not_ready, "3.69.2"), ["RHACS-NODE-NOT-READY"]);
        let cordoned = |node: &mut serde_json::Value| node["spec"]["unschedulable"] = json!(true);
        assert_eq!(codes(cordoned, "3.69.2"), ["RHACS-NODE-UNSCHEDULABLE"]);
        let arm = |node: &mut serde_json::Value| {
            node["status"]["nodeInfo"]["architecture"] = json!("arm64");
        };
        assert_eq!(codes(arm, "3.69.2"), ["RHACS-NODE-ARCHITECTURE"]);
        assert!(codes(|_| {}, "3.69.2").is_empty());
    }

    #[test]
    fn a_cluster_without_a_usable_node_blocks() {
        let mut installation = Installation::at("3.62.1");
        for node in &mut installation.snapshot.nodes {
            node["spec"]["unschedulable"] = json!(true);
        }
        assert!(installation.has("RHACS-NODE-NONE", "3.69.2"));
        installation.snapshot.nodes.clear();
        assert!(!installation.has("RHACS-NODE-NONE", "3.69.2"));
    }
}
