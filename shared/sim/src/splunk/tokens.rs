//! The verbs of tokens: list, create, read, update, delete and rotate.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::answer::{self, Answer, Refusal};
use super::body::{self, Rules, Wanted};
use super::organization::{CEILING, Organization};
use super::path::parameter;
use super::people::{Caller, Role};
use super::switches::{Excess, LONGEST_GRACE, Switches, Update};
use super::token::{Scope, Secret, Shows, Token};

/// The page of a list when nothing valid is said of it.
const USUAL_PAGE: usize = 20;

/// A request about tokens.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) caller: &'a Caller,
    pub(super) query: &'a str,
    pub(super) body: &'a [u8],
    pub(super) now: Timestamp,
}

impl Organization {
    /// `GET /token`: a page of the tokens that the caller sees and whose names hold a text.
    pub(super) fn list(&self, asked: Asked<'_>) -> Result<Answer, Refusal> {
        let number = |name| -> Result<Option<usize>, Refusal> {
            Ok(parameter(asked.query, name)?.and_then(|text| text.parse().ok()))
        };
        let valid = 1..=self.switches.largest_page;
        let limit = number("limit")?.filter(|limit| valid.contains(limit)).unwrap_or(USUAL_PAGE);
        let offset = number("offset")?.unwrap_or(0);
        let part = parameter(asked.query, "name")?.unwrap_or_default().to_lowercase();
        let fitting = self.tokens.iter().filter(|token| {
            asked.caller.sees(&token.name, &token.permissions)
                && (part.is_empty() || token.name.to_lowercase().contains(&part))
        });
        let fitting: Vec<&Token> = fitting.collect();
        let page = fitting.iter().take(CEILING).skip(offset).take(limit);
        let listed = self.switches.lists_secrets;
        let results: Vec<Value> =
            page.map(|token| self.shown(token, asked.caller, listed)).collect();
        Ok(answer::ok(&json!({"count": fitting.len(), "results": results})))
    }

    /// `GET /token/NAME`.
    pub(super) fn read(&self, name: &str, asked: Asked<'_>) -> Result<Answer, Refusal> {
        let token = &self.tokens[self.find(name, asked.caller)?];
        Ok(answer::ok(&self.shown(token, asked.caller, self.switches.reads_secrets)))
    }

