//! Roles of the product that somebody changed: they are kept, and may allow too little.

use common::checks::{Context, Definition};
use common::plan::{Finding, Severity};
use common::rhacs::images::ImageOptions;
use common::rhacs::rules::{Facts, kept_roles};

const KEPT: Definition = Definition {
    code: "RHACS-ROLE-KEPT",
    severity: Severity::Warn,
    meaning: "a Role of the product has rules that no release gave it; it is kept",
    why: "what the release's own rules allow beyond them is refused to Central or the sensor",
    source: "upgrade guide, modules upgrade-central and upgrade-central-openshift; product charts",
};

pub(super) const DEFINITIONS: &[Definition] = &[KEPT];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let plan = context.plan;
    if plan.is_empty() {
        return Vec::new();
    }
    let images = ImageOptions::default();
    let facts = Facts::new(context.snapshot, &plan.from, &plan.to, &images);
    kept_roles(&facts)
        .into_iter()
        .filter(|role| plan.components.contains(&role.component))
        .map(|role| {
            let (object, to) = (&role.object, &plan.to);
            let what = format!(
                "{object} allows {} and is kept; that of {to} allows {}",
                role.allows, role.official
            );
            KEPT.found(what, context.kubectl(&format!("edit role {}", object.name)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use common::rhacs::Component;
    use serde_json::json;

    use super::super::testing::Installation;

    const CODE: &str = "RHACS-ROLE-KEPT";

    #[test]
    fn a_role_that_somebody_changed_is_told_before_the_run() {
        let changed = |name: &str| {
            Installation::at("3.62.1")
                .with("Role", name, |role| role["rules"][0]["verbs"] = json!(["get"]))
        };
        let diagnostics = changed("stackrox-central-diagnostics");
        let finding = diagnostics.finding(CODE, "3.69.2");
        assert_eq!(
            finding.what,
            "role/stackrox-central-diagnostics allows get on * and is kept; that of 3.69.2 allows \
             get,list on deployments,daemonsets,replicasets,configmaps,services"
        );
        assert_eq!(finding.fix, "kubectl -n stackrox edit role stackrox-central-diagnostics");
        let mut plan = diagnostics.plan_for("3.69.2");
        plan.components = vec![Component::Secured];
        assert!(diagnostics.findings_of(&plan).iter().all(|finding| finding.code != CODE));
        assert!(changed("edit").finding(CODE, "3.74.9").what.starts_with("role/edit allows get"));
    }

    #[test]
    fn the_roles_of_a_release_are_not_told() {
        for to in ["3.69.2", "3.74.9"] {
            assert!(!Installation::at("3.62.1").has(CODE, to), "{to}");
        }
    }
}
