//! What the documents leave open about the token API, as switches: a client has to do well with either answer.

use serde::{Deserialize, Serialize};

use super::answer::Shape;

/// Seconds of 60 days, the longest grace of a rotation.
pub const LONGEST_GRACE: i64 = 5_184_000;
/// Seconds of 18 years, the longest life of a secret that people can have meant.
pub const EIGHTEEN_YEARS: i64 = 567_648_000;
/// The seconds that the documents call 18 years.
pub const DOCUMENTED_EIGHTEEN_YEARS: i64 = 5_676_000_000;

/// The open questions with the answers of this Splunk.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Switches {
    /// What happens to a grace above [`LONGEST_GRACE`].
    pub long_grace: Excess,
    /// The longest `secondsUntilExpiry`.
    pub longest_life: i64,
    /// Whether a `secondsUntilExpiry` of 0 is taken; the token has then expired.
    pub life_may_be_zero: bool,
    /// Whether an old secret stays valid to the end of its grace when the token expires before.
    pub grace_outlives_expiry: bool,
    /// Whether a second rotation leaves the oldest secret its own grace.
    pub keeps_oldest_secret: bool,
    /// Whether a disabled token can be rotated.
    pub rotates_disabled: bool,
    /// Whether an org token with API scope and the role `admin` may do what an admin may.
    pub org_tokens_administer: bool,
    /// Whether a creation takes `authScopes`; each token is for sending and reading otherwise.
    pub create_takes_scopes: bool,
    /// What an update does to fields that are not in its body.
    pub update: Update,
    /// Whether an update with `secondsUntilExpiry` revives an expired token.
    pub update_revives: bool,
    /// Whether tokens can be deleted at all.
    pub deletes: bool,
    /// Whether `%2F` may stand for a slash inside a name.
    pub slash_in_names: bool,
    /// Whether names are compared without regard to case.
    pub names_ignore_case: bool,
    /// Whether the items of a list have their secrets.
    pub lists_secrets: bool,
    /// Whether people who are no admins see the secrets of tokens they may read.
    pub readers_see_secrets: bool,
    /// Whether a token that is read has its secret, and not only one that was just made.
    pub reads_secrets: bool,
    /// Whether tokens say when they were rotated.
    pub tells_rotations: bool,
    /// Virtual seconds until the data intake knows a new secret.
    pub propagation: u32,
    /// Whether the organization may set limits; the field is absent otherwise.
    pub limits: bool,
    /// The largest page of a list; a larger `limit` is invalid, and an invalid one means 20.
    pub largest_page: usize,
    /// Whether people log in through single sign-on only, so that nobody can with a password.
    pub single_sign_on: bool,
    /// Whether `url` of the organization is an array.
    pub url_is_array: bool,
    /// What who is known but not allowed is told.
    pub forbidden: Denial,
    /// What is told of a name that nobody has.
    pub unknown: Denial,
    /// What is told of a rotation of an expired token.
    pub expired: Denial,
    /// Where every request is sent on to with 307, in place of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
}

/// What happens to a value above its limit.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Excess {
    /// It is refused with 400.
    Refuse,
    /// The limit is taken in its place.
    Clamp,
}

/// What an update does to fields that are not in its body.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Update {
    /// They stay.
    Merge,
    /// They fall back to what they are without a value.
    Replace,
}

/// A refusal whose status and form nobody has written down.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Denial {
    /// The HTTP status.
    pub status: u16,
    /// The form of the body.
    pub shape: Shape,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            long_grace: Excess::Refuse,
            longest_life: EIGHTEEN_YEARS,
            life_may_be_zero: false,
            grace_outlives_expiry: false,
            keeps_oldest_secret: true,
            rotates_disabled: false,
            org_tokens_administer: false,
            create_takes_scopes: true,
            update: Update::Merge,
            update_revives: false,
            deletes: true,
            slash_in_names: true,
            names_ignore_case: false,
            lists_secrets: true,
            readers_see_secrets: true,
            reads_secrets: true,
            tells_rotations: true,
            propagation: 0,
            limits: true,
            largest_page: 200,
            single_sign_on: false,
            url_is_array: true,
            forbidden: Denial { status: 403, shape: Shape::Html },
            unknown: Denial { status: 404, shape: Shape::Object },
            expired: Denial { status: 400, shape: Shape::Object },
            redirect: None,
        }
    }
}

impl Switches {
    /// The other answer to every question that has two, for the second run of a test.
    #[must_use]
    pub fn opposite() -> Self {
        Self {
            long_grace: Excess::Clamp,
            longest_life: DOCUMENTED_EIGHTEEN_YEARS,
            life_may_be_zero: true,
            grace_outlives_expiry: true,
            keeps_oldest_secret: false,
            rotates_disabled: true,
            org_tokens_administer: true,
            create_takes_scopes: false,
            update: Update::Replace,
            update_revives: true,
            deletes: false,
            slash_in_names: false,
            names_ignore_case: true,
            lists_secrets: false,
            readers_see_secrets: false,
            // Where nobody may read a secret, nobody can deliver one: that is a test of its own.
            reads_secrets: true,
            tells_rotations: false,
            propagation: 2,
            limits: false,
            largest_page: 1000,
            single_sign_on: false,
            url_is_array: false,
            forbidden: Denial { status: 401, shape: Shape::Text },
            unknown: Denial { status: 404, shape: Shape::Html },
            expired: Denial { status: 403, shape: Shape::Object },
            redirect: None,
        }
    }

    /// Reads switches from YAML or JSON; what is absent keeps its usual answer.
    ///
    /// # Errors
    /// A message that says what could not be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_saphyr::from_str(text).map_err(|error| format!("cannot read switches: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_switches_keep_their_usual_answer() {
        let read = Switches::parse("long_grace: clamp\nforbidden: {status: 401, shape: text}\n");
        let expected = Switches {
            long_grace: Excess::Clamp,
            forbidden: Denial { status: 401, shape: Shape::Text },
            ..Switches::default()
        };
        assert_eq!(read.unwrap(), expected);
        assert!(Switches::parse("long_gracee: clamp").is_err());
    }
}
