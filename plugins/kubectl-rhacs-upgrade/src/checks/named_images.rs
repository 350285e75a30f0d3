//! Whether what `--image` names is what `--to` says.

use std::collections::{BTreeMap, BTreeSet};

use common::checks::{Context, Definition, short};
use common::plan::{Finding, Severity};
use common::rhacs::images::{Image, Role, Tagged, tagged, version_of};
use common::rhacs::rules::{component_of, own_containers};
use common::rhacs::{Component, Container, Version, Workload};

const CONTRADICTS: Definition = Definition {
    code: "RHACS-IMAGE-CONTRADICTS",
    severity: Severity::Block,
    meaning: "an image that was named is not that of the target",
    why: "another release would migrate the database, or run beside the rest of the target",
    source: "product pkg/images/defaults/flavor.go; upgrade guide 3.69, section 2.2.1",
};
const UNREADABLE: Definition = Definition {
    code: "RHACS-IMAGE-VERSION-UNKNOWN",
    severity: Severity::Accept,
    meaning: "the tag of an image that was named says no version",
    why: "whether it is the target's is only known when it has migrated the database",
    source: "Kubernetes documentation, images: image names",
};

pub(super) const DEFINITIONS: &[Definition] = &[CONTRADICTS, UNREADABLE];

/// What is wrong with a reference, and the containers that get or keep it.
type Faults = BTreeMap<(Fault, String), BTreeSet<String>>;

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Fault {
    /// It is of this version, and that is older than what runs if so.
    Version(String, bool),
    /// It is this image instead of that.
    Role(String, String),
    /// Nobody can tell.
    Unreadable,
}

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let by_upgrader = context.plan.awaits_upgrader();
    let mut faults = Faults::new();
    for workload in context.workloads() {
        let part = component_of(workload.name());
        if !part.is_some_and(|part| context.plan.components.contains(&part))
            || (by_upgrader && part == Some(Component::Secured))
        {
            continue;
        }
        for container in workload.all_containers() {
            let written = written(context, &workload, &container);
            if let Some((fault, reference)) = judge(context, &workload, &container, written) {
                let user = format!("{} of {}", container.name(), short(workload.object()));
                faults.entry((fault, reference)).or_default().insert(user);
            }
        }
    }
    let to = &context.plan.to;
    faults.into_iter().map(|((fault, image), users)| found(to, &fault, &image, &users)).collect()
}

/// What is wrong with the image that a container has after the plan.
fn judge(
    context: &Context<'_>,
    workload: &Workload<'_>,
    container: &Container<'_>,
    written: Option<&str>,
) -> Option<(Fault, String)> {
    let to = &context.plan.to;
    let reference = written.unwrap_or_else(|| container.image());
    let before = Image::classify(container.image());
    let named = Image::classify(reference);
    let is_own = own_containers(workload.name()).contains(&container.name());
    // A stranger's container is left alone, whatever its image is called.
    let expected = match (is_own, written, &before) {
        (true, ..) => role_of(workload.name(), container.name())?,
        (false, Some(_), Some(before)) => before.role,
        _ => return None,
    };
    if let Some(named) = named.as_ref().filter(|named| named.role != expected) {
        let fault = Fault::Role(named.role.to_string(), expected.to_string());
        return Some((fault, reference.to_owned()));
    }
    let fault = match tagged(reference, expected, to) {
        Tagged::Release => return None,
        Tagged::Other(version) => {
            let is_older = version_of(container.image()).is_some_and(|runs| version < runs);
            Fault::Version(version.to_string(), is_older)
        }
        // What is kept and says nothing is another finding.
        Tagged::Unreadable if written.is_none() => return None,
        Tagged::Unreadable => Fault::Unreadable,
    };
    Some((fault, reference.to_owned()))
}

fn found(to: &Version, fault: &Fault, image: &str, users: &BTreeSet<String>) -> Finding {
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let users = users.join(", ");
    let without = "leave out `--image`, or name one whose tag is";
    match fault {
        Fault::Version(version, is_older) => {
            let older = if *is_older { ", older than what runs" } else { "" };
            let what = format!("{image} for {users} is {version}{older}, not {to}");
            CONTRADICTS.found(what, format!("{without} {to}; `--to {version}` if that is meant"))
        }
        Fault::Role(is, expected) => {
            let what = format!("{image} for {users} is the image `{is}`, not `{expected}`");
            CONTRADICTS.found(what, format!("leave out `--image`, or name the image `{expected}`"))
        }
        Fault::Unreadable => {
            let what = format!("{image} for {users} says no version");
            UNREADABLE.found(what, format!("{without} {to}, with its digest behind it if need be"))
        }
    }
}

