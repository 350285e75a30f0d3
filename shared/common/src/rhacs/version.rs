//! RHACS version numbers, with their own total order.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A product version: `3.0.62.1`, `3.69.2`, `4.11.1`, `4.5.0-rc.2`, `4.4.0-nightly-20240301`,
/// `4.5.x-123-gabcdef`, `3.74.x-nightly-20230224`, each of them perhaps with `-dirty` at its end.
///
/// Not semver: up to minor 62 the product wrote `3.0.62.1` for what everyone calls 3.62.1; both
/// are read, and they are equal. `x` as the patch is a build on the way to patch 0, older than any
/// release candidate of it; a nightly of it comes after those that only count commits. A dirty
/// build, from a tree with changes that nobody committed, comes after the same clean one. Source: the tags of the product's repository, its `pkg/version`.
#[derive(Clone, Debug)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
    stage: Stage,
    commits: u32,
    revision: String,
    dirty: bool,
}

#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Stage {
    Development,
    DevelopmentNightly(u32),
    Nightly(u32),
    Candidate(u32),
    Release,
}

/// Text that is not an RHACS version.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not an RHACS version (such as 3.62.1, 3.0.62.1 or 4.11.1)")]
pub struct VersionError(String);

impl Version {
    /// The release `major.minor.patch`.
    #[must_use]
    pub const fn release(major: u32, minor: u32, patch: u32) -> Self {
        let stage = Stage::Release;
        Self { major, minor, patch, stage, commits: 0, revision: String::new(), dirty: false }
    }

    /// The major number: 3 or 4 of what is published.
    #[must_use]
    pub const fn major(&self) -> u32 {
        self.major
    }

    /// The minor number: 62 of 3.0.62.1.
    #[must_use]
    pub const fn minor(&self) -> u32 {
        self.minor
    }

    /// The patch number; 0 for `x`.
    #[must_use]
    pub const fn patch(&self) -> u32 {
        self.patch
    }

    /// Whether this is a published release rather than a candidate, nightly or development build.
    #[must_use]
    pub const fn is_release(&self) -> bool {
        matches!(self.stage, Stage::Release) && self.commits == 0 && !self.dirty
    }

    /// Whether `major.minor` of this version is at least the given one; pre-releases of
    /// `major.minor.0` count as `major.minor`, since they carry its objects.
    #[must_use]
    pub const fn is_at_least(&self, major: u32, minor: u32) -> bool {
        self.major > major || (self.major == major && self.minor >= minor)
    }

    /// The image tag of this version: four parts up to 3.62.
    #[must_use]
    pub fn tag(&self) -> String {
        self.to_string()
    }

