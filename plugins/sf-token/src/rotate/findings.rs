//! What speaks against rotating a token, or against how it is asked for: pure.

use common::plan::{Finding, Severity};
use jiff::{SignedDuration, Timestamp};

use super::duration::{Grace, Lifetime, spoken};
use super::expiry::{Basis, Forecast, day};
use crate::api::{Scope, Status, Token};
use crate::deliver::findings::finding;
use crate::shell::quoted;

/// What is asked for, as far as the findings depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The grace.
    pub grace: Grace,
    /// The lifetime; none for the organization's default.
    pub lifetime: Option<Lifetime>,
    /// The organization's default, where the API tells it.
    pub usual: Option<Lifetime>,
    /// About how long the restarts of all consumers take, in seconds.
    pub estimate_seconds: u64,
    /// Collectors are among the destinations.
    pub to_collectors: bool,
    /// No destination was named.
    pub nowhere: bool,
}

/// A shorter grace is worth a word, in seconds.
const SHORTEST: u64 = 300;
/// After a rotation so short ago, another one is most likely a repetition of an interrupted run.
const JUST_NOW: SignedDuration = SignedDuration::from_mins(10);

/// Two times of one creation, written one after the other.
const SAME_MOMENT: SignedDuration = SignedDuration::from_millis(50);

const DAY: u64 = 86_400;
const API: &str = "token API";

/// The findings about `token`, gravest reasons first.
#[must_use]
pub fn of_token(token: &Token, asked: Asked, now: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(status(token, now));
    found.extend(recent(token, now));
    found.extend(unreadable(token, asked.grace));
    found.extend(scope(token, asked.to_collectors));
    found.extend(grace(asked));
    found.extend(lifetime(token, asked, now));
    if asked.nowhere {
        found.push(finding(
            "SF-NO-DESTINATION",
            Severity::Info,
            "no destination is named: the new secret goes nowhere",
            "whoever uses the token has to get it before the grace period ends",
            format!("later: sf-token sync {} --to-…, or show", quoted(&token.name)),
            API,
        ));
    }
    found
}

/// Only a token that works can be rotated, or is worth delivering.
#[must_use]
pub fn status(token: &Token, now: Timestamp) -> Option<Finding> {
    let name = &token.name;
    match token.status(now) {
        Status::Active => None,
        Status::Expired => Some(finding(
            "SF-TOKEN-EXPIRED",
            Severity::Block,
            format!("`{name}` expired at {}", day(token.expiry)),
            "an expired token can never be rotated again",
            "create another in its place: sf-token create NEW-NAME --scope …",
            "guide, token expiration",
        )),
        Status::Disabled => Some(finding(
            "SF-TOKEN-DISABLED",
            Severity::Block,
            format!("`{name}` is disabled"),
            "neither its old nor its new secret would work",
            format!("sf-token enable {}", quoted(name)),
            API,
        )),
    }
}

fn recent(token: &Token, now: Timestamp) -> Option<Finding> {
    let rotated = token.latest_rotation?;
    // A new token counts as rotated when it is created.
    let is_new =
        token.created.is_some_and(|created| rotated.duration_since(created).abs() <= SAME_MOMENT);
    let ago = now.duration_since(rotated);
    if is_new || ago > SignedDuration::from_secs(Grace::LONGEST.cast_signed()) {
        return None;
    }
    let (severity, fix) = if ago < JUST_NOW {
        let name = quoted(&token.name);
        (Severity::Accept, format!("after an interrupted rotation: sf-token sync {name} --to-…"))
    } else {
        (Severity::Info, String::new())
    };
    Some(finding(
        "SF-RECENT",
        severity,
        format!("`{}` was rotated at {} already", token.name, day(Some(rotated))),
        "if the grace of that rotation still runs, what another one does to the oldest secret is \
         not documented",
        fix,
        API,
    ))
}

fn unreadable(token: &Token, grace: Grace) -> Option<Finding> {
    // In a day an admin can be found who may read it.
    let severity = if grace.seconds() < DAY { Severity::Accept } else { Severity::Warn };
    token.secret.is_none().then(|| {
        finding(
            "SF-SECRET-UNREADABLE",
            severity,
            format!("the API does not show the secret of `{}` to this credential", token.name),
            "after a failed delivery the new secret could not be read again, and the old one could \
             not be put back",
            "use the session token of an admin",
            API,
        )
    })
}

/// Collectors send data, so their token needs the scope for it.
#[must_use]
pub fn scope(token: &Token, to_collectors: bool) -> Option<Finding> {
    let told = !token.auth_scopes.is_empty();
    (to_collectors && told && !token.has_scope(Scope::Ingest)).then(|| {
        finding(
            "SF-SCOPE",
            Severity::Accept,
            format!("`{}` is for {}, not for INGEST", token.name, token.auth_scopes.join(", ")),
            "collectors cannot send data with it",
            "name a token with the scope INGEST",
            "guide, authorization scopes",
        )
    })
}

fn grace(asked: Asked) -> Option<Finding> {
    let grace = asked.grace;
    if grace.is_none() {
        return Some(finding(
            "SF-IMMEDIATE",
            Severity::Warn,
            "the old secret stops working at once",
            "everything that uses it is cut off until it restarts with the new one",
            "name a grace period, such as --graceful 7d",
            API,
        ));
    }
    let needed = asked.estimate_seconds.max(SHORTEST);
    let severity =
        if grace.seconds() < asked.estimate_seconds { Severity::Accept } else { Severity::Warn };
    (grace.seconds() < needed).then(|| {
        let slip = if grace.seconds() <= 90 {
            format!("; did you mean {}d?", grace.seconds())
        } else {
            String::new()
        };
        finding(
            "SF-GRACE-SHORT",
            severity,
            format!("a grace period of {grace} is short{slip}"),
            "consumers that have not restarted by then are cut off",
            format!("name at least --graceful {needed} ({})", spoken(needed)),
            "the size of the consumers",
        )
    })
}

