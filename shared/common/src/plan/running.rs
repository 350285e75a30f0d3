//! Which version each workload runs now.

use super::Running;
use crate::rhacs::images::{Image, Role};
use crate::rhacs::rules::{component_of, product_image};
use crate::rhacs::{ObjectRef, Snapshot, Version};

/// Every product container of the installation with its image.
#[must_use]
pub fn running(snapshot: &Snapshot) -> Vec<Running> {
    let mut all: Vec<Running> = snapshot
        .workloads()
        .filter_map(|workload| {
            let component = component_of(workload.name())?;
            Some((component, workload.reference()?, workload))
        })
        .flat_map(|(component, object, workload)| {
            workload
                .all_containers()
                .filter(|container| {
                    !container.is_init() && product_image(workload.name(), container).is_some()
                })
                .map(|container| Running {
                    component,
                    object: object.clone(),
                    container: container.name().to_owned(),
                    image: container.image().to_owned(),
                })
                .collect::<Vec<_>>()
        })
        .collect();
    all.sort_by(|a, b| (a.component, &a.object.name).cmp(&(b.component, &b.object.name)));
    all
}

/// The oldest product version that runs: where the upgrade starts, also when somebody left it
/// half done. Images without a telling tag are left out; Central's own word stands in for its.
#[must_use]
pub fn oldest(snapshot: &Snapshot, running: &[Running]) -> Option<Version> {
    let told = running.iter().filter_map(version_of).min();
    told.or_else(|| snapshot.central.version.clone())
}

/// A workload that already runs something newer than `to`.
#[must_use]
pub fn newer_than(running: &[Running], to: &Version) -> Option<(ObjectRef, Version)> {
    running.iter().find_map(|one| {
        let version = version_of(one).filter(|version| version > to)?;
        Some((one.object.clone(), version))
    })
}

/// The product version of an image; only `main` says it in every release.
fn version_of(one: &Running) -> Option<Version> {
    let image = Image::classify(&one.image)?;
    (image.role == Role::Main).then(|| image.version())?
}
