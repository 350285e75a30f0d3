//! A token as the API tells of it; every field but the name may be absent.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// One token. Times are epoch milliseconds on the wire and RFC 3339 when printed.
///
/// Serialising leaves the secret out, and `Debug` does not show it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// The name, which is also the address.
    pub name: String,
    /// An opaque id that stays when the name changes.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The organization.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub org_id: String,
    /// What people say of it.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The one current secret; some answers leave it out.
    #[serde(default, deserialize_with = "secret", skip_serializing)]
    pub secret: Option<SecretString>,
    /// What it authenticates: `API`, `INGEST`, `RUM`.
    #[serde(default, deserialize_with = "or_default")]
    pub auth_scopes: Vec<String>,
    /// What it may do with the scope `API`.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// It cannot authenticate.
    #[serde(default, deserialize_with = "or_default")]
    pub disabled: bool,
    /// It sends more than its limits allow.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "is_false")]
    pub exceeding_limits: bool,
    /// When it was made.
    #[serde(default, deserialize_with = "milliseconds", skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When it was last changed.
    #[serde(default, deserialize_with = "milliseconds", skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<Timestamp>,
    /// When its current secret was made; for a new token, when it was created.
    #[serde(default, deserialize_with = "milliseconds", skip_serializing_if = "Option::is_none")]
    pub latest_rotation: Option<Timestamp>,
    /// When its current secret stops working.
    #[serde(default, deserialize_with = "milliseconds", skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Timestamp>,
    /// The id of who made it.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub creator: String,
    /// The id of who last changed it.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub last_updated_by: String,
    /// What it may send at most; absent where the organization has no such limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Value>,
    /// Who is told when a limit is reached.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<Value>,
    /// Who besides admins may see it; none for admins only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
}

/// What a token authenticates.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, clap::ValueEnum)]
pub enum Scope {
    /// The REST API and SignalFlow.
    Api,
    /// Sending metrics, traces and events, and the Splunk distribution of the collector.
    Ingest,
    /// Real user monitoring of browsers and mobile devices.
    Rum,
}

/// A role by which a token of the scope `API` is allowed something.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Role {
    /// `power`, `usage` or `read_only`.
    #[serde(default, deserialize_with = "or_default")]
    pub title: String,
}

/// Who may see a token.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Permissions {
    /// One entry for each principal.
    #[serde(default, deserialize_with = "or_default")]
    pub acl: Vec<Acl>,
}

/// What one principal may do with a token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Acl {
    /// The id of the user, team or organization.
    #[serde(default, deserialize_with = "or_default")]
    pub principal_id: String,
    /// What it is the id of.
    #[serde(default, deserialize_with = "principal")]
    pub principal_type: Principal,
    /// `READ`, `WRITE`.
    #[serde(default, deserialize_with = "or_default")]
    pub actions: Vec<String>,
}

/// The kinds of principals.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Principal {
    /// One user.
    User,
    /// The members of a team.
    Team,
    /// Everybody of the organization.
    Org,
    /// Something that is not known here, or not told.
    #[default]
    Other,
}

/// Whether a token works.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It authenticates.
    Active,
    /// Somebody switched it off.
    Disabled,
    /// Its time is over; it can no longer be rotated.
    Expired,
}

impl Token {
    /// Whether it works at `now`. An expired token is expired, whether it is disabled or not:
    /// that is what cannot be undone.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> Status {
        match self.expiry {
            Some(expiry) if expiry <= now => Status::Expired,
            _ if self.disabled => Status::Disabled,
            _ => Status::Active,
        }
    }

    /// How long it still lives at `now`, negative once it has expired; none when it is not told.
    #[must_use]
    pub fn remaining(&self, now: Timestamp) -> Option<SignedDuration> {
        self.expiry.map(|expiry| expiry.duration_since(now))
    }

    /// Whether it authenticates `scope`.
    #[must_use]
    pub fn has_scope(&self, scope: Scope) -> bool {
        self.auth_scopes.iter().any(|known| known.eq_ignore_ascii_case(scope.as_str()))
    }
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Api, Self::Ingest, Self::Rum];

    /// The API's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "API",
            Self::Ingest => "INGEST",
            Self::Rum => "RUM",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Status {
    /// The word that is printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The API sends null as well as nothing.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()).map(SecretString::from))
}

