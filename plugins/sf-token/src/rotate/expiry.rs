//! Which expiry a rotation gives the token: the API counts anew, so it may come sooner than before.

use jiff::Timestamp;
use serde::Serialize;

use super::duration::Lifetime;

/// The expiry before a rotation and the one that is to be expected after it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Forecast {
    /// When the current secret expires; none when the API does not tell.
    pub before: Option<Timestamp>,
    /// When the new one will.
    pub after: Timestamp,
    /// How that is known.
    pub basis: Basis,
}

/// How the lifetime of a new secret is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Basis {
    /// The user named it.
    Named,
    /// It is the organization's default, which the API tells.
    Organization,
    /// It is the organization's default, which is not told. Unless an administrator changed it, it
    /// is [`Lifetime::USUAL`].
    Assumed,
}

impl Forecast {
    /// The forecast for a rotation at `now` with the lifetime that the user named or, without one,
    /// with the `usual` one of the organization.
    #[must_use]
    pub fn new(
        before: Option<Timestamp>,
        named: Option<Lifetime>,
        usual: Option<Lifetime>,
        now: Timestamp,
    ) -> Self {
        let (lifetime, basis) = match (named, usual) {
            (Some(named), _) => (named, Basis::Named),
            (None, Some(usual)) => (usual, Basis::Organization),
            (None, None) => (Lifetime::USUAL, Basis::Assumed),
        };
        Self { before, after: lifetime.ends(now), basis }
    }

    /// Whether the new secret expires before the old one would have. Less than an hour is what
    /// clocks and the time of the rotation make.
    #[must_use]
    pub fn shrinks(&self) -> bool {
        self.before.is_some_and(|before| shrinks(before, self.after))
    }

    /// Old and new, for people.
    #[must_use]
    pub fn spoken(&self) -> String {
        let basis = match self.basis {
            Basis::Named => "",
            Basis::Organization => " (the organization's default)",
            Basis::Assumed => " (30 days, unless the organization has another default)",
        };
        format!("{} → {}{basis}", day(self.before), day(Some(self.after)))
    }
}

/// Whether `after` is notably before `before`.
#[must_use]
pub fn shrinks(before: Timestamp, after: Timestamp) -> bool {
    before.duration_since(after).as_secs() > 3600
}

/// A time for people: to the minute, in UTC.
#[must_use]
pub fn day(time: Option<Timestamp>) -> String {
    time.map_or_else(
        || "unknown".to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_life_shrinks_to_thirty_days_unless_one_is_named() {
        let now: Timestamp = "2026-01-02T12:00:00Z".parse().unwrap();
        let in_years: Timestamp = "2030-01-02T12:00:00Z".parse().unwrap();
        let forecast = Forecast::new(Some(in_years), None, None, now);
        assert!(forecast.shrinks());
        assert_eq!(
            forecast.spoken(),
            "2030-01-02 12:00 UTC → 2026-02-01 12:00 UTC (30 days, unless the organization has \
             another default)"
        );
        let long = Lifetime::of_organization(6570 * 86_400_000);
        let named = Forecast::new(Some(in_years), long, None, now);
        assert!(!named.shrinks() && named.spoken().ends_with("UTC"));
        let usual = Forecast::new(Some(in_years), None, long, now);
        assert!(!usual.shrinks() && usual.spoken().ends_with("(the organization's default)"));
        assert!(!Forecast::new(None, None, None, now).shrinks());
        assert_eq!(Lifetime::of_organization(999), None);
    }
}
