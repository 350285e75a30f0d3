//! Who may ask: people with their roles and sessions, and what a credential turns out to be.

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::token::Scope;

/// How long a session lives.
pub(super) const SESSION: SignedDuration = SignedDuration::from_hours(24 * 30);

/// What a person may do in the organization.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Everything.
    Admin,
    /// Most things, but not with tokens of others.
    Power,
    /// Looking at usage.
    Usage,
    /// Looking.
    ReadOnly,
}

/// A person of the organization.
#[derive(Clone, Debug)]
pub struct User {
    /// The id that permissions name.
    pub id: String,
    /// The address to log in with.
    pub email: String,
    /// The password to log in with.
    pub password: SecretString,
    /// The role.
    pub role: Role,
    /// The ids of the teams the person is in.
    pub teams: Vec<String>,
}

impl User {
    /// A person without teams; the id is the part of the address before the `@`.
    #[must_use]
    pub fn new(email: &str, password: &str, role: Role) -> Self {
        let id = email.split('@').next().unwrap_or_default().to_owned();
        let password = password.into();
        Self { id, email: email.to_owned(), password, role, teams: Vec::new() }
    }

    /// A member of a team.
    #[must_use]
    pub fn in_team(mut self, id: &str) -> Self {
        self.teams.push(id.to_owned());
        self
    }
}

/// A session of a person.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) value: SecretString,
    pub(super) user: User,
    pub(super) created: Timestamp,
    pub(super) expires: Timestamp,
}

impl Session {
    pub(super) fn is(&self, value: &str, now: Timestamp) -> bool {
        self.value.expose_secret() == value && now < self.expires
    }
}

/// Who made a request.
#[derive(Clone, Debug)]
pub(super) enum Caller {
    /// A person, by a session.
    Person(User),
    /// A program, by an org token.
    Program {
        /// The token's name.
        name: String,
        scopes: Vec<Scope>,
        /// The titles of the token's roles.
        roles: Vec<String>,
        /// Since when its secret exists.
        since: Timestamp,
    },
}

impl Caller {
    /// What is written about the caller: the id of a person, or none.
    pub(super) fn id(&self) -> Option<String> {
        match self {
            Self::Person(user) => Some(user.id.clone()),
            Self::Program { .. } => None,
        }
    }

    /// Whether tokens can be created, changed, rotated and deleted.
    pub(super) fn administers(&self, org_tokens_administer: bool) -> bool {
        match self {
            Self::Person(user) => user.role == Role::Admin,
            Self::Program { scopes, roles, .. } => {
                org_tokens_administer
                    && scopes.contains(&Scope::Api)
                    && roles.iter().any(|role| role == "admin")
            }
        }
    }

    /// Whether tokens can be looked at, at all.
    pub(super) fn looks_at_tokens(&self) -> bool {
        match self {
            Self::Person(user) => matches!(user.role, Role::Admin | Role::Power),
            Self::Program { scopes, .. } => scopes.contains(&Scope::Api),
        }
    }

    /// Whether this token can be seen: by admins, by whom its permissions name, and by itself.
    pub(super) fn sees(&self, name: &str, permissions: &Value) -> bool {
        match self {
            Self::Program { name: own, .. } => own == name,
            Self::Person(user) if user.role == Role::Admin => true,
            Self::Person(user) => entries(permissions).any(|entry| {
                let named = match entry["principalType"].as_str() {
                    Some("ORG") => true,
                    Some("TEAM") => {
                        user.teams.iter().any(|team| entry["principalId"] == team.as_str())
                    }
                    _ => entry["principalId"] == user.id.as_str(),
                };
                named && entry["actions"].as_array().is_some_and(|all| all.contains(&"READ".into()))
            }),
        }
    }
}

/// The entries of the permissions of a token.
fn entries(permissions: &Value) -> impl Iterator<Item = &Value> {
    permissions["acl"].as_array().into_iter().flatten()
}
