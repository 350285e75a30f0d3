//! One request and its answer: kept connections, limits in time and size, retries of what is only
//! read.

use std::time::Duration;

use common::cluster::Retry;
use common::web::{ConnectError, Connection};
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use super::answer::Words;
use super::client::{Client, Server, config};
use super::credential::{Credential, sensitive};
use super::error::{ApiError, refusal};
use crate::blot::blotted;

/// The header that carries the credential; case does not matter.
const TOKEN_HEADER: &str = "x-sf-token";
/// The largest answer that is kept in memory: a page of tokens is below 1 MiB.
const LARGEST_ANSWER: usize = 16 << 20;
/// The longest wait that a server's `Retry-After` is followed for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Connections kept for the next requests.
const MOST_KEPT: usize = 4;

/// Which host a request goes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Host {
    Api,
    Ingest,
}

/// Which credential a request carries.
#[derive(Clone, Copy, Debug)]
pub(super) enum Auth<'a> {
    Own,
    Nobody,
    Secret(&'a SecretString),
}

/// One request; its body may hold a password, so it is not shown.
pub(super) struct Ask<'a> {
    pub(super) host: Host,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) auth: Auth<'a>,
    /// What the body holds in confidence.
    pub(super) hidden: Option<&'a SecretString>,
}

/// A success, or why there is none.
type Answer = Result<(StatusCode, Bytes), ApiError>;

