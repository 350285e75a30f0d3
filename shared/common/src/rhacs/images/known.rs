//! The registries of the product, and the tags of images that had versions of their own.

use crate::rhacs::Version;

pub(super) const RED_HAT: &str = "registry.redhat.io/advanced-cluster-security";
pub(super) const OLD_RED_HAT: &str = "registry.redhat.io/rh-acs";
pub(super) const OFFICIAL_PREFIXES: [&str; 8] = [
    RED_HAT,
    OLD_RED_HAT,
    "stackrox.io",
    "collector.stackrox.io",
    "quay.io/stackrox-io",
    "quay.io/rhacs-eng",
    "docker.io/stackrox",
    "registry.connect.redhat.com/stackrox",
];
pub(super) const SHORT_NAMED: [&str; 4] =
    ["stackrox.io", "stackrox-io", "rhacs-eng", "docker.io/stackrox"];

/// Scanner tags of releases in which it had its own.
pub(super) const SCANNER: &[(Version, &str)] = &[
    (Version::release(3, 58, 1), "2.12.2"),
    (Version::release(3, 62, 1), "2.17.5"),
    (Version::release(3, 63, 0), "2.17.4"),
    (Version::release(3, 64, 0), "2.18.0"),
    (Version::release(3, 66, 1), "2.20.0"),
    (Version::release(3, 67, 2), "2.21.3"),
];

/// Collector tags, without their suffix, of releases in which it had its own.
pub(super) const COLLECTOR: &[(Version, &str)] = &[
    (Version::release(3, 58, 1), "3.1.20"),
    (Version::release(3, 62, 1), "3.1.32"),
    (Version::release(3, 63, 0), "3.1.30"),
    (Version::release(3, 64, 0), "3.2.0"),
    (Version::release(3, 66, 1), "3.4.1"),
    (Version::release(3, 67, 2), "3.5.0"),
];

/// Tags of `fact`, the one image that still has its own.
pub(super) const FACT: &[(Version, &str)] = &[
    (Version::release(4, 9, 10), "0.1.0"),
    (Version::release(4, 10, 6), "0.2.6"),
    (Version::release(4, 11, 2), "0.3.2"),
];
