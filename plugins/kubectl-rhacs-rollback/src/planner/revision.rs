//! Central's templates of the past, as its ReplicaSets keep them.

use common::rhacs::images::Image;
use common::rhacs::{Snapshot, Version};
use serde_json::Value;

use super::refusal::Refusal;

/// One revision of Central's Deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// Its number.
    pub number: u64,
    /// When its ReplicaSet was created, RFC 3339.
    pub created: String,
    /// The image of the container `central`.
    pub image: String,
    /// The version that image is, where its tag says it.
    pub version: Option<Version>,
    /// The pod template, without the label that its controller adds.
    pub template: Value,
}

/// The revisions that `replica_sets` keep of Central's Deployment, newest first.
#[must_use]
pub fn revisions(snapshot: &Snapshot, replica_sets: &[Value]) -> Vec<Revision> {
    let Some(central) = snapshot.deployment("central") else { return Vec::new() };
    let uid = &central.object()["metadata"]["uid"];
    let owned = replica_sets.iter().filter(|set| {
        let owners = set["metadata"]["ownerReferences"].as_array().into_iter().flatten();
        owners.into_iter().any(|owner| owner["uid"] == *uid && owner["controller"] == true)
    });
    let mut all: Vec<Revision> = owned.filter_map(read).collect();
    all.sort_by_key(|revision| std::cmp::Reverse(revision.number));
    all
}

/// The revision `number`, or the newest one whose Central is of another version than the newest.
pub(super) fn choose(all: &[Revision], number: Option<u64>) -> Result<Revision, Refusal> {
    let newest = all.first().ok_or(Refusal::NoRevision)?;
    if let Some(number) = number {
        let found = all.iter().find(|revision| revision.number == number);
        return found
            .cloned()
            .ok_or_else(|| Refusal::RevisionGone { number, kept: all.iter().map(line).collect() });
    }
    let is_other = |revision: &&Revision| match (&revision.version, &newest.version) {
        (Some(one), Some(other)) => one != other,
        _ => revision.image != newest.image,
    };
    let other = all.iter().skip(1).find(is_other);
    other.cloned().ok_or_else(|| Refusal::NoOtherRevision { kept: all.iter().map(line).collect() })
}

/// A revision as people choose it: number, image, age.
pub(super) fn line(revision: &Revision) -> String {
    format!("{}: {}, of {}", revision.number, revision.image, revision.created)
}

/// Central's Deployment with the template of `revision`.
pub(super) fn manifest(central: &Value, revision: &Revision) -> Value {
    let mut manifest = central.clone();
    if let Some(fields) = manifest.as_object_mut() {
        fields.remove("status");
    }
    manifest["spec"]["template"] = revision.template.clone();
    manifest
}

fn read(set: &Value) -> Option<Revision> {
    let annotations = &set["metadata"]["annotations"];
    let number = annotations["deployment.kubernetes.io/revision"].as_str()?.parse().ok()?;
    let mut template = set["spec"]["template"].clone();
    let labels = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut);
    if let Some(labels) = labels {
        labels.remove("pod-template-hash");
    }
    let containers = template["spec"]["containers"].as_array()?;
    let central = containers.iter().find(|container| container["name"] == "central")?;
    let image = central["image"].as_str()?.to_owned();
    Some(Revision {
        number,
        created: set["metadata"]["creationTimestamp"].as_str().unwrap_or("an unknown time").into(),
        version: version_of(&image),
        image,
        template,
    })
}

/// The product version of Central's image, where its tag says it.
pub(super) fn version_of(image: &str) -> Option<Version> {
    Image::classify(image)?.version()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn snapshot() -> Snapshot {
        let central = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "central", "namespace": "stackrox", "uid": "u"},
            "spec": {"template": {"spec": {"containers": []}}}, "status": {"replicas": 1},
        });
        Snapshot { objects: vec![central], ..Snapshot::default() }
    }

    fn set(number: u64, image: &str, owner: &str) -> Value {
        json!({
            "metadata": {
                "annotations": {"deployment.kubernetes.io/revision": number.to_string()},
                "creationTimestamp": "2026-01-02T03:04:05Z",
                "ownerReferences": [{"uid": owner, "controller": true}],
            },
            "spec": {"template": {
                "metadata": {"labels": {"app": "central", "pod-template-hash": "x"}},
                "spec": {"containers": [{"name": "central", "image": image}]},
            }},
        })
    }

    fn numbers(all: &[Revision]) -> Vec<u64> {
        all.iter().map(|revision| revision.number).collect()
    }

    #[test]
    fn a_half_patched_template_is_passed_over() {
        let sets = [
            set(1, "r/main:3.66.1", "u"),
            set(3, "r/main:3.69.2", "u"),
            set(2, "r/main:3.69.2", "u"),
            set(9, "r/main:3.66.1", "somebody else"),
        ];
        let all = revisions(&snapshot(), &sets);
        assert_eq!(numbers(&all), [3, 2, 1]);
        assert_eq!(choose(&all, None).unwrap().number, 1);
        assert_eq!(choose(&all, Some(2)).unwrap().number, 2);
    }

    #[test]
    fn a_revision_that_is_gone_is_refused_with_those_that_are_kept() {
        let all = revisions(&snapshot(), &[set(4, "r/main:3.66.1", "u")]);
        let refusal = choose(&all, Some(1)).unwrap_err();
        assert!(matches!(&refusal, Refusal::RevisionGone { number: 1, kept } if kept.len() == 1));
        assert!(matches!(choose(&all, None), Err(Refusal::NoOtherRevision { .. })));
        assert!(matches!(choose(&[], None), Err(Refusal::NoRevision)));
    }

    #[test]
    fn the_template_loses_what_its_controller_added() {
        let snapshot = snapshot();
        let all = revisions(&snapshot, &[set(1, "r/main:3.66.1", "u")]);
        let manifest = manifest(&snapshot.objects[0], &all[0]);
        let labels = &manifest["spec"]["template"]["metadata"]["labels"];
        assert_eq!(*labels, json!({"app": "central"}));
        assert_eq!(manifest.get("status"), None);
    }
}
