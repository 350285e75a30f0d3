//! Whether a reference that somebody named is that of a release.

use super::{EarlyTags, FACT, Image, Role, has_one_tag};
use crate::rhacs::Version;

/// What the tag of a reference says about a release.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Tagged {
    /// It is of the release, as far as the release's own tags are known.
    Release,
    /// It is of another one; the version it says.
    Other(Version),
    /// There is no tag, or none that is a version.
    Unreadable,
}

/// What the tag of `reference`, an image of this role, says about `release`.
#[must_use]
pub fn tagged(reference: &str, role: Role, release: &Version) -> Tagged {
    let Some(version) = version_of(reference) else { return Tagged::Unreadable };
    let expected = match role {
        Role::Fact => FACT.iter().find(|(known, _)| known == release).map(|(_, tag)| *tag),
        Role::Scanner | Role::ScannerDb if !has_one_tag(release) => {
            EarlyTags::of(release).map(|tags| tags.scanner)
        }
        Role::Collector if !has_one_tag(release) => {
            EarlyTags::of(release).map(|tags| tags.collector)
        }
        _ if version == *release => return Tagged::Release,
        _ => return Tagged::Other(version),
    };
    let is_it = match expected {
        Some(expected) => expected.parse().is_ok_and(|expected: Version| expected == version),
        // Whoever names it has to know; a tag of the product's is none of an image with its own.
        None => role == Role::Fact || !has_one_tag(&version),
    };
    if is_it { Tagged::Release } else { Tagged::Other(version) }
}

/// The version that the tag of any reference says, whatever its repository is called.
#[must_use]
pub fn version_of(reference: &str) -> Option<Version> {
    let (rest, _) = reference.split_once('@').unwrap_or((reference, ""));
    let (_, tag) = rest.rsplit('/').next()?.split_once(':')?;
    // Only the tag is looked at; the name of a known image lets the one reader of tags read it.
    Image::classify(&format!("{}:{tag}", Role::Collector))?.own_version()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(reference: &str, role: Role, release: &str) -> Tagged {
        tagged(reference, role, &release.parse().unwrap())
    }

    #[test]
    fn a_tag_is_that_of_the_release_or_of_another() {
        let other = |version: &str| Tagged::Other(version.parse().unwrap());
        for (reference, role, release, expected) in [
            ("x/main:3.69.2", Role::Main, "3.69.2", Tagged::Release),
            ("x:5000/anything:3.69.2", Role::Main, "3.69.2", Tagged::Release),
            ("x/main:3.62.1", Role::Main, "3.0.62.1", Tagged::Release),
            ("x/main:3.68.1", Role::Main, "3.69.2", other("3.68.1")),
            ("x/main:3.69.2@sha256:00", Role::Main, "3.69.2", Tagged::Release),
            ("x/main@sha256:00", Role::Main, "3.69.2", Tagged::Unreadable),
            ("x:5000/main", Role::Main, "3.69.2", Tagged::Unreadable),
            ("x/main:latest", Role::Main, "3.69.2", Tagged::Unreadable),
            ("x/main:3.69.2-ours", Role::Main, "3.69.2", Tagged::Unreadable),
            ("x/main:3.69.2-rc.1", Role::Main, "3.69.2", other("3.69.2-rc.1")),
            ("x/scanner:2.20.0", Role::Scanner, "3.66.1", Tagged::Release),
            ("x/scanner:2.21.3", Role::Scanner, "3.66.1", other("2.21.3")),
            ("x/scanner:2.20.0", Role::Scanner, "3.69.2", other("2.20.0")),
            ("x/collector:3.4.1-slim", Role::Collector, "3.66.1", Tagged::Release),
            ("x/collector:3.5.0-latest", Role::Collector, "3.66.1", other("3.5.0")),
            // The tags of 3.65.0 are not known: who names one has looked it up.
            ("x/scanner:2.19.0", Role::Scanner, "3.65.0", Tagged::Release),
            ("x/scanner:3.69.2", Role::Scanner, "3.65.0", other("3.69.2")),
            ("x/fact:0.3.2", Role::Fact, "4.11.2", Tagged::Release),
            ("x/fact:0.1.0", Role::Fact, "4.11.2", other("0.1.0")),
        ] {
            assert_eq!(says(reference, role, release), expected, "{reference} for {release}");
        }
    }
}
