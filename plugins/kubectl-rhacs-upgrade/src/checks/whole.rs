//! Whether the installation is whole: what each part consists of, by names that are known.

use common::plan::{Finding, Severity};
use common::rhacs::images::{Image, version_of};
use common::rhacs::rules::{component_of, own_containers};
use common::rhacs::{Component, Container, Version, Workload};

use common::checks::Context;
use common::checks::Definition;

const MISSING: Definition = Definition {
    code: "RHACS-WORKLOAD-MISSING",
    severity: Severity::Block,
    meaning: "a part of the product lacks a workload that it cannot be without",
    why: "the rest of the part would be left behind, or wait for what is not there",
    source: "product charts of every release",
};
const MISSING_SIDE: Definition = Definition {
    code: "RHACS-WORKLOAD-ABSENT",
    severity: Severity::Warn,
    meaning: "a workload that releases come with is not installed",
    why: "it is not brought back by an upgrade",
    source: "product charts of every release",
};
const IMAGE_UNKNOWN: Definition = Definition {
    code: "RHACS-IMAGE-UNKNOWN",
    severity: Severity::Block,
    meaning: "a container of the product has an image whose name says nothing",
    why: "it would keep its old image while everything around it is upgraded",
    source: "product pkg/images/defaults/flavor.go",
};
const RELEASE_UNKNOWN: Definition = Definition {
    code: "RHACS-RELEASE-UNKNOWN",
    severity: Severity::Accept,
    meaning: "the target is newer than the last known patch of its line",
    why: "an image that was never published cannot be pulled",
    source: "product release notes; the tags of its repository",
};

pub(super) const DEFINITIONS: &[Definition] =
    &[MISSING, MISSING_SIDE, IMAGE_UNKNOWN, RELEASE_UNKNOWN];

/// Workloads of each part, and whether it cannot be without them.
const WORKLOADS: [(Component, &str, &str, bool); 6] = [
    (Component::Central, "Deployment", "central", true),
    (Component::Scanner, "Deployment", "scanner", true),
    (Component::Scanner, "Deployment", "scanner-db", true),
    (Component::Secured, "Deployment", "sensor", true),
    (Component::Secured, "Deployment", "admission-control", false),
    (Component::Secured, "DaemonSet", "collector", false),
];

/// The last patch of each line; all of them have ended.
const LAST_PATCHES: [(u32, u32); 14] = [
    (58, 1),
    (62, 1),
    (63, 0),
    (64, 2),
    (65, 0),
    (66, 1),
    (67, 2),
    (68, 2),
    (69, 2),
    (70, 2),
    (71, 3),
    (72, 4),
    (73, 5),
    (74, 9),
];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = missing(context);
    findings.extend(unknown_images(context));
    findings.extend(unknown_release(&context.plan.to));
    findings
}

fn missing(context: &Context<'_>) -> Vec<Finding> {
    let is_there = |kind: &str, name: &str| context.snapshot.object(kind, name).is_some();
    let begun = |part: Component| {
        WORKLOADS.iter().any(|(other, kind, name, _)| *other == part && is_there(kind, name))
    };
    WORKLOADS
        .iter()
        .filter(|(part, kind, name, _)| begun(*part) && !is_there(kind, name))
        .map(|(part, kind, name, essential)| {
            let short = if *kind == "DaemonSet" { "ds" } else { "deploy" };
            let what =
                format!("{short}/{name} does not exist, though other workloads of {part} do");
            let get = context.kubectl(&format!("get {short} {name}"));
            let fix = format!("restore it first; `{get}` shows when it is there");
            if *essential { MISSING.found(what, fix) } else { MISSING_SIDE.found(what, "") }
        })
        .collect()
}

fn unknown_images(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for workload in context.workloads() {
        let part = component_of(workload.name());
        if !part.is_some_and(|part| context.plan.components.contains(&part)) {
            continue;
        }
        let own = own_containers(workload.name());
        let unknown = workload.all_containers().filter(|container| {
            own.contains(&container.name())
                && Image::classify(container.image()).is_none()
                // Named by an earlier `--image`, and of the target already.
                && version_of(container.image()).as_ref() != Some(&context.plan.to)
                && !is_given_another(context, &workload, container)
        });
        findings.extend(unknown.map(|container| {
            let (name, image) = (container.name(), container.image());
            let what = format!("{}: container `{name}` has image {image}", workload.name());
            IMAGE_UNKNOWN.found(what, format!("`--image {name}=REGISTRY/NAME:TAG`"))
        }));
    }
    findings
}

/// Whether the plan gives this container another image.
fn is_given_another(
    context: &Context<'_>,
    workload: &Workload<'_>,
    container: &Container<'_>,
) -> bool {
    let after = workload.reference().and_then(|object| context.after.find(&object));
    after.is_some_and(|after| {
        let mut after = Workload::new(after).all_containers();
        after.any(|it| it.name() == container.name() && it.image() != container.image())
    })
}

fn unknown_release(to: &Version) -> Option<Finding> {
    let last = LAST_PATCHES.iter().find(|(minor, _)| to.major() == 3 && *minor == to.minor())?;
    (to.patch() > last.1).then(|| {
        let known = Version::release(3, last.0, last.1);
        RELEASE_UNKNOWN.found(
            format!("the last known release of that line is {known}"),
            format!("`--to {known}`"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Installation, Subject};

    fn codes(installation: &Subject, to: &str) -> Vec<String> {
        installation.findings_for(to).into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_part_without_its_main_workload_is_not_passed_over() {
        for (name, code) in [
            ("sensor", "RHACS-WORKLOAD-MISSING"),
            ("scanner-db", "RHACS-WORKLOAD-MISSING"),
            ("admission-control", "RHACS-WORKLOAD-ABSENT"),
        ] {
            let mut installation = Installation::at("3.66.1");
            installation.snapshot.objects.retain(|object| {
                object["kind"] == "ServiceAccount" || object["metadata"]["name"] != name
            });
            assert!(codes(&installation, "3.69.2").iter().any(|it| it == code), "{name}");
        }
    }

    #[test]
    fn a_renamed_image_of_the_product_has_to_be_named() {
        let mut installation = Installation::at("3.66.1");
        let text = serde_json::to_string(&installation.snapshot.objects).expect("json");
        let text = text.replace("registry.redhat.io/rh-acs/", "mirror.example/acs-");
        installation.snapshot.objects = serde_json::from_str(&text).expect("json");
        installation.snapshot.central.version = Some(common::rhacs::Version::release(3, 66, 1));
        assert!(codes(&installation, "3.69.2").iter().any(|it| it == "RHACS-IMAGE-UNKNOWN"));
    }

    #[test]
    fn a_patch_that_was_never_published_has_to_be_accepted() {
        let installation = Installation::at("3.66.1");
        assert!(codes(&installation, "3.69.9").iter().any(|it| it == "RHACS-RELEASE-UNKNOWN"));
        assert!(codes(&installation, "3.69.2").iter().all(|it| it != "RHACS-RELEASE-UNKNOWN"));
    }
}
