//! An org token: what is known of it, and which of its secrets are valid when.

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What a token may be used for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Scope {
    /// The endpoints of the API.
    Api,
    /// The data intake.
    Ingest,
    /// The intake of real user monitoring.
    Rum,
}

/// A token that an organization has from the start.
#[derive(Clone, Debug)]
pub struct Seed {
    pub(super) name: String,
    pub(super) scopes: Vec<Scope>,
    pub(super) roles: Vec<String>,
    pub(super) disabled: bool,
    pub(super) life: Option<SignedDuration>,
    pub(super) secret: Option<SecretString>,
    pub(super) description: String,
    pub(super) permissions: Value,
    pub(super) limits: Map<String, Value>,
}

impl Seed {
    /// A token for sending data.
    #[must_use]
    pub fn ingest(name: &str) -> Self {
        Self::new(name, &[Scope::Ingest])
    }

    /// A token of these scopes.
    #[must_use]
    pub fn new(name: &str, scopes: &[Scope]) -> Self {
        Self {
            name: name.to_owned(),
            scopes: scopes.to_vec(),
            roles: Vec::new(),
            disabled: false,
            life: None,
            secret: None,
            description: String::new(),
            permissions: Value::Null,
            limits: Map::new(),
        }
    }

    /// With a role of the API, such as `power`.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        self.roles.push(role.to_owned());
        self
    }

    /// Disabled.
    #[must_use]
    pub const fn disabled(mut self) -> Self {
        self.disabled = true;
        self
    }

    /// Expiring this long from now; negative when it has expired.
    #[must_use]
    pub const fn expires_in(mut self, life: SignedDuration) -> Self {
        self.life = Some(life);
        self
    }

    /// With a secret that a test knows already.
    #[must_use]
    pub fn secret(mut self, secret: &str) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// With a description.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        text.clone_into(&mut self.description);
        self
    }

    /// With permissions as the API writes them.
    #[must_use]
    pub fn permissions(mut self, permissions: Value) -> Self {
        self.permissions = permissions;
        self
    }

    /// With a limit as the API writes it.
    #[must_use]
    pub fn limit(mut self, name: &str, value: Value) -> Self {
        self.limits.insert(name.to_owned(), value);
        self
    }
}

/// A token of the organization.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) description: String,
    pub(super) scopes: Vec<Scope>,
    pub(super) roles: Vec<String>,
    pub(super) disabled: bool,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) rotated: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) creator: String,
    pub(super) updated_by: Option<String>,
    pub(super) limits: Map<String, Value>,
    pub(super) notifications: Value,
    pub(super) permissions: Value,
    /// The current secret first, then the older ones whose grace may still run.
    pub(super) secrets: Vec<Secret>,
}

/// One secret of a token.
#[derive(Clone, Debug)]
pub(super) struct Secret {
    pub(super) value: SecretString,
    /// Since when it exists.
    pub(super) since: Timestamp,
    /// The end of its grace; none for the current one.
    pub(super) until: Option<Timestamp>,
}

impl Token {
    /// Whether it has expired.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.expires <= now
    }

    /// The secret of this value, if it is valid now.
    pub(super) fn valid(
        &self,
        value: &str,
        now: Timestamp,
        grace_outlives_expiry: bool,
    ) -> Option<&Secret> {
        let found = self.secrets.iter().find(|secret| secret.value.expose_secret() == value)?;
        let in_grace = found.until.is_some_and(|until| now < until);
        let lives = match found.until {
            None => !self.has_expired(now),
            Some(_) => in_grace && (grace_outlives_expiry || !self.has_expired(now)),
        };
        (lives && !self.disabled).then_some(found)
    }

    /// Puts a new secret in place of the current one, which lives on for `grace`.
    pub(super) fn rotate(
        &mut self,
        value: SecretString,
        (now, expires): (Timestamp, Timestamp),
        grace: SignedDuration,
        keeps_oldest: bool,
    ) {
        if !keeps_oldest {
            self.secrets.truncate(1);
        }
        if let Some(current) = self.secrets.first_mut() {
            current.until = Some(now.saturating_add(grace).unwrap_or(Timestamp::MAX));
        }
        self.secrets.insert(0, Secret { value, since: now, until: None });
        self.rotated = now;
        self.updated = now;
        self.expires = expires;
    }

    /// The object that the API shows.
    pub(super) fn view(&self, organization: &str, shows: Shows) -> Value {
        let roles: Vec<Value> = self.roles.iter().map(|role| role_view(role)).collect();
        let mut view = json!({
            "name": self.name,
            "id": self.id,
            "orgId": organization,
            "description": self.description,
            "authScopes": self.scopes,
            "roles": roles,
            "disabled": self.disabled,
            "exceedingLimits": false,
            "created": self.created.as_millisecond(),
            "lastUpdated": self.updated.as_millisecond(),
            "expiry": self.expires.as_millisecond(),
            "creator": self.creator,
            "lastUpdatedBy": self.updated_by,
            "notifications": self.notifications,
            "permissions": self.permissions,
        });
        if shows.rotation {
            view["latestRotation"] = self.rotated.as_millisecond().into();
        }
        if shows.limits {
            view["limits"] = Value::Object(self.limits.clone());
        }
        if let (true, Some(current)) = (shows.secret, self.secrets.first()) {
            view["secret"] = current.value.expose_secret().into();
        }
        view
    }
}

