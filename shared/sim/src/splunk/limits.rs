//! The rules about limits of a token, which depend on what the organization pays for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What the organization pays for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pricing {
    /// Data points a minute.
    Dpm,
    /// Hosts and containers.
    #[default]
    Hosts,
    /// Metric time series, that is, usage.
    Mts,
}

/// What is wrong with these limits, if anything.
pub(super) fn check(limits: &Map<String, Value>, pricing: Pricing) -> Result<(), String> {
    for (name, value) in limits {
        match name.as_str() {
            "categoryQuota" | "categoryNotificationThreshold" => categories(name, value, pricing)?,
            "dpmQuota" | "dpmNotificationThreshold" => {
                if !value.is_null() && pricing != Pricing::Dpm {
                    let plan = plan(pricing);
                    return Err(format!("DPM quota cannot be set on a {plan} subscription plan"));
                }
                number(name, value, i64::from(i32::MAX))?;
            }
            "eventSearchesPerMinute" => number(name, value, 30)?,
            "jobsPerMinuteLimit" => number(name, value, 60)?,
            "mtsmLimit" => number(name, value, i64::MAX)?,
            unknown => {
                return Err(format!("Failed to deserialize payload at: limits[\"{unknown}\"]"));
            }
        }
    }
    Ok(())
}

/// Quotas by category: 1 hosts, 2 containers, 3 custom metrics, 4 metrics of high resolution.
fn categories(name: &str, value: &Value, pricing: Pricing) -> Result<(), String> {
    let Some(categories) = value.as_object() else {
        return if value.is_null() { Ok(()) } else { Err(format!("{name} must be an object")) };
    };
    if pricing == Pricing::Dpm {
        return Err("Category quota cannot be set on a DPM subscription plan".to_owned());
    }
    for (category, value) in categories {
        match category.as_str() {
            "1" | "2" if pricing == Pricing::Mts => {
                let message = "Host/Container quota cannot be set on a MTS subscription plan";
                return Err(message.to_owned());
            }
            "1" | "2" | "3" | "4" => number(category, value, i64::MAX)?,
            _ => return Err(format!("{name} has no category {category}")),
        }
    }
    Ok(())
}

/// A whole number from 0, which takes the limit away, to `most`; `null` does too.
fn number(name: &str, value: &Value, most: i64) -> Result<(), String> {
    let fits = value.as_i64().is_some_and(|number| (0..=most).contains(&number));
    if fits || value.is_null() { Ok(()) } else { Err(format!("{name} must be from 0 to {most}")) }
}

const fn plan(pricing: Pricing) -> &'static str {
    match pricing {
        Pricing::Dpm => "DPM",
        Pricing::Hosts => "Hosts",
        Pricing::Mts => "MTS",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(pricing: Pricing, limits: Value) -> Result<(), String> {
        check(limits.as_object().unwrap(), pricing)
    }

    #[test]
    fn each_plan_has_limits_of_its_own() {
        let dpm = json!({"dpmQuota": 1000, "dpmNotificationThreshold": 900});
        let hosts = json!({"categoryQuota": {"1": 10, "2": 100, "3": 1000}});
        let metrics = json!({"categoryQuota": {"3": 1000, "4": 10}});
        for (pricing, limits, fits) in [
            (Pricing::Dpm, &dpm, true),
            (Pricing::Hosts, &dpm, false),
            (Pricing::Mts, &dpm, false),
            (Pricing::Dpm, &hosts, false),
            (Pricing::Hosts, &hosts, true),
            (Pricing::Mts, &hosts, false),
            (Pricing::Mts, &metrics, true),
        ] {
            assert_eq!(checked(pricing, limits.clone()).is_ok(), fits, "{pricing:?} {limits}");
        }
    }

    #[test]
    fn rates_have_a_range_and_zero_takes_them_away() {
        for (limits, fits) in [
            (json!({"jobsPerMinuteLimit": 60, "eventSearchesPerMinute": 0}), true),
            (json!({"jobsPerMinuteLimit": 61}), false),
            (json!({"eventSearchesPerMinute": 31}), false),
            (json!({"mtsmLimit": -1}), false),
            (json!({"mtsmLimit": "7"}), false),
            (json!({"hostsPerMinute": 1}), false),
        ] {
            assert_eq!(checked(Pricing::Hosts, limits.clone()).is_ok(), fits, "{limits}");
        }
    }
}
