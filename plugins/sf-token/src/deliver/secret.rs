//! What a Secret says about one of its keys, and the patch that gives the key a new value.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::collector::{is_foreign_key, token_key};
use super::fingerprint::Fingerprint;

/// The annotation that names the token whose secret a Secret holds.
pub const TOKEN: &str = "sf-token/name";
/// The annotation with the fingerprint of the secret that was delivered.
pub const DELIVERED: &str = "sf-token/secret-hash";
/// The annotation that says when the delivered secret was made.
pub const ROTATED: &str = "sf-token/rotated-at";

/// One key of a Secret at one moment. `Debug` does not show the value.
#[derive(Clone, Debug)]
pub struct KeyState {
    /// The Secret's resource version: a patch with it fails when the Secret moved on.
    pub resource_version: String,
    /// What the key holds; none when it is absent or no text.
    pub value: Option<SecretString>,
    /// When the key was written last, as far as the API server kept it.
    pub written_at: Option<String>,
    /// The token that was delivered to the Secret last, if one was.
    pub token: Option<String>,
    /// The fingerprint of the secret that was delivered with it.
    delivered: Option<String>,
}

/// Why no key of a Secret can be chosen, or why the named one may not be written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyError {
    /// It belongs to another product.
    Foreign(String),
    /// None was named, and the Secret has none that is known.
    Ambiguous {
        /// The keys it has.
        keys: Vec<String>,
    },
}

/// What is written beside the value: the record of a delivery, without the secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// The token's name.
    pub token: String,
    /// When the secret was made, RFC 3339; empty when it is not known.
    pub rotated_at: String,
}

/// The key meant by `wanted` or, without it, the one that holds a token.
///
/// # Errors
/// When the key is another product's, or nothing says which one is meant.
pub fn choose_key(secret: &Value, wanted: Option<&str>) -> Result<String, KeyError> {
    if let Some(key) = wanted {
        return if is_foreign_key(key) {
            Err(KeyError::Foreign(key.to_owned()))
        } else {
            Ok(key.to_owned())
        };
    }
    if let Some(known) = token_key(secret) {
        return Ok(known.to_owned());
    }
    let keys: Vec<String> =
        secret["data"].as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
    match keys.as_slice() {
        [only] if !is_foreign_key(only) => Ok(only.clone()),
        _ => Err(KeyError::Ambiguous { keys }),
    }
}

/// What `secret` says of `key`.
#[must_use]
pub fn key_state(secret: &Value, key: &str) -> KeyState {
    let metadata = &secret["metadata"];
    let value = secret["data"][key].as_str().and_then(|text| STANDARD.decode(text).ok());
    KeyState {
        resource_version: metadata["resourceVersion"].as_str().unwrap_or_default().to_owned(),
        value: value.and_then(|bytes| String::from_utf8(bytes).ok()).map(SecretString::from),
        written_at: written_at(&metadata["managedFields"], key),
        token: metadata["annotations"][TOKEN].as_str().map(str::to_owned),
        delivered: metadata["annotations"][DELIVERED].as_str().map(str::to_owned),
    }
}

impl KeyState {
    /// Whether the key holds exactly `secret`.
    #[must_use]
    pub fn holds(&self, secret: &SecretString) -> bool {
        self.value.as_ref().is_some_and(|value| value.expose_secret() == secret.expose_secret())
    }

    /// The token whose secret the key holds, by the annotations of the last delivery; none when the
    /// key has another value by now, or the delivery was to another key.
    #[must_use]
    pub fn delivered_token(&self) -> Option<&str> {
        let held = Fingerprint::of(self.value.as_ref()?);
        self.token.as_deref().filter(|_| self.delivered.as_deref() == Some(held.as_str()))
    }

    /// Whether the key holds `secret` but for white space around it, which consumers trim or not.
    #[must_use]
    pub fn holds_about(&self, secret: &SecretString) -> bool {
        self.value
            .as_ref()
            .is_some_and(|value| value.expose_secret().trim() == secret.expose_secret().trim())
    }
}

/// A merge patch that gives `key` the value and nothing else, guarded by the resource version.
#[must_use]
pub fn write_patch(
    state: &KeyState,
    key: &str,
    value: &SecretString,
    record: Option<&Record>,
) -> Value {
    let mut patch = json!({
        "metadata": {"resourceVersion": state.resource_version},
        "data": {key: STANDARD.encode(value.expose_secret())},
    });
    if let Some(record) = record {
        let rotated_at = (!record.rotated_at.is_empty()).then_some(&record.rotated_at);
        patch["metadata"]["annotations"] = json!({
            TOKEN: record.token,
            DELIVERED: Fingerprint::of(value).as_str(),
            ROTATED: rotated_at,
        });
    }
    patch
}

