//! What a token may send at most, and when somebody is told.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::{Value, json};

/// Limits to be set or removed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Limits {
    /// What may be sent.
    pub quotas: BTreeMap<LimitKey, LimitValue>,
    /// When somebody is told.
    pub alerts: BTreeMap<LimitKey, LimitValue>,
}

/// What is limited.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum LimitKey {
    /// Hosts, by host-based pricing.
    Hosts,
    /// Containers, by host-based pricing.
    Containers,
    /// Custom metrics.
    CustomMetrics,
    /// High-resolution metrics.
    HighResolutionMetrics,
    /// Data points each minute, by that pricing.
    DataPoints,
    /// Event searches each minute.
    EventSearches,
    /// Starts of SignalFlow jobs each minute.
    JobStarts,
    /// The API's `mtsmLimit`.
    MetricTimeSeries,
}

/// The value of a limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LimitValue {
    /// This many.
    At(u64),
    /// No limit.
    Unlimited,
}

impl Limits {
    /// Whether nothing shall change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.quotas.is_empty() && self.alerts.is_empty()
    }

    /// The limits of a token in words: `hosts=100`, with those of its alerts.
    #[must_use]
    pub fn shown(limits: &Value) -> Vec<String> {
        let value = |(field, category): (&str, Option<&str>)| {
            let found = category.map_or(&limits[field], |category| &limits[field][category]);
            found.as_u64()
        };
        let mut shown = Vec::new();
        for key in LimitKey::ALL {
            if let Some(number) = value(key.quota()) {
                shown.push(format!("{}={number}", key.as_str()));
            }
            if let Some(number) = key.threshold().and_then(value) {
                shown.push(format!("{}={number} (alert)", key.as_str()));
            }
        }
        shown
    }

    /// The server's rules, which it would answer 400 to.
    ///
    /// # Errors
    /// Says which limit breaks which rule.
    pub fn check(&self) -> Result<(), String> {
        let sets_points = self.sets(|key| key == LimitKey::DataPoints);
        let sets_categories = self.sets(|key| key.category().is_some());
        if sets_points && sets_categories {
            return Err(
                "`dpm` is for organizations that pay by data points each minute, and the other \
                 quotas are for those that do not: one token cannot have both"
                    .to_owned(),
            );
        }
        for (key, most) in [(LimitKey::JobStarts, 60), (LimitKey::EventSearches, 30)] {
            if let Some(LimitValue::At(value)) = self.quotas.get(&key)
                && *value > most
            {
                return Err(format!(
                    "`{}` goes from 1 to {most} each minute, and {value} is more",
                    key.as_str()
                ));
            }
        }
        match self.alerts.keys().find(|key| key.threshold().is_none()) {
            Some(key) => Err(format!("nobody can be told of the limit `{}`", key.as_str())),
            None => Ok(()),
        }
    }

    fn sets(&self, is_meant: impl Fn(LimitKey) -> bool) -> bool {
        let all = self.quotas.iter().chain(&self.alerts);
        all.into_iter().any(|(key, value)| is_meant(*key) && *value != LimitValue::Unlimited)
    }

    /// The limits `current` with these ones changed.
    pub(super) fn applied_to(&self, current: &Value) -> Value {
        let mut limits = if current.is_object() { current.clone() } else { json!({}) };
        for (key, value) in &self.quotas {
            let (field, category) = key.quota();
            put(&mut limits, field, category, *value);
            // Without a limit there is nothing to be told of.
            if let (LimitValue::Unlimited, Some((field, category))) = (value, key.threshold()) {
                put(&mut limits, field, category, *value);
            }
        }
        for (key, value) in &self.alerts {
            if let Some((field, category)) = key.threshold() {
                put(&mut limits, field, category, *value);
            }
        }
        limits
    }
}

