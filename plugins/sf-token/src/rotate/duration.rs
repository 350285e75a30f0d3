//! Durations as people type them, and the two a rotation takes: the grace and the lifetime.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

const DAY: u64 = 86_400;

/// What the guide writes where it means 604800: one zero too many, and more than the API takes.
const MISPRINTED_WEEK: u64 = 6_048_000;

/// What the guide calls 18 years; it is ten times as long.
const MISPRINTED_LIFETIME: u64 = 5_676_000_000;

/// How long the old secret works beside the new one.
///
/// Source: the token API, parameter `graceful`, from 0 to [`Grace::LONGEST`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Grace(u64);

/// How long the new secret works, counted from the rotation.
///
/// Source: the token API, parameter `secondsUntilExpiry`; see [`Lifetime::LONGEST`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Lifetime(u64);

impl Grace {
    /// The longest grace the API takes, in seconds: 60 days.
    pub const LONGEST: u64 = 60 * DAY;

    /// The old secret stops at once.
    pub const NONE: Self = Self(0);

    /// What is proposed to a person who names none: 7 days.
    pub const USUAL: Self = Self(7 * DAY);

    /// The old secret stops at once.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// In seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// When the old secret stops, for a rotation at `start`.
    #[must_use]
    pub fn ends(self, start: Timestamp) -> Timestamp {
        after(start, self.0)
    }
}

impl Lifetime {
    /// The longest lifetime, in seconds: 18 years of 365 days.
    pub const LONGEST: u64 = 18 * 365 * DAY;

    /// What a token gets where nobody names a lifetime and no administrator changed the default of
    /// the organization: 30 days.
    pub const USUAL: Self = Self(30 * DAY);

    /// In seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// The default of an organization that tells one, in milliseconds; none for less than a second
    /// or more than a token can live.
    #[must_use]
    pub fn of_organization(milliseconds: u64) -> Option<Self> {
        let seconds = milliseconds / 1000;
        (1..=Self::LONGEST).contains(&seconds).then_some(Self(seconds))
    }

    /// When the new secret stops, for a rotation at `start`.
    #[must_use]
    pub fn ends(self, start: Timestamp) -> Timestamp {
        after(start, self.0)
    }
}

impl FromStr for Grace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = parse_seconds(text)?;
        if seconds <= Self::LONGEST {
            return Ok(Self(seconds));
        }
        let limit = format!(
            "{} is more than the {} seconds (60 days) that the API takes",
            spoken(seconds),
            Self::LONGEST
        );
        Err(match seconds {
            MISPRINTED_WEEK => format!(
                "{limit}; did you mean 604800, 7 days? The example of the guide has a zero too many"
            ),
            _ => limit,
        })
    }
}

impl FromStr for Lifetime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = parse_seconds(text)?;
        if seconds == 0 {
            return Err("a secret that expires at once is of no use; name at least 1 second".into());
        }
        if seconds <= Self::LONGEST {
            return Ok(Self(seconds));
        }
        let limit = format!(
            "{} is more than the {} seconds that 18 years have",
            spoken(seconds),
            Self::LONGEST
        );
        Err(match seconds {
            MISPRINTED_LIFETIME => format!(
                "{limit}; the 5,676,000,000 of the documents are 180 years, a zero too many"
            ),
            _ => limit,
        })
    }
}

impl fmt::Display for Grace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&spoken(self.0))
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&spoken(self.0))
    }
}

/// Reads seconds without a unit, or numbers with units from weeks to seconds: `604800`, `7d`,
/// `1d12h`.
///
/// # Errors
/// A message for the user when it is no duration.
pub fn parse_seconds(text: &str) -> Result<u64, String> {
    let wrong = || {
        let is_placeholder = text.contains(['<', '>', '{', '}']);
        let hint = if is_placeholder { "; leave out the brackets of the guide" } else { "" };
        format!("`{text}` is no duration such as 604800 (seconds), 7d or 12h{hint}")
    };
    let trimmed = text.trim();
    if !trimmed.is_empty() && trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
        return trimmed.parse().map_err(|_| wrong());
    }
    let mut rest = trimmed;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..end].parse().map_err(|_| wrong())?;
        let length = match rest.as_bytes()[end] {
            b'w' => 7 * DAY,
            b'd' => DAY,
            b'h' => 3600,
            b'm' => 60,
            b's' => 1,
            _ => return Err(wrong()),
        };
        let part = number.checked_mul(length).ok_or_else(wrong)?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        // The unit is one byte, since it was one of these letters.
        rest = &rest[end + 1..];
    }
    if trimmed.is_empty() { Err(wrong()) } else { Ok(total) }
}

/// Seconds as a person says them: `7 days`, `36 hours`, `90 seconds`.
#[must_use]
pub fn spoken(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0 => (0, "second"),
        _ if seconds.is_multiple_of(DAY) => (seconds / DAY, "day"),
        _ if seconds.is_multiple_of(3600) => (seconds / 3600, "hour"),
        _ if seconds.is_multiple_of(60) => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

fn after(start: Timestamp, seconds: u64) -> Timestamp {
    let length = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    start.saturating_add(length).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_have_units() {
        for (text, seconds) in [
            ("604800", 604_800),
            ("7d", 604_800),
            ("1w", 604_800),
            ("12h", 43_200),
            ("1d12h", 129_600),
            ("90m", 5400),
            ("0", 0),
            (" 5s ", 5),
        ] {
            assert_eq!(parse_seconds(text), Ok(seconds), "{text}");
        }
        for text in
            ["", " ", "d", "7 d", "-1", "1.5h", "7days", "1y", "7ä", "99999999999999999999", "7d1"]
        {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
        assert!(parse_seconds("<604800>").unwrap_err().contains("leave out the brackets"));
        assert!(parse_seconds("{gracePeriod}").unwrap_err().contains("leave out the brackets"));
    }

    #[test]
    fn the_zero_too_many_of_the_guide_is_recognised() {
        let error = "6048000".parse::<Grace>().unwrap_err();
        assert!(error.contains("did you mean 604800, 7 days?"), "{error}");
        assert!(error.contains("70 days is more than the 5184000 seconds (60 days)"), "{error}");
        assert_eq!("5184000".parse::<Grace>().unwrap().seconds(), Grace::LONGEST);
        let error = "5184001".parse::<Grace>().unwrap_err();
        assert!(!error.contains("did you mean"), "{error}");
        assert!("0".parse::<Grace>().unwrap().is_none());
    }

    #[test]
    fn a_lifetime_of_180_years_is_explained() {
        let error = "5676000000".parse::<Lifetime>().unwrap_err();
        assert!(error.contains("180 years"), "{error}");
        assert_eq!("567648000".parse::<Lifetime>().unwrap().seconds(), Lifetime::LONGEST);
        assert!("567648001".parse::<Lifetime>().is_err());
        assert!("0".parse::<Lifetime>().is_err());
    }

    #[test]
    fn durations_are_said_in_their_largest_whole_unit() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (60, "1 minute"),
            (129_600, "36 hours"),
            (604_800, "7 days"),
            (604_801, "604801 seconds"),
        ] {
            assert_eq!(spoken(seconds), text);
        }
    }
}
