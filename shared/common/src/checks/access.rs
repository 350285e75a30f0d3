//! What the user may do in the cluster, for the way there and for the way back.

use std::collections::BTreeMap;

use crate::plan::{Finding, Severity};
use crate::rhacs::{Need, Permission};

use super::context::Context;
use super::definition::Definition;
use super::escalation::{self, ESCALATION};

const DENIED: Definition = Definition {
    code: "RHACS-ACCESS-DENIED",
    severity: Severity::Block,
    meaning: "a permission that the upgrade needs is missing",
    why: "the run would stop in the middle",
    source: "Kubernetes API, authorization.k8s.io/v1 SelfSubjectRulesReview",
};
const NO_WAY_BACK: Definition = Definition {
    code: "RHACS-ACCESS-ROLLBACK",
    severity: Severity::Accept,
    meaning: "a permission that only a rollback needs is missing",
    why: "the upgrade would work, but you could not take it back",
    source: "Kubernetes API, authorization.k8s.io/v1 SelfSubjectRulesReview",
};
const UNKNOWN: Definition = Definition {
    code: "RHACS-ACCESS-UNKNOWN",
    severity: Severity::Warn,
    meaning: "it cannot be found out whether a permission is there",
    why: "if it is missing, the run stops at that step; it is recorded and can be resumed",
    source: "Kubernetes API, authorization.k8s.io/v1 SelfSubjectAccessReview",
};

const CAUSE_UNSEEN: Definition = Definition {
    code: "RHACS-ACCESS-CAUSES",
    severity: Severity::Warn,
    meaning: "a permission is missing without which a wait cannot tell what it waits for",
    why: "pods that are refused, and volumes that do not come, are told by events alone",
    source: "Kubernetes API, events of core/v1",
};

pub(super) const DEFINITIONS: &[Definition] =
    &[DENIED, NO_WAY_BACK, CAUSE_UNSEEN, UNKNOWN, ESCALATION];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let access = &context.snapshot.access;
    let mut purposes: BTreeMap<(&str, Need), Vec<&Permission>> = BTreeMap::new();
    for permission in &access.denied {
        let purpose = (permission.purpose.as_str(), permission.needed_for);
        purposes.entry(purpose).or_default().push(permission);
    }
    let mut findings: Vec<Finding> = purposes
        .into_iter()
        .map(|((purpose, need), permissions)| {
            let definition = match need {
                Need::Cause => CAUSE_UNSEEN,
                Need::WayBack => NO_WAY_BACK,
                Need::Run => DENIED,
            };
            let wanted: Vec<String> = permissions.iter().map(|one| words(one)).collect();
            let user = if access.user.is_empty() { "you" } else { access.user.as_str() };
            definition.found(
                format!("{user} may not {} to {purpose}", wanted.join(", ")),
                format!(
                    "ask for the permission; {} tells when it is there",
                    permissions.first().map(|one| can_i(one)).unwrap_or_default()
                ),
            )
        })
        .collect();
    findings.extend(access.unknown.iter().map(|(what, reason)| {
        UNKNOWN.found(
            format!("whether you may {what} is unknown: {reason}"),
            "kubectl auth can-i --list",
        )
    }));
    findings.extend(escalation::run(context));
    findings
}

pub(super) fn words(permission: &Permission) -> String {
    format!("{} {}", permission.verb, target(permission))
}

fn target(permission: &Permission) -> String {
    let mut text = permission.resource.clone();
    if !permission.group.is_empty() {
        // A subresource stands behind the group: `deployments.apps/scale`.
        text = match text.split_once('/') {
            Some((resource, sub)) => format!("{resource}.{}/{sub}", permission.group),
            None => format!("{text}.{}", permission.group),
        };
    }
    match &permission.name {
        Some(name) => format!("{text}/{name}"),
        None => text,
    }
}

fn can_i(permission: &Permission) -> String {
    let (resource, sub) = permission
        .resource
        .split_once('/')
        .map_or((permission.resource.as_str(), ""), |(resource, sub)| (resource, sub));
    let plain = Permission { resource: resource.to_owned(), ..permission.clone() };
    let mut command = format!("`kubectl auth can-i {} {}", permission.verb, target(&plain));
    if !sub.is_empty() {
        command.push_str(&format!(" --subresource={sub}"));
    }
    if let Some(namespace) = &permission.namespace {
        command.push_str(&format!(" -n {namespace}"));
    }
    command.push('`');
    command
}

#[cfg(test)]
mod tests {
    use super::super::testing::Installation;
    use super::*;
    use crate::plan::{Action, Before, Plan, Write};

    fn permission(verb: &str, resource: &str, name: Option<&str>, purpose: &str) -> Permission {
        Permission {
            verb: verb.to_owned(),
            group: "apps".to_owned(),
            resource: resource.to_owned(),
            name: name.map(str::to_owned),
            namespace: Some("stackrox".to_owned()),
            purpose: purpose.to_owned(),
            needed_for: if purpose.starts_with("put it back") { Need::WayBack } else { Need::Run },
        }
    }

    #[test]
    fn each_purpose_is_one_finding() {
        let mut installation = Installation::at("3.62.1");
        installation.snapshot.access.user = "ann".to_owned();
        installation.snapshot.access.denied = vec![
            permission("list", "deployments", None, "wait for rollouts"),
            permission("watch", "deployments", None, "wait for rollouts"),
            permission("update", "deployments", Some("central"), "put it back (Upgrade central)"),
        ];
        let denied = installation.finding("RHACS-ACCESS-DENIED", "3.69.2");
        assert_eq!(
            denied.what,
            "ann may not list deployments.apps, watch deployments.apps to wait for rollouts"
        );
        let back = installation.finding("RHACS-ACCESS-ROLLBACK", "3.69.2");
        assert!(
            back.fix.contains("`kubectl auth can-i update deployments.apps/central -n stackrox`")
        );
    }

    #[test]
    fn what_the_run_needs_is_not_only_for_the_way_back() {
        let mut plan = Installation::at("3.62.1").plan_for("3.69.2");
        let object = plan.steps[0].action.writes()[0].object().clone();
        let of_update = |plan: &Plan| {
            let all = crate::checks::permissions(plan);
            let mut all = all.into_iter().filter(|one| one.verb == "update");
            let found = all.find(|one| one.name.as_ref() == Some(&object.name));
            found.expect("the right to put it back").needed_for
        };
        assert_eq!(of_update(&plan), Need::WayBack);
        let before = Before::Manifest { manifest: serde_json::json!({}) };
        let mut last = plan.steps[0].clone();
        let write = Write::Restore { object: object.clone(), before };
        last.action = Action::Write { writes: vec![write] };
        plan.steps.push(last);
        assert_eq!(of_update(&plan), Need::Run);
    }

    #[test]
    fn what_is_unknown_is_said() {
        let mut installation = Installation::at("3.62.1");
        installation.snapshot.access.unknown =
            [("patch scc".to_owned(), "timed out".to_owned())].into();
        let finding = installation.finding("RHACS-ACCESS-UNKNOWN", "3.69.2");
        assert_eq!(finding.what, "whether you may patch scc is unknown: timed out");
    }

    #[test]
    fn a_subresource_is_named_as_kubectl_asks_for_it() {
        let mut log = permission("get", "pods/log", None, "read Central's log");
        log.group = String::new();
        assert_eq!(can_i(&log), "`kubectl auth can-i get pods --subresource=log -n stackrox`");
        assert_eq!(words(&log), "get pods/log");
    }
}
