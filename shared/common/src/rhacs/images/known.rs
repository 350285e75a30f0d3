//! The registries of the product, and the tags of images that had versions of their own.

use crate::rhacs::Version;

pub(super) const RED_HAT: &str = "registry.redhat.io/advanced-cluster-security";
pub(super) const OLD_RED_HAT: &str = "registry.redhat.io/rh-acs";
/// Where development builds were until 3.71 …
pub(super) const OLD_DEVELOPMENT: &str = "docker.io/stackrox";
/// … and are since.
pub(super) const DEVELOPMENT: &str = "quay.io/rhacs-eng";
pub(super) const OFFICIAL_PREFIXES: [&str; 8] = [
    RED_HAT,
    OLD_RED_HAT,
    "stackrox.io",
    "collector.stackrox.io",
    "quay.io/stackrox-io",
    DEVELOPMENT,
    OLD_DEVELOPMENT,
    "registry.connect.redhat.com/stackrox",
];
pub(super) const SHORT_NAMED: [&str; 4] =
    ["stackrox.io", "stackrox-io", "rhacs-eng", OLD_DEVELOPMENT];
/// Folders of Red Hat's registry, by which a copy of it is known.
pub(super) const RED_HAT_FOLDERS: [&str; 2] = ["rh-acs", "advanced-cluster-security"];

/// The tags that a release up to 3.67 gave the images that were numbered apart from the product.
pub(in crate::rhacs) struct EarlyTags {
    /// The release they are known of.
    pub(in crate::rhacs) release: Version,
    /// Of the scanner and its database.
    pub(in crate::rhacs) scanner: &'static str,
    /// Of the collector, without the suffix that says its variant.
    pub(in crate::rhacs) collector: &'static str,
}

impl EarlyTags {
    /// The tags of exactly this release, where they are known.
    pub(in crate::rhacs) fn of(release: &Version) -> Option<&'static Self> {
        EARLY.iter().find(|tags| tags.release == *release)
    }

    /// The tags of a release of the same line: patch releases mostly kept them.
    pub(in crate::rhacs) fn of_line(release: &Version) -> Option<&'static Self> {
        let line = |version: &Version| (version.major(), version.minor());
        EARLY.iter().find(|tags| line(&tags.release) == line(release))
    }

    /// The tags of the newest known line at or before that of `release`, else the oldest known.
    pub(in crate::rhacs) fn near(release: &Version) -> &'static Self {
        let is_before =
            |tags: &&Self| release.is_at_least(tags.release.major(), tags.release.minor());
        EARLY.iter().rev().find(is_before).unwrap_or(&EARLY[0])
    }
}

/// Oldest first.
static EARLY: [EarlyTags; 6] = [
    early(Version::release(3, 58, 1), "2.12.2", "3.1.20"),
    early(Version::release(3, 62, 1), "2.17.5", "3.1.32"),
    early(Version::release(3, 63, 0), "2.17.4", "3.1.30"),
    early(Version::release(3, 64, 0), "2.18.0", "3.2.0"),
    early(Version::release(3, 66, 1), "2.20.0", "3.4.1"),
    early(Version::release(3, 67, 2), "2.21.3", "3.5.0"),
];

const fn early(release: Version, scanner: &'static str, collector: &'static str) -> EarlyTags {
    EarlyTags { release, scanner, collector }
}

/// Tags of `fact`, the one image that still has its own.
pub(super) const FACT: &[(Version, &str)] = &[
    (Version::release(4, 9, 10), "0.1.0"),
    (Version::release(4, 10, 6), "0.2.6"),
    (Version::release(4, 11, 2), "0.3.2"),
];