/// The image that the plan gives a container.
fn written<'a>(
    context: &Context<'a>,
    workload: &Workload<'_>,
    container: &Container<'_>,
) -> Option<&'a str> {
    let object = workload.reference()?;
    let own = context.forecast().filter(|forecast| *forecast.object == object);
    own.filter_map(|forecast| forecast.content()).find_map(|content| {
        let given = Workload::new(content).all_containers().find(|given| {
            given.name() == container.name()
                && given.is_init() == container.is_init()
                && !given.image().is_empty()
        })?;
        Some(given.image())
    })
}

/// The image that the product's charts give a container.
fn role_of(workload: &str, container: &str) -> Option<Role> {
    Some(match (workload, container) {
        (
            _,
            "central" | "sensor" | "admission-control" | "compliance" | "manager" | "crs"
            | "init-tls-certs",
        ) => Role::Main,
        ("central-db", _) => Role::CentralDb,
        ("scanner-db" | "scanner", "db" | "init-db") => Role::ScannerDb,
        ("scanner-v4-db", _) => Role::ScannerV4Db,
        ("scanner", _) | (_, "node-inventory") => Role::Scanner,
        (_, "indexer" | "matcher") => Role::ScannerV4,
        (_, "collector") => Role::Collector,
        (_, "fact") => Role::Fact,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use common::plan::{Plan, ScannerConfig};
    use common::rhacs::Snapshot;

    use super::super::testing::{Installation, Subject};
    use super::*;
    use crate::planner::{Request, plan};
    use common::rhacs::images::ImageOptions;

    const TO: &str = "3.69.2";

    fn planned(snapshot: &Snapshot, named: &[(&str, &str)]) -> Plan {
        let overrides = named.iter().map(|(name, image)| ((*name).into(), (*image).into()));
        let request = Request {
            to: TO.parse().expect("a version"),
            components: Vec::new(),
            images: ImageOptions { overrides: overrides.collect(), ..ImageOptions::default() },
            backup_directory: Some(".".to_owned()),
            scanner_config: ScannerConfig::Keep,
            keep_replicas: false,
            roxctl: false,
            revoke_token: false,
            timeout_seconds: None,
        };
        plan(snapshot, &request).expect("a plan")
    }

    fn found(installation: &Subject, named: &[(&str, &str)]) -> Vec<(String, String)> {
        let plan = planned(&installation.snapshot, named);
        let findings = installation.findings_of(&plan).into_iter();
        let ours = findings
            .filter(|finding| DEFINITIONS.iter().any(|definition| definition.code == finding.code));
        ours.map(|finding| (finding.code, finding.what)).collect()
    }

    #[test]
    fn a_tag_that_contradicts_the_target_blocks() {
        let installation = Installation::at("3.69.0");
        let found = found(&installation, &[("main", "mirror.example/main:3.68.1")]);
        let expected = "mirror.example/main:3.68.1 for admission-control of \
                        deploy/admission-control, central of deploy/central, compliance of \
                        ds/collector, sensor of deploy/sensor is 3.68.1, older than what runs, not \
                        3.69.2";
        assert_eq!(found, [("RHACS-IMAGE-CONTRADICTS".to_owned(), expected.to_owned())]);
    }

    #[test]
    fn one_that_runs_already_is_no_better() {
        let installation = Installation::at("3.68.1");
        let runs = installation.snapshot.deployment("central").expect("central");
        let image = runs.container("central").expect("central").image().to_owned();
        let found = found(&installation, &[("main", &image)]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].1.ends_with("is 3.68.1, not 3.69.2"), "{found:?}");
    }

    #[test]
    fn a_container_is_judged_by_its_own_image() {
        let installation = Installation::at("3.66.1");
        let found = found(&installation, &[("central", "mirror.example/acs/scanner:3.69.2")]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].1.ends_with("is the image `scanner`, not `main`"), "{found:?}");
    }

    #[test]
    fn what_cannot_be_read_has_to_be_accepted() {
        let digest = format!("mirror.example/main@sha256:{}", "0".repeat(64));
        let installation = Installation::at("3.66.1");
        for image in [digest.as_str(), "mirror.example/main:latest", "x/acs:3.69.2-ours"] {
            let found = found(&installation, &[("central", image)]);
            assert_eq!(found.len(), 1, "{image}: {found:?}");
            assert_eq!(found[0].0, "RHACS-IMAGE-VERSION-UNKNOWN", "{image}");
        }
    }

    #[test]
    fn what_is_of_the_target_is_nothing_to_speak_of() {
        let installation = Installation::at("3.66.1");
        let pinned = format!("mirror.example/main:3.69.2@sha256:{}", "0".repeat(64));
        for named in [
            vec![],
            vec![("main", "mirror.example/main:3.69.2")],
            vec![("central", "x/our-central:3.69.2"), ("db", "x/our-db:3.69.2")],
            vec![("main", pinned.as_str())],
        ] {
            assert_eq!(found(&installation, &named), [], "{named:?}");
        }
    }
}
