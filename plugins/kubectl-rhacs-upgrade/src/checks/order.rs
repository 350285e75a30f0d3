//! The order of the product's parts: Central first, always.

use common::plan::{Finding, Severity};
use common::rhacs::images::Image;
use common::rhacs::{Component, Version};

use common::checks::Context;
use common::checks::Definition;

const CENTRAL_FIRST: Definition = Definition {
    code: "RHACS-CENTRAL-FIRST",
    severity: Severity::Block,
    meaning: "the Scanner or the secured cluster would be newer than Central",
    why: "Central does not support sensors and scanners that are newer than itself",
    source: "upgrade guide 3.69, section 2.2; product proto/storage/cluster.proto",
};

pub(super) const DEFINITIONS: &[Definition] = &[CENTRAL_FIRST];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let plan = context.plan;
    if plan.components.contains(&Component::Central) || plan.is_empty() {
        return Vec::new();
    }
    let Some(central) = central_version(context).filter(|central| *central < plan.to) else {
        return Vec::new();
    };
    let what = format!("Central runs {central}, this plan goes to {}", plan.to);
    let fix = format!("kubectl rhacs upgrade --components central --to {}", plan.to);
    vec![CENTRAL_FIRST.found(what, fix)]
}

/// What Central says, else what its image's tag says.
fn central_version(context: &Context<'_>) -> Option<Version> {
    let said = context.snapshot.central.version.clone();
    said.or_else(|| {
        let central = context.snapshot.deployment("central")?;
        Image::classify(central.container("central")?.image())?.version()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::Installation;
    use super::*;

    #[test]
    fn a_part_does_not_overtake_central() {
        let installation = Installation::at("3.66.1");
        let mut plan = installation.plan_for("3.69.2");
        let first = |plan: &common::plan::Plan| {
            installation.findings_of(plan).iter().any(|it| it.code == "RHACS-CENTRAL-FIRST")
        };
        assert!(!first(&plan));
        plan.components = vec![Component::Secured];
        assert!(first(&plan));
    }

    #[test]
    fn a_central_that_is_there_already_is_no_obstacle() {
        let installation = Installation::at("3.66.1")
            .central(|central| central.version = Some(Version::release(3, 69, 2)));
        let mut plan = installation.plan_for("3.69.2");
        plan.components = vec![Component::Secured];
        let findings = installation.findings_of(&plan);
        assert!(findings.iter().all(|finding| finding.code != "RHACS-CENTRAL-FIRST"));
    }
}
