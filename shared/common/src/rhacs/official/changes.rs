//! At which release an official field changed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{load, objects};
use crate::rhacs::parity::diff::differences;
use crate::rhacs::{Platform, Version};

/// A field that differs between the official objects of two neighbouring releases.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// `Kind/name`.
    pub object: String,
    /// The field, as [`crate::rhacs::parity::diff`] writes paths; empty for the whole object.
    pub path: String,
    /// What it was; none when it is new.
    pub from: Option<Value>,
    /// What it became; none when it is gone.
    pub to: Option<Value>,
    /// The first release with the new value: `to` itself or the `.0` of a minor before it.
    pub since: Version,
}

/// What the official objects in the namespace `stackrox` change after `from`, up to `to`, oldest
/// first; nothing when `to` is not newer. The labels that name the version are left out, and so
/// are image references unless the repository changes: those differ with every release.
#[must_use]
pub fn changes(from: &Version, to: &Version, platform: Platform) -> Vec<Change> {
    let mut found = Vec::new();
    let mut older = from.clone();
    for newer in steps(from, to) {
        between(&older, &newer, platform, &mut found);
        older = newer;
    }
    found
}

/// The releases after `from` at which the data says that something changes, and `to`.
fn steps(from: &Version, to: &Version) -> BTreeSet<Version> {
    let mut steps: BTreeSet<Version> = load::boundaries()
        .iter()
        .map(|(major, minor)| Version::release(*major, *minor, 0))
        .filter(|version| version > from && version < to)
        .filter(|version| !from.is_at_least(version.major(), version.minor()))
        .collect();
    if to > from {
        steps.insert(to.clone());
    }
    steps
}

fn between(older: &Version, newer: &Version, platform: Platform, found: &mut Vec<Change>) {
    let (before, after) = (by_name(older, platform), by_name(newer, platform));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let mut add = |path: String, from: Option<Value>, to: Option<Value>| {
            let (object, since) = (name.clone(), newer.clone());
            found.push(Change { object, path, from, to, since });
        };
        match (before.get(name), after.get(name)) {
            (Some(before), Some(after)) => {
                for field in differences(before, after) {
                    let trivial = names_version(&field.path)
                        || same_repository(field.left.as_ref(), field.right.as_ref());
                    if !trivial {
                        add(field.path, field.left, field.right);
                    }
                }
            }
            (before, after) => add(String::new(), before.cloned(), after.cloned()),
        }
    }
}

fn by_name(version: &Version, platform: Platform) -> BTreeMap<String, Value> {
    objects(version, platform, "stackrox")
        .into_iter()
        .map(|object| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let name = format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]));
            (name, object)
        })
        .collect()
}

/// Whether the field is one of the labels that name the version.
fn names_version(path: &str) -> bool {
    path.ends_with("[app.kubernetes.io/version]") || path.ends_with("[helm.sh/chart]")
}

/// Whether both are references of the same image, whatever the tag.
fn same_repository(from: Option<&Value>, to: Option<&Value>) -> bool {
    let repository = |value: Option<&Value>| {
        let (repository, _) = value?.as_str()?.rsplit_once(':')?;
        repository.starts_with("registry.").then(|| repository.to_owned())
    };
    repository(from).is_some_and(|from| repository(to) == Some(from))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn a_field_is_said_to_change_at_its_release() {
        let all = changes(&version("3.0.62.1"), &version("3.69.2"), Platform::Kubernetes);
        let path = "spec.template.spec.containers[sensor].readinessProbe.httpGet.path";
        let probe: Vec<_> = all.iter().filter(|change| change.path == path).collect();
        assert_eq!(probe.len(), 1);
        assert_eq!(probe[0].object, "Deployment/sensor");
        assert_eq!(probe[0].since, version("3.65.0"));
        assert_eq!(probe[0].from, Some(json!("/admissioncontroller")));
        assert_eq!(probe[0].to, Some(json!("/ready")));
    }

    #[test]
    fn an_object_that_appears_is_one_change() {
        let all = changes(&version("3.74.9"), &version("4.0.5"), Platform::OpenShift);
        let database: Vec<_> =
            all.iter().filter(|change| change.object == "Deployment/central-db").collect();
        assert_eq!(database.len(), 1);
        assert_eq!((database[0].path.as_str(), &database[0].from), ("", &None));
    }

    #[test]
    fn nothing_changes_between_patches_or_backwards() {
        let platform = Platform::OpenShift;
        assert_eq!(changes(&version("3.69.0"), &version("3.69.2"), platform), []);
        assert_eq!(changes(&version("3.69.2"), &version("3.62.1"), platform), []);
    }
}
