//! Which release an installation is held against, and which one a container runs.

use crate::rhacs::images::{Image, ImageOptions, Role};
use crate::rhacs::{Container, Snapshot, Version, Workload, presumed_version};

/// Central's version: by its API, by its image, by the other images; else the release that the
/// objects are nearest to.
pub(super) fn reference(snapshot: &Snapshot) -> Option<Version> {
    let central = || {
        let workload = snapshot.deployment("central")?;
        Image::classify(workload.container("central")?.image())?.own_version()
    };
    let told =
        snapshot.central.version.clone().filter(|_| snapshot.deployment("central").is_some());
    told.or_else(central).or_else(|| presumed_version(&snapshot.objects))
}

/// The version that the label of a workload says: only Helm and the operator renew it.
pub(super) fn labelled(workload: Workload<'_>) -> Option<Version> {
    workload.object()["metadata"]["labels"]["app.kubernetes.io/version"].as_str()?.parse().ok()
}

/// The version of an image's own, which is the product's from 3.68 on.
pub(super) fn own(container: &Container<'_>) -> Option<Version> {
    Image::classify(container.image())?.own_version()
}

/// The reference of the same image in release `to`, when that is known.
pub(super) fn at(container: &Container<'_>, to: &Version) -> Option<String> {
    let image = Image::classify(container.image())?;
    let options = ImageOptions { running: Some(to.clone()), ..ImageOptions::default() };
    // The file activity collector counts by itself, and a release may take a later one.
    (image.role != Role::Fact).then(|| image.at(to, &options).ok())?
}
