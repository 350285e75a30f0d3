//! What a release knows of Central's database: the number it migrates to, and the oldest binary that
//! may still run on it then.
//!
//! Source: the product's `pkg/migrations/internal/seq_num.go` at the tag of each release.

use super::Version;

/// (major, minor, sequence number) of the releases where it is known, oldest first. A release in
/// between has the number of the newest one before it.
const SEQUENCES: &[(u32, u32, u32)] = &[
    (3, 64, 77),
    (3, 66, 84),
    (3, 68, 92),
    (3, 69, 94),
    (3, 70, 98),
    (3, 71, 106),
    (3, 72, 108),
    (3, 73, 112),
    (3, 74, 172),
    (4, 0, 180),
    (4, 1, 186),
    (4, 2, 188),
    (4, 3, 194),
    (4, 4, 199),
    (4, 5, 206),
    (4, 6, 209),
    (4, 8, 211),
    (4, 9, 213),
    (4, 10, 220),
    (4, 11, 225),
];

/// The database sequence number that a release migrates to.
///
/// Numbers before 3.64 are not published; they only have to be smaller and to grow.
#[must_use]
pub fn sequence(version: &Version) -> u32 {
    if (version.major(), version.minor(), version.patch()) == (4, 5, 0) {
        return 205;
    }
    let known =
        SEQUENCES.iter().rev().find(|(major, minor, _)| version.is_at_least(*major, *minor));
    known.map_or_else(|| (version.minor() + 13).min(76), |(_, _, sequence)| *sequence)
}

/// The sequence number that a binary must know to run on a database which this release has migrated;
/// 0 before 4.1, where the rule did not exist.
#[must_use]
pub const fn minimum(version: &Version) -> u32 {
    if version.is_at_least(4, 10) {
        209
    } else if version.is_at_least(4, 1) {
        186
    } else {
        0
    }
}

/// The largest minimum of a database on which this release runs when it is started after a newer one;
/// the rule begins with 4.1.
#[must_use]
pub fn accepts(version: &Version) -> u32 {
    if version.is_at_least(4, 6) { sequence(version) } else { 186 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn sequences_follow_the_releases() {
        for (release, expected) in [
            ("3.69.2", 94),
            ("3.65.0", 77),
            ("3.0.62.1", 75),
            ("4.5.0", 205),
            ("4.5.3", 206),
            ("4.7.1", 209),
            ("4.11.2", 225),
        ] {
            assert_eq!(sequence(&version(release)), expected, "{release}");
        }
    }

    #[test]
    fn sequences_never_shrink() {
        let releases = [
            "3.0.58.1", "3.63.0", "3.64.1", "3.74.9", "4.0.0", "4.4.2", "4.5.0", "4.5.1", "4.11.1",
        ];
        let numbers = releases.map(|release| sequence(&version(release)));
        assert!(numbers.is_sorted(), "{numbers:?}");
    }
}
