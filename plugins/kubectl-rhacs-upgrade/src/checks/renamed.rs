//! Workloads of the product under names that are not the product's: nothing here upgrades them.

use std::collections::BTreeSet;

use common::plan::{Finding, Severity};
use common::rhacs::Workload;
use common::rhacs::images::{Image, Naming, Role};
use common::rhacs::rules::component_of;

use common::checks::{Context, Definition, short};

const RENAMED: Definition = Definition {
    code: "RHACS-WORKLOAD-RENAMED",
    severity: Severity::Block,
    meaning: "a workload of the product has a name that is not the product's",
    why: "it would stay behind, and what must not be newer than Central would go ahead of it",
    source: "product charts of every release; upgrade guide 3.69, section 2.2",
};

pub(super) const DEFINITIONS: &[Definition] = &[RENAMED];

/// What Central itself makes from the product's main image, and removes again.
const OF_CENTRAL: &str = "sensor-upgrader";

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let folders: BTreeSet<String> = context
        .workloads()
        .flat_map(|workload| workload.all_containers())
        .filter_map(|container| Some(Image::classify(container.image())?.prefix))
        .collect();
    let strangers = context.snapshot.workloads().filter(|workload| {
        component_of(workload.name()).is_none() && workload.name() != OF_CENTRAL
    });
    strangers
        .filter_map(|workload| {
            let (sign, name) = sign(&workload, &folders)?;
            let object = short(workload.object());
            let fix = format!(
                "this tool knows it as {name}: install it under that name, or upgrade it by the \
                 product's guide first; `{}` shows it",
                context.kubectl(&format!("get {object} -o yaml"))
            );
            Some(RENAMED.found(format!("{object} has {sign}"), fix))
        })
        .collect()
}

/// What tells that a workload is the product's, and what the product calls it.
fn sign(workload: &Workload<'_>, folders: &BTreeSet<String>) -> Option<(String, &'static str)> {
    let object = workload.object();
    let labels = [&object["metadata"], &object["spec"]["template"]["metadata"]];
    if labels.iter().any(|metadata| metadata["labels"]["app"] == "central") {
        return Some(("the label app=central".to_owned(), "deploy/central"));
    }
    let is_main = |image: &Image| {
        let is_ours = image.is_official() || folders.contains(&image.prefix);
        image.role == Role::Main && (is_ours || image.naming == Naming::Product)
    };
    let main = workload
        .all_containers()
        .find(|container| Image::classify(container.image()).is_some_and(|it| is_main(&it)))?;
    let sign = format!("the product's main image ({})", main.image());
    Some((sign, "deploy/central, deploy/sensor or deploy/admission-control"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{Installation, Subject};

    const CODE: &str = "RHACS-WORKLOAD-RENAMED";
    const TO: &str = "3.69.2";

    /// One more Deployment of this name, label and image.
    fn with(name: &str, app: &str, image: &str) -> Subject {
        Installation::at("3.66.1").plus(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": "stackrox", "labels": {"app": app}},
            "spec": {"template": {"metadata": {"labels": {"app": app}},
                "spec": {"containers": [{"name": "main", "image": image}]}}},
        }))
    }

    #[test]
    fn a_central_under_another_name_blocks() {
        let labelled = with("prod-central", "central", "example.org/anything:1");
        let finding = labelled.finding(CODE, TO);
        assert_eq!(finding.what, "deploy/prod-central has the label app=central");
        assert!(finding.fix.contains("`kubectl -n stackrox get deploy/prod-central -o yaml`"));
        for image in [
            "registry.redhat.io/rh-acs/main:3.66.1",
            "mirror.example/acs/rhacs-main-rhel8:3.69.2",
            "quay.io/stackrox-io/main@sha256:00",
        ] {
            let finding = with("prod-central", "acs", image).finding(CODE, TO);
            assert!(finding.what.contains(image), "{}", finding.what);
        }
    }

    #[test]
    fn a_renamed_central_without_its_namesake_blocks_too() {
        let mut installation = Installation::at("3.66.1");
        let central = installation.object("Deployment", "central");
        central["metadata"]["name"] = json!("prod-central");
        let plan = installation.plan_for(TO);
        let findings = installation.findings_of(&plan);
        assert!(findings.iter().any(|finding| finding.code == CODE), "{findings:#?}");
    }

    #[test]
    fn strangers_and_the_sensors_upgrader_do_not() {
        for (name, app, image) in [
            ("shop", "shop", "docker.io/shop/main:1.0"),
            ("sensor-upgrader", "sensor-upgrader", "registry.redhat.io/rh-acs/main:3.66.1"),
            ("copy", "scanner", "registry.redhat.io/rh-acs/scanner:2.20.0"),
        ] {
            assert!(!with(name, app, image).has(CODE, TO), "{name}");
        }
        assert!(!Installation::at("3.66.1").has(CODE, TO));
    }
}
