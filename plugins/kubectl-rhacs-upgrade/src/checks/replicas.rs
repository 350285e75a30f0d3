//! How many Scanners there are to be: the guide wants two, an installation may want one.

use common::checks::{Context, Definition};
use common::plan::{Finding, Severity};
use common::rhacs::Component;

const RAISED: Definition = Definition {
    code: "RHACS-SCANNER-REPLICAS",
    severity: Severity::Warn,
    meaning: "the Scanner's autoscaler gets a higher minimum where one Scanner may be meant",
    why: "a second Scanner takes memory of its own, and on a single node saves no interruption",
    source: "upgrade guide, module upgrade-scanner",
};
const KEPT: Definition = Definition {
    code: "RHACS-SCANNER-REPLICAS-KEPT",
    severity: Severity::Info,
    meaning: "the Scanner's autoscaler keeps its minimum of one replica",
    why: "with one Scanner every rollout interrupts scanning",
    source: "upgrade guide, module upgrade-scanner",
};

pub(super) const DEFINITIONS: &[Definition] = &[RAISED, KEPT];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    replicas(context).into_iter().collect()
}

fn replicas(context: &Context<'_>) -> Option<Finding> {
    let plan = context.plan;
    if plan.is_empty() || !plan.components.contains(&Component::Scanner) {
        return None;
    }
    let autoscaler = context.snapshot.object("HorizontalPodAutoscaler", "scanner")?;
    let spec = &autoscaler["spec"];
    let minimum = spec["minReplicas"].as_i64();
    if minimum.unwrap_or(1) >= 2 || plan.to.is_at_least(4, 0) {
        return None;
    }
    let after = context.after.object("HorizontalPodAutoscaler", "scanner");
    let is_raised = after.is_some_and(|it| it["spec"]["minReplicas"].as_i64() != minimum);
    if !is_raised {
        let fix = "leave out `--keep-replicas` to have two, as the guide wants it";
        return Some(KEPT.found("hpa/scanner keeps minReplicas 1", fix));
    }
    // The API server writes 1 where nobody said anything: a maximum of 1 is somebody's decision.
    let single = spec["maxReplicas"] == 1;
    let reason = match (context.snapshot.nodes.len(), single) {
        (1, _) => "the cluster has one node",
        (_, true) => "its maxReplicas is 1",
        _ => return None,
    };
    let what = format!("hpa/scanner gets minReplicas 2, and {reason}");
    Some(RAISED.found(what, "`--keep-replicas` leaves it as it is"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{Installation, Subject, node};

    const TO: &str = "3.69.2";

    fn with(minimum: i64, maximum: i64, nodes: &[&str]) -> Subject {
        let mut installation =
            Installation::at("3.66.1").with("HorizontalPodAutoscaler", "scanner", |it| {
                it["spec"]["minReplicas"] = json!(minimum);
                it["spec"]["maxReplicas"] = json!(maximum);
            });
        installation.snapshot.nodes = nodes.iter().map(|name| node(name)).collect();
        installation
    }

    #[test]
    fn a_second_scanner_is_told_where_one_may_be_meant() {
        for (minimum, maximum, nodes, what) in [
            (1, 5, &["a"][..], Some("the cluster has one node")),
            (1, 1, &["a", "b"], Some("its maxReplicas is 1")),
            (1, 5, &["a", "b"], None),
            (2, 5, &["a"], None),
            (1, 5, &[], None),
        ] {
            let installation = with(minimum, maximum, nodes);
            assert_eq!(installation.has("RHACS-SCANNER-REPLICAS", TO), what.is_some());
            let Some(what) = what else { continue };
            let finding = installation.finding("RHACS-SCANNER-REPLICAS", TO);
            assert_eq!(finding.what, format!("hpa/scanner gets minReplicas 2, and {what}"));
            assert!(finding.fix.contains("`--keep-replicas`"), "{}", finding.fix);
        }
    }

    #[test]
    fn one_that_is_kept_is_said() {
        let installation = with(1, 5, &["a"]);
        let mut plan = installation.plan_for(TO);
        for step in &mut plan.steps {
            if let common::plan::Action::Write { writes } = &mut step.action {
                writes.retain(|write| write.object().kind != "HorizontalPodAutoscaler");
            }
        }
        let findings = installation.findings_of(&plan);
        let told: Vec<&str> = findings
            .iter()
            .filter(|finding| finding.code.starts_with("RHACS-SCANNER-REPLICAS"))
            .map(|finding| finding.what.as_str())
            .collect();
        assert_eq!(told, ["hpa/scanner keeps minReplicas 1"]);
    }
}