impl LimitKey {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Hosts,
        Self::Containers,
        Self::CustomMetrics,
        Self::HighResolutionMetrics,
        Self::DataPoints,
        Self::EventSearches,
        Self::JobStarts,
        Self::MetricTimeSeries,
    ];

    /// The word for it on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hosts => "hosts",
            Self::Containers => "containers",
            Self::CustomMetrics => "custom-metrics",
            Self::HighResolutionMetrics => "high-resolution-metrics",
            Self::DataPoints => "dpm",
            Self::EventSearches => "event-searches",
            Self::JobStarts => "job-starts",
            Self::MetricTimeSeries => "mtsm",
        }
    }

    /// The number by which the API knows a category.
    const fn category(self) -> Option<&'static str> {
        match self {
            Self::Hosts => Some("1"),
            Self::Containers => Some("2"),
            Self::CustomMetrics => Some("3"),
            Self::HighResolutionMetrics => Some("4"),
            _ => None,
        }
    }

    const fn quota(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::DataPoints => ("dpmQuota", None),
            Self::EventSearches => ("eventSearchesPerMinute", None),
            Self::JobStarts => ("jobsPerMinuteLimit", None),
            Self::MetricTimeSeries => ("mtsmLimit", None),
            _ => ("categoryQuota", self.category()),
        }
    }

    const fn threshold(self) -> Option<(&'static str, Option<&'static str>)> {
        match self {
            Self::DataPoints => Some(("dpmNotificationThreshold", None)),
            _ if self.category().is_some() => {
                Some(("categoryNotificationThreshold", self.category()))
            }
            _ => None,
        }
    }
}

impl FromStr for LimitKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|key| key.as_str() == text).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|key| key.as_str()).collect();
            format!("`{text}` is none of the limits {}", known.join(", "))
        })
    }
}

impl FromStr for LimitValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::Unlimited),
            _ => text
                .parse()
                .map(Self::At)
                .map_err(|_| format!("`{text}` is neither a number nor `none`")),
        }
    }
}

fn put(limits: &mut Value, field: &str, category: Option<&str>, value: LimitValue) {
    let place = match category {
        Some(_) if !limits[field].is_object() => {
            if value == LimitValue::Unlimited {
                return;
            }
            limits[field] = json!({});
            &mut limits[field]
        }
        Some(_) => &mut limits[field],
        None => limits,
    };
    let Some(map) = place.as_object_mut() else { return };
    let key = category.unwrap_or(field);
    match value {
        LimitValue::At(number) => {
            map.insert(key.to_owned(), json!(number));
        }
        // These are removed by 0.
        LimitValue::Unlimited if matches!(key, "jobsPerMinuteLimit" | "eventSearchesPerMinute") => {
            map.insert(key.to_owned(), json!(0));
        }
        LimitValue::Unlimited => {
            map.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(quotas: &[(LimitKey, LimitValue)], alerts: &[(LimitKey, LimitValue)]) -> Limits {
        Limits {
            quotas: quotas.iter().copied().collect(),
            alerts: alerts.iter().copied().collect(),
        }
    }

    #[test]
    fn limits_are_set_and_removed_without_touching_the_others() {
        let change = limits(
            &[
                (LimitKey::Hosts, LimitValue::At(9)),
                (LimitKey::CustomMetrics, LimitValue::Unlimited),
                (LimitKey::JobStarts, LimitValue::Unlimited),
            ],
            &[(LimitKey::Hosts, LimitValue::At(8))],
        );
        let current = json!({
            "categoryQuota": {"1": 5, "2": 6, "3": 7}, "mtsmLimit": 4,
            "categoryNotificationThreshold": {"3": 6},
        });
        let expected = json!({
            "categoryQuota": {"1": 9, "2": 6}, "categoryNotificationThreshold": {"1": 8},
            "jobsPerMinuteLimit": 0, "mtsmLimit": 4,
        });
        assert_eq!(change.applied_to(&current), expected);
        assert_eq!(change.applied_to(&Value::Null)["categoryQuota"], json!({"1": 9}));
        let shown = Limits::shown(&expected);
        assert_eq!(shown, ["hosts=9", "hosts=8 (alert)", "containers=6", "job-starts=0", "mtsm=4"]);
    }

    #[test]
    fn the_servers_rules_are_known_before_it_is_asked() {
        let at = LimitValue::At(1);
        assert!(limits(&[(LimitKey::DataPoints, at), (LimitKey::Hosts, at)], &[]).check().is_err());
        let both =
            limits(&[(LimitKey::DataPoints, at), (LimitKey::Hosts, LimitValue::Unlimited)], &[]);
        assert_eq!(both.check(), Ok(()));
        assert!(limits(&[(LimitKey::EventSearches, LimitValue::At(31))], &[]).check().is_err());
        assert!(limits(&[], &[(LimitKey::MetricTimeSeries, at)]).check().is_err());
    }
}