fn lifetime(token: &Token, asked: Asked, now: Timestamp) -> Vec<Finding> {
    let forecast = Forecast::new(token.expiry, asked.lifetime, asked.usual, now);
    let expiry = format!("expiry of the token: {}", forecast.spoken());
    let mut found = vec![if forecast.shrinks() {
        finding(
            "SF-EXPIRY-SHRINKS",
            Severity::Warn,
            expiry,
            "a rotation counts the lifetime anew, so the token expires sooner than before",
            "name the lifetime: --expires-in 365d",
            API,
        )
    } else {
        finding("SF-EXPIRY", Severity::Info, expiry, "a rotation counts it anew", "", API)
    }];
    let grace_ends = asked.grace.ends(now);
    if !asked.grace.is_none() && forecast.after <= grace_ends {
        let about = if forecast.basis == Basis::Assumed { " by the usual default" } else { "" };
        found.push(finding(
            "SF-GRACE-LONG",
            Severity::Warn,
            format!("the new secret expires{about} before the grace of the old one ends"),
            "a grace is of no use when the new secret is gone first",
            "name a longer lifetime or a shorter grace period",
            API,
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn now() -> Timestamp {
        "2026-01-02T12:00:00Z".parse().unwrap()
    }

    fn token(change: Value) -> Token {
        let hour = 3_600_000_i64;
        let now = now().as_millisecond();
        let mut value = json!({
            "name": "my token", "secret": "canary", "authScopes": ["INGEST"],
            "created": now - 9000 * hour, "latestRotation": now - 2000 * hour,
            "expiry": now + 600 * hour,
        });
        for (key, new) in change.as_object().unwrap() {
            value[key] = new.clone();
        }
        serde_json::from_value(value).unwrap()
    }

    fn asked() -> Asked {
        Asked {
            grace: Grace::USUAL,
            lifetime: None,
            usual: None,
            estimate_seconds: 90,
            to_collectors: true,
            nowhere: false,
        }
    }

    fn codes(token: &Token, asked: Asked) -> Vec<(String, Severity)> {
        of_token(token, asked, now())
            .into_iter()
            .filter(|finding| finding.severity != Severity::Info)
            .map(|finding| (finding.code, finding.severity))
            .collect()
    }

    #[test]
    fn a_healthy_token_may_be_rotated() {
        assert_eq!(codes(&token(json!({})), asked()), []);
    }

    #[test]
    fn what_cannot_work_blocks_and_what_is_odd_wants_a_word() {
        let now = now().as_millisecond();
        for (change, code, severity) in [
            (json!({"disabled": true}), "SF-TOKEN-DISABLED", Severity::Block),
            (json!({"expiry": now - 1}), "SF-TOKEN-EXPIRED", Severity::Block),
            (json!({"secret": null}), "SF-SECRET-UNREADABLE", Severity::Warn),
            (json!({"authScopes": ["RUM"]}), "SF-SCOPE", Severity::Accept),
            (json!({"latestRotation": now - 60_000}), "SF-RECENT", Severity::Accept),
            (json!({"expiry": now + 400 * 86_400_000_i64}), "SF-EXPIRY-SHRINKS", Severity::Warn),
        ] {
            let found = codes(&token(change), asked());
            assert_eq!(found, [(code.to_owned(), severity)]);
        }
        let again = json!({"created": now - 2000, "latestRotation": now - 1000});
        let recent = ("SF-RECENT".to_owned(), Severity::Accept);
        assert_eq!(codes(&token(again), asked()), [recent]);
        let unsure =
            json!({"authScopes": null, "created": now - 60_000, "latestRotation": now - 60_000});
        assert_eq!(codes(&token(unsure), asked()), []);
    }

    #[test]
    fn a_grace_must_outlast_the_restarts_and_not_the_new_secret() {
        let with = |grace: &str, lifetime: Option<&str>, estimate_seconds| Asked {
            grace: grace.parse().unwrap(),
            lifetime: lifetime.map(|text| text.parse().unwrap()),
            estimate_seconds,
            ..asked()
        };
        let token = token(json!({}));
        let short = |severity| [("SF-GRACE-SHORT".to_owned(), severity)];
        assert_eq!(codes(&token, with("7", Some("90d"), 0)), short(Severity::Warn));
        assert_eq!(codes(&token, with("1h", Some("90d"), 4000)), short(Severity::Accept));
        assert_eq!(codes(&token, with("1h", Some("90d"), 3600)), []);
        let immediate = ("SF-IMMEDIATE".to_owned(), Severity::Warn);
        assert_eq!(codes(&token, with("0", Some("90d"), 0)), [immediate]);
        let long = ("SF-GRACE-LONG".to_owned(), Severity::Warn);
        assert_eq!(codes(&token, with("60d", Some("60d"), 0)), vec![long.clone()]);
        assert_eq!(codes(&token, with("30d", None, 0)), [long]);
        let text = grace(with("7", None, 0)).unwrap().what;
        assert_eq!(text, "a grace period of 7 seconds is short; did you mean 7d?");
    }

    #[test]
    fn findings_hold_no_secret() {
        for finding in of_token(&token(json!({"disabled": true})), asked(), now()) {
            assert!(!format!("{finding:?}").contains("canary"));
        }
    }
}