    fn key(&self) -> (u32, u32, u32, Stage, u32, &str, bool) {
        let revision = self.revision.as_str();
        (self.major, self.minor, self.patch, self.stage, self.commits, revision, self.dirty)
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        parse(text).ok_or_else(|| VersionError(text.to_owned()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = if self.major == 3 && self.minor <= LAST_FOUR_PART_MINOR {
            format!("{}.0.{}.", self.major, self.minor)
        } else {
            format!("{}.{}.", self.major, self.minor)
        };
        match self.stage {
            Stage::Development => text.push('x'),
            Stage::DevelopmentNightly(date) => text.push_str(&format!("x-nightly-{date}")),
            Stage::Release => text.push_str(&self.patch.to_string()),
            Stage::Candidate(number) => text.push_str(&format!("{}-rc.{number}", self.patch)),
            Stage::Nightly(date) => text.push_str(&format!("{}-nightly-{date}", self.patch)),
        }
        if self.commits > 0 || !self.revision.is_empty() {
            text.push_str(&format!("-{}-g{}", self.commits, self.revision));
        }
        if self.dirty {
            text.push_str("-dirty");
        }
        f.pad(&text)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Version {}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The last minor of 3 that was published with four parts.
const LAST_FOUR_PART_MINOR: u32 = 62;

fn parse(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let clean = text.strip_suffix("-dirty");
    let mut words = clean.unwrap_or(text).split('-');
    let numbers: Vec<&str> = words.next()?.split('.').collect();
    let (major, minor, patch) = match *numbers.as_slice() {
        [major, "0", minor, patch] if major == "3" => (major, minor, patch),
        [major, minor, patch] => (major, minor, patch),
        _ => return None,
    };
    let mut version = Version::release(number(major)?, number(minor)?, 0);
    if patch == "x" {
        version.stage = Stage::Development;
    } else {
        version.patch = number(patch)?;
    }
    version.dirty = clean.is_some();
    let mut next = words.next();
    let candidate = next.and_then(|word| word.strip_prefix("rc."));
    if let (Stage::Release, Some(candidate)) = (version.stage, candidate) {
        version.stage = Stage::Candidate(number(candidate)?);
        next = words.next();
    } else if next == Some("nightly") {
        let date = number(words.next()?)?;
        version.stage = match version.stage {
            Stage::Development => Stage::DevelopmentNightly(date),
            _ => Stage::Nightly(date),
        };
        next = words.next();
    }
    if let Some(commits) = next {
        version.commits = number(commits)?;
        let revision = words.next()?.strip_prefix('g')?;
        if revision.is_empty() || !revision.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        version.revision = revision.to_owned();
    }
    words.next().is_none().then_some(version)
}

/// A decimal number as a version writes it: digits only, no leading zero.
fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let padded = text.len() > 1 && text.starts_with('0');
    (plain && !padded).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        text.parse().expect(text)
    }

    #[test]
    fn four_parts_and_three_are_the_same_release() {
        assert_eq!(version("3.0.62.1"), version("3.62.1"));
        assert_eq!(version("3.62.1").tag(), "3.0.62.1");
        assert_eq!(version("3.0.63.0").tag(), "3.63.0");
    }

    #[test]
    fn versions_are_ordered_as_they_were_built() {
        let ordered = [
            "3.0.57.2",
            "3.62.1",
            "3.63.0",
            "3.69.2",
            "3.74.x",
            "3.74.x-12-gabcdef",
            "3.74.x-12-gabcdef-dirty",
            "3.74.x-13-gabcdef",
            "3.74.x-nightly-20230224",
            "3.74.x-nightly-20230224-2-gabcdef",
            "3.74.x-nightly-20230225",
            "3.74.0-nightly-20230101",
            "3.74.0",
            "3.74.0-dirty",
            "3.74.1",
            "4.5.x-123-gabcdef",
            "4.5.0-nightly-20240301",
            "4.5.0-rc.1",
            "4.5.0-rc.2",
            "4.5.0-rc.2-7-g0123ab",
            "4.5.0",
            "4.11.1",
        ];
        for pair in ordered.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{} < {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn only_what_is_published_is_a_release() {
        for (text, expected) in [
            ("3.74.0", true),
            ("3.0.62.1", true),
            ("3.74.0-dirty", false),
            ("3.74.x", false),
            ("3.74.x-nightly-20230224", false),
            ("3.74.0-rc.1", false),
            ("3.74.0-1-gab", false),
        ] {
            assert_eq!(version(text).is_release(), expected, "{text}");
        }
        assert!(version("3.74.x-nightly-20230224").is_at_least(3, 74));
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "3",
            "3.69",
            "3.69.2.1",
            "latest",
            "3.69.2 ",
            "3.069.2",
            "3.69.-1",
            "4.5.x-1",
            "4.5.x-rc.1",
            "4.5.x-nightly",
            "4.5.x-nightly-today",
            "4.5.x-dirty-1-gab",
            "4.5.0-dirty-dirty",
            "4.5.0-1-dirty",
            "-dirty",
            "4.5.0-rc",
            "4.5.0-rc.1-2",
            "4.5.0-3-gxyz",
            "4.5.0-1-gab-1",
            "99999999999.1.1",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    fn any_version() -> impl Strategy<Value = Version> {
        let stage = prop_oneof![
            Just("0".to_owned()),
            (0..12u32).prop_map(|patch| patch.to_string()),
            (0..4u32, 0..9u32).prop_map(|(patch, rc)| format!("{patch}-rc.{rc}")),
            (0..4u32).prop_map(|patch| format!("{patch}-nightly-20240301")),
            (0..900u32).prop_map(|commits| format!("x-{commits}-gabcdef")),
            (0..4u32).prop_map(|date| format!("x-nightly-2024030{date}")),
            Just("x".to_owned()),
        ];
        (3..5u32, 0..80u32, stage, prop_oneof![Just(""), Just("-dirty")]).prop_map(
            |(major, minor, rest, dirty)| version(&format!("{major}.{minor}.{rest}{dirty}")),
        )
    }

    proptest! {
        #[test]
        fn a_version_survives_its_text(one in any_version()) {
            prop_assert_eq!(version(&one.to_string()), one);
        }

        #[test]
        fn the_order_is_total(a in any_version(), b in any_version(), c in any_version()) {
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            if a <= b && b <= c {
                prop_assert!(a <= c);
            }
        }
    }
}
