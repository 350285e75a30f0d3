//! Which release of Central an image is, and what that release knows of its database.

use common::rhacs::Version;
pub use common::rhacs::sequence::{minimum, sequence};

/// The version in an image reference's tag, when it is one of the product's.
#[must_use]
pub fn image_version(image: &str) -> Option<Version> {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let (_, tag) = name.rsplit_once(':')?;
    tag.parse().ok()
}

#[cfg(test)]
mod tests {
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
}
