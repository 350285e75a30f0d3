//! Requests to Central: one kept connection, limits, and retries of what may be repeated.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;

use super::args::CentralOptions;
use super::connection::{Connection, Target, Way};
use super::error::CentralError;
use super::identity::Authority;
use super::tls;
use crate::cluster::{Again, Attempts, Backoff, Cluster, Observer, Options, Patience, Retry};
use crate::web::Trust;

/// The longest time for one request whose answer is small.
const LIMIT: Duration = Duration::from_secs(30);
/// The largest answer that is kept in memory.
const LARGEST_ANSWER: usize = 64 << 20;

/// A client for one Central; cheap to clone.
#[derive(Clone)]
pub struct CentralClient {
    pub(super) target: Target,
    pub(super) authority: Option<Arc<Authority>>,
    config: Arc<ClientConfig>,
    credentials: Option<SecretString>,
    user_agent: HeaderValue,
    backoff: Backoff,
    on_retry: Option<Observer<Retry>>,
    patience: Option<Arc<Patience>>,
    kept: Arc<Mutex<Option<Connection>>>,
}

/// One request.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) body: Option<&'a Value>,
    pub(super) anonymous: bool,
}

impl<'a> Ask<'a> {
    pub(super) const fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, body: None, anonymous: false }
    }
}

impl CentralClient {
    /// Prepares a client; nothing is sent yet. Without an endpoint in `options`, Central is
    /// reached through `cluster`'s API server. `cluster_ca` is `ca.pem` of the Secret
    /// `central-tls`: the authority of the installation.
    ///
    /// # Errors
    ///
    /// [`CentralError::Config`] when the options describe no usable connection.
    pub fn new(
        options: &CentralOptions,
        cluster: &Cluster,
        cluster_ca: Option<&[u8]>,
        observers: &Options,
    ) -> Result<Self, CentralError> {
        let target = match &options.endpoint {
            Some(endpoint) => Target::Endpoint(endpoint.clone(), way(options)?),
            None => Target::Pod(cluster.clone()),
        };
        Self::to(target, options, cluster_ca, observers)
    }

    /// Prepares a client for the endpoint of `options`, without a cluster.
    ///
    /// # Errors
    ///
    /// As [`Self::new`], and when `options` has no endpoint.
    pub fn for_endpoint(
        options: &CentralOptions,
        observers: &Options,
    ) -> Result<Self, CentralError> {
        let Some(endpoint) = &options.endpoint else {
            return Err(CentralError::Config { message: "no address of Central".to_owned() });
        };
        let target = Target::Endpoint(endpoint.clone(), way(options)?);
        Self::to(target, options, None, observers)
    }

    fn to(
        target: Target,
        options: &CentralOptions,
        cluster_ca: Option<&[u8]>,
        observers: &Options,
    ) -> Result<Self, CentralError> {
        let user_agent = HeaderValue::from_str(&observers.user_agent).map_err(|_| {
            CentralError::Config { message: format!("`{}` is no user agent", observers.user_agent) }
        })?;
        let authority = cluster_ca.map(|pem| Authority::new(pem, &tls::provider())).transpose()?;
        let authority = authority.map(Arc::new);
        Ok(Self {
            target,
            config: tls::configuration(options, cluster_ca, authority.clone())?,
            authority,
            credentials: options.credentials.as_ref().map(super::Credentials::header),
            user_agent,
            backoff: observers.backoff,
            on_retry: observers.on_retry.clone(),
            patience: None,
            kept: Arc::default(),
        })
    }

    /// The same client, whose requests are repeated while the API server that they go through is
    /// away.
    #[must_use]
    pub fn with_patience(&self, patience: Patience) -> Self {
        Self { patience: Some(Arc::new(patience)), ..self.clone() }
    }

