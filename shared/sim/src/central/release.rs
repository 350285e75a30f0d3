//! Which release of Central an image is, and what that release knows of its database.

use std::collections::BTreeSet;
use std::sync::Arc;

use common::rhacs::Version;
pub use common::rhacs::sequence::{minimum, sequence};
use common::rhacs::{presumed_version, untold_images};
use serde_json::Value;

/// The version in an image reference's tag, when it is one of the product's.
#[must_use]
pub fn image_version(image: &str) -> Option<Version> {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let (_, tag) = name.rsplit_once(':')?;
    tag.parse().ok()
}

/// Which release the images of an installation are.
#[derive(Clone, Debug, Default)]
pub struct Releases {
    /// The images of the product that do not say so.
    untold: Arc<BTreeSet<String>>,
    presumed: Option<Version>,
}

impl Releases {
    /// Looks at the installation among `objects`: its other images, or its objects, tell what a
    /// digest or a tag of somebody's own does not.
    #[must_use]
    pub fn of(objects: &[Value]) -> Self {
        let untold: BTreeSet<String> = untold_images(objects).into_iter().collect();
        let presumed = if untold.is_empty() { None } else { presumed_version(objects) };
        Self { untold: Arc::new(untold), presumed }
    }

    /// The release of an image: what its tag says, else what the installation was when it was
    /// loaded, for an image that it had then.
    #[must_use]
    pub fn version(&self, image: &str) -> Option<Version> {
        let presumed = || self.presumed.clone().filter(|_| self.untold.contains(image));
        image_version(image).or_else(presumed)
    }
}

#[cfg(test)]
mod tests {
    use common::rhacs::{Platform, official};
    use serde_json::json;

    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn an_image_tells_its_version() {
        assert_eq!(image_version("registry:5000/a/main:3.69.2"), Some(version("3.69.2")));
        assert_eq!(image_version("r/main:3.69.2@sha256:00"), Some(version("3.69.2")));
        assert_eq!(image_version("registry:5000/a/main"), None);
        assert_eq!(image_version("r/main:2"), None);
    }

    #[test]
    fn an_image_without_a_version_is_of_the_installations() {
        let release = version("3.69.2");
        let mut objects = official::objects(&release, Platform::Kubernetes, "stackrox");
        let central = objects.iter_mut().find(|object| {
            object["kind"] == "Deployment" && object["metadata"]["name"] == "central"
        });
        central.unwrap()["spec"]["template"]["spec"]["containers"][0]["image"] =
            json!("mirror.example/acs/main:prod");
        let releases = Releases::of(&objects);
        assert_eq!(releases.version("mirror.example/acs/main:prod"), Some(release));
        assert_eq!(releases.version("mirror.example/acs/main:3.74.9"), Some(version("3.74.9")));
        assert_eq!(releases.version("mirror.example/acs/main:other"), None);
    }
}
