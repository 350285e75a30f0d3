//! Sends a rotation exactly once, and finds out what happened when the answer is lost.

use std::time::Duration;

use common::failure::Failure;
use common::run::Events;
use secrecy::ExposeSecret;

use super::duration::{Grace, Lifetime};
use super::outcome;
use crate::api::{ApiError, Client, Outcome, Token, TokenName};

/// How long after a lost answer the token is looked at, one look after the other: the request may
/// still be on its way.
const LOOKS: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_millis(1500),
    Duration::from_secs(3),
    Duration::from_secs(5),
];

/// Rotates the token and returns it with its new secret. `before` is the token as it was.
///
/// # Errors
/// [`common::exit::Exit::Blocked`] when it certainly was not rotated, and
/// [`common::exit::Exit::StepFailed`] when it was or may have been, and the new secret is not known:
/// `sf-token sync` is right in both cases.
pub async fn rotate(
    client: &Client,
    name: &TokenName,
    before: &Token,
    asked: (Grace, Option<Lifetime>),
    events: &Events,
) -> Result<Token, Failure> {
    let (grace, lifetime) = asked;
    let answer = client.rotate(name, grace.seconds(), lifetime.map(Lifetime::seconds)).await;
    let error = match answer {
        Ok(token) if has_new_secret(&token, before) => return Ok(token),
        Ok(_) => return read_new(client, name, before).await,
        Err(error) => error,
    };
    match error.outcome() {
        Outcome::NotDone => Err(outcome::not_rotated(name, error)),
        // A page that claims success may come from something on the way.
        Outcome::Done | Outcome::Unknown => {
            events.warn(format!("{error}; looking whether `{name}` was rotated"));
            find_out(client, name, before, error).await
        }
    }
}

/// Whether `after` is the token after another rotation than `before` knows; none when it shows
/// neither when it was rotated nor both secrets.
#[must_use]
pub fn is_rotated(before: &Token, after: &Token) -> Option<bool> {
    if let (Some(old), Some(new)) = (before.latest_rotation, after.latest_rotation) {
        return Some(new > old);
    }
    let (old, new) = (before.secret.as_ref()?, after.secret.as_ref()?);
    Some(old.expose_secret() != new.expose_secret())
}

fn has_new_secret(token: &Token, before: &Token) -> bool {
    token.secret.as_ref().is_some_and(|new| {
        before.secret.as_ref().is_none_or(|old| old.expose_secret() != new.expose_secret())
    })
}

/// The answer is lost: looks at the token until it shows a rotation or the request is surely dead.
async fn find_out(
    client: &Client,
    name: &TokenName,
    before: &Token,
    lost: ApiError,
) -> Result<Token, Failure> {
    let mut doubt = None;
    for pause in LOOKS {
        tokio::time::sleep(pause).await;
        doubt = match client.get(name).await {
            Ok(token) => match is_rotated(before, &token) {
                Some(true) => return with_secret(name, token, before),
                Some(false) => None,
                None => Some("it shows neither when it was rotated nor its secret".to_owned()),
            },
            Err(error) => Some(format!("looking at it failed as well: {error}")),
        };
    }
    Err(match doubt {
        None => outcome::not_rotated(name, lost),
        Some(doubt) => outcome::unknown(name, &lost, doubt),
    })
}

/// It was rotated, but the new secret is not known yet.
async fn read_new(client: &Client, name: &TokenName, before: &Token) -> Result<Token, Failure> {
    match client.get(name).await {
        Ok(token) => with_secret(name, token, before),
        Err(error) => Err(outcome::unread(name, &error)),
    }
}

fn with_secret(name: &TokenName, token: Token, before: &Token) -> Result<Token, Failure> {
    if has_new_secret(&token, before) { Ok(token) } else { Err(outcome::secret_not_shown(name)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A rotation at 0 is one that is not told.
    fn token(latest_rotation: i64, secret: Option<&str>) -> Token {
        let value = json!({"name": "a", "latestRotation": latest_rotation, "secret": secret});
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_rotation_shows_by_its_time_or_where_there_is_none_by_its_secret() {
        for (before, after, expected) in [
            (token(1000, Some("a")), token(2000, Some("b")), Some(true)),
            (token(1000, Some("a")), token(1000, Some("a")), Some(false)),
            (token(1000, None), token(2000, None), Some(true)),
            (token(0, Some("a")), token(0, Some("b")), Some(true)),
            (token(0, Some("a")), token(0, Some("a")), Some(false)),
            (token(0, Some("a")), token(2000, Some("b")), Some(true)),
            (token(1000, Some("a")), token(0, Some("a")), Some(false)),
            (token(0, None), token(0, None), None),
            (token(0, None), token(0, Some("a")), None),
            (token(0, Some("a")), token(0, None), None),
            (token(0, None), token(2000, Some("a")), None),
            (token(1000, None), token(0, None), None),
        ] {
            assert_eq!(is_rotated(&before, &after), expected, "{before:?} {after:?}");
        }
    }

    #[test]
    fn an_answer_without_a_new_secret_is_none() {
        let before = token(1000, Some("a"));
        assert!(has_new_secret(&token(2000, Some("b")), &before));
        assert!(!has_new_secret(&token(2000, Some("a")), &before));
        assert!(!has_new_secret(&token(2000, None), &before));
    }
}