/// One token with an unknown kind of principal must not make a list unreadable.
fn principal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Principal, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(match value.as_str() {
        Some("USER") => Principal::User,
        Some("TEAM") => Principal::Team,
        Some("ORG") => Principal::Org,
        _ => Principal::Other,
    })
}

/// Epoch milliseconds, as a number or, as some schemas have it, as a string. 0 means never; what
/// is no time is not told.
fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let number = match &value {
        Value::String(text) => text.parse().ok(),
        number => number.as_i64().or_else(|| number.as_f64().map(whole)),
    };
    // Beyond the calendar is as good as never ending.
    let moment = |number| Timestamp::from_millisecond(number).unwrap_or(Timestamp::MAX);
    Ok(number.filter(|number| *number != 0).map(moment))
}

#[expect(clippy::cast_possible_truncation, reason = "a time is far below, and `as` saturates")]
const fn whole(number: f64) -> i64 {
    number as i64
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Token {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_sparse_token_with_nulls_is_read() {
        let token = read(json!({
            "name": "a", "lastUpdatedBy": null, "permissions": null, "authScopes": null,
            "disabled": null, "secret": "canary", "latestRotation": 1_700_000_000_000_i64,
            "expiry": "1700000000000", "created": 0, "unheardOf": {"x": 1},
        }));
        assert_eq!(token.latest_rotation, token.expiry);
        assert_eq!(token.created, None);
        assert_eq!(token.secret.as_ref().unwrap().expose_secret(), "canary");
        assert!(token.permissions.is_none() && token.auth_scopes.is_empty());
    }

    #[test]
    fn one_odd_token_does_not_hide_the_others() {
        let entry = |kind: Value| json!({"acl": [{"principalId": "x", "principalType": kind}]});
        let odd = [
            json!({"name": "a", "permissions": entry(Value::Null)}),
            json!({"name": "a", "permissions": entry(json!("SERVICE_ACCOUNT"))}),
            json!({"name": "a", "permissions": {"acl": [{"principalId": "x"}]}}),
            json!({"name": "a", "expiry": 1.7e12}),
            json!({"name": "a", "expiry": "soon"}),
            json!({"name": "a", "created": {"at": 1}, "expiry": true}),
        ];
        for token in odd {
            let page = json!({"count": 2, "results": [token, {"name": "b"}]});
            let page: crate::api::Page = serde_json::from_value(page).unwrap();
            assert_eq!(page.results.len(), 2, "{token}");
        }
        let expiry = |value: Value| read(json!({"name": "a", "expiry": value})).expiry;
        assert_eq!(expiry(json!(1.7e12)), Timestamp::from_second(1_700_000_000).ok());
        assert_eq!(expiry(json!("soon")), None);
    }

    #[test]
    fn a_token_is_printed_without_its_secret() {
        let token = read(json!({"name": "a", "secret": "canary", "expiry": 1_700_000_000_000_i64}));
        assert!(!format!("{token:?}").contains("canary"));
        let printed = serde_json::to_string(&token).unwrap();
        assert!(
            !printed.contains("canary") && printed.contains("2023-11-14T22:13:20Z"),
            "{printed}"
        );
    }

    #[test]
    fn a_panic_about_a_token_does_not_show_its_secret() {
        let held = || Err::<(), _>(Box::new(read(json!({"name": "a", "secret": "canary"}))));
        let panicked = std::panic::catch_unwind(|| held().unwrap()).unwrap_err();
        let words = panicked.downcast_ref::<String>().unwrap();
        assert!(words.contains("Token") && words.contains("REDACTED"), "{words}");
        assert!(!words.contains("canary"), "{words}");
    }

    #[test]
    fn what_cannot_be_undone_is_said_first() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        for (value, status) in [
            (json!({"name": "a"}), Status::Active),
            (json!({"name": "a", "disabled": true}), Status::Disabled),
            (
                json!({"name": "a", "disabled": true, "expiry": 1_700_000_000_000_i64}),
                Status::Expired,
            ),
            (json!({"name": "a", "expiry": 1_700_000_000_001_i64}), Status::Active),
        ] {
            assert_eq!(read(value.clone()).status(now), status, "{value}");
        }
    }
}
