//! What a plan costs: pods that are replaced, and SCCs of another release than that of the images.

use common::checks::{Context, Definition};
use common::plan::{Finding, Severity, Write, oldest};
use common::rhacs::scc::Era;

const AHEAD: Definition = Definition {
    code: "RHACS-SCC-AHEAD",
    severity: Severity::Warn,
    meaning: "the SCCs go to another era than the images",
    why: "the release that runs was made for SCCs of its own",
    source: "upgrade guide 4.4, module migrating-sccs-during-the-manual-upgrade",
};
const RESTARTS: Definition = Definition {
    code: "RHACS-SCC-RESTARTS",
    severity: Severity::Info,
    meaning: "workloads get new pods",
    why: "a pod keeps the SCC that admitted it; Central is away while its pod is replaced",
    source: "OpenShift: SCCs are looked at when a pod is created",
};

pub(super) const DEFINITIONS: &[Definition] = &[AHEAD, RESTARTS];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    [ahead(context), restarts(context)].into_iter().flatten().collect()
}

fn ahead(context: &Context<'_>) -> Option<Finding> {
    let plan = context.plan;
    // Of a way back, the plan's source is the release whose SCCs are left, not the one that runs.
    let running = oldest(context.snapshot, &plan.before)?;
    if plan.is_empty() || Era::of(&running) == Era::of(&plan.to) {
        return None;
    }
    let what = format!(
        "{running} runs, which is of the era {}; the SCCs of {} are of {}",
        Era::of(&running),
        plan.to,
        Era::of(&plan.to)
    );
    let fix = format!("kubectl rhacs upgrade --to {}, before or soon after", plan.to);
    Some(AHEAD.found(what, fix))
}

fn restarts(context: &Context<'_>) -> Option<Finding> {
    let is_workload = |write: &&Write| {
        matches!(write.object().kind.as_str(), "Deployment" | "DaemonSet" | "StatefulSet")
    };
    let names: Vec<String> =
        context.writes().filter(is_workload).map(|write| write.object().to_string()).collect();
    (!names.is_empty()).then(|| RESTARTS.found(format!("new pods of {}", names.join(", ")), ""))
}
