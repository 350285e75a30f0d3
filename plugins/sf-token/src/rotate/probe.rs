//! Whether a secret works, asked the way Splunk's installers ask, with patience for a new one.

use std::time::Duration;

use common::run::{Event, Events, Interrupt};
use secrecy::SecretString;

use crate::api::{Client, Scope, Token, Verdict};

/// A new secret may take a moment to be known everywhere.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// The scope that is probed for a token: sending data where it may, else asking the API.
#[must_use]
pub fn scope(token: &Token) -> Scope {
    let scopes = [Scope::Ingest, Scope::Api, Scope::Rum];
    scopes.into_iter().find(|scope| token.has_scope(*scope)).unwrap_or(Scope::Ingest)
}

/// Asks once. What keeps the question from being answered is a verdict too: from here it may be
/// that nothing reaches the host that takes data.
pub async fn once(client: &Client, scope: Scope, secret: &SecretString) -> Verdict {
    match client.probe(scope, secret).await {
        Ok(verdict) => verdict,
        Err(error) => Verdict::Untold { reason: error.to_string() },
    }
}

/// Asks again while a new secret is refused.
pub async fn patiently(
    client: &Client,
    scope: Scope,
    secret: &SecretString,
    step: &str,
    events: &Events,
    interrupt: &Interrupt,
) -> Verdict {
    for pause in PAUSES {
        if interrupt.is_raised() {
            return Verdict::Untold { reason: "interrupted".to_owned() };
        }
        let verdict = once(client, scope, secret).await;
        if !matches!(verdict, Verdict::Refused { .. }) {
            return verdict;
        }
        events.emit(Event::Waiting {
            id: step.to_owned(),
            message: "the new secret to be known everywhere".to_owned(),
            ready: None,
            desired: None,
        });
        tokio::time::sleep(pause).await;
    }
    once(client, scope, secret).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sending_is_probed_where_the_token_may_send() {
        let scope_of = |scopes: &[&str]| {
            scope(&serde_json::from_value(json!({"name": "a", "authScopes": scopes})).unwrap())
        };
        assert_eq!(scope_of(&["API", "INGEST"]), Scope::Ingest);
        assert_eq!(scope_of(&["API"]), Scope::Api);
        assert_eq!(scope_of(&["RUM"]), Scope::Rum);
        assert_eq!(scope_of(&[]), Scope::Ingest);
    }
}
