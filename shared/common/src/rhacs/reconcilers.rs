//! Who else keeps an object of the product as they want it.

use serde_json::Value;

use crate::owners::{Owner, OwnerKind, owners};

/// The values that the product's own charts give the label `app.kubernetes.io/instance`.
const INSTANCES: [&str; 3] =
    ["stackrox-central-services", "stackrox-secured-cluster-services", "stackrox-monitoring"];

/// The owners of `object` that put back what somebody changes in it. Helm's marks are on every
/// installation and `kubectl apply`'s on most: they say nothing.
#[must_use]
pub fn reconcilers(object: &Value) -> Vec<Owner> {
    let mut found = owners(object, &INSTANCES);
    found.retain(|owner| {
        !matches!(
            owner.kind,
            OwnerKind::Helm3
                | OwnerKind::Helm4
                | OwnerKind::RenderedChart
                | OwnerKind::KubectlApply
        )
    });
    found
}

#[cfg(test)]
mod tests {
    use super::super::{Platform, official};
    use super::*;

    #[test]
    fn no_release_is_taken_for_somebody_elses() {
        for version in official::lines() {
            for platform in [Platform::Kubernetes, Platform::OpenShift] {
                for object in official::objects(&version, platform, "stackrox") {
                    assert_eq!(reconcilers(&object), [], "{version} {platform}");
                }
            }
        }
    }
}
