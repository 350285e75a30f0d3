//! Which release an installation is in all likelihood, when its images do not say so: pinned by
//! digest, or by a tag of somebody's own.

use std::collections::BTreeMap;

use serde_json::Value;

use super::images::Image;
use super::parity::{Difference, compare};
use super::rules::{component_of, own_containers, product_image};
use super::{Platform, Version, Workload, official};

/// The release of the installation among `objects`: the newest that an image of it says, else the
/// one whose official objects are nearest to these. None when nothing tells one release from
/// another.
#[must_use]
pub fn presumed_version(objects: &[Value]) -> Option<Version> {
    let workloads = || objects.iter().map(Workload::new).filter(is_products);
    let said = workloads().flat_map(|workload| {
        let images = workload.all_containers();
        images.filter_map(move |container| product_image(workload.name(), &container)?.version())
    });
    said.max().or_else(|| {
        let namespace = workloads().next()?.object()["metadata"]["namespace"].as_str()?;
        nearest(objects, namespace)
    })
}

/// The containers of the product whose image says no version, as references.
#[must_use]
pub fn untold_images(objects: &[Value]) -> Vec<String> {
    let workloads = objects.iter().map(Workload::new).filter(is_products);
    let own = workloads.flat_map(|workload| {
        let names = own_containers(workload.name());
        workload.all_containers().filter(move |container| names.contains(&container.name()))
    });
    let untold = own
        .map(|container| container.image())
        .filter(|image| Image::classify(image).and_then(|image| image.own_version()).is_none());
    untold.map(str::to_owned).collect()
}

fn is_products(workload: &Workload<'_>) -> bool {
    matches!(workload.object()["kind"].as_str(), Some("Deployment" | "DaemonSet"))
        && component_of(workload.name()).is_some()
}

/// The release line whose official objects differ least from these; of several the one that a
/// label names, else the newest.
fn nearest(objects: &[Value], namespace: &str) -> Option<Version> {
    let is_openshift = objects.iter().any(|object| {
        object["apiVersion"].as_str().is_some_and(|version| version.contains("openshift.io"))
    });
    let platform = if is_openshift { Platform::OpenShift } else { Platform::Kubernetes };
    let mut lines: BTreeMap<usize, Vec<Version>> = BTreeMap::new();
    let all = official::lines();
    for line in &all {
        let differences = compare(objects, line, platform, namespace);
        let count = differences.iter().filter(|difference| tells(difference)).count();
        lines.entry(count).or_default().push(line.clone());
    }
    if lines.len() < 2 {
        return None;
    }
    let (_, nearest) = lines.pop_first()?;
    let labelled = label(objects).filter(|version| {
        let line = all.iter().rev().find(|line| version.is_at_least(line.major(), line.minor()));
        line.is_some_and(|line| nearest.contains(line))
    });
    labelled.or_else(|| nearest.last().cloned())
}

/// Whether a difference speaks against a release. Manifests need not hold all objects, and where
/// images come from says nothing; tags of their own, which images had up to 3.67, do.
fn tells(difference: &Difference) -> bool {
    let is_missing = difference.path.is_empty() && difference.is.is_none();
    if !difference.path.ends_with(".image") {
        return !is_missing;
    }
    let version = |image: &Option<Value>| Image::classify(image.as_ref()?.as_str()?)?.own_version();
    match (version(&difference.is), version(&difference.official)) {
        (Some(is), Some(official)) => is != official,
        _ => false,
    }
}

/// The release that a label of an object names: it is that of the first installation where only
/// images were changed since.
fn label(objects: &[Value]) -> Option<Version> {
    let versions = objects.iter().filter_map(|object| {
        object["metadata"]["labels"]["app.kubernetes.io/version"].as_str()?.parse().ok()
    });
    versions.max()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An installation of `version`, with every image that `change` returns another reference of
    /// changed to that.
    fn installed(
        version: &str,
        platform: Platform,
        change: impl Fn(&str) -> Option<String>,
    ) -> Vec<Value> {
        let mut objects = official::objects(&version.parse().unwrap(), platform, "stackrox");
        for object in &mut objects {
            for list in ["containers", "initContainers"] {
                let containers = object.pointer_mut(&format!("/spec/template/spec/{list}"));
                let containers = containers.and_then(Value::as_array_mut).into_iter().flatten();
                for container in containers {
                    if let Some(image) = container["image"].as_str().and_then(&change) {
                        container["image"] = json!(image);
                    }
                }
            }
        }
        objects
    }

    fn pinned(image: &str) -> Option<String> {
        let (name, _) = image.rsplit_once(':')?;
        Some(format!("{name}@sha256:{}", "0".repeat(64)))
    }

    fn line(version: &Version) -> (u32, u32) {
        (version.major(), version.minor())
    }

    #[test]
    fn another_image_tells() {
        let only_scanner = |image: &str| pinned(image).filter(|_| !image.contains("scanner"));
        let objects = installed("3.69.2", Platform::Kubernetes, only_scanner);
        assert_eq!(presumed_version(&objects), Some(Version::release(3, 69, 2)));
        assert!(untold_images(&objects).iter().all(|image| image.contains("@sha256:")));
        assert!(!untold_images(&objects).is_empty());
        let all_told = installed("3.69.2", Platform::Kubernetes, |_| None);
        assert_eq!(untold_images(&all_told), [""; 0]);
    }

    #[test]
    fn the_objects_tell_where_no_image_does() {
        for platform in [Platform::Kubernetes, Platform::OpenShift] {
            for version in ["3.62.1", "3.66.1", "3.69.2", "3.74.9"] {
                let presumed = presumed_version(&installed(version, platform, pinned)).unwrap();
                let lines = official::lines();
                let expected: Version = version.parse().unwrap();
                let expected = lines.iter().rfind(|line| **line <= expected).unwrap();
                assert_eq!(line(&presumed), line(expected), "{version} on {platform}");
            }
        }
    }

    #[test]
    fn a_label_tells_which_of_those_that_look_the_same() {
        let mut objects = installed("3.69.2", Platform::OpenShift, pinned);
        for object in &mut objects {
            object["metadata"]["labels"]["app.kubernetes.io/version"] = json!("3.69.2");
        }
        assert_eq!(presumed_version(&objects), Some(Version::release(3, 69, 2)));
    }

    #[test]
    fn nothing_tells_where_there_is_nothing() {
        assert_eq!(presumed_version(&[]), None);
        assert_eq!(presumed_version(&[json!({"kind": "Pod", "metadata": {"name": "a"}})]), None);
    }
}
