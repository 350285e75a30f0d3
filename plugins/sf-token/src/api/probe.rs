//! Whether a secret works: the probes of Splunk's own installers.

use http::{Method, StatusCode};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::json;

use super::client::Client;
use super::error::ApiError;
use super::exchange::{Ask, Auth, Host};
use super::token::Scope;

/// What a probe tells of a secret.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// It was accepted.
    Works,
    /// It was refused: it is wrong, or of another realm.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The server's words.
        words: String,
    },
    /// It cannot be told.
    Untold {
        /// Why.
        reason: String,
    },
}

impl Client {
    /// Asks whether `secret` works for `scope`. Nothing is stored by it: an empty list of events
    /// is sent, or the organization is read.
    ///
    /// # Errors
    /// Why there is no answer that tells.
    pub async fn probe(&self, scope: Scope, secret: &SecretString) -> Result<Verdict, ApiError> {
        let ask = match scope {
            Scope::Ingest if self.place().ingest.is_none() => {
                let reason = "the address of the ingest host is not known: see --ingest-url";
                return Ok(Verdict::Untold { reason: reason.to_owned() });
            }
            Scope::Ingest => Ask {
                host: Host::Ingest,
                auth: Auth::Secret(secret),
                ..Ask::new(Method::POST, "/v2/event").with_body(json!([]))
            },
            Scope::Api => {
                Ask { auth: Auth::Secret(secret), ..Ask::new(Method::GET, "/v2/organization") }
            }
            Scope::Rum => {
                let reason = "there is no documented way to test a RUM token";
                return Ok(Verdict::Untold { reason: reason.to_owned() });
            }
        };
        match self.answer(&ask).await {
            Ok((StatusCode::OK, _)) => Ok(Verdict::Works),
            // Something on the way may be content with anything.
            Ok((status, _)) => Ok(Verdict::Untold {
                reason: format!("the probe was answered with {}, not with 200", status.as_u16()),
            }),
            Err(ApiError::Refused { status: status @ (401 | 403), words, .. }) => {
                Ok(Verdict::Refused { status, words: words.text })
            }
            Err(error) => Err(error),
        }
    }
}
