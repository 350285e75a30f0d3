//! Who asks Central, and what that caller may do.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::rhacs::Version;
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};

use super::permissions::{self, Access};
use super::refusal::Refusal;
use super::state::{State, Token};

/// What is said to nobody in particular.
const NOT_FOUND: &str = "credentials not found";
/// So much longer than it says a token lives: clocks may differ.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// Who asks.
#[derive(Clone, Debug)]
pub(super) enum Caller {
    /// Nobody in particular.
    Anonymous,
    /// A user with roles.
    User(User),
}

/// Somebody with valid credentials.
#[derive(Clone, Debug)]
pub(super) struct User {
    /// The token that was shown; none for the password of `admin`.
    pub(super) token: Option<Token>,
    /// The roles.
    pub(super) roles: Vec<String>,
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
    View(&'static str),
    /// Changing a resource.
    Modify(&'static str),
    /// Reading all there is.
    ViewAll,
}

/// What a path needs, and whether sensors come to it with their certificate too: refusals tell of
/// both ways in then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Demand {
    pub(super) need: Need,
    pub(super) also_sensors: bool,
}

impl Demand {
    /// For users.
    pub(super) const fn users(need: Need) -> Self {
        Self { need, also_sensors: false }
    }

    /// For users and sensors.
    pub(super) const fn users_and_sensors(need: Need) -> Self {
        Self { need, also_sensors: true }
    }

    /// The caller who may do it.
    ///
    /// # Errors
    /// 401 for bad credentials and for nobody in particular, 403 for somebody without the
    /// permission, and for all of them where sensors come too.
    pub(super) fn admit(
        self,
        headers: &HeaderMap,
        (state, now): (&State, Timestamp),
        version: &Version,
    ) -> Result<Caller, Refusal> {
        let caller = Caller::of(headers, state, now, version);
        if self.need == Need::Nothing {
            // Who needs nothing is answered whatever the credentials are.
            return Ok(caller.unwrap_or(Caller::Anonymous));
        }
        let user = match caller {
            Ok(Caller::User(user)) => user,
            Ok(Caller::Anonymous) => return Err(self.no_identity(NOT_FOUND)),
            Err(words) => return Err(self.no_identity(&words)),
        };
        match missing(&user, self.need, version) {
            None => Ok(Caller::User(user)),
            Some(words) if self.also_sensors => Err(nobody_lets_in(NOT_FOUND, &words)),
            Some(words) => Err(forbidden(&words)),
        }
    }

    fn no_identity(self, words: &str) -> Refusal {
        if self.also_sensors {
            nobody_lets_in(words, words)
        } else {
            Refusal::unauthenticated(words)
        }
    }
}

impl Caller {
    /// The caller that the headers name; else what is wrong with the credentials.
    fn of(
        headers: &HeaderMap,
        state: &State,
        now: Timestamp,
        version: &Version,
    ) -> Result<Self, String> {
        let header = headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let header = header.unwrap_or_default();
        if let Some(value) = header.strip_prefix("Bearer ") {
            return Self::of_token(value.trim(), state, now, version);
        }
        // Any other scheme is no credential at all; the names of both are told from others' by case.
        let Some(text) = header.strip_prefix("Basic ") else { return Ok(Self::Anonymous) };
        let decoded = STANDARD.decode(text.trim()).ok();
        let pair = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let (user, password) = pair.split_once(':').unwrap_or_default();
        if user == "admin" && password == state.password {
            return Ok(Self::User(User { token: None, roles: vec!["Admin".to_owned()] }));
        }
        Err(if version.is_at_least(4, 0) {
            format!(
                "{NOT_FOUND}: basic: cannot extract identity: failed to identify user with username {user:?}"
            )
        } else {
            format!("{NOT_FOUND}: not authorized: invalid username and/or password")
        })
    }

    fn of_token(
        value: &str,
        state: &State,
        now: Timestamp,
        version: &Version,
    ) -> Result<Self, String> {
        let token = state.tokens.iter().find(|token| token.value == value);
        let valid = token.filter(|token| !token.revoked && token.expires + LEEWAY > now);
        let Some(token) = valid else {
            let place = if version.is_at_least(4, 0) {
                "token-based: cannot extract identity: "
            } else {
                ""
            };
            return Err(format!("{NOT_FOUND}: {place}token validation failed"));
        };
        if token.roles.iter().all(|role| role == "None") {
            return Err(
                "access for this user is not authorized: no valid role, please contact your \
                        system administrator"
                    .to_owned(),
            );
        }
        Ok(Self::User(User { token: Some(token.clone()), roles: token.roles.clone() }))
    }

    /// Whether it is a user who may read a resource.
    pub(super) fn may_view(&self, resource: &str, version: &Version) -> bool {
        match self {
            Self::Anonymous => false,
            Self::User(user) => permissions::access(&user.roles, resource, version).is_some(),
        }
    }
}

/// What a user lacks for a need.
fn missing(user: &User, need: Need, version: &Version) -> Option<String> {
    let has = |resource: &str| permissions::access(&user.roles, resource, version);
    let view = |resource: &str| {
        has(resource).is_none().then(|| format!("not authorized: \"READ_ACCESS\" for {resource:?}"))
    };
    match need {
        Need::Nothing | Need::Identity => None,
        Need::AdminRole if user.roles.iter().any(|role| role == "Admin") => None,
        Need::AdminRole => Some("not authorized: role \"Admin\" is required".to_owned()),
        Need::View(resource) => view(permissions::current(resource, version)),
        Need::Modify(resource) => {
            let resource = permissions::current(resource, version);
            (has(resource) != Some(Access::Write))
                .then(|| format!("not authorized: \"READ_WRITE_ACCESS\" for {resource:?}"))
        }
        Need::ViewAll => ["Access", "Administration"].into_iter().find_map(view),
    }
}

fn forbidden(words: &str) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, 7, words)
}

/// What is said where a user and a sensor may come: what is wrong with the caller as either.
fn nobody_lets_in(as_sensor: &str, as_user: &str) -> Refusal {
    forbidden(&format!(
        "not authorized: no authorizer could authorize this request: errors: [{as_sensor}, {as_user}]"
    ))
}
