//! One request to the API server: time-outs, retries, and reading the answer.

use std::time::{Duration, Instant};

use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;

use super::error::ClusterError;
use super::options::Retry;
use super::patience::Attempts;
use super::{Cluster, redact};

/// What is asked of the API server.
pub(super) struct Call {
    method: Method,
    path: String,
    accept: &'static str,
    body: Option<(&'static str, Vec<u8>)>,
    idempotent: bool,
}

impl Call {
    /// Reads `path`, a path with its query.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into(), true)
    }

    /// Sends `body` to `path`; repeated only when it cannot have been carried out.
    pub(super) fn send(method: Method, path: impl Into<String>, body: &Value) -> Self {
        let mut call = Self::new(method, path.into(), false);
        call.body = Some(("application/json", body.to_string().into_bytes()));
        call
    }

    /// The media type of the body, where it is not plain JSON.
    pub(super) fn content_type(mut self, media_type: &'static str) -> Self {
        if let Some(body) = &mut self.body {
            body.0 = media_type;
        }
        self
    }

    /// The media type that is asked for.
    pub(super) const fn accept(mut self, media_type: &'static str) -> Self {
        self.accept = media_type;
        self
    }

    /// Carrying it out twice does no harm.
    pub(super) const fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = idempotent;
        self
    }

    const fn new(method: Method, path: String, idempotent: bool) -> Self {
        Self { method, path, accept: "application/json", body: None, idempotent }
    }

    /// The request in a few words, such as `GET /apis/apps/v1/…`, without its query.
    fn describe(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method)
    }

    fn request(&self) -> Result<Request<Body>, ClusterError> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(ACCEPT, self.accept);
        let body = match &self.body {
            Some((media_type, bytes)) => {
                request = request.header(CONTENT_TYPE, *media_type);
                Body::from(bytes.clone())
            }
            None => Body::empty(),
        };
        request.body(body).map_err(|error| ClusterError::Config {
            message: format!("`{}` is no valid path: {error}", self.path),
        })
    }
}

impl Cluster {
    /// Makes the call and reads the answer as JSON.
    pub(super) async fn json(&self, call: Call) -> Result<Value, ClusterError> {
        let bytes = self.bytes(&call).await?;
        serde_json::from_slice(&bytes).map_err(|error| ClusterError::Decode {
            what: format!("`{}`", call.describe()),
            reason: error.to_string(),
        })
    }

    /// Makes the call and reads the answer whole.
    pub(super) async fn bytes(&self, call: &Call) -> Result<Vec<u8>, ClusterError> {
        self.with_retries(call, || async {
            let exchange = async {
                let response = self.exchange(call).await?;
                self.collect(response).await
            };
            self.within_limit(exchange).await
        })
        .await
    }

    /// Makes the call and returns the answer as soon as its head is there, for streams. The time
    /// limit holds for the head only.
    pub(super) async fn stream(&self, call: &Call) -> Result<Response<Body>, ClusterError> {
        self.with_retries(call, || self.within_limit(self.exchange(call))).await
    }

    async fn with_retries<T, F>(
        &self,
        call: &Call,
        attempt_once: impl Fn() -> F,
    ) -> Result<T, ClusterError>
    where
        F: Future<Output = Result<T, ClusterError>>,
    {
        let mut attempts = Attempts::new(self.options.backoff, self.patience.as_deref());
        loop {
            let error = match attempt_once().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(again) = attempts.after(&error, call.idempotent) else { return Err(error) };
            if let Some(observer) = &self.options.on_retry {
                observer(Retry {
                    what: call.describe(),
                    attempt: again.attempt,
                    of: again.of,
                    left: again.left,
                    reason: error.to_string(),
                    next_in: again.next_in,
                });
            }
            attempts.pause(again, &error).await?;
        }
    }

    async fn exchange(&self, call: &Call) -> Result<Response<Body>, ClusterError> {
        let started = Instant::now();
        let result = self.client.send(call.request()?).await;
        let status = match &result {
            Ok(response) => response.status().as_u16().to_string(),
            Err(_) => "failed".to_owned(),
        };
        if let Some(observer) = &self.options.on_request {
            let took = started.elapsed().as_millis();
            observer(format!("{} {} {status} in {took} ms", call.method, call.path));
        }
        let response =
            result.map_err(|error| redact::kube_error(&error, &self.server, &call.describe()))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let after = retry_after(response.headers());
        let body = self.collect(response).await.unwrap_or_default();
        Err(ClusterError::from_answer(status.as_u16(), &body, after))
    }

    async fn collect(&self, response: Response<Body>) -> Result<Vec<u8>, ClusterError> {
        match response.into_body().collect().await {
            Ok(body) => Ok(body.to_bytes().to_vec()),
            Err(error) => Err(redact::transport_error(&error, &self.server)),
        }
    }

    async fn within_limit<T>(
        &self,
        work: impl Future<Output = Result<T, ClusterError>>,
    ) -> Result<T, ClusterError> {
        let Some(limit) = self.timeout else { return work.await };
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => Err(ClusterError::Timeout { server: self.server.to_string(), after: limit }),
        }
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// A query string that grows: `Query::new().with("limit", "500")`.
#[derive(Default)]
pub(super) struct Query(String);

impl Query {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter.
    pub(super) fn with(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.0.push(if self.0.is_empty() { '?' } else { '&' });
        self.0.push_str(name);
        self.0.push('=');
        for byte in value.as_ref().bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    self.0.push(char::from(byte));
                }
                other => self.0.push_str(&format!("%{other:02X}")),
            }
        }
        self
    }

    /// Adds a parameter when there is a value.
    pub(super) fn with_some(self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// `path` with this query.
    pub(super) fn on(self, path: &str) -> String {
        format!("{path}{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_encoded() {
        let query = Query::new()
            .with("labelSelector", "app in (a,b)")
            .with_some("continue", None::<&str>)
            .with("limit", "500");
        assert_eq!(query.on("/x"), "/x?labelSelector=app%20in%20%28a%2Cb%29&limit=500");
    }
}
