//! Who asks Central, and what that caller may do.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::rhacs::Version;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::routes::Refusal;
use super::state::State;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// Nobody in particular.
    Anonymous,
    /// A user with roles.
    User {
        /// The name.
        name: String,
        /// The roles.
        roles: Vec<String>,
    },
}

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: everybody may.
    Nothing,
    /// Any valid credentials.
    Identity,
    /// The role Admin itself.
    AdminRole,
    /// Reading a resource.
    View(Resource),
    /// Changing a resource.
    Modify(Resource),
}

/// The resources of Central's permissions that the API served here knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    /// Secured clusters.
    Cluster,
    /// Central's own configuration.
    Administration,
    /// Tokens and the like.
    Integration,
}

impl Resource {
    /// All of them, with their names.
    pub(super) const ALL: [(Self, &'static str); 3] = [
        (Self::Cluster, "Cluster"),
        (Self::Administration, "Administration"),
        (Self::Integration, "Integration"),
    ];
}

impl Caller {
    /// The caller that the headers name.
    ///
    /// # Errors
    /// 401 when there are credentials, but not valid ones.
    pub(super) fn of(headers: &HeaderMap, state: &State, now: Timestamp) -> Result<Self, Refusal> {
        let Some(header) = headers.get(http::header::AUTHORIZATION) else {
            return Ok(Self::Anonymous);
        };
        let header = header.to_str().unwrap_or_default();
        if let Some(value) = header.strip_prefix("Bearer ") {
            return Self::of_token(value.trim(), state, now);
        }
        let decoded =
            header.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text.trim()).ok());
        let pair = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        match pair.split_once(':') {
            Some(("admin", password)) if password == state.password => {
                Ok(Self::User { name: "admin".to_owned(), roles: vec!["Admin".to_owned()] })
            }
            _ => {
                Err(Refusal::unauthenticated("credentials not found: invalid username or password"))
            }
        }
    }

    fn of_token(value: &str, state: &State, now: Timestamp) -> Result<Self, Refusal> {
        let token = state.tokens.iter().find(|token| token.value == value);
        let why = match token {
            None => "token validation failed",
            Some(token) if token.revoked => "token has been revoked",
            Some(token) if token.expires <= now => "token is expired",
            Some(token) => {
                return Ok(Self::User { name: token.name.clone(), roles: token.roles.clone() });
            }
        };
        Err(Refusal::unauthenticated(&format!("credentials not found: token-based: {why}")))
    }

    /// Checks that the caller may do what the request needs.
    ///
    /// # Errors
    /// 401 for nobody in particular, 403 for somebody without the permission.
    pub(super) fn require(&self, need: Need, version: &Version) -> Result<(), Refusal> {
        match (self, need) {
            (_, Need::Nothing) | (Self::User { .. }, Need::Identity) => Ok(()),
            (Self::Anonymous, _) => {
                Err(Refusal::unauthenticated("credentials not found: no valid credentials"))
            }
            (Self::User { roles, .. }, _)
                if roles.iter().any(|role| role_allows(role, need, version)) =>
            {
                Ok(())
            }
            (Self::User { name, .. }, _) => Err(Refusal::new(
                StatusCode::FORBIDDEN,
                7,
                format!("not authorized: {name:?} lacks the permission: {need:?}"),
            )),
        }
    }
}

/// What the product's own roles allow.
pub(super) fn role_allows(role: &str, need: Need, version: &Version) -> bool {
    match (role, need) {
        ("Admin", _) => true,
        // The Analyst lost Administration in 4.0.
        ("Analyst", Need::View(Resource::Administration)) => !version.is_at_least(4, 0),
        ("Analyst", Need::View(_))
        | ("Sensor Creator", Need::View(Resource::Cluster) | Need::Modify(Resource::Cluster)) => {
            true
        }
        _ => false,
    }
}
