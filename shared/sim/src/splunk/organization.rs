//! The organization: its people, sessions and tokens, and who a credential belongs to.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::answer::Refusal;
use super::limits::Pricing;
use super::people::{Caller, SESSION, Session, User};
use super::record::Record;
use super::switches::Switches;
use super::token::{Secret, Seed, Token};

/// The most objects that any query reaches, however it is paged.
pub(super) const CEILING: usize = 10_000;
/// Characters of a secret.
const SECRET_LENGTH: usize = 22;

/// The mutable state behind the API.
#[derive(Debug)]
pub(super) struct Organization {
    pub(super) id: String,
    pub(super) switches: Switches,
    pub(super) pricing: Pricing,
    /// The life of a new secret when nothing is said of it.
    pub(super) life: SignedDuration,
    pub(super) users: Vec<User>,
    pub(super) sessions: Vec<Session>,
    pub(super) tokens: Vec<Token>,
    pub(super) records: Vec<Record>,
    /// Every secret that ever was, with what it was of, for tests that look for leaks.
    pub(super) secrets: Vec<(String, SecretString)>,
    issued: u64,
}

impl Organization {
    pub(super) fn new(switches: Switches, pricing: Pricing, users: Vec<User>) -> Self {
        Self {
            id: "EMBEDDED0AA".to_owned(),
            switches,
            pricing,
            life: SignedDuration::from_hours(24 * 30),
            users,
            sessions: Vec::new(),
            tokens: Vec::new(),
            records: Vec::new(),
            secrets: Vec::new(),
            issued: 0,
        }
    }

    /// Adds a token that was there before anybody asked.
    pub(super) fn plant(&mut self, seed: Seed, now: Timestamp) {
        let known = seed.secret.inspect(|secret| {
            self.secrets.push((format!("secret of {}", seed.name), secret.clone()));
        });
        let value = known.unwrap_or_else(|| self.new_secret(&format!("secret of {}", seed.name)));
        let life = seed.life.unwrap_or(self.life);
        let created = now - SignedDuration::from_hours(24);
        let id = self.new_id();
        self.tokens.push(Token {
            id,
            name: seed.name,
            description: seed.description,
            scopes: seed.scopes,
            roles: seed.roles,
            disabled: seed.disabled,
            created,
            updated: created,
            rotated: created,
            expires: now.saturating_add(life).unwrap_or(Timestamp::MAX),
            creator: "embedded".to_owned(),
            updated_by: None,
            limits: seed.limits,
            notifications: json!([]),
            permissions: seed.permissions,
            secrets: vec![Secret { value, since: created, until: None }],
        });
    }

    /// Opens a session for a person.
    pub(super) fn open_session(&mut self, user: User, now: Timestamp) -> Session {
        let value = self.new_secret(&format!("session of {}", user.id));
        let expires = now + SESSION;
        let session = Session { id: self.new_id(), value, user, created: now, expires };
        self.sessions.push(session.clone());
        session
    }

    /// Who a credential belongs to.
    pub(super) fn caller(&self, credential: &str, now: Timestamp) -> Result<Caller, Refusal> {
        if let Some(session) = self.sessions.iter().find(|session| session.is(credential, now)) {
            return Ok(Caller::Person(session.user.clone()));
        }
        let outlives = self.switches.grace_outlives_expiry;
        let found = self.tokens.iter().find_map(|token| {
            let secret = token.valid(credential, now, outlives)?;
            Some(Caller::Program {
                name: token.name.clone(),
                scopes: token.scopes.clone(),
                roles: token.roles.clone(),
                since: secret.since,
            })
        });
        found.ok_or_else(Refusal::unauthenticated)
    }

    /// Where the token of this name is.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.tokens.iter().position(|token| {
            token.name == name
                || self.switches.names_ignore_case
                    && token.name.to_lowercase() == name.to_lowercase()
        })
    }

    /// A secret that nobody has had, remembered by what it is of.
    pub(super) fn new_secret(&mut self, of: &str) -> SecretString {
        self.issued += 1;
        let digest = Sha256::digest(format!("{of} {}", self.issued));
        let mut text = URL_SAFE_NO_PAD.encode(digest);
        text.truncate(SECRET_LENGTH);
        let secret = SecretString::from(text);
        self.secrets.push((of.to_owned(), secret.clone()));
        secret
    }

    /// An opaque id that nobody has had.
    pub(super) fn new_id(&mut self) -> String {
        self.issued += 1;
        let digest = Sha256::digest(format!("id {}", self.issued));
        URL_SAFE_NO_PAD.encode(&digest[..8])
    }

    /// A text in which every secret is replaced by what it is of.
    pub(super) fn without_secrets(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (of, secret) in &self.secrets {
            if text.contains(secret.expose_secret()) {
                text = text.replace(secret.expose_secret(), &format!("({of})"));
            }
        }
        text
    }
}
