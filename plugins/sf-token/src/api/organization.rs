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
