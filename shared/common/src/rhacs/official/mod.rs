//! The objects of an official manifest installation of any release, and when they changed.
//!
//! The knowledge is compact text (`data/*.yaml`, the form is described in `load.rs`): one tree per
//! object for all releases and both platforms, in which every line that is not always true says
//! when it is. Source: the manifests each release renders, compared release by release.

mod changes;
mod condition;
mod expand;
mod images;
mod load;
mod node;
mod resolve;
mod sample;
mod standard;

use std::collections::BTreeSet;

use serde_json::Value;

pub use changes::{Change, changes};
pub use sample::{on_a_claim, sample};

use crate::rhacs::{Platform, Version};
use condition::Point;

/// The objects of a manifest installation of `version`: Central and one secured cluster in
/// `namespace`, offline, without a persistent volume, in the order `kubectl apply` needs them.
///
/// A release between two known minors has the objects of the older one; one before 3.58 those of
/// 3.58. Secret values are placeholders, the keys are real. Comments in configuration texts are
/// left out. The custom resource definition of 4.8 and later is not among the objects.
#[must_use]
pub fn objects(version: &Version, platform: Platform, namespace: &str) -> Vec<Value> {
    let point = Point { version, platform, namespace };
    let mut objects: Vec<(usize, Value)> = load::templates()
        .iter()
        .filter(|template| template.condition.as_ref().is_none_or(|when| when.holds(&point)))
        .filter_map(|template| {
            let object = expand::object(template, &point)?;
            Some((standard::apply_rank(&template.kind), object))
        })
        .collect();
    objects.sort_by_key(|(rank, _)| *rank);
    objects.into_iter().map(|(_, object)| object).collect()
}

/// One of the [`objects`], without making the others.
#[must_use]
pub fn object(
    kind: &str,
    name: &str,
    version: &Version,
    platform: Platform,
    namespace: &str,
) -> Option<Value> {
    let point = Point { version, platform, namespace };
    load::templates()
        .iter()
        .filter(|template| {
            template.kind == kind && resolve::substitute(&template.name, &point) == name
        })
        .filter(|template| template.condition.as_ref().is_none_or(|when| when.holds(&point)))
        .find_map(|template| expand::object(template, &point))
}

/// The first release of each line in which any object changed, oldest first.
#[must_use]
pub fn lines() -> Vec<Version> {
    let lines = load::boundaries().iter();
    lines.map(|(major, minor)| Version::release(*major, *minor, 0)).collect()
}

/// `Kind/name` of every object that any release has on the platform, in `namespace`.
#[must_use]
pub fn names(platform: Platform, namespace: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for version in [Version::release(3, 0, 0)].iter().chain(&lines()) {
        let point = Point { version, platform, namespace };
        for template in load::templates() {
            if template.condition.as_ref().is_none_or(|when| when.holds(&point)) {
                let name = resolve::substitute(&template.name, &point);
                names.insert(format!("{}/{name}", template.kind));
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named<'a>(objects: &'a [Value], kind: &str, name: &str) -> Option<&'a Value> {
        objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
    }

    fn release(version: &str, platform: Platform, namespace: &str) -> Vec<Value> {
        objects(&version.parse().unwrap(), platform, namespace)
    }

    #[test]
    fn the_probe_of_sensor_changes_at_3_65() {
        for (version, path) in [("3.64.9", "/admissioncontroller"), ("3.65.0", "/ready")] {
            let objects = release(version, Platform::Kubernetes, "stackrox");
            let sensor = named(&objects, "Deployment", "sensor").unwrap();
            let probe = "/spec/template/spec/containers/0/readinessProbe/httpGet/path";
            assert_eq!(sensor.pointer(probe).unwrap(), path, "{version}");
        }
    }

    #[test]
    fn only_openshift_has_security_context_constraints() {
        let of = |version, platform| {
            let objects = release(version, platform, "stackrox");
            let kind = "SecurityContextConstraints";
            objects.iter().filter(|object| object["kind"] == kind).count()
        };
        assert_eq!(of("3.69.2", Platform::Kubernetes), 0);
        assert_eq!(of("3.69.2", Platform::OpenShift), 5);
        assert_eq!(of("4.3.8", Platform::OpenShift), 6);
        assert_eq!(of("4.4.0", Platform::OpenShift), 0);
    }

    #[test]
    fn constraints_are_renamed_at_3_64_and_carry_the_namespace_of_others() {
        let scc = "SecurityContextConstraints";
        let names = |version, namespace| {
            let objects = release(version, Platform::OpenShift, namespace);
            let mut names: Vec<_> = objects
                .iter()
                .filter(|object| object["kind"] == scc)
                .filter_map(|object| object["metadata"]["name"].as_str().map(str::to_owned))
                .collect();
            names.sort();
            names
        };
        assert_eq!(
            names("3.63.0", "stackrox"),
            ["admission-control", "central", "collector", "scanner", "sensor"]
        );
        assert!(names("3.64.0", "stackrox").contains(&"stackrox-central".to_owned()));
        let other = names("3.69.2", "acs");
        assert!(other.contains(&"stackrox-acs-central".to_owned()), "{other:?}");
        assert!(other.contains(&"stackrox-sensor".to_owned()), "{other:?}");
    }

    #[test]
    fn another_namespace_is_written_wherever_it_belongs() {
        let objects = release("3.69.2", Platform::OpenShift, "acs");
        let text = Value::Array(objects).to_string();
        for wanted in ["sensor.acs.svc:443", "system:serviceaccount:acs:central", "\"acs\""] {
            assert!(text.contains(wanted), "{wanted}");
        }
        assert!(!text.contains(".stackrox.svc:"), "an endpoint of the default namespace");
        assert!(!text.contains("serviceaccount:stackrox:"), "a user of the default namespace");
        assert!(!text.contains("<ns>") && !text.contains(" @"), "something was not worked out");
    }

    #[test]
    fn a_release_that_is_not_known_has_the_objects_of_the_one_before() {
        let older = release("3.0.58.1", Platform::Kubernetes, "stackrox");
        let between = release("3.0.60.0", Platform::Kubernetes, "stackrox");
        assert_eq!(older.len(), between.len());
        let newest = release("4.30.0", Platform::Kubernetes, "stackrox");
        assert_eq!(newest.len(), release("4.11.1", Platform::Kubernetes, "stackrox").len());
    }

    #[test]
    fn accounts_come_before_what_binds_them_and_workloads_last() {
        let objects = release("4.11.1", Platform::OpenShift, "stackrox");
        let first = |kind: &str| objects.iter().position(|object| object["kind"] == kind).unwrap();
        let order = ["ServiceAccount", "Secret", "Role", "RoleBinding", "Service", "Deployment"];
        assert!(order.windows(2).all(|pair| first(pair[0]) < first(pair[1])));
    }
}
