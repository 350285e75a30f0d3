//! Central's own configuration: what in it would keep a new Central from its database.

use crate::plan::{Finding, Severity};
use crate::rhacs::central_config::{KEY, is_safe_mode};

use super::context::Context;
use super::definition::Definition;

const SAFE_MODE: Definition = Definition {
    code: "RHACS-CENTRAL-SAFE-MODE",
    severity: Severity::Block,
    meaning: "Central is configured to start in safe mode",
    why: "its migrator is skipped then, and Central does not serve on a database of another release",
    source: "product migrator/main.go; product guide: forced rollback of Central",
};

pub(super) const DEFINITIONS: &[Definition] = &[SAFE_MODE];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    safe_mode(context).into_iter().collect()
}

fn safe_mode(context: &Context<'_>) -> Option<Finding> {
    let config = context.snapshot.object("ConfigMap", "central-config")?;
    let text = config["data"][KEY].as_str()?;
    // What is not YAML is Central's to complain of.
    if !context.changes_central() || is_safe_mode(text) != Ok(true) {
        return None;
    }
    let fix = if is_safe_mode(&text.replace(ON, OFF)) == Ok(false) {
        let (get, replace) =
            (context.kubectl("get cm central-config -o yaml"), context.kubectl("replace -f -"));
        format!("{get} | sed 's/{ON}/{OFF}/' | {replace}")
    } else {
        let edit = context.kubectl("edit cm central-config");
        format!("`{edit}`, and set maintenance.safeMode to false")
    };
    Some(SAFE_MODE.found("cm/central-config has maintenance.safeMode: true", fix))
}

const ON: &str = "safeMode: true";
const OFF: &str = "safeMode: false";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::CheckOptions;
    use super::super::testing::{Installation, now};
    use super::*;
    use crate::rhacs::Component;

    /// The finding about an installation with this configuration, whose plan replaces the
    /// workloads of `component`.
    fn found(text: &str, component: Component) -> Option<Finding> {
        let installation =
            Installation::at("3.62.1")
                .with("ConfigMap", "central-config", |config| config["data"][KEY] = json!(text));
        let mut plan = installation.plan_for("3.69.2");
        plan.steps.iter_mut().for_each(|step| step.component = Some(component));
        let options = CheckOptions {
            now: now(),
            accept: Vec::new(),
            backup_space: None,
            backup_directory_fault: None,
        };
        let snapshot = &installation.snapshot;
        run(&Context { snapshot, after: snapshot, plan: &plan, options: &options }).pop()
    }

    #[test]
    fn a_central_in_safe_mode_is_not_replaced() {
        let finding = found("maintenance:\n  safeMode: true\n", Component::Central).unwrap();
        assert_eq!(
            (finding.code.as_str(), finding.severity),
            ("RHACS-CENTRAL-SAFE-MODE", Severity::Block)
        );
        assert_eq!(
            finding.fix,
            "kubectl -n stackrox get cm central-config -o yaml | \
             sed 's/safeMode: true/safeMode: false/' | kubectl -n stackrox replace -f -"
        );
        let finding = found("maintenance:\n  safeMode:   yes\n", Component::Central).unwrap();
        assert!(finding.fix.starts_with("`kubectl -n stackrox edit cm"), "{}", finding.fix);
    }

    #[test]
    fn other_configurations_and_plans_without_central_are_no_matter() {
        for text in ["", "maintenance:\n  safeMode: false\n", "maintenance: [\n"] {
            assert_eq!(found(text, Component::Central), None, "{text}");
        }
        assert_eq!(found("maintenance:\n  safeMode: true\n", Component::Secured), None);
    }
}
