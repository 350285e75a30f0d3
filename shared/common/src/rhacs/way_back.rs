//! How far down Central can go, and what its database needs for that.
//!
//! Sources: the migrator's version checks at each release, the product guide's sections on rolling
//! back Central, the change log of 3.74, 4.1, 4.2 and 4.3.

use super::Version;
use super::sequence::{accepts, minimum, sequence};

/// How an older Central gets a database it can use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Manner {
    /// From the copy made before the last upgrade, when `maintenance.forceRollbackVersion` of the
    /// central-config names its version; what was written since is lost.
    Copy,
    /// It runs on the database as it is, when `maintenance.forceRollbackVersion` names its version.
    Told,
    /// It runs on the database as it is.
    Live,
}

impl Manner {
    /// Whether `maintenance.forceRollbackVersion` has to be set once the newer Central has started.
    #[must_use]
    pub const fn needs_force(self) -> bool {
        matches!(self, Self::Copy | Self::Told)
    }
}

/// Why Central cannot go back to a version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Barrier {
    /// A sentence without a period.
    pub why: String,
    /// Where that is written.
    pub source: &'static str,
}

/// The oldest release that knows how to go back.
pub const OLDEST: Version = Version::release(3, 58, 0);

/// How a Central that ran `from` goes back to `to`.
///
/// # Errors
/// Why it cannot.
pub fn way_back(from: &Version, to: &Version) -> Result<Manner, Barrier> {
    for barrier in [oldest, majors, broken, database] {
        if let Some(barrier) = barrier(from, to) {
            return Err(barrier);
        }
    }
    Ok(match (to.is_at_least(4, 1), to.is_at_least(4, 2)) {
        (false, _) => Manner::Copy,
        (true, false) => Manner::Told,
        (true, true) => Manner::Live,
    })
}

fn oldest(_: &Version, to: &Version) -> Option<Barrier> {
    (*to < OLDEST).then(|| Barrier {
        why: format!("{to} has no way to take back a database that a newer Central opened"),
        source: "product migrator, minForceRollbackTo; product guide: forced rollback",
    })
}

/// The database of 3.x is another one than that of 4.x.
fn majors(from: &Version, to: &Version) -> Option<Barrier> {
    let source = "change log 3.74 and 4.3; product guide: rolling back Central";
    if to.is_at_least(4, 1) || !from.is_at_least(4, 0) {
        return None;
    }
    if from.is_at_least(4, 3) {
        let why = format!("since 4.3 Central no longer goes back to 4.0 or 3.x, so not to {to}");
        return Some(Barrier { why, source });
    }
    let beyond = !to.is_at_least(3, 74);
    beyond.then(|| {
        let why = format!("4.x takes over from 3.74 alone: there is no copy of the data of {to}");
        Barrier { why, source }
    })
}

/// A release that refuses every newer database.
fn broken(from: &Version, to: &Version) -> Option<Barrier> {
    let is_it = (to.major(), to.minor()) == (4, 1) && to.patch() < 3;
    (is_it && sequence(from) > sequence(to)).then(|| Barrier {
        why: format!("{to} refuses every database that is newer than its own; 4.1.3 does not"),
        source: "stackrox pull request 7258, ROX-18861",
    })
}

fn database(from: &Version, to: &Version) -> Option<Barrier> {
    if !to.is_at_least(4, 1) {
        return None;
    }
    let (needs, knows) = (minimum(from), accepts(to));
    (needs > knows).then(|| Barrier {
        why: format!(
            "the database that {from} leaves needs a Central of database version {needs} or later, \
             {to} has {knows}"
        ),
        source: "product pkg/migrations/internal/seq_num.go",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(from: &str, to: &str) -> Result<Manner, Barrier> {
        way_back(&from.parse().unwrap(), &to.parse().unwrap())
    }

    #[test]
    fn each_era_goes_back_in_its_own_manner() {
        for (from, to, manner) in [
            ("3.69.2", "3.0.62.1", Manner::Copy),
            ("3.74.9", "3.69.2", Manner::Copy),
            ("4.0.0", "3.74.9", Manner::Copy),
            ("4.2.0", "3.74.9", Manner::Copy),
            ("4.2.0", "4.0.2", Manner::Copy),
            ("4.4.0", "4.1.3", Manner::Told),
            ("4.9.9", "4.2.0", Manner::Live),
            ("4.11.1", "4.6.0", Manner::Live),
        ] {
            assert_eq!(way(from, to), Ok(manner), "{from} → {to}");
        }
    }

    #[test]
    fn nothing_goes_below_its_floor() {
        for (from, to, word) in [
            ("3.62.1", "3.0.57.2", "no way"),
            ("4.3.0", "3.74.9", "4.3"),
            ("4.4.0", "4.0.2", "4.3"),
            ("4.1.0", "3.73.2", "3.74"),
            ("4.2.0", "4.1.2", "4.1.3"),
            ("4.10.0", "4.5.9", "209"),
            ("4.11.1", "4.5.9", "209"),
        ] {
            let barrier = way(from, to).unwrap_err();
            assert!(barrier.why.contains(word), "{from} → {to}: {barrier:?}");
        }
    }
}
