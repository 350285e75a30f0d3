//! Which release can be reached from which, and what has to be passed on the way.
//!
//! Sources: the product's change log (64.0, 3.74, 4.5, 4.10), the migrator's refusals, the
//! operator's `skipRange`, and the manual upgrade guide of 4.x.

use serde::Serialize;

use super::Version;

/// One stage of a way, with what it needs beyond new images.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hop {
    /// Where the stage starts.
    pub from: Version,
    /// Where it ends.
    pub to: Version,
    /// Why the way has to stop here; empty for the last stage.
    pub why: String,
    /// What has to be done on this stage besides changing images.
    pub needs: Vec<Need>,
    /// Whether this suite performs the stage.
    pub supported: bool,
}

/// Something a release asks for when it is reached from below.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Need {
    /// The release that introduced it.
    pub since: Version,
    /// What to do.
    pub what: &'static str,
}

/// The newest line this suite upgrades to.
pub const NEWEST_SUPPORTED: (u32, u32) = (3, 74);

/// Whether this suite performs upgrades to `to`.
#[must_use]
pub const fn is_supported_target(to: &Version) -> bool {
    let (major, minor) = NEWEST_SUPPORTED;
    to.major() < major || (to.major() == major && to.minor() <= minor)
}

/// The newest release that is known here.
pub static NEWEST_KNOWN: Version = Version::release(4, 11, 2);

/// Whether the release line of `version` is newer than every one that is known here.
#[must_use]
pub const fn is_beyond_known(version: &Version) -> bool {
    version.is_at_least(NEWEST_KNOWN.major(), NEWEST_KNOWN.minor() + 1)
}

/// Whether the product ever published a release line with this major and minor number, as far as
/// is known here.
#[must_use]
pub const fn is_known_line(version: &Version) -> bool {
    matches!((version.major(), version.minor()), (3, 40..=74) | (4, _)) && !is_beyond_known(version)
}

/// The stages from `from` to `to`; one stage when nothing has to be passed on the way.
///
/// Both ends are taken as given: `from < to` is the caller's to check.
#[must_use]
pub fn path(from: &Version, to: &Version) -> Vec<Hop> {
    let mut hops = Vec::new();
    let mut at = from.clone();
    while let Some(gate) = GATES.iter().find(|gate| gate.stands_between(&at, to)) {
        let landing = gate.landing.clone();
        hops.push(hop(&at, &landing, gate.why));
        at = landing;
    }
    hops.push(hop(&at, to, ""));
    hops
}

/// A release line that cannot be entered from too far below.
struct Gate {
    /// Sources below this …
    below: Below,
    /// … cannot go to this line or beyond …
    entering: (u32, u32),
    /// … without running this release first.
    landing: Version,
    why: &'static str,
}

/// What a gate holds sources against.
enum Below {
    /// A release line, given by its major and minor number.
    Line(u32, u32),
    /// The release the gate lands on: even its own line has to go there first.
    Landing,
}

impl Gate {
    fn stands_between(&self, from: &Version, to: &Version) -> bool {
        let is_below = match self.below {
            Below::Line(major, minor) => !from.is_at_least(major, minor),
            Below::Landing => *from < self.landing,
        };
        is_below && to.is_at_least(self.entering.0, self.entering.1) && *to != self.landing
    }
}

fn hop(from: &Version, to: &Version, why: &str) -> Hop {
    let needs = NEEDS
        .iter()
        .filter(|(since, _)| {
            !from.is_at_least(since.0, since.1) && to.is_at_least(since.0, since.1)
        })
        .map(|((major, minor), what)| Need { since: Version::release(*major, *minor, 0), what })
        .collect();
    let supported = is_supported_target(to);
    Hop { from: from.clone(), to: to.clone(), why: why.to_owned(), needs, supported }
}

const GATES: &[Gate] = &[
    Gate {
        below: Below::Line(3, 48),
        entering: (3, 64),
        landing: Version::release(3, 63, 0),
        why: "3.64 dropped BadgerDB; only 3.48 to 3.63 convert its data",
    },
    Gate {
        below: Below::Landing,
        entering: (4, 0),
        landing: Version::release(3, 74, 9),
        why: "4.0 moves to PostgreSQL and takes over only from the last 3.74",
    },
    Gate {
        below: Below::Line(4, 0),
        entering: (4, 5),
        landing: Version::release(4, 4, 8),
        why: "4.5 no longer reads the data of 3.x",
    },
    Gate {
        below: Below::Line(4, 6),
        entering: (4, 10),
        landing: Version::release(4, 9, 9),
        why: "4.10 dropped the migrations from before 4.6",
    },
];

