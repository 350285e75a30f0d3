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
}

/// Every image that no reference could be formed for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "the tags of {} in release {version} are not known: up to 3.67 they have versions of their own",
    quoted(roles)
)]
pub struct UnknownTags {
    /// The images, each once.
    pub roles: Vec<Role>,
    /// The release.
    pub version: Version,
}

fn quoted(roles: &[Role]) -> String {
    let quoted: Vec<String> = roles.iter().map(|role| format!("`{role}`")).collect();
    quoted.join(", ")
}
