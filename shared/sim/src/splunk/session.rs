//! Sessions, the organization itself, and the data intake.

use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::CREDENTIAL;
use super::answer::{self, Answer, Refusal};
use super::organization::Organization;
use super::people::{Caller, Session, User};
use super::token::Scope;

impl Organization {
    /// `POST /session`: an address and a password for a session.
    pub(super) fn log_in(
        &mut self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        let credential = headers.get(CREDENTIAL);
        if credential.is_some_and(http::HeaderValue::is_empty) {
            return Err(Refusal::unauthenticated());
        }
        let wrong = || Refusal::invalid("Failed to deserialize payload");
        let body: Value = serde_json::from_slice(body).map_err(|_| wrong())?;
        let (email, password) = (body["email"].as_str(), body["password"].as_str());
        let user = self.users.iter().find(|user| is(user, email, password));
        let elsewhere = body["organizationId"].as_str().is_some_and(|id| id != self.id);
        let Some(user) = user.filter(|_| !self.switches.single_sign_on && !elsewhere) else {
            return Ok(wrong_password());
        };
        let user = user.clone();
        let session = self.open_session(user, now);
        Ok(answer::ok(&self.session_view(&session)))
    }

    /// `DELETE /session`: the session of the credential ends.
    pub(super) fn log_out(
        &mut self,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        let credential = headers.get(CREDENTIAL).and_then(|value| value.to_str().ok());
        let before = self.sessions.len();
        self.sessions.retain(|session| !credential.is_some_and(|value| session.is(value, now)));
        if self.sessions.len() == before {
            return Err(Refusal::object(404, "Session not found"));
        }
        Ok(answer::empty(StatusCode::NO_CONTENT))
    }

    /// `GET /organization`, which holds a secret of its own.
    pub(super) fn about(&mut self, caller: &Caller, now: Timestamp) -> Result<Answer, Refusal> {
        if let Caller::Program { scopes, .. } = caller
            && !scopes.contains(&Scope::Api)
        {
            return Err(Refusal::denied(self.switches.forbidden, "Insufficient scope"));
        }
        let expiring = |days: i64| -> Vec<&str> {
            let until = now + SignedDuration::from_hours(24 * days);
            let tokens = self.tokens.iter().filter(|token| token.expires <= until);
            tokens.filter(|token| !token.has_expired(now)).map(|one| one.name.as_str()).collect()
        };
        let url = "https://app.embedded.example.com";
        let mut view = json!({
            "id": self.id,
            "organizationName": "Embedded",
            "accountStatus": "ACTIVE",
            "url": if self.switches.url_is_array { json!([url]) } else { json!(url) },
            "defaultTokenLifespanMs": self.life.as_millis(),
            "tokensExpiringInSevenDays": expiring(7),
            "tokensExpiringInThirtyDays": expiring(30),
        });
        view["apiAccessToken"] = self.own_secret().into();
        Ok(answer::ok(&view))
    }

    /// The data intake: any body of JSON, from a token of the right scope whose secret has come around.
    pub(super) fn take_in(
        &self,
        caller: &Caller,
        scope: Scope,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        let Caller::Program { scopes, since, .. } = caller else {
            return Err(Refusal::unauthenticated());
        };
        let delay = SignedDuration::from_secs(i64::from(self.switches.propagation));
        if !scopes.contains(&scope) || now.duration_since(*since) < delay {
            return Err(Refusal::unauthenticated());
        }
        if serde_json::from_slice::<Value>(body).is_err() {
            return Err(Refusal::invalid("The body is not well formed"));
        }
        Ok(answer::ok(&json!("OK")))
    }

    fn session_view(&self, session: &Session) -> Value {
        json!({
            "accessToken": session.value.expose_secret(),
            "id": session.id,
            "createdMs": session.created.as_millisecond(),
            "updatedMs": session.created.as_millisecond(),
            "expiryMs": session.expires.as_millisecond(),
            "disabled": false,
            "email": session.user.email,
            "organizationId": self.id,
            "userId": session.user.id,
            "sessionType": "ORG_USER",
            "authMethod": "PASSWORD",
            "personaId": null,
            "readOnly": false,
            "createdBy": null,
            "updatedBy": null,
            "userName": null,
        })
    }

    /// The organization's own secret, made when it is first shown.
    fn own_secret(&mut self) -> String {
        const OF: &str = "secret of the organization";
        let known = self.secrets.iter().find(|(of, _)| of == OF).map(|(_, secret)| secret.clone());
        known.unwrap_or_else(|| self.new_secret(OF)).expose_secret().to_owned()
    }
}

fn is(user: &User, email: Option<&str>, password: Option<&str>) -> bool {
    email.is_some_and(|email| email.eq_ignore_ascii_case(&user.email))
        && password == Some(user.password.expose_secret())
}

/// The refusal of a login has a form of its own.
fn wrong_password() -> Answer {
    let message = "The email/password combination was entered incorrectly.";
    let body = json!({"type": "error", "status": 401, "message": message});
    answer::json_answer(StatusCode::UNAUTHORIZED, &body)
}