    /// Where Central is looked for, for people.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.target.describe()
    }

    /// Whether Central is reached through the API server, which each new connection burdens.
    #[must_use]
    pub const fn is_forwarded(&self) -> bool {
        matches!(self.target, Target::Pod(_))
    }

    /// Whether there are credentials at all.
    #[must_use]
    pub const fn has_credentials(&self) -> bool {
        self.credentials.is_some()
    }

    /// Asks and reads the answer as JSON; an empty one is `null`.
    pub(super) async fn json(&self, ask: Ask<'_>) -> Result<Value, CentralError> {
        let bytes = self.bytes(&ask).await?;
        if bytes.trim_ascii().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|error| CentralError::Decode {
            what: ask.path.to_owned(),
            reason: error.to_string(),
        })
    }

    /// Asks and reads the answer whole. Only reading is repeated; the rest may have been done.
    pub(super) async fn bytes(&self, ask: &Ask<'_>) -> Result<Bytes, CentralError> {
        let mut attempt = 1;
        let mut ways = Attempts::new(self.backoff, self.patience.as_deref());
        loop {
            let Unanswered { error, sent } = match self.once(ask, LIMIT).await {
                Ok(bytes) => return Ok(bytes),
                Err(unanswered) => unanswered,
            };
            if let CentralError::PortForward(way) = &error
                && self.patience.is_some()
                && let Some(again) = ways.after(way, true)
            {
                // Nothing was sent: the API server on the way is away.
                self.tell(ask, again, &error);
                ways.pause(again, way).await.map_err(CentralError::PortForward)?;
                continue;
            }
            let may_repeat = !sent || ask.method == Method::GET;
            if !error.is_transient() || attempt >= self.backoff.tries || !may_repeat {
                return Err(error);
            }
            let next_in = self.backoff.jittered(attempt);
            attempt += 1;
            let of = Some(self.backoff.tries);
            self.tell(ask, Again { attempt, next_in, of, left: None }, &error);
            tokio::time::sleep(next_in).await;
        }
    }

    fn tell(&self, ask: &Ask<'_>, again: Again, error: &CentralError) {
        let Some(observer) = &self.on_retry else { return };
        let Again { attempt, next_in, of, left } = again;
        let what = format!("{} {} of Central", ask.method, ask.path);
        observer(Retry { what, attempt, of, left, reason: error.to_string(), next_in });
    }

    /// Asks once, within `limit`.
    pub(super) async fn once(&self, ask: &Ask<'_>, limit: Duration) -> Result<Bytes, Unanswered> {
        let work = async {
            let response = self.exchange(ask).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), LARGEST_ANSWER);
            let body = body
                .collect()
                .await
                .map_err(|error| Unanswered::after(self.target.unreachable(&error.to_string())))?
                .to_bytes();
            if status.is_success() {
                return Ok(body);
            }
            Err(Unanswered::after(CentralError::from_answer(ask.path, status.as_u16(), &body)))
        };
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => Err(Unanswered::after(CentralError::Timeout { after: limit })),
        }
    }

    /// Asks on a connection of its own and returns the answer as soon as its head is there.
    pub(super) async fn open(&self, ask: &Ask<'_>) -> Result<Response<Incoming>, CentralError> {
        self.open_with(ask, HeaderMap::new()).await
    }

    /// As [`Self::open`], with more headers.
    pub(super) async fn open_with(
        &self,
        ask: &Ask<'_>,
        headers: HeaderMap,
    ) -> Result<Response<Incoming>, CentralError> {
        let mut request = self.request(ask)?;
        request.headers_mut().extend(headers);
        let mut connection = self.target.connect(&self.config).await?;
        let answer = connection.send(request).await;
        answer.map_err(|error| self.target.unreachable(&describe(&error)))
    }

    /// A kept connection may have been closed by the other side meanwhile. Reading is then simply
    /// done on a new one; what must not be done twice gets a new one at once.
    async fn exchange(&self, ask: &Ask<'_>) -> Result<Response<Incoming>, Unanswered> {
        let mut kept = match ask.method {
            Method::GET => self.kept.lock().await.take(),
            _ => None,
        };
        loop {
            let reused = match kept.take() {
                Some(mut connection) => connection.is_ready().await.then_some(connection),
                None => None,
            };
            let is_reused = reused.is_some();
            let mut connection = match reused {
                Some(connection) => connection,
                None => self.target.connect(&self.config).await.map_err(Unanswered::before)?,
            };
            let request = self.request(ask).map_err(Unanswered::before)?;
            match connection.send(request).await {
                Ok(response) => {
                    *self.kept.lock().await = Some(connection);
                    return Ok(response);
                }
                Err(_) if is_reused => {}
                Err(error) => {
                    return Err(Unanswered::after(self.target.unreachable(&describe(&error))));
                }
            }
        }
    }

    fn request(&self, ask: &Ask<'_>) -> Result<Request<Full<Bytes>>, CentralError> {
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(ask.path)
            .header(HOST, self.target.host())
            .header(USER_AGENT, &self.user_agent)
            .header(ACCEPT, "application/json, */*");
        if let Some(credentials) = self.credentials.as_ref().filter(|_| !ask.anonymous) {
            let value = HeaderValue::from_str(credentials.expose_secret()).map_err(|_| {
                let message = "the credential for Central holds characters HTTP does not allow";
                CentralError::Config { message: message.to_owned() }
            });
            let mut value = value?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let body = match ask.body {
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Full::from(body.to_string())
            }
            None => Full::default(),
        };
        request.body(body).map_err(|error| CentralError::Config { message: error.to_string() })
    }
}

/// How the endpoint of `options` is reached.
fn way(options: &CentralOptions) -> Result<Way, CentralError> {
    let trust = match options.ca.as_deref() {
        Some(pem) => Trust::authority(pem).map_err(|message| CentralError::Config { message })?,
        None => Trust::computer(),
    };
    Ok(Way { proxy: options.proxy.clone(), trust })
}

impl fmt::Debug for CentralClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CentralClient")
            .field("endpoint", &self.endpoint())
            .field("has_credentials", &self.has_credentials())
            .finish_non_exhaustive()
    }
}

/// A request without a good answer, and whether Central may have seen it.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) error: CentralError,
    sent: bool,
}

impl Unanswered {
    const fn before(error: CentralError) -> Self {
        Self { error, sent: false }
    }

    const fn after(error: CentralError) -> Self {
        Self { error, sent: true }
    }
}

/// hyper's errors say little themselves; what caused them does.
pub(super) fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
