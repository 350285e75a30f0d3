//! Which image is which, and what each is called in another release.
//!
//! Sources: the guide's section 2.3.3, the product's `pkg/images/defaults/flavor.go`, its
//! `SCANNER_VERSION` and `COLLECTOR_VERSION` files at each tag, the change log of 3.68 and 4.11.

mod known;
mod unknown;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Version;
use known::{COLLECTOR, FACT, OFFICIAL_PREFIXES, OLD_RED_HAT, RED_HAT, SCANNER, SHORT_NAMED};
pub use unknown::{UnknownTag, UnknownTags};

/// What an image is for; the product's short names.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Central, sensor, admission control, compliance, config controller.
    Main,
    /// Central's PostgreSQL.
    CentralDb,
    /// The collector.
    Collector,
    /// The file activity collector.
    Fact,
    /// The scanner.
    Scanner,
    /// The scanner's PostgreSQL.
    ScannerDb,
    /// Scanner V4.
    ScannerV4,
    /// Scanner V4's PostgreSQL.
    ScannerV4Db,
}

/// A recognised image reference.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Everything before the last `/`: registry and folders, without a trailing slash.
    pub prefix: String,
    /// What it is for.
    pub role: Role,
    /// The variant without kernel probes or vulnerability data.
    pub slim: bool,
    /// How its name is written.
    pub naming: Naming,
    /// The tag; none when only a digest is given.
    pub tag: Option<String>,
    /// The digest, with its algorithm.
    pub digest: Option<String>,
}

/// How the name of an image is written.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Naming {
    /// `main`, `scanner-db`: up to 3.67 everywhere, later in the open-source registries.
    Short,
    /// `main-rhel`: a variant on Red Hat's base image, published until 3.68.
    ShortRhel,
    /// `rhacs-main-rhel8`: Red Hat's registry from 3.68 on.
    Product,
}

/// Where images of a release are to come from.
#[derive(Clone, Debug, Default)]
pub struct ImageOptions {
    /// Replaces the prefix of every image (`--registry`).
    pub registry: Option<String>,
    /// Complete references by role or container name (`--image NAME=REF`).
    pub overrides: BTreeMap<String, String>,
    /// The version that runs, as Central's API says it; it stands in for the tag of an image that
    /// is named by its digest only.
    pub running: Option<Version>,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 8] = [
        Self::Main,
        Self::CentralDb,
        Self::Collector,
        Self::Fact,
        Self::Scanner,
        Self::ScannerDb,
        Self::ScannerV4,
        Self::ScannerV4Db,
    ];

    const fn short(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::CentralDb => "central-db",
            Self::Collector => "collector",
            Self::Fact => "fact",
            Self::Scanner => "scanner",
            Self::ScannerDb => "scanner-db",
            Self::ScannerV4 => "scanner-v4",
            Self::ScannerV4Db => "scanner-v4-db",
        }
    }

    const fn can_be_slim(self) -> bool {
        matches!(self, Self::Collector | Self::Scanner | Self::ScannerDb)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.short())
    }
}

