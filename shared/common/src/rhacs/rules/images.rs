//! The image rows of the guide (4, 9, 21 to 25 of its steps): every container and init container
//! whose image the product publishes gets the target release's image.

use serde_json::json;

use super::{Facts, ImageResult, Proposal, pod_patch, workload_change};
use crate::rhacs::images::{Image, UnknownTag, UnknownTags};
use crate::rhacs::{Component, Container, ObjectRef, Snapshot, Workload};

/// One workload whose images change.
#[derive(Clone, Debug)]
pub struct ImageChange {
    /// The part of the product.
    pub component: Component,
    /// The workload.
    pub object: ObjectRef,
    /// The write, one for all containers of the workload.
    pub proposal: Proposal,
    /// The new references.
    pub references: Vec<String>,
}

/// The part of the product that a workload of this name belongs to.
#[must_use]
pub fn component_of(workload: &str) -> Option<Component> {
    match workload {
        "central" | "central-db" | "config-controller" => Some(Component::Central),
        "scanner" | "scanner-db" | "scanner-v4-db" | "scanner-v4-indexer"
        | "scanner-v4-matcher" => Some(Component::Scanner),
        "admission-control" | "collector" | "sensor" => Some(Component::Secured),
        _ => None,
    }
}

/// The containers that the product's charts give a workload of this name.
#[must_use]
pub fn own_containers(workload: &str) -> &'static [&'static str] {
    match workload {
        "admission-control" => &["admission-control", "init-tls-certs"],
        "central" => &["central"],
        "central-db" => &["init-db", "central-db"],
        "collector" => &["collector", "compliance", "fact", "init-tls-certs", "node-inventory"],
        "config-controller" => &["manager"],
        "scanner" => &["scanner", "db"],
        "scanner-db" | "scanner-v4-db" => &["init-db", "db"],
        "scanner-v4-indexer" => &["indexer"],
        "scanner-v4-matcher" => &["matcher"],
        "sensor" => &["crs", "init-tls-certs", "sensor"],
        _ => &[],
    }
}

/// The image of a container of a workload of this name, when it is the product's: a stranger's
/// container may well have an image called `main`.
#[must_use]
pub fn product_image(workload: &str, container: &Container<'_>) -> Option<Image> {
    let own = own_containers(workload).contains(&container.name());
    Image::classify(container.image()).filter(|image| own || image.is_official())
}

/// The image changes that bring every workload to the target release.
///
/// # Errors
/// When the release gave images versions of their own that are not known here: all of them.
pub fn image_changes(facts: &Facts<'_>) -> ImageResult {
    let mut changes = Vec::new();
    let mut unknown = UnknownTags { images: Vec::new(), version: facts.to.clone() };
    for workload in facts.snapshot.workloads() {
        let Some(component) = component_of(workload.name()) else {
            continue;
        };
        let Some(object) = workload.reference() else {
            continue;
        };
        match workload_images(facts, &workload, &object) {
            Ok(None) => {}
            Ok(Some((proposal, references))) => {
                changes.push(ImageChange { component, object, proposal, references });
            }
            Err(tag) if unknown.images.iter().any(|known| known.role == tag.role) => {}
            Err(tag) => unknown.images.push(tag),
        }
    }
    if unknown.images.is_empty() { Ok(changes) } else { Err(unknown) }
}

/// Containers in the product's workloads whose image is not one of the product's: they are left
/// alone. Each with its workload and image.
#[must_use]
pub fn unknown_containers(snapshot: &Snapshot) -> Vec<(ObjectRef, String, String)> {
    let ours = snapshot.workloads().filter(|workload| component_of(workload.name()).is_some());
    ours.flat_map(|workload| {
        let object = workload.reference();
        workload
            .all_containers()
            .filter(|container| product_image(workload.name(), container).is_none())
            .filter_map(|container| {
                let names = (container.name().to_owned(), container.image().to_owned());
                object.clone().map(|object| (object, names.0, names.1))
            })
            .collect::<Vec<_>>()
    })
    .collect()
}

type WorkloadImages = Option<(Proposal, Vec<String>)>;

fn workload_images(
    facts: &Facts<'_>,
    workload: &Workload<'_>,
    object: &ObjectRef,
) -> Result<WorkloadImages, UnknownTag> {
    let mut init = Vec::new();
    let mut main = Vec::new();
    let mut words = Vec::new();
    let mut references = Vec::new();
    for container in workload.all_containers() {
        let own = own_containers(workload.name()).contains(&container.name());
        let named = facts.images.overrides.get(container.name()).filter(|_| own);
        let image = product_image(workload.name(), &container);
        let reference = match (named, image) {
            (Some(reference), _) => reference.clone(),
            (None, Some(image)) => image.at(facts.to, facts.images)?,
            (None, None) => continue,
        };
        if reference == container.image() {
            continue;
        }
        words.push(image_words(container.name(), container.image(), &reference));
        let entry = json!({"name": container.name(), "image": reference});
        if container.is_init() {
            init.push(entry)
        } else {
            main.push(entry)
        }
        references.push(reference);
    }
    if references.is_empty() {
        return Ok(None);
    }
    let mut spec = serde_json::Map::new();
    for (field, containers) in [("initContainers", init), ("containers", main)] {
        if !containers.is_empty() {
            spec.insert(field.to_owned(), json!(containers));
        }
    }
    let body = pod_patch(spec.into());
    Ok(Some((workload_change(object.clone(), body, words.join(", ")), references)))
}

/// `central rh-acs/main:3.0.62.1 → …/rhacs-main-rhel8:3.69.2`, without the registry that both
/// share.
fn image_words(container: &str, was: &str, is: &str) -> String {
    let last = |reference: &str| reference.rsplit('/').next().unwrap_or_default().to_owned();
    let (was, is) = (last(was), last(is));
    match (was.split_once(':'), is.split_once(':')) {
        (Some((name, old)), Some((same, new))) if name == same => {
            format!("image {container} {old} → {new}")
        }
        _ => format!("image {container} {was} → {is}"),
    }
}