/// A patch that changes nothing: what the API server says to it tells whether it would take a new
/// value.
#[must_use]
pub fn probe_patch(state: &KeyState, key: &str) -> Value {
    let empty = SecretString::default();
    write_patch(state, key, state.value.as_ref().unwrap_or(&empty), None)
}

/// When the manager that owns the key wrote last. A manager's time moves with every value it
/// writes, so it is never too old.
fn written_at(managed_fields: &Value, key: &str) -> Option<String> {
    let field = format!("f:{key}");
    let entries = managed_fields.as_array()?.iter();
    entries
        .filter(|entry| !entry["fieldsV1"]["f:data"][&field].is_null())
        .filter_map(|entry| entry["time"].as_str())
        .max()
        .map(str::to_owned)
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(key) => {
                write!(f, "`{key}` holds the token of Splunk Platform, not one of this kind")
            }
            Self::Ambiguous { keys } if keys.is_empty() => f.write_str("it has no keys"),
            Self::Ambiguous { keys } => {
                write!(f, "none of its keys is known to hold a token: {}", keys.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "splunk_observability_access_token";

    fn text(value: &str) -> SecretString {
        SecretString::from(value.to_owned())
    }

    #[test]
    fn the_key_is_the_named_one_or_the_one_that_holds_a_token() {
        let choose = |data: Value, wanted: Option<&str>| choose_key(&json!({"data": data}), wanted);
        assert_eq!(choose(json!({"a": "eA==", KEY: "eA=="}), None), Ok(KEY.to_owned()));
        assert_eq!(choose(json!({"mine": "eA=="}), None), Ok("mine".to_owned()));
        assert_eq!(choose(json!({"a": "eA==", "b": "eA=="}), Some("b")), Ok("b".to_owned()));
        let error = choose(json!({"a": "eA==", "b": "eA=="}), None).unwrap_err();
        assert_eq!(error.to_string(), "none of its keys is known to hold a token: a, b");
        let foreign = "splunk_platform_hec_token";
        let error = choose(json!({foreign: "eA=="}), None);
        assert!(matches!(error, Err(KeyError::Ambiguous { .. })));
        let error = choose(json!({foreign: "eA=="}), Some(foreign));
        assert_eq!(error, Err(KeyError::Foreign(foreign.to_owned())));
    }

    #[test]
    fn a_state_compares_values_and_never_shows_them() {
        let secret = json!({"metadata": {"resourceVersion": "7"}, "data": {KEY: "Y2FuYXJ5Cg=="}});
        let state = key_state(&secret, KEY);
        assert!(state.holds(&text("canary\n")) && !state.holds(&text("canary")));
        assert!(state.holds_about(&text("canary")));
        assert!(!format!("{state:?}").contains("canary"));
        assert!(key_state(&secret, "other").value.is_none());
    }

    #[test]
    fn the_annotations_speak_of_the_value_that_was_delivered_only() {
        let hash = Fingerprint::of(&text("canary"));
        let secret = |value: &str| {
            json!({"metadata": {"annotations": {TOKEN: "my token", DELIVERED: hash.as_str()}},
                   "data": {KEY: STANDARD.encode(value)}})
        };
        assert_eq!(key_state(&secret("canary"), KEY).delivered_token(), Some("my token"));
        assert_eq!(key_state(&secret("other"), KEY).delivered_token(), None);
        assert_eq!(key_state(&secret("canary"), "other").delivered_token(), None);
    }

    #[test]
    fn the_newest_manager_of_the_key_tells_when_it_was_written() {
        let entry = |time: &str, key: &str| json!({"time": time, "fieldsV1": {"f:data": {".": {}, format!("f:{key}"): {}}}});
        let secret = json!({"metadata": {"managedFields": [
            entry("2026-01-01T00:00:00Z", KEY),
            entry("2026-02-01T00:00:00Z", KEY),
            entry("2026-03-01T00:00:00Z", "other"),
        ]}});
        assert_eq!(key_state(&secret, KEY).written_at.as_deref(), Some("2026-02-01T00:00:00Z"));
        assert_eq!(key_state(&json!({}), KEY).written_at, None);
    }

    #[test]
    fn a_patch_writes_one_key_and_its_record_only() {
        let state = key_state(&json!({"metadata": {"resourceVersion": "7"}}), KEY);
        let record = Record { token: "my token".to_owned(), rotated_at: String::new() };
        let patch = write_patch(&state, KEY, &text("new"), Some(&record));
        let expected = json!({
            "metadata": {"resourceVersion": "7", "annotations": {
                TOKEN: "my token", DELIVERED: Fingerprint::of(&text("new")).as_str(), ROTATED: null,
            }},
            "data": {KEY: "bmV3"},
        });
        assert_eq!(patch, expected);
        assert_eq!(
            probe_patch(&state, KEY),
            json!({"metadata": {"resourceVersion": "7"}, "data": {KEY: ""}})
        );
    }
}
