//! Of which version the embedded Central keeps a copy of its database, as the real one would.

use std::fmt;

use serde_json::Value;

use crate::plan::Operation;
use crate::rhacs::images::Image;
use crate::rhacs::way_back::{Manner, way_back};
use crate::rhacs::{ObjectRef, Version, Workload};
use crate::run::Record;

/// A copy of Central's database, and what told of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Kept {
    /// The version that used it.
    pub(super) version: Version,
    told: String,
}

/// The copy that Central has in all likelihood: that of the version it was upgraded from, as the
/// newest record says, else as the ReplicaSets do; else of the version that is `asked` for. None
/// where Central goes back without a copy, or has used it up.
pub(super) fn kept(
    objects: &[Value],
    records: &[&Record],
    asked: Option<&Version>,
) -> Option<Kept> {
    let central = objects.iter().find(|object| is_central(object))?;
    let now = version_of(Workload::new(central).container("central")?.image())?;
    let newest = records.iter().rev().find(|record| has_changed_central(record));
    let kept = match newest.filter(|record| record.plan.to == now) {
        // It went back to the copy, which it runs on since.
        Some(record) if record.operation == Operation::Rollback && record.plan.from > now => None,
        Some(record) => Some(Kept {
            version: record.plan.from.clone(),
            told: format!("as run {} tells", record.id),
        }),
        None => former(objects, central, &now).or_else(|| {
            let told = "as --to asks for".to_owned();
            asked.map(|version| Kept { version: version.clone(), told })
        }),
    };
    kept.filter(|kept| kept.version < now && way_back(&now, &kept.version) == Ok(Manner::Copy))
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Its Central keeps the database of {}, {}", self.version, self.told)
    }
}

/// The newest revision of another version than `now`.
fn former(objects: &[Value], central: &Value, now: &Version) -> Option<Kept> {
    let sets = objects.iter().filter(|object| object["kind"] == "ReplicaSet");
    let owned = sets.filter(|set| {
        let owners = set["metadata"]["ownerReferences"].as_array();
        owners.into_iter().flatten().any(|owner| owner["uid"] == central["metadata"]["uid"])
    });
    let revisions = owned.filter_map(|set| {
        let annotations = &set["metadata"]["annotations"];
        let number = annotations["deployment.kubernetes.io/revision"].as_str()?;
        let version = version_of(Workload::new(set).container("central")?.image())?;
        Some((number.parse::<u64>().ok()?, version))
    });
    let others = revisions.filter(|(_, version)| version != now);
    let (number, version) = others.max_by_key(|(number, _)| *number)?;
    Some(Kept { version, told: format!("as revision {number} of deploy/central tells") })
}

fn has_changed_central(record: &Record) -> bool {
    let wrote = record.steps.values().flat_map(|step| &step.wrote);
    wrote.map(|wrote| &wrote.object).any(is_central_reference)
}

fn is_central(object: &Value) -> bool {
    ObjectRef::of(object).is_some_and(|object| is_central_reference(&object))
}

fn is_central_reference(object: &ObjectRef) -> bool {
    object.kind == "Deployment" && object.name == "central"
}

fn version_of(image: &str) -> Option<Version> {
    Image::classify(image)?.version()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::run::testing::{plan_of, record_of};
    use crate::run::{StepRecord, StepState, Wrote};

    fn template(version: &str) -> Value {
        let image =
            format!("registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:{version}");
        json!({"spec": {"containers": [{"name": "central", "image": image}]}})
    }

    fn central(version: &str) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
               "metadata": {"name": "central", "namespace": "stackrox", "uid": "u"},
               "spec": {"template": template(version)}})
    }

    fn revision(number: u32, version: &str) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
               "metadata": {"name": format!("central-{number}"),
                            "annotations": {"deployment.kubernetes.io/revision": number.to_string()},
                            "ownerReferences": [{"uid": "u", "kind": "Deployment"}]},
               "spec": {"template": template(version)}})
    }

    fn record(operation: Operation, from: Version, to: Version) -> Record {
        let mut record = record_of(plan_of(&["central"]));
        (record.operation, record.plan.operation) = (operation, operation);
        (record.plan.from, record.plan.to) = (from, to);
        let mut step = StepRecord::new(StepState::Done, record.started);
        let object = ObjectRef::deployment("stackrox", "central");
        step.wrote = vec![Wrote { object, uid: None, resource_version: None, digest: None }];
        record.steps.insert("central".to_owned(), step);
        record
    }

    const OLD: Version = Version::release(3, 66, 1);
    const NEW: Version = Version::release(3, 69, 2);

    #[test]
    fn the_newest_record_knows_best() {
        let objects = [central("3.69.2"), revision(1, "3.63.0"), revision(2, "3.69.2")];
        let upgrade = record(Operation::Upgrade, OLD, NEW);
        let kept = |records: &[&Record]| kept(&objects, records, None).map(|kept| kept.version);
        assert_eq!(kept(&[&upgrade]), Some(OLD));
        let back = record(Operation::Rollback, Version::release(3, 70, 0), NEW);
        assert_eq!(kept(&[&upgrade, &back]), None, "the copy is used up");
        assert_eq!(kept(&[]), Some(Version::release(3, 63, 0)));
    }

    #[test]
    fn what_is_asked_for_counts_where_nothing_else_tells() {
        let objects = [central("3.69.2")];
        let asked = |version| kept(&objects, &[], Some(&version)).map(|kept| kept.version);
        assert_eq!(asked(OLD), Some(OLD));
        assert_eq!(asked(NEW), None);
        assert_eq!(asked(Version::release(3, 74, 9)), None, "an upgrade");
        let late = [central("4.9.0")];
        assert_eq!(kept(&late, &[], Some(&Version::release(4, 6, 0))), None, "it needs no copy");
    }
}