impl Image {
    /// Recognises a product image by the last part of its repository; none for any other image.
    #[must_use]
    pub fn classify(reference: &str) -> Option<Self> {
        let (rest, digest) = match reference.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.to_owned())),
            None => (reference, None),
        };
        let (prefix, last) = rest.rsplit_once('/').unwrap_or(("", rest));
        let (name, tag) = match last.split_once(':') {
            Some((name, tag)) => (name, Some(tag.to_owned())),
            None => (last, None),
        };
        let (name, naming) = short_name(name)?;
        let (name, slim_name) = match name.strip_suffix("-slim") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let role = Role::ALL.into_iter().find(|role| role.short() == name)?;
        if slim_name && !role.can_be_slim() {
            return None;
        }
        // Up to 3.67 the collector's tag, not its name, said which variant it is.
        let slim_tag =
            role == Role::Collector && tag.as_deref().is_some_and(|tag| tag.ends_with("-slim"));
        Some(Self {
            prefix: prefix.to_owned(),
            role,
            slim: slim_name || slim_tag,
            naming,
            tag,
            digest,
        })
    }

    /// The product version of this image, when its tag says it: `main` always, the others from
    /// 3.68 on, when all images got the product's tag.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        let version: Version = self.tag.as_deref()?.parse().ok()?;
        (self.role == Role::Main || has_one_tag(&version)).then_some(version)
    }

    /// Whether the prefix is one that the product's publisher uses, rather than a mirror.
    #[must_use]
    pub fn is_official(&self) -> bool {
        OFFICIAL_PREFIXES.contains(&self.prefix.as_str())
    }

    /// The reference of the same image in release `to`.
    ///
    /// An official prefix becomes the official one of that release and flavour; a mirror's prefix
    /// is kept, with the release's names and tags below it.
    ///
    /// # Errors
    /// [`UnknownTag`] when the release gave this image a version of its own that is not known.
    pub fn at(&self, to: &Version, options: &ImageOptions) -> Result<String, UnknownTag> {
        if let Some(reference) = options.overrides.get(self.role.short()) {
            return Ok(reference.clone());
        }
        let product = self.uses_product_names(to, options.running.as_ref());
        let prefix = match &options.registry {
            Some(registry) => registry.trim_end_matches('/').to_owned(),
            None => self.prefix_at(to),
        };
        let tag =
            self.tag_at(to).ok_or_else(|| UnknownTag { role: self.role, version: to.clone() })?;
        let slim =
            self.slim && has_one_tag(to) && (self.role != Role::Collector || !to.is_at_least(4, 7));
        let name = format!("{}{}", self.role.short(), if slim { "-slim" } else { "" });
        let name = match (product, self.naming) {
            (true, _) if to.is_at_least(4, 11) => format!("rhacs-{name}-rhel9"),
            (true, _) => format!("rhacs-{name}-rhel8"),
            (false, Naming::ShortRhel) if !to.is_at_least(3, 69) => format!("{name}-rhel"),
            (false, _) => name,
        };
        let separator = if prefix.is_empty() { "" } else { "/" };
        Ok(format!("{prefix}{separator}{name}:{tag}"))
    }

    fn prefix_at(&self, to: &Version) -> String {
        match self.prefix.as_str() {
            OLD_RED_HAT | RED_HAT if has_one_tag(to) => RED_HAT.to_owned(),
            OLD_RED_HAT | RED_HAT => OLD_RED_HAT.to_owned(),
            kept => kept.to_owned(),
        }
    }

    /// Red Hat's names came with 3.68; the other registries kept the short ones. A mirror whose
    /// images have short names before 3.68 is taken for one of Red Hat's registry, except below a
    /// folder named as an open-source registry's is. Without a tag the version that runs tells.
    fn uses_product_names(&self, to: &Version, running: Option<&Version>) -> bool {
        if !has_one_tag(to) {
            return false;
        }
        let was_one_tag = match &self.tag {
            Some(tag) => tag.parse().is_ok_and(|version| has_one_tag(&version)),
            None => running.is_some_and(has_one_tag),
        };
        match self.naming {
            Naming::Product => true,
            Naming::ShortRhel => false,
            Naming::Short if SHORT_NAMED.iter().any(|folder| self.prefix.ends_with(folder)) => {
                false
            }
            Naming::Short => !was_one_tag || self.prefix == RED_HAT,
        }
    }

    fn tag_at(&self, to: &Version) -> Option<String> {
        if self.role == Role::Fact {
            return component_version(FACT, to).map(str::to_owned);
        }
        if has_one_tag(to) || self.role == Role::Main {
            return Some(to.tag());
        }
        match self.role {
            Role::Scanner | Role::ScannerDb => component_version(SCANNER, to).map(str::to_owned),
            Role::Collector => component_version(COLLECTOR, to)
                .map(|tag| format!("{tag}-{}", if self.slim { "slim" } else { "latest" })),
            _ => None,
        }
    }
}

/// From 3.68 on all images of a release carry the product's version as their tag.
const fn has_one_tag(version: &Version) -> bool {
    version.is_at_least(3, 68)
}

fn short_name(name: &str) -> Option<(&str, Naming)> {
    if let Some(name) = name.strip_prefix("rhacs-") {
        let name = name.strip_suffix("-rhel8").or_else(|| name.strip_suffix("-rhel9"))?;
        return Some((name, Naming::Product));
    }
    match name.strip_suffix("-rhel") {
        Some(name) => Some((name, Naming::ShortRhel)),
        None => Some((name, Naming::Short)),
    }
}

