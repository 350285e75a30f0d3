//! Whether every pod is still admitted after the plan, and what that costs.

use common::checks::{Context, Definition};
use common::plan::{Finding, Severity, Write, oldest};
use common::rhacs::rules::component_of;
use common::rhacs::scc::Era;

use crate::projection::{objects_after, verdicts};

const REFUSED: Definition = Definition {
    code: "RHACS-SCC-REFUSED",
    severity: Severity::Block,
    meaning: "after the plan no SCC would admit the pods of a workload",
    why: "its next pod would not be created",
    source: "OpenShift's admission, as this tool knows it",
};
const UNFIT: Definition = Definition {
    code: "RHACS-SCC-UNFIT",
    severity: Severity::Warn,
    meaning: "no SCC admits the pods of a workload, with the plan or without",
    why: "its next pod will not be created",
    source: "OpenShift's admission, as this tool knows it",
};
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

pub(super) const DEFINITIONS: &[Definition] = &[REFUSED, UNFIT, AHEAD, RESTARTS];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = refused(context);
    findings.extend(ahead(context));
    findings.extend(restarts(context));
    findings
}

fn refused(context: &Context<'_>) -> Vec<Finding> {
    let snapshot = context.snapshot;
    let before = verdicts(&snapshot.objects, &snapshot.namespace);
    let after = verdicts(&objects_after(snapshot, context.plan), &snapshot.namespace);
    let was_refused = |object| before.iter().any(|(it, verdict)| it == object && verdict.is_err());
    let mut findings = Vec::new();
    for (object, verdict) in &after {
        let Err(refused) = verdict else { continue };
        let is_touched = context.writes().any(|write| write.object() == object);
        let is_product = component_of(&object.name).is_some();
        let what = format!("{object}: {}", refused.reason());
        let definition = if was_refused(object) && !is_touched { UNFIT } else { REFUSED };
        let fix = if is_product {
            format!(
                "kubectl -n {} get {object} -o yaml shows its security contexts",
                snapshot.namespace
            )
        } else {
            format!("give {object} an SCC of its own, or leave --prune out")
        };
        findings.push(definition.found(what, fix));
    }
    findings
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