/// Which fields an answer has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shows {
    pub(super) secret: bool,
    pub(super) limits: bool,
    pub(super) rotation: bool,
}

/// A role as answers write it: times are strings here.
fn role_view(title: &str) -> Value {
    json!({
        "id": crate::central::pki::uuid(title),
        "title": title,
        "description": format!("The role {title}"),
        "capabilities": [["READ_TOKENS"]],
        "created": "1546300800000",
        "lastUpdated": "1546300800000",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;
    const DAY: SignedDuration = SignedDuration::from_hours(24);

    fn token() -> Token {
        let secret = Secret { value: "first".into(), since: START, until: None };
        Token {
            name: "t".to_owned(),
            id: "1".to_owned(),
            description: String::new(),
            scopes: vec![Scope::Ingest],
            roles: Vec::new(),
            disabled: false,
            created: START,
            updated: START,
            rotated: START,
            expires: START + DAY * 30,
            creator: "ann".to_owned(),
            updated_by: None,
            limits: Map::new(),
            notifications: json!([]),
            permissions: Value::Null,
            secrets: vec![secret],
        }
    }

    #[test]
    fn both_secrets_are_valid_until_the_grace_ends() {
        let mut token = token();
        token.rotate("second".into(), (START + DAY, START + DAY * 90), DAY * 7, true);
        for (secret, day, valid) in
            [("first", 7, true), ("first", 8, false), ("second", 8, true), ("second", 90, false)]
        {
            let now = START + DAY * day;
            assert_eq!(token.valid(secret, now, false).is_some(), valid, "{secret} on day {day}");
        }
    }

    #[test]
    fn a_grace_of_nothing_ends_the_old_secret_at_once() {
        let mut token = token();
        token.rotate("second".into(), (START, START + DAY), SignedDuration::ZERO, true);
        assert!(token.valid("first", START, false).is_none());
        assert!(token.valid("second", START, false).is_some());
    }

    #[test]
    fn a_second_rotation_ends_the_oldest_secret_only_if_it_is_switched_so() {
        for keeps in [true, false] {
            let mut token = token();
            token.rotate("second".into(), (START, START + DAY * 90), DAY * 7, keeps);
            token.rotate("third".into(), (START + DAY, START + DAY * 90), DAY * 7, keeps);
            let now = START + DAY * 2;
            assert_eq!(token.valid("first", now, false).is_some(), keeps);
            assert!(token.valid("second", now, false).is_some());
        }
    }

    #[test]
    fn an_old_secret_outlives_the_token_only_if_it_is_switched_so() {
        let mut token = token();
        token.rotate("second".into(), (START, START + DAY), DAY * 7, true);
        assert!(token.valid("first", START + DAY * 2, true).is_some());
        assert!(token.valid("first", START + DAY * 2, false).is_none());
        assert!(token.valid("second", START + DAY * 2, true).is_none());
    }

    #[test]
    fn a_disabled_token_has_no_valid_secret() {
        let token = Token { disabled: true, ..token() };
        assert!(token.valid("first", START, true).is_none());
    }

    #[test]
    fn the_view_shows_the_secret_only_where_it_is_wanted() {
        let view = token().view("org", Shows { secret: false, limits: false, rotation: true });
        assert_eq!(view["secret"], Value::Null);
        assert_eq!(view.get("limits"), None);
        assert_eq!(view["authScopes"], json!(["INGEST"]));
        assert!(!format!("{:?}", token()).contains("first"), "debug output hides secrets");
    }
}