const NEEDS: &[((u32, u32), &str)] = &[
    (
        (4, 0),
        "Central DB: `roxctl central db generate`, then its objects and their mounts in deploy/central",
    ),
    ((4, 3), "env POD_NAMESPACE in every workload when the namespace is not `stackrox`"),
    ((4, 4), "SCCs are replaced by Roles for the stock SCCs (OpenShift)"),
    ((4, 4), "env GOMEMLIMIT becomes ROX_MEMLIMIT"),
    ((4, 6), "the CRD and Deployment of config-controller"),
    ((4, 7), "collector-slim is gone; init containers `crs` and `init-tls-certs` appear"),
    ((4, 8), "PostgreSQL 13 becomes 15: free space of twice the database"),
    ((4, 10), "the container `fact` in ds/collector; the TLS init containers go"),
    ((4, 11), "image names end in -rhel9"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn way(from: &str, to: &str) -> Vec<String> {
        let hops = path(&from.parse().expect(from), &to.parse().expect(to));
        for pair in hops.windows(2) {
            assert_eq!(pair[0].to, pair[1].from);
        }
        hops.iter().map(|hop| hop.to.to_string()).collect()
    }

    #[test]
    fn gates_are_passed_one_after_the_other() {
        assert_eq!(way("3.62.1", "3.69.2"), ["3.69.2"]);
        assert_eq!(way("3.0.44.0", "3.69.2"), ["3.63.0", "3.69.2"]);
        assert_eq!(way("3.0.44.0", "3.63.0"), ["3.63.0"]);
        assert_eq!(way("3.74.9", "4.4.8"), ["4.4.8"]);
        assert_eq!(way("3.62.1", "4.11.1"), ["3.74.9", "4.4.8", "4.9.9", "4.11.1"]);
        assert_eq!(way("3.74.2", "4.0.0"), ["3.74.9", "4.0.0"]);
        assert_eq!(way("3.74.2", "4.11.1"), ["3.74.9", "4.4.8", "4.9.9", "4.11.1"]);
        assert_eq!(way("3.74.2", "3.74.9"), ["3.74.9"]);
        assert_eq!(way("3.74.10", "4.4.8"), ["4.4.8"]);
        assert_eq!(way("4.0.0", "4.4.0"), ["4.4.0"]);
        assert_eq!(way("4.5.9", "4.11.1"), ["4.9.9", "4.11.1"]);
        assert_eq!(way("4.6.0", "4.11.1"), ["4.11.1"]);
    }

    #[test]
    fn lines_are_known_newer_or_nonsense() {
        for (text, is_known, is_beyond) in [
            ("3.0.40.0", true, false),
            ("3.74.9", true, false),
            ("4.0.0", true, false),
            ("4.11.9", true, false),
            ("4.12.0", false, true),
            ("4.12.x-3-gab", false, true),
            ("5.0.0", false, true),
            ("3.99.0", false, false),
            ("3.75.0", false, false),
            ("2.0.0", false, false),
        ] {
            let version: Version = text.parse().expect(text);
            assert_eq!(
                (is_known_line(&version), is_beyond_known(&version)),
                (is_known, is_beyond),
                "{text}"
            );
        }
    }

    #[test]
    fn every_way_ends_at_its_target_and_rises() {
        let versions = ["3.0.44.0", "3.62.1", "3.74.0", "3.74.9", "4.2.0", "4.6.1", "4.11.1"];
        for (index, from) in versions.iter().enumerate() {
            for to in &versions[index + 1..] {
                let hops = path(&from.parse().expect(from), &to.parse().expect(to));
                assert!(hops.iter().all(|hop| hop.from < hop.to), "{from} → {to}");
            }
        }
    }

    #[test]
    fn each_stage_says_what_it_needs() {
        let hops = path(&Version::release(3, 74, 9), &Version::release(4, 4, 8));
        let since: Vec<_> = hops[0].needs.iter().map(|need| need.since.to_string()).collect();
        assert_eq!(since, ["4.0.0", "4.3.0", "4.4.0", "4.4.0"]);
        assert!(!hops[0].supported);
    }
}