impl Ask<'_> {
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            host: Host::Api,
            method,
            path: path.into(),
            body: None,
            auth: Auth::Own,
            hidden: None,
        }
    }

    pub(super) fn with_body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Method and path, for people; there is no secret in either.
    fn describe(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl Client {
    /// Asks and reads the answer as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, ask: &Ask<'_>) -> Result<T, ApiError> {
        let bytes = self.bytes(ask).await?;
        serde_json::from_slice(&bytes).map_err(|error| ApiError::Unreadable {
            request: ask.describe(),
            // What the parser says may quote the answer, which may hold a secret.
            reason: format!(
                "it is not the JSON that was expected (line {}, column {})",
                error.line(),
                error.column()
            ),
        })
    }

    /// Asks and reads the answer whole.
    pub(super) async fn bytes(&self, ask: &Ask<'_>) -> Result<Bytes, ApiError> {
        self.answer(ask).await.map(|(_, bytes)| bytes)
    }

    /// Asks and reads the answer whole, with its status. What only reads is repeated when that may
    /// help; anything else only while it was certainly not sent.
    pub(super) async fn answer(&self, ask: &Ask<'_>) -> Answer {
        let backoff = self.0.observers.backoff;
        let mut attempt = 1;
        loop {
            let started = Instant::now();
            let result = self.once(ask).await;
            self.observe(ask, &result, started);
            let error = match result {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let may_repeat = ask.method == Method::GET || matches!(error, ApiError::NotSent(_));
            let asked = error.retry_after().unwrap_or_default();
            if !may_repeat
                || !error.is_transient()
                || attempt >= backoff.tries
                || asked > LONGEST_WAIT
            {
                return Err(error);
            }
            let next_in = backoff.jittered(attempt).max(asked);
            attempt += 1;
            if let Some(observer) = &self.0.observers.on_retry {
                observer(Retry {
                    what: ask.describe(),
                    attempt,
                    of: Some(backoff.tries),
                    left: None,
                    reason: error.to_string(),
                    next_in,
                });
            }
            tokio::time::sleep(next_in).await;
        }
    }

    fn observe(&self, ask: &Ask<'_>, result: &Answer, started: Instant) {
        let Some(observer) = &self.0.observers.on_request else { return };
        let status = match result {
            Ok((status, _)) => Some(status.as_u16()),
            Err(error) => error.status(),
        };
        let end = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        observer(format!("{} {end} in {} ms", ask.describe(), started.elapsed().as_millis()));
    }

    /// Asks once, within the limit.
    async fn once(&self, ask: &Ask<'_>) -> Answer {
        let limit = self.0.timeout;
        let server = self.server(ask.host)?;
        let mut sent = false;
        let work = async {
            let response = self.exchange(server, ask, &mut sent).await?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, LARGEST_ANSWER).collect().await;
            let broken = |error: &(dyn std::error::Error + 'static)| {
                self.broken_off(server, ask, &innermost(error))
            };
            if head.status.is_redirection() {
                return Err(self.redirect(server, ask, &head.headers));
            }
            if head.status.is_success() {
                let body = body.map_err(|error| broken(error.as_ref()))?;
                return Ok((head.status, body.to_bytes()));
            }
            // The status says enough when the words of a refusal are lost.
            let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            let words = Words::of(&body, |text| self.hide(ask, text));
            Err(refusal(&ask.describe(), head.status, retry_after(&head.headers), words))
        };
        let result = tokio::time::timeout(limit, work).await;
        let server_name = server.connector.origin().to_string();
        match result {
            Ok(result) => result,
            Err(_) if sent => Err(ApiError::Timeout {
                server: server_name,
                request: ask.describe(),
                after: limit,
            }),
            Err(_) => Err(ConnectError::Timeout { server: server_name, after: limit }.into()),
        }
    }

    /// A kept connection may have been closed by the other side meanwhile. Reading is then simply
    /// done on a new one; what must not be done twice gets a new one at once.
    async fn exchange(
        &self,
        server: &Server,
        ask: &Ask<'_>,
        sent: &mut bool,
    ) -> Result<Response<Incoming>, ApiError> {
        let only_reads = ask.method == Method::GET;
        while let Some(mut connection) =
            if only_reads { server.kept.lock().await.pop() } else { None }
        {
            if !connection.is_ready().await {
                continue;
            }
            *sent = true;
            if let Ok(response) = connection.send(self.request(server, ask)?).await {
                server.keep(connection).await;
                return Ok(response);
            }
        }
        let request = self.request(server, ask)?;
        *sent = false;
        let mut connection = server.connector.connect().await?;
        *sent = true;
        match connection.send(request).await {
            Ok(response) => {
                server.keep(connection).await;
                Ok(response)
            }
            Err(error) => Err(self.broken_off(server, ask, &innermost(&error))),
        }
    }

    fn request(&self, server: &Server, ask: &Ask<'_>) -> Result<Request<Full<Bytes>>, ApiError> {
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(&ask.path)
            .header(HOST, server.connector.origin().authority())
            .header(USER_AGENT, &self.0.user_agent)
            .header(ACCEPT, "application/json");
        let secret = match ask.auth {
            Auth::Nobody => None,
            Auth::Own => Some(self.0.credential.as_ref().and_then(Credential::header)),
            Auth::Secret(secret) => Some(sensitive(secret)),
        };
        if let Some(secret) = secret {
            let secret =
                secret.ok_or_else(|| config("there is no credential that HTTP can carry"))?;
            request = request.header(TOKEN_HEADER, secret);
        }
        // The guide sends this header with a rotation as well, which has no body.
        if ask.method != Method::GET && ask.method != Method::DELETE {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        // Some front ends answer 411 to a POST without a length; hyper sends none for no body.
        if ask.body.is_none() && matches!(ask.method, Method::POST | Method::PUT) {
            request = request.header(CONTENT_LENGTH, 0);
        }
        let body = ask.body.as_ref().map(|body| Full::from(body.to_string())).unwrap_or_default();
        request.body(body).map_err(|error| config(error.to_string()))
    }

    fn server(&self, host: Host) -> Result<&Server, ApiError> {
        match host {
            Host::Api => Ok(&self.0.api),
            Host::Ingest => self.0.ingest.as_deref().ok_or_else(|| {
                config("the address of the ingest host is not known: name it with --ingest-url")
            }),
        }
    }

    /// `text` of others without what `ask` holds in confidence.
    fn hide(&self, ask: &Ask<'_>, text: &str) -> String {
        let credential = match ask.auth {
            Auth::Own => self.credential().map(Credential::secret),
            Auth::Secret(secret) => Some(secret),
            Auth::Nobody => None,
        };
        blotted(text, credential.into_iter().chain(ask.hidden))
    }

    fn redirect(&self, server: &Server, ask: &Ask<'_>, headers: &HeaderMap) -> ApiError {
        let location = headers.get(LOCATION).and_then(|location| location.to_str().ok());
        let target = location.and_then(|location| location.parse::<http::Uri>().ok());
        ApiError::Redirect {
            server: server.connector.origin().to_string(),
            request: ask.describe(),
            target: target.and_then(|target| target.host().map(|host| self.hide(ask, host))),
        }
    }

    fn broken_off(&self, server: &Server, ask: &Ask<'_>, reason: &str) -> ApiError {
        ApiError::BrokenOff {
            server: server.connector.origin().to_string(),
            request: ask.describe(),
            reason: reason.to_owned(),
        }
    }
}

impl Server {
    /// Keeps a connection whose answer is being read; it is ready again when that is done.
    async fn keep(&self, connection: Connection) {
        let mut kept = self.kept.lock().await;
        if kept.len() < MOST_KEPT {
            kept.push(connection);
        }
    }
}

/// The seconds of `Retry-After`; a date is not worth a calendar here.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// hyper's errors say little themselves; what caused them does.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
