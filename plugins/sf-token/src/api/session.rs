//! Sessions by e-mail and password: where no single sign-on stands in the way.

use http::Method;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::client::Client;
use super::credential::{Credential, Source};
use super::error::ApiError;
use super::exchange::{Ask, Auth};

/// Who logs in.
#[derive(Clone, Debug)]
pub struct LogIn {
    /// The user's address.
    pub email: String,
    /// The user's password.
    pub password: SecretString,
    /// The id of the organization, for users of several.
    pub organization: Option<String>,
}

/// A session that was begun.
#[derive(Debug)]
pub struct SessionToken {
    /// The session token, as a credential.
    pub credential: Credential,
    /// When it ends by itself.
    pub expiry: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    access_token: String,
    #[serde(default)]
    expiry_ms: Option<i64>,
}

impl Client {
    /// Begins a session. No credential is sent along: an empty or dead one would be refused.
    ///
    /// # Errors
    /// Why there is no session; 401 for a wrong password, and where only single sign-on is
    /// allowed.
    pub async fn log_in(&self, who: &LogIn) -> Result<SessionToken, ApiError> {
        let mut body = json!({"email": who.email, "password": who.password.expose_secret()});
        if let Some(organization) = &who.organization {
            body["organizationId"] = json!(organization);
        }
        let ask = Ask {
            auth: Auth::Nobody,
            hidden: Some(&who.password),
            ..Ask::new(Method::POST, "/v2/session")
        };
        let answer: Answer = self.json(&ask.with_body(body)).await?;
        let credential = Credential::new(&answer.access_token, Source::Login)
            .map_err(|message| ApiError::Config { message })?;
        let expiry = answer.expiry_ms.and_then(|time| Timestamp::from_millisecond(time).ok());
        Ok(SessionToken { credential, expiry })
    }

    /// Ends the session of the credential in use. Returns whether there was one.
    ///
    /// # Errors
    /// Why it may go on.
    pub async fn log_out(&self) -> Result<bool, ApiError> {
        match self.bytes(&Ask::new(Method::DELETE, "/v2/session")).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }
}