fn component_version(table: &[(Version, &'static str)], release: &Version) -> Option<&'static str> {
    table.iter().find(|(version, _)| version == release).map(|(_, tag)| *tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upgraded(reference: &str, to: &str) -> String {
        let to = to.parse().expect(to);
        let image = Image::classify(reference).expect(reference);
        image.at(&to, &ImageOptions::default()).expect(reference)
    }

    #[test]
    fn each_flavour_stays_itself() {
        let table = [
            (
                "registry.redhat.io/rh-acs/main:3.0.62.1",
                "3.69.2",
                "registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:3.69.2",
            ),
            (
                "registry.redhat.io/rh-acs/collector:3.1.32-slim",
                "3.69.2",
                "registry.redhat.io/advanced-cluster-security/rhacs-collector-slim-rhel8:3.69.2",
            ),
            (
                "registry.redhat.io/rh-acs/collector:3.1.20-latest",
                "3.69.2",
                "registry.redhat.io/advanced-cluster-security/rhacs-collector-rhel8:3.69.2",
            ),
            (
                "registry.redhat.io/rh-acs/collector:3.1.30-slim",
                "3.66.1",
                "registry.redhat.io/rh-acs/collector:3.4.1-slim",
            ),
            (
                "registry.redhat.io/rh-acs/scanner-db:2.17.4",
                "3.66.1",
                "registry.redhat.io/rh-acs/scanner-db:2.20.0",
            ),
            (
                "registry.redhat.io/advanced-cluster-security/rhacs-scanner-db-rhel8:3.69.2",
                "3.74.9",
                "registry.redhat.io/advanced-cluster-security/rhacs-scanner-db-rhel8:3.74.9",
            ),
            ("stackrox.io/main:3.0.62.1", "3.69.2", "stackrox.io/main:3.69.2"),
            (
                "collector.stackrox.io/collector:3.1.32-slim",
                "3.69.2",
                "collector.stackrox.io/collector-slim:3.69.2",
            ),
            ("quay.io/stackrox-io/scanner:3.70.1", "3.74.9", "quay.io/stackrox-io/scanner:3.74.9"),
            (
                "mirror.example:5000/acs/main:3.0.62.1",
                "3.69.2",
                "mirror.example:5000/acs/rhacs-main-rhel8:3.69.2",
            ),
            (
                "mirror.example:5000/acs/main:3.70.0",
                "3.74.9",
                "mirror.example:5000/acs/main:3.74.9",
            ),
            (
                "mirror.example/quay.io/stackrox-io/main:3.70.0",
                "3.74.9",
                "mirror.example/quay.io/stackrox-io/main:3.74.9",
            ),
            ("main:3.0.62.1", "3.63.0", "main:3.63.0"),
            (
                "registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8@sha256:00",
                "4.11.1",
                "registry.redhat.io/advanced-cluster-security/rhacs-main-rhel9:4.11.1",
            ),
        ];
        for (was, to, is) in table {
            assert_eq!(upgraded(was, to), is, "{was} → {to}");
        }
    }

    #[test]
    fn the_version_that_runs_tells_what_a_digest_does_not() {
        let image = Image::classify("mirror.example/acs/main@sha256:00").expect("main");
        let at_target = |running: Option<Version>| {
            let options = ImageOptions { running, ..ImageOptions::default() };
            image.at(&Version::release(3, 74, 9), &options).expect("main has a tag")
        };
        let short = "mirror.example/acs/main:3.74.9";
        let product = "mirror.example/acs/rhacs-main-rhel8:3.74.9";
        assert_eq!(at_target(Some(Version::release(3, 70, 0))), short);
        assert_eq!(at_target(Some(Version::release(3, 62, 1))), product);
        assert_eq!(at_target(None), product);
        let tagged = Image::classify("mirror.example/acs/main:3.0.62.1").expect("main");
        let options =
            ImageOptions { running: Some(Version::release(3, 70, 0)), ..ImageOptions::default() };
        let reference = tagged.at(&Version::release(3, 74, 9), &options);
        assert_eq!(reference.as_deref(), Ok(product), "a tag says more about its own image");
    }

    #[test]
    fn other_images_are_not_ours() {
        for reference in [
            "docker.io/library/nginx:1",
            "istio/proxyv2:1.9",
            "x/main-slim:1",
            "x/rhacs-main:1",
            "",
        ] {
            assert_eq!(Image::classify(reference), None, "{reference}");
        }
    }

    #[test]
    fn only_some_tags_say_the_product_version() {
        let version = |reference: &str| Image::classify(reference).expect(reference).version();
        assert_eq!(version("a/main:3.0.62.1"), Some(Version::release(3, 62, 1)));
        assert_eq!(version("a/scanner:2.17.5"), None);
        assert_eq!(version("a/rhacs-scanner-rhel8:3.69.2"), Some(Version::release(3, 69, 2)));
        assert_eq!(version("a/main@sha256:00"), None);
    }

    #[test]
    fn a_registry_of_the_users_own_wins() {
        let options = ImageOptions {
            registry: Some("reg.example/acs/".to_owned()),
            ..ImageOptions::default()
        };
        let image = Image::classify("registry.redhat.io/rh-acs/main:3.0.62.1").expect("main");
        let to = Version::release(3, 69, 2);
        assert_eq!(
            image.at(&to, &options),
            Ok("reg.example/acs/rhacs-main-rhel8:3.69.2".to_owned())
        );
        let scanner = Image::classify("registry.redhat.io/rh-acs/scanner:2.17.5").expect("scanner");
        let unknown = Version::release(3, 65, 0);
        assert!(scanner.at(&unknown, &options).is_err());
    }
}
