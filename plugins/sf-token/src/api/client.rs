//! The client: what can be asked of the API, each as one method.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use common::cluster::Options;
use common::web::{Connection, Connector, Origin, Proxy, Trust};
use http::{HeaderValue, Method};
use serde_json::Value;
use tokio::sync::Mutex;

use super::credential::Credential;
use super::error::ApiError;
use super::exchange::Ask;
use super::page::{Page, PageQuery};
use super::place::Place;
use super::token::Token;
use super::token_name::{TokenName, percent_encoded};
use super::write::{NewToken, TokenPatch};

/// A client for one organization; cheap to clone, and clones share connections.
#[derive(Clone)]
pub struct Client(pub(super) Arc<Inner>);

#[derive(Clone)]
pub(super) struct Inner {
    place: Place,
    pub(super) credential: Option<Credential>,
    pub(super) api: Arc<Server>,
    pub(super) ingest: Option<Arc<Server>>,
    pub(super) timeout: Duration,
    pub(super) user_agent: HeaderValue,
    pub(super) observers: Options,
}

/// What a client is made of.
#[derive(Debug)]
pub struct ClientOptions {
    /// Where the organization lives.
    pub place: Place,
    /// Who asks; none for logging in.
    pub credential: Option<Credential>,
    /// Whose certificates are trusted.
    pub trust: Trust,
    /// The longest time for one request.
    pub timeout: Duration,
    /// Retries, and who is told of them and of requests.
    pub observers: Options,
}

/// One host and the connections to it.
pub(super) struct Server {
    pub(super) connector: Connector,
    pub(super) kept: Mutex<Vec<Connection>>,
}

impl Client {
    /// Prepares a client; nothing is sent yet. `variable` reads the environment, which may name a
    /// proxy.
    ///
    /// # Errors
    /// [`ApiError::Config`] when the proxy's address cannot be used.
    pub fn new(
        options: ClientOptions,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ApiError> {
        let ClientOptions { place, credential, trust, timeout, observers } = options;
        let server = |origin: &Origin| {
            let proxy = Proxy::from_environment_or_all(origin, &variable).map_err(config)?;
            let patience = observers.connect_timeout;
            let connector = Connector::new(origin.clone(), trust.clone(), proxy, patience);
            Ok::<_, ApiError>(Arc::new(Server { connector, kept: Mutex::default() }))
        };
        let user_agent = HeaderValue::from_str(&observers.user_agent)
            .map_err(|_| config(format!("`{}` is no user agent", observers.user_agent)))?;
        let (api, ingest) = (server(&place.api)?, place.ingest.as_ref().map(server).transpose()?);
        let inner = Inner { place, credential, api, ingest, timeout, user_agent, observers };
        Ok(Self(Arc::new(inner)))
    }

    /// The same organization, asked with another credential.
    #[must_use]
    pub fn with_credential(&self, credential: Credential) -> Self {
        let mut inner = Inner::clone(&self.0);
        inner.credential = Some(credential);
        Self(Arc::new(inner))
    }

    /// Where the organization lives.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// Who asks.
    #[must_use]
    pub fn credential(&self) -> Option<&Credential> {
        self.0.credential.as_ref()
    }

    /// One page of the list. With an organization's access token the API shows only that token.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn page(&self, query: &PageQuery) -> Result<Page, ApiError> {
        let mut path = format!("/v2/token?offset={}&limit={}", query.offset, query.limit);
        if let Some(name) = &query.name {
            path.push_str("&name=");
            path.push_str(&percent_encoded(name));
        }
        self.json(&Ask::new(Method::GET, path)).await
    }

    /// The token `name`, its current secret included where the credential may see it.
    ///
    /// # Errors
    /// Why there is no answer; [`ApiError::is_not_found`] when there is no such token.
    pub async fn get(&self, name: &TokenName) -> Result<Token, ApiError> {
        self.json(&Ask::new(Method::GET, address(name))).await
    }

    /// Creates a token.
    ///
    /// # Errors
    /// Why it was refused, or may have been created anyway: see [`ApiError::outcome`].
    pub async fn create(&self, token: &NewToken) -> Result<Token, ApiError> {
        let organization = match token.visibility.needs_organization() {
            true => self.organization().await?.id,
            false => String::new(),
        };
        let ask = Ask::new(Method::POST, "/v2/token").with_body(token.body(&organization));
        self.json(&ask).await
    }

    /// Changes the token `name`: reads it, applies `patch`, writes it back whole, because the API
    /// does not promise to keep what a write leaves out.
    ///
    /// # Errors
    /// Why it was refused, or may have been changed anyway: see [`ApiError::outcome`].
    pub async fn update(&self, name: &TokenName, patch: &TokenPatch) -> Result<Token, ApiError> {
        let current: Value = self.json(&Ask::new(Method::GET, address(name))).await?;
        let organization = match current["orgId"].as_str() {
            Some(id) if !id.is_empty() => id.to_owned(),
            _ if patch.needs_organization() => self.organization().await?.id,
            _ => String::new(),
        };
        let body = patch.body(&current, &organization);
        self.json(&Ask::new(Method::PUT, address(name)).with_body(body)).await
    }

    /// Deletes the token `name`.
    ///
    /// # Errors
    /// Why it was refused, or may have been deleted anyway: see [`ApiError::outcome`].
    pub async fn delete(&self, name: &TokenName) -> Result<(), ApiError> {
        self.bytes(&Ask::new(Method::DELETE, address(name))).await.map(drop)
    }

    /// Gives the token `name` a new secret. The old one works for `graceful` more seconds; the new
    /// one lives for `expires_in` seconds, or as long as the organization has it by default.
    ///
    /// It is sent once: again only while there was no connection at all. A second rotation is not
    /// the first one repeated.
    ///
    /// # Errors
    /// Why it was refused, or may have been done anyway: see [`ApiError::outcome`]. Then
    /// [`Self::get`] tells by [`Token::latest_rotation`].
    pub async fn rotate(
        &self,
        name: &TokenName,
        graceful: u64,
        expires_in: Option<u64>,
    ) -> Result<Token, ApiError> {
        let mut path = format!("{}/rotate?graceful={graceful}", address(name));
        if let Some(seconds) = expires_in {
            path.push_str(&format!("&secondsUntilExpiry={seconds}"));
        }
        self.json(&Ask::new(Method::POST, path)).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("place", &self.0.place).finish_non_exhaustive()
    }
}

/// The path of the token `name`.
fn address(name: &TokenName) -> String {
    format!("/v2/token/{}", name.path_segment())
}

pub(super) fn config(message: impl Into<String>) -> ApiError {
    ApiError::Config { message: message.into() }
}
