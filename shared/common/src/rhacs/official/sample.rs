//! Installations to play with: the official objects, with a volume for Central.

use serde_json::{Value, json};

use super::objects;
use crate::rhacs::{Platform, Version};

/// The claim that Central's data are kept on.
const CLAIM: &str = "stackrox-db";

/// The [`objects`] of a release, with Central's data on a claim, so that they outlive its pod as
/// those of nearly every real installation do.
#[must_use]
pub fn sample(version: &Version, platform: Platform, namespace: &str) -> Vec<Value> {
    on_a_claim(objects(version, platform, namespace), namespace)
}

/// `objects`, with Central's data on a claim where they lived as long as its pod.
#[must_use]
pub fn on_a_claim(mut objects: Vec<Value>, namespace: &str) -> Vec<Value> {
    let volumes = objects
        .iter_mut()
        .filter(|object| object["kind"] == "Deployment" && object["metadata"]["name"] == "central");
    let volumes = volumes
        .filter_map(|central| central.pointer_mut("/spec/template/spec/volumes")?.as_array_mut());
    let kept = volumes.flatten().find(|volume| volume["name"] == CLAIM);
    let Some(volume) = kept else { return objects };
    *volume = json!({"name": CLAIM, "persistentVolumeClaim": {"claimName": CLAIM}});
    let claim = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": CLAIM, "namespace": namespace, "labels": {"app": "central"}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "100Gi"}},
        },
    });
    let first = objects.iter().position(|object| object["kind"] == "Deployment");
    objects.insert(first.unwrap_or_default(), claim);
    objects
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rhacs::Snapshot;
    use crate::rhacs::database::home;

    #[test]
    fn a_sample_keeps_its_data() {
        for version in ["3.0.58.1", "3.69.2", "3.74.9"] {
            let version: Version = version.parse().unwrap();
            let objects = sample(&version, Platform::Kubernetes, "acs");
            let claims = objects.iter().filter(|it| it["kind"] == "PersistentVolumeClaim").count();
            assert_eq!(claims, 1, "{version}");
            let snapshot = Snapshot { objects, ..Snapshot::default() };
            assert!(!home(&snapshot, &version).unwrap().is_in_pod(), "{version}");
        }
    }
}
