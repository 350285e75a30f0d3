//! Spans and moments as people write them: `30d`, `2592000`, `2027-01-31`.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// The longest life of a token: 18 years of 365 days, in seconds. The documents also print
/// 5,676,000,000 for it, which is 180 years: ten times too much.
pub const LONGEST_LIFE: u64 = 18 * 365 * 86_400;

/// A span of time in whole seconds.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Span(u64);

impl Span {
    /// Its seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// So many days.
    #[must_use]
    pub const fn days(days: u32) -> Self {
        Self(days as u64 * 86_400)
    }
}

impl FromStr for Span {
    type Err = String;

    /// Reads plain seconds, or numbers with the units w, d, h, m and s: `604800`, `7d`, `1d12h`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is no duration such as 604800 (seconds), 7d or 12h");
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self).map_err(|_| wrong());
        }
        let mut rest = text;
        let mut total = 0_u64;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let number: u64 = rest[..end].parse().map_err(|_| wrong())?;
            let unit = match rest.as_bytes()[end] {
                b'w' => 604_800,
                b'd' => 86_400,
                b'h' => 3600,
                b'm' => 60,
                b's' => 1,
                _ => return Err(wrong()),
            };
            let part = number.checked_mul(unit).ok_or_else(wrong)?;
            total = total.checked_add(part).ok_or_else(wrong)?;
            rest = &rest[end + 1..];
        }
        if text.is_empty() { Err(wrong()) } else { Ok(Self(total)) }
    }
}

/// Reads a moment: RFC 3339, or a date, which means its first moment in UTC.
///
/// # Errors
/// A message for the user when it is neither.
pub fn parse_moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let wrong = || format!("`{text}` is no moment such as 2027-01-31 or 2027-01-31T12:00:00Z");
    if text.contains(['T', 't', ' ']) {
        // A date would be read from it as well, and the time of day lost.
        return Err(match text.parse::<DateTime>() {
            Ok(_) => format!("`{text}` does not say where: add Z for UTC, or an offset as +01:00"),
            Err(_) => wrong(),
        });
    }
    let midnight = text.parse::<Date>().ok().and_then(|date| date.to_zoned(TimeZone::UTC).ok());
    midnight.map(|midnight| midnight.timestamp()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_seconds_or_numbers_with_units() {
        for (text, seconds) in [
            ("0", 0),
            ("604800", 604_800),
            ("7d", 604_800),
            ("1w", 604_800),
            ("1d12h", 129_600),
            ("90m", 5400),
            ("30s", 30),
        ] {
            assert_eq!(text.parse(), Ok(Span(seconds)), "{text}");
        }
        for text in ["", "d", "7 d", "-1", "+7", "1.5d", "7days", "99999999999999999999d", "7ä"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_date_is_its_first_moment() {
        let moment = parse_moment("2027-01-31").unwrap();
        assert_eq!(moment, parse_moment("2027-01-31T00:00:00Z").unwrap());
        assert!(parse_moment("31.1.2027").is_err());
    }

    #[test]
    fn a_time_of_day_needs_its_offset() {
        let moment = parse_moment("2027-01-31T23:00:00+01:00").unwrap();
        assert_eq!(moment, parse_moment("2027-01-31T22:00:00Z").unwrap());
        for text in ["2027-01-31T23:00:00", "2027-01-31 23:00"] {
            assert!(parse_moment(text).unwrap_err().contains("offset"), "{text}");
        }
        assert!(parse_moment("2027-01-31Tnoon").unwrap_err().contains("no moment"));
    }
}
