//! A Splunk Observability Cloud with the API of its access tokens, for tests and for trying out.

mod answer;
mod body;
mod limits;
mod organization;
mod path;
mod people;
mod record;
mod routes;
mod server;
mod session;
mod switches;
#[cfg(test)]
mod tests;
mod token;
mod tokens;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::SignedDuration;
use secrecy::SecretString;
use serde_json::Value;

use crate::clock::Clock;
use crate::faults::{Faults, Script};
use organization::Organization;
use server::Listeners;
use token::Shows;

pub use answer::Shape;
pub use limits::Pricing;
pub use people::{Role, User};
pub use record::Record;
pub use switches::{
    DOCUMENTED_EIGHTEEN_YEARS, Denial, EIGHTEEN_YEARS, Excess, LONGEST_GRACE, Switches, Update,
};
pub use token::{Scope, Seed};

/// The header that carries a credential.
const CREDENTIAL: &str = "x-sf-token";
/// The address of the person who is always there and may do everything.
pub const ADMIN: &str = "admin@example.com";
/// The password of that person.
pub const ADMIN_PASSWORD: &str = "correct horse battery staple";

/// Why this Splunk did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No port on loopback.
    #[error("cannot listen on loopback")]
    Listen(#[source] std::io::Error),
    /// The certificates could not be made.
    #[error("cannot make the certificates")]
    Certificate(#[from] rcgen::Error),
    /// The certificates could not be used.
    #[error("cannot configure TLS")]
    Tls(#[source] std::io::Error),
}

/// What a Splunk is made of.
#[derive(Debug, Default)]
pub struct Builder {
    clock: Option<Clock>,
    faults: Script,
    switches: Switches,
    pricing: Pricing,
    life: Option<SignedDuration>,
    users: Vec<User>,
    seeds: Vec<Seed>,
    port: u16,
}

/// A running Splunk; it ends when this is dropped.
pub struct Splunk {
    shared: Arc<Shared>,
    listeners: Listeners,
    admin: SecretString,
}

/// What all connections share.
struct Shared {
    organization: Mutex<Organization>,
    clock: Clock,
    faults: Faults,
}

impl Splunk {
    /// An organization with one admin and no tokens, to be filled.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The address with TLS, for the API and the data intake alike.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.listeners.secure)
    }

    /// The address without TLS.
    #[must_use]
    pub fn plain_url(&self) -> String {
        format!("http://{}", self.listeners.plain)
    }

    /// The certificate of the authority that signed the server's.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.listeners.ca_pem
    }

    /// A session of the admin.
    #[must_use]
    pub fn admin_token(&self) -> SecretString {
        self.admin.clone()
    }

    /// A new session of a person, as from the page of the user; none if nobody has this address.
    #[must_use]
    pub fn session_of(&self, email: &str) -> Option<SecretString> {
        let mut organization = self.shared.lock();
        let user = organization.users.iter().find(|user| user.email == email)?.clone();
        Some(organization.open_session(user, self.shared.clock.now()).value)
    }

    /// The current secret of a token.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<SecretString> {
        let organization = self.shared.lock();
        let token = &organization.tokens[organization.position(name)?];
        token.secrets.first().map(|secret| secret.value.clone())
    }

    /// Every secret that ever was, sessions too, with what it was of.
    #[must_use]
    pub fn secrets(&self) -> Vec<(String, SecretString)> {
        self.shared.lock().secrets.clone()
    }

    /// Whether a credential lets anybody in now.
    #[must_use]
    pub fn accepts(&self, credential: &str) -> bool {
        self.shared.lock().caller(credential, self.shared.clock.now()).is_ok()
    }

    /// A token as the API shows it, without its secret.
    #[must_use]
    pub fn token(&self, name: &str) -> Option<Value> {
        let organization = self.shared.lock();
        let token = &organization.tokens[organization.position(name)?];
        Some(token.view(&organization.id, Shows { secret: false, limits: true, rotation: true }))
    }

    /// The requests so far, in the order of their arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Record> {
        self.shared.lock().records.clone()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.shared.lock().records.clear();
    }

    /// Answers an open question differently from now on.
    pub fn switch(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.shared.lock().switches);
    }

    /// The clock; moving it on ends graces and lives.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// The faults; they can be changed while it runs.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }
}

impl std::fmt::Debug for Splunk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Splunk").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Organization> {
        self.organization.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Builder {
    /// Adds a token.
    #[must_use]
    pub fn token(mut self, seed: Seed) -> Self {
        self.seeds.push(seed);
        self
    }

    /// Adds tokens.
    #[must_use]
    pub fn tokens(mut self, seeds: impl IntoIterator<Item = Seed>) -> Self {
        self.seeds.extend(seeds);
        self
    }

    /// Adds a person besides the admin.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Sets the answers to the open questions.
    #[must_use]
    pub fn switches(mut self, switches: Switches) -> Self {
        self.switches = switches;
        self
    }

    /// Sets the faults.
    #[must_use]
    pub fn faults(mut self, script: Script) -> Self {
        self.faults = script;
        self
    }

    /// Sets the clock; it shows real time otherwise.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Sets what the organization pays for.
    #[must_use]
    pub const fn pricing(mut self, pricing: Pricing) -> Self {
        self.pricing = pricing;
        self
    }

    /// Sets the life of a secret of which nothing is said; 30 days otherwise.
    #[must_use]
    pub const fn usual_life(mut self, life: SignedDuration) -> Self {
        self.life = Some(life);
        self
    }

    /// Sets the port with TLS; a free one otherwise.
    #[must_use]
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Starts the server on the current runtime.
    ///
    /// # Errors
    /// When there is no port or no certificate.
    pub async fn start(self) -> Result<Splunk, Error> {
        let clock = self.clock.unwrap_or_else(Clock::real);
        let admin = User::new(ADMIN, ADMIN_PASSWORD, Role::Admin);
        let users = [vec![admin.clone()], self.users].concat();
        let mut organization = Organization::new(self.switches, self.pricing, users);
        organization.life = self.life.unwrap_or(organization.life);
        let now = clock.now();
        for seed in self.seeds {
            organization.plant(seed, now);
        }
        let session = organization.open_session(admin, now).value;
        let faults = Faults::new(self.faults);
        let shared = Arc::new(Shared { organization: Mutex::new(organization), clock, faults });
        let listeners = Listeners::open(Arc::clone(&shared), self.port).await?;
        Ok(Splunk { shared, listeners, admin: session })
    }
}
