//! The three ways in which releases let their pods be admitted.

use std::fmt;

use serde::Serialize;

use crate::rhacs::Version;

/// How a release has its pods admitted. Source: product change log 64.0 and 4.4 (ROX-12982).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Era {
    /// Before 3.64: own SCCs with bare names such as `central`.
    Bare,
    /// 3.64 to 4.3: own SCCs named `stackrox-…`.
    Named,
    /// From 4.4 on: the SCCs that OpenShift brings along, through Roles.
    BuiltIn,
}

impl Era {
    /// The era of a release.
    #[must_use]
    pub fn of(version: &Version) -> Self {
        if version.is_at_least(4, 4) {
            Self::BuiltIn
        } else if version.is_at_least(3, 64) {
            Self::Named
        } else {
            Self::Bare
        }
    }
}

impl fmt::Display for Era {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bare => "before 3.64",
            Self::Named => "3.64 to 4.3",
            Self::BuiltIn => "4.4 and later",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eras_begin_with_their_first_release() {
        for (version, era) in [
            ("3.0.62.1", Era::Bare),
            ("3.63.9", Era::Bare),
            ("3.64.0", Era::Named),
            ("4.3.8", Era::Named),
            ("4.4.0", Era::BuiltIn),
            ("4.11.1", Era::BuiltIn),
        ] {
            assert_eq!(Era::of(&version.parse().unwrap()), era, "{version}");
        }
    }
}
