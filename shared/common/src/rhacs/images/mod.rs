//! Which image is which, and what each is called in another release.
//!
//! Sources: the guide's section 2.3.3, the product's `pkg/images/defaults/flavor.go`, its
//! `SCANNER_VERSION` and `COLLECTOR_VERSION` files at each tag, the change log of 3.68 and 4.11.

mod known;
mod tagged;
mod unknown;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Version;
pub(super) use known::EarlyTags;
use known::{
    DEVELOPMENT, FACT, OFFICIAL_PREFIXES, OLD_DEVELOPMENT, OLD_RED_HAT, RED_HAT, RED_HAT_FOLDERS,
    SHORT_NAMED,
};
pub use tagged::{Tagged, tagged, version_of};
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
    /// The version that runs, as Central's API or the other images say it; it stands in for the tag
    /// of an image whose own says no version.
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
        let repository = format!("{prefix}{separator}{name}");
        match self.tag_at(to) {
            Some(tag) => Ok(format!("{repository}:{tag}")),
            None => Err(self.unknown_at(to, repository)),
        }
    }

    fn unknown_at(&self, to: &Version, repository: String) -> UnknownTag {
        let like = EarlyTags::of_line(to).filter(|_| !has_one_tag(to));
        let like = like.and_then(|tags| Some((self.early_tag(tags)?, tags.release.clone())));
        let like = like.map(Box::new);
        UnknownTag { role: self.role, version: to.clone(), repository, like }
    }

    fn prefix_at(&self, to: &Version) -> String {
        match self.prefix.as_str() {
            OLD_RED_HAT | RED_HAT if has_one_tag(to) => RED_HAT.to_owned(),
            OLD_RED_HAT | RED_HAT => OLD_RED_HAT.to_owned(),
            OLD_DEVELOPMENT if to.is_at_least(3, 72) => DEVELOPMENT.to_owned(),
            kept => kept.to_owned(),
        }
    }

    /// Red Hat's names came with 3.68; the other registries kept the short ones. A mirror whose
    /// images have short names before 3.68 is taken for one of Red Hat's registry, except below a
    /// folder named as an open-source registry's is; one with `-rhel` variants only below a folder
    /// of Red Hat's, since others had them as well. Where the tag is no version, the version that
    /// runs tells.
    fn uses_product_names(&self, to: &Version, running: Option<&Version>) -> bool {
        if !has_one_tag(to) {
            return false;
        }
        let told = self.own_version();
        let was_one_tag = told.as_ref().or(running).is_some_and(has_one_tag);
        match self.naming {
            Naming::Product => true,
            Naming::ShortRhel => RED_HAT_FOLDERS.iter().any(|folder| self.is_below(folder)),
            Naming::Short if SHORT_NAMED.iter().any(|folder| self.prefix.ends_with(folder)) => {
                false
            }
            Naming::Short => !was_one_tag || self.prefix == RED_HAT,
        }
    }

    /// The version that the tag says, be it the product's or, up to 3.67, the image's own.
    #[must_use]
    pub fn own_version(&self) -> Option<Version> {
        let tag = self.tag.as_deref()?;
        let bare = ["-slim", "-latest"].iter().find_map(|suffix| tag.strip_suffix(suffix));
        bare.unwrap_or(tag).parse().ok()
    }

    fn tag_at(&self, to: &Version) -> Option<String> {
        if self.role == Role::Fact {
            let known = FACT.iter().find(|(version, _)| version == to);
            return known.map(|(_, tag)| (*tag).to_owned());
        }
        if has_one_tag(to) || self.role == Role::Main {
            return Some(to.tag());
        }
        self.early_tag(EarlyTags::of(to)?)
    }

    /// The tag among those of an early release; none for an image that there was not.
    fn early_tag(&self, tags: &EarlyTags) -> Option<String> {
        match self.role {
            Role::Scanner | Role::ScannerDb => Some(tags.scanner.to_owned()),
            Role::Collector => {
                let variant = if self.slim { "slim" } else { "latest" };
                Some(format!("{}-{variant}", tags.collector))
            }
            _ => None,
        }
    }

    /// Whether the images are in a folder of this name.
    fn is_below(&self, folder: &str) -> bool {
        self.prefix.rsplit('/').next() == Some(folder)
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

#[cfg(test)]
mod tests;
