//! Requests to a mirror, whose redirects are followed.

use std::time::Duration;

use http::header::{AUTHORIZATION, HOST, IF_RANGE, LOCATION, RANGE, USER_AGENT};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};

use super::address::Address;
use super::error::RoxctlError;
use crate::env::Env;
use crate::web::{Connector, Proxy, Trust};

/// More than this is no list of checksums.
const LARGEST_LIST: usize = 1 << 20;
const REDIRECTS: u32 = 5;

/// How mirrors are talked to; cheap to clone.
#[derive(Clone, Debug)]
pub struct Http {
    env: Env,
    trust: Trust,
    patience: Duration,
}

/// Where a download goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct Offset {
    /// The bytes that are there already.
    pub(super) bytes: u64,
    /// What the server calls this state of the file; without it there is nothing to go on with.
    pub(super) validator: Option<HeaderValue>,
}

impl Http {
    /// Prepares requests through the proxies that `env` names; `patience` is the longest time for
    /// a connection, and again for an answer to begin.
    #[must_use]
    pub fn new(env: &Env, trust: Trust, patience: Duration) -> Self {
        Self { env: env.clone(), trust, patience }
    }

    /// Asks for a small file of text; none when it is not there.
    pub(super) async fn text(&self, address: &Address) -> Result<Option<String>, RoxctlError> {
        let response = self.get(address, &Offset::default()).await?;
        let status = response.status().as_u16();
        if matches!(status, 404 | 410) {
            return Ok(None);
        }
        if !response.status().is_success() {
            return Err(RoxctlError::Refused { place: address.shown(), status });
        }
        let body = Limited::new(response.into_body(), LARGEST_LIST).collect();
        match tokio::time::timeout(self.patience, body).await {
            Ok(Ok(body)) => Ok(Some(String::from_utf8_lossy(&body.to_bytes()).into_owned())),
            Ok(Err(error)) => Err(unreachable(address, &error.to_string())),
            Err(_) => Err(self.too_slow(address)),
        }
    }

    /// Asks for a file, from `offset` on; returns when the head of the answer is there.
    pub(super) async fn get(
        &self,
        address: &Address,
        offset: &Offset,
    ) -> Result<Response<Incoming>, RoxctlError> {
        let mut address = address.clone();
        for _ in 0..REDIRECTS {
            let response = self.once(&address, offset).await?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let next = location.and_then(|location| address.redirected(location));
            address = next.ok_or_else(|| {
                unreachable(&address, "it redirects to an address that is not followed")
            })?;
        }
        Err(unreachable(&address, "it redirects without end"))
    }

    async fn once(
        &self,
        address: &Address,
        offset: &Offset,
    ) -> Result<Response<Incoming>, RoxctlError> {
        let origin = address.origin();
        // Through a proxy, plain HTTP is spoken in a tunnel as well.
        let proxy = Proxy::from_environment_or_all(&origin, |name| self.env.variable(name))
            .map_err(|reason| unreachable(address, &reason))?;
        let connector = Connector::new(origin, self.trust.clone(), proxy, self.patience);
        let request = request(address, offset)?;
        let connected = connector.connect().await;
        let mut connection =
            connected.map_err(|error| RoxctlError::Connect { place: address.shown(), error })?;
        match tokio::time::timeout(self.patience, connection.send(request)).await {
            Ok(answer) => answer.map_err(|error| unreachable(address, &innermost(&error))),
            Err(_) => Err(self.too_slow(address)),
        }
    }

    fn too_slow(&self, address: &Address) -> RoxctlError {
        unreachable(address, &format!("no answer within {} s", self.patience.as_secs_f64()))
    }
}

fn request(address: &Address, offset: &Offset) -> Result<Request<Full<Bytes>>, RoxctlError> {
    let mut request = Request::get(address.path())
        .header(HOST, address.origin().authority())
        .header(USER_AGENT, format!("kubectl-rhacs/{}", crate::SUITE_VERSION));
    if let Some(credentials) = address.authorization() {
        request = request.header(AUTHORIZATION, credentials);
    }
    if let Some(validator) = offset.validator.as_ref().filter(|_| offset.bytes > 0) {
        request =
            request.header(RANGE, format!("bytes={}-", offset.bytes)).header(IF_RANGE, validator);
    }
    request.body(Full::default()).map_err(|error| unreachable(address, &error.to_string()))
}

pub(super) fn unreachable(address: &Address, reason: &str) -> RoxctlError {
    RoxctlError::Unreachable { place: address.shown(), reason: reason.to_owned() }
}

/// hyper's errors say little themselves; what caused them does.
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
