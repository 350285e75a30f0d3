//! What a plan costs: pods that are replaced, and SCCs of another release than that of the images.

use common::checks::{Context, Definition};
use common::plan::{Finding, Severity, oldest};
use common::rhacs::Version;
use common::rhacs::hops::{is_supported_target, path};
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
    Some(AHEAD.found(what, images_to(&running, &plan.to)))
}

/// How the images come to the release of the SCCs; this tool does not go everywhere.
fn images_to(running: &Version, to: &Version) -> String {
    let is_one_stage = running < to && path(running, to).len() == 1;
    match is_one_stage && is_supported_target(to) {
        true => format!("`kubectl rhacs upgrade --to {to}`, before or soon after"),
        false if running < to => {
            format!("bring the images to {to} by the product's guide, before or soon after")
        }
        false => {
            format!("only on the way back to {to}; else `kubectl rhacs scc status --for {running}`")
        }
    }
}

fn restarts(context: &Context<'_>) -> Option<Finding> {
    let names: Vec<String> = context
        .forecast()
        .map(|forecast| forecast.object)
        .filter(|it| matches!(it.kind.as_str(), "Deployment" | "DaemonSet" | "StatefulSet"))
        .map(|object| object.to_string())
        .collect();
    (!names.is_empty()).then(|| RESTARTS.found(format!("new pods of {}", names.join(", ")), ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_is_named_that_the_tool_refuses() {
        let release = |text: &str| text.parse::<Version>().expect(text);
        for (running, to, expected) in [
            ("3.62.1", "3.69.2", "`kubectl rhacs upgrade --to 3.69.2`"),
            ("3.69.2", "4.4.0", "by the product's guide"),
            ("3.0.44.0", "3.74.9", "by the product's guide"),
            ("3.69.2", "3.63.0", "`kubectl rhacs scc status --for 3.69.2`"),
        ] {
            let words = images_to(&release(running), &release(to));
            assert!(words.contains(expected), "{running} → {to}: {words}");
        }
    }
}
