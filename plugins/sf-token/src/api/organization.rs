//! The organization behind a credential.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::Client;
use super::error::ApiError;
use super::exchange::Ask;

/// What is read of an organization. The answer also holds secrets of old days; they are not read.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Organization {
    /// The id.
    pub id: String,
    /// The name.
    #[serde(deserialize_with = "text")]
    pub organization_name: String,
    /// How long a new secret lives of which nothing is said, in milliseconds; none where the API
    /// does not tell.
    #[serde(deserialize_with = "number", skip_serializing_if = "Option::is_none")]
    pub default_token_lifespan_ms: Option<u64>,
}

impl Client {
    /// The organization of the credential in use.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn organization(&self) -> Result<Organization, ApiError> {
        self.json(&Ask::new(Method::GET, "/v2/organization")).await
    }
}

fn text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

/// A number, also one that is written as a string.
fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_u64().or_else(|| value.as_str()?.parse().ok()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_default_life_is_read_in_any_form_and_may_be_absent() {
        for (told, expected) in [
            (json!({"defaultTokenLifespanMs": 86_400_000}), Some(86_400_000)),
            (json!({"defaultTokenLifespanMs": "86400000"}), Some(86_400_000)),
            (json!({"defaultTokenLifespanMs": null, "organizationName": null}), None),
            (json!({"defaultTokenLifespanMs": {"days": 1}}), None),
            (json!({}), None),
        ] {
            let read: Organization = serde_json::from_value(told.clone()).unwrap();
            assert_eq!(read.default_token_lifespan_ms, expected, "{told}");
        }
    }
}