    /// `POST /token`.
    pub(super) fn create(&mut self, asked: Asked<'_>) -> Result<Answer, Refusal> {
        let wanted = body::read(asked.body, self.rules())?;
        let name = wanted.name.filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Refusal::invalid("Please provide a name for this token."))?;
        self.refuse_duplicate(&name, None)?;
        let scopes = wanted.scopes.filter(|_| self.switches.create_takes_scopes);
        let scopes = scopes.unwrap_or_else(|| vec![Scope::Ingest, Scope::Api]);
        let usual_roles = || {
            let role = scopes.contains(&Scope::Api).then(|| "power".to_owned());
            role.into_iter().collect()
        };
        let now = asked.now;
        let token = Token {
            id: self.new_id(),
            description: wanted.description.unwrap_or_default(),
            roles: wanted.roles.unwrap_or_else(usual_roles),
            disabled: wanted.disabled.unwrap_or(false),
            created: now,
            updated: now,
            rotated: now,
            expires: self.expiry(wanted.life, now),
            creator: asked.caller.id().unwrap_or_default(),
            updated_by: None,
            limits: wanted.limits.unwrap_or_default(),
            notifications: wanted.notifications.unwrap_or_else(|| json!([])),
            permissions: wanted.permissions.unwrap_or_default(),
            secrets: vec![Secret {
                value: self.new_secret(&format!("secret of {name}")),
                since: now,
                until: None,
            }],
            name,
            scopes,
        };
        let view = self.shown(&token, asked.caller, true);
        self.tokens.push(token);
        Ok(answer::ok(&view))
    }

    /// `PUT /token/NAME`.
    pub(super) fn update(&mut self, name: &str, asked: Asked<'_>) -> Result<Answer, Refusal> {
        let position = self.find(name, asked.caller)?;
        let wanted = body::read(asked.body, self.rules())?;
        if let Some(new) = &wanted.name {
            self.refuse_duplicate(new, Some(position))?;
        } else if self.switches.update == Update::Replace {
            return Err(Refusal::invalid("Please provide a name for this token."));
        }
        let expired = self.tokens[position].has_expired(asked.now);
        if expired && wanted.life.is_some() && !self.switches.update_revives {
            return Err(Refusal::invalid("An expired token cannot be extended."));
        }
        let expires = wanted.life.map(|_| self.expiry(wanted.life, asked.now));
        let replaces = self.switches.update == Update::Replace;
        let token = &mut self.tokens[position];
        change(token, wanted, replaces);
        token.expires = expires.unwrap_or(token.expires);
        token.updated = asked.now;
        token.updated_by = asked.caller.id();
        let token = &self.tokens[position];
        Ok(answer::ok(&self.shown(token, asked.caller, true)))
    }

    /// `DELETE /token/NAME`.
    pub(super) fn delete(&mut self, name: &str, asked: Asked<'_>) -> Result<Answer, Refusal> {
        let position = self.find(name, asked.caller)?;
        if !self.switches.deletes {
            return Err(Refusal::page(405, "Method Not Allowed"));
        }
        self.tokens.remove(position);
        Ok(answer::empty(StatusCode::NO_CONTENT))
    }

    /// `POST /token/NAME/rotate`.
    pub(super) fn rotate(&mut self, name: &str, asked: Asked<'_>) -> Result<Answer, Refusal> {
        let position = self.find(name, asked.caller)?;
        let grace = self.grace(asked.query)?;
        let life = seconds(asked.query, "secondsUntilExpiry")?;
        if let Some(life) = life {
            body::check_life(life, &self.switches)?;
        }
        let token = &self.tokens[position];
        if token.has_expired(asked.now) {
            let message = "The token has expired and cannot be rotated.";
            return Err(Refusal::denied(self.switches.expired, message));
        }
        if token.disabled && !self.switches.rotates_disabled {
            return Err(Refusal::invalid("The token is disabled and cannot be rotated."));
        }
        let secret = self.new_secret(&format!("secret of {name}"));
        let expires = self.expiry(life, asked.now);
        let keeps_oldest = self.switches.keeps_oldest_secret;
        let token = &mut self.tokens[position];
        token.rotate(secret, (asked.now, expires), grace, keeps_oldest);
        token.updated_by = asked.caller.id();
        let token = &self.tokens[position];
        Ok(answer::ok(&self.shown(token, asked.caller, true)))
    }

    /// Where a token is that the caller sees; of others it is not even said that they exist.
    fn find(&self, name: &str, caller: &Caller) -> Result<usize, Refusal> {
        let position = self.position(name).filter(|position| {
            let token = &self.tokens[*position];
            caller.administers(self.switches.org_tokens_administer)
                || caller.sees(&token.name, &token.permissions)
        });
        position.ok_or_else(|| {
            let message = format!("Token {name} not found");
            Refusal::denied(self.switches.unknown, message)
        })
    }

    fn shown(&self, token: &Token, caller: &Caller, secret: bool) -> Value {
        let reader = matches!(caller, Caller::Person(user) if user.role != Role::Admin);
        let secret = secret && (!reader || self.switches.readers_see_secrets);
        let Switches { limits, tells_rotations: rotation, .. } = self.switches;
        token.view(&self.id, Shows { secret, limits, rotation })
    }

    fn grace(&self, query: &str) -> Result<SignedDuration, Refusal> {
        let grace = seconds(query, "graceful")?.unwrap_or(0);
        match grace {
            0..=LONGEST_GRACE => Ok(SignedDuration::from_secs(grace)),
            1.. if self.switches.long_grace == Excess::Clamp => {
                Ok(SignedDuration::from_secs(LONGEST_GRACE))
            }
            _ => Err(Refusal::invalid(format!("graceful must be from 0 to {LONGEST_GRACE}"))),
        }
    }

    fn expiry(&self, life: Option<i64>, now: Timestamp) -> Timestamp {
        let life = life.map_or(self.life, SignedDuration::from_secs);
        now.saturating_add(life).unwrap_or(Timestamp::MAX)
    }

    fn refuse_duplicate(&self, name: &str, except: Option<usize>) -> Result<(), Refusal> {
        let other = self.position(name).filter(|found| Some(*found) != except);
        match other {
            Some(_) => Err(Refusal::invalid("A token with the same name already exists!")),
            None => Ok(()),
        }
    }

    fn rules(&self) -> Rules<'_> {
        Rules { switches: &self.switches, pricing: self.pricing, users: &self.users }
    }
}

/// Puts what is wanted into a token; scopes never change.
fn change(token: &mut Token, wanted: Wanted, replaces: bool) {
    if let Some(name) = wanted.name {
        token.name = name;
    }
    match wanted.description {
        Some(description) => token.description = description,
        None if replaces => token.description.clear(),
        None => {}
    }
    token.disabled = wanted.disabled.unwrap_or(token.disabled && !replaces);
    if let Some(roles) = wanted.roles {
        token.roles = roles;
    }
    match wanted.limits {
        Some(limits) => token.limits = limits,
        None if replaces => token.limits.clear(),
        None => {}
    }
    match wanted.notifications {
        Some(notifications) => token.notifications = notifications,
        None if replaces => token.notifications = json!([]),
        None => {}
    }
    match wanted.permissions {
        Some(permissions) => token.permissions = permissions,
        None if replaces => token.permissions = Value::Null,
        None => {}
    }
}

fn seconds(query: &str, name: &str) -> Result<Option<i64>, Refusal> {
    let Some(text) = parameter(query, name)? else { return Ok(None) };
    let wrong = || Refusal::invalid(format!("{name} must be a whole number of seconds"));
    text.parse().map(Some).map_err(|_| wrong())
}
