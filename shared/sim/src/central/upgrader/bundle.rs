//! What the upgrader wants: the secured cluster's objects of a release, with the images that this
//! cluster is configured to run.

use common::rhacs::images::{Image, ImageOptions};
use common::rhacs::{Platform, Version, official};
use serde_json::{Value, json};

use super::central_image;
use crate::central::state::UpgradeProcess;
use crate::controllers::Round;
use crate::controllers::objects::{items, text};
use crate::store::meta;
use crate::world::resource_of;

/// The label by which the upgrader knows its objects.
pub(super) const LABEL: (&str, &str) = ("auto-upgrade.stackrox.io/component", "sensor");
/// Variables that Central writes from what it knows of a cluster, not from the release.
const CONFIGURED: [&str; 2] = ["COLLECTION_METHOD", "ROX_CENTRAL_ENDPOINT"];

/// The objects of `process`'s release in `namespace`. Secrets stay what they are.
pub(super) fn objects(round: &Round<'_>, namespace: &str, process: &UpgradeProcess) -> Vec<Value> {
    let platform = if round.cluster.openshift { Platform::OpenShift } else { Platform::Kubernetes };
    let main = central_image(round).unwrap_or_else(|| process.image.clone());
    let mut objects = official::objects(&process.target, platform, namespace);
    objects.retain(|object| {
        meta::label(object, LABEL.0) == Some(LABEL.1) && object["kind"] != "Secret"
    });
    for object in objects.iter_mut().filter(|object| object.pointer("/spec/template").is_some()) {
        let live = resource_of(round.store(), object).and_then(|resource| {
            round.store().read(&resource, Some(namespace), meta::name(object))
        });
        configure(object, live.as_deref().unwrap_or(&Value::Null), &main, &process.target);
    }
    objects
}

/// Gives the containers of a workload what Central knows of the cluster that runs `live`.
fn configure(object: &mut Value, live: &Value, main: &str, target: &Version) {
    for list in ["initContainers", "containers"] {
        let pointer = format!("/spec/template/spec/{list}");
        let containers = object.pointer_mut(&pointer).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let is_same = |other: &&Value| other["name"] == container["name"];
            let present = items(live, &pointer).iter().find(is_same).unwrap_or(&Value::Null);
            let current = present["image"].as_str().unwrap_or_else(|| text(container, "/image"));
            container["image"] = json!(successor(current, main, target));
            for variable in container["env"].as_array_mut().into_iter().flatten() {
                let is_same = |other: &&Value| other["name"] == variable["name"];
                let kept = CONFIGURED.iter().any(|name| variable["name"] == *name);
                if let Some(present) = items(present, "/env").iter().find(is_same)
                    && kept
                {
                    *variable = present.clone();
                }
            }
        }
    }
}

/// The image that follows `current` in a release, named after Central's own image `main` unless
/// the cluster has a registry of its own.
fn successor(current: &str, main: &str, target: &Version) -> String {
    let Some(mut image) = Image::classify(current) else { return current.to_owned() };
    if let Some(main) = Image::classify(main)
        && (image.is_official() || image.prefix == main.prefix)
    {
        image.prefix = main.prefix;
        image.naming = main.naming;
        // Central runs the release already, and is named as its images are.
        image.tag = Some(target.tag());
    }
    // A release whose tag is not known keeps the image.
    image.at(target, &ImageOptions::default()).unwrap_or_else(|_| current.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_follow_the_name_of_the_main_image() {
        let product = "registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:3.69.2";
        let short = "registry.example/acs/main:3.69.2";
        let target: Version = "3.69.2".parse().unwrap();
        for (current, main, expected) in [
            ("registry.redhat.io/rh-acs/main:3.0.62.1", product, product),
            (
                "registry.redhat.io/rh-acs/collector:3.1.32-slim",
                product,
                "registry.redhat.io/advanced-cluster-security/rhacs-collector-slim-rhel8:3.69.2",
            ),
            (
                "registry.redhat.io/rh-acs/collector:3.1.32-latest",
                product,
                "registry.redhat.io/advanced-cluster-security/rhacs-collector-rhel8:3.69.2",
            ),
            ("registry.example/acs/main:3.66.1", short, short),
            (
                "registry.example/acs/collector:3.1.32-latest",
                short,
                "registry.example/acs/collector:3.69.2",
            ),
            (
                "mirror.example/rhacs-main-rhel8:3.68.1",
                product,
                "mirror.example/rhacs-main-rhel8:3.69.2",
            ),
            ("docker.io/library/proxy:1", product, "docker.io/library/proxy:1"),
        ] {
            assert_eq!(successor(current, main, &target), expected);
        }
    }

    #[test]
    fn what_central_knows_of_a_cluster_is_kept() {
        let workload = |image: &str, method: &str| {
            json!({"spec": {"template": {"spec": {"containers": [{"name": "collector",
                "image": image, "env": [{"name": "COLLECTION_METHOD", "value": method}]}]}}}})
        };
        let live = workload("r.example/acs/collector:3.68.1", "KERNEL_MODULE");
        let mut wanted = workload("registry.redhat.io/rh-acs/collector:3.69.2", "EBPF");
        let target: Version = "3.69.2".parse().unwrap();
        configure(&mut wanted, &live, "r.example/acs/main:3.69.2", &target);
        assert_eq!(wanted, workload("r.example/acs/collector:3.69.2", "KERNEL_MODULE"));
    }
}
