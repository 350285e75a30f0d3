//! Images whose tag in a release is not known.

use super::Role;
use crate::rhacs::Version;

/// Why no reference could be formed for a release.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "the tag of image `{role}` in release {version} is not known: up to 3.67 it has a version of its own"
)]
pub struct UnknownTag {
    /// The image.
    pub role: Role,
    /// The release.
    pub version: Version,
    /// The reference but for its tag.
    pub repository: String,
    /// The tag that another release of the same line has, and that release.
    pub like: Option<Box<(String, Version)>>,
}

/// Every image that no reference could be formed for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "the tags of {} in release {version} are not known: up to 3.67 they have versions of their own",
    quoted(images)
)]
pub struct UnknownTags {
    /// The images, each role once.
    pub images: Vec<UnknownTag>,
    /// The release.
    pub version: Version,
}

impl UnknownTag {
    /// How to say the reference, as a hint.
    #[must_use]
    pub fn hint(&self) -> String {
        hint(std::slice::from_ref(self), &self.version)
    }
}

impl UnknownTags {
    /// How to say the references, as a hint.
    #[must_use]
    pub fn hint(&self) -> String {
        hint(&self.images, &self.version)
    }
}

fn hint(images: &[UnknownTag], version: &Version) -> String {
    let mut text = "say it with".to_owned();
    for image in images {
        let tag = image.like.as_ref().map_or("TAG", |like| like.0.as_str());
        text.push_str(&format!(" --image {}={}:{tag}", image.role, image.repository));
    }
    if let Some(like) = images.iter().find_map(|image| image.like.as_ref()) {
        let release = &like.1;
        text.push_str(&format!(" if {version} has the tags of {release}: look whether they exist"));
    }
    text
}

fn quoted(images: &[UnknownTag]) -> String {
    let quoted: Vec<String> = images.iter().map(|image| format!("`{}`", image.role)).collect();
    quoted.join(", ")
}
