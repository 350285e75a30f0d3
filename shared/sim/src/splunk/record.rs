//! The log of requests that tests read: everything that arrived, but no secret.

use http::{HeaderMap, Method, Uri};
use jiff::Timestamp;

use super::CREDENTIAL;
use super::organization::Organization;

/// A request that arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// The HTTP method.
    pub method: String,
    /// The path as it was sent, still encoded.
    pub path: String,
    /// The query as it was sent, without the question mark.
    pub query: String,
    /// The headers by their lower-case names; the credential's value says whose it is.
    pub headers: Vec<(String, String)>,
    /// The body, each secret replaced by what it is of.
    pub body: String,
    /// The HTTP status, or 0 when the connection was cut.
    pub status: u16,
    /// When it was answered, by the clock of this Splunk.
    pub at: Timestamp,
}

impl Record {
    /// A request before it is answered.
    pub(super) fn new(
        organization: &Organization,
        (method, uri, headers): (&Method, &Uri, &HeaderMap),
        body: &[u8],
        now: Timestamp,
    ) -> Self {
        let headers = headers.iter().map(|(name, value)| {
            let value = value.to_str().unwrap_or("(no text)");
            let value = match name.as_str() {
                CREDENTIAL => whose(organization, value),
                _ => organization.without_secrets(value),
            };
            (name.as_str().to_owned(), value)
        });
        let body = match uri.path() {
            // It holds a password.
            "/v2/session" => String::new(),
            _ => organization.without_secrets(&String::from_utf8_lossy(body)),
        };
        Self {
            method: method.as_str().to_owned(),
            path: uri.path().to_owned(),
            query: organization.without_secrets(uri.query().unwrap_or_default()),
            headers: headers.collect(),
            body,
            status: 0,
            at: now,
        }
    }

    /// The method and what was asked for, as in the first line of the request.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { method, path, query, .. } = self;
        if query.is_empty() {
            format!("{method} {path}")
        } else {
            format!("{method} {path}?{query}")
        }
    }

    /// The first value of a header, by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Whose credential a value is, in place of the value.
fn whose(organization: &Organization, value: &str) -> String {
    let known = organization.without_secrets(value);
    match known {
        _ if value.is_empty() => "(empty)".to_owned(),
        unchanged if unchanged == value => "(unknown)".to_owned(),
        known => known,
    }
}
