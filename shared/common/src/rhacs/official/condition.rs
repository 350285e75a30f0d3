//! When a line of the data files holds: ` @openshift 3.69..4.3, 4.8..`.

use crate::rhacs::{Platform, Version};

/// Where and when: the installation whose objects are asked for.
#[derive(Clone, Debug)]
pub(super) struct Point<'a> {
    pub(super) version: &'a Version,
    pub(super) platform: Platform,
    pub(super) namespace: &'a str,
}

/// Splits `text @condition` into the text and its condition; text without one stays whole.
pub(super) fn split(text: &str) -> (&str, Option<Condition>) {
    text.rsplit_once(" @")
        .and_then(|(rest, condition)| Some((rest, Some(Condition::parse(condition)?))))
        .unwrap_or((text, None))
}

/// Alternatives, one of which has to hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition(Vec<Alternative>);

#[derive(Clone, Debug, PartialEq)]
struct Alternative {
    platform: Option<Platform>,
    /// The first minor release it holds for.
    since: Option<(u32, u32)>,
    /// The first minor release it no longer holds for.
    until: Option<(u32, u32)>,
}

impl Condition {
    /// `[PLATFORM] [SINCE..UNTIL]`, alternatives separated by commas; `None` for other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.split(", ").map(Alternative::parse).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whether it holds at `point`.
    pub(super) fn holds(&self, point: &Point<'_>) -> bool {
        self.0.iter().any(|alternative| alternative.holds(point))
    }

    /// The minor releases at which it begins or ceases to hold.
    pub(super) fn boundaries(&self) -> impl Iterator<Item = (u32, u32)> {
        self.0.iter().flat_map(|alternative| [alternative.since, alternative.until]).flatten()
    }
}

impl Alternative {
    fn parse(text: &str) -> Option<Self> {
        let (platform, range) = match text.split_once(' ') {
            Some((platform, range)) => (Some(platform.parse().ok()?), Some(range)),
            None if text.contains("..") => (None, Some(text)),
            None => (Some(text.parse().ok()?), None),
        };
        let (since, until) = range.map_or(Some(("", "")), |range| range.split_once(".."))?;
        Some(Self { platform, since: minor(since)?, until: minor(until)? })
    }

    fn holds(&self, point: &Point<'_>) -> bool {
        let reached = |(major, minor)| point.version.is_at_least(major, minor);
        self.platform.is_none_or(|platform| platform == point.platform)
            && self.since.is_none_or(reached)
            && !self.until.is_some_and(reached)
    }
}

/// A bound such as `3.69`: no bound for no text, `None` for other text.
#[expect(clippy::option_option, reason = "the outer one is the error of parsing")]
fn minor(text: &str) -> Option<Option<(u32, u32)>> {
    if text.is_empty() {
        return Some(None);
    }
    let (major, minor) = text.split_once('.')?;
    Some(Some((major.parse().ok()?, minor.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: &str, version: &str, platform: Platform) -> bool {
        let version = version.parse().unwrap();
        let point = Point { version: &version, platform, namespace: "stackrox" };
        Condition::parse(condition).unwrap().holds(&point)
    }

    #[test]
    fn a_range_ends_before_its_second_release() {
        for (version, expected) in
            [("3.68.2", false), ("3.69.0", true), ("4.2.5", true), ("4.3.0", false)]
        {
            assert_eq!(holds("3.69..4.3", version, Platform::Kubernetes), expected, "{version}");
        }
    }

    #[test]
    fn each_alternative_has_its_own_platform() {
        let condition = "kubernetes, openshift ..3.69";
        assert!(holds(condition, "4.0.0", Platform::Kubernetes));
        assert!(!holds(condition, "4.0.0", Platform::OpenShift));
        assert!(holds(condition, "3.0.62.1", Platform::OpenShift));
    }

    #[test]
    fn text_that_is_no_condition_stays_whole() {
        assert_eq!(split("support@stackrox.com"), ("support@stackrox.com", None));
        assert_eq!(split("mail @home"), ("mail @home", None));
        assert_eq!(split("path @3.65..").0, "path");
    }
}
