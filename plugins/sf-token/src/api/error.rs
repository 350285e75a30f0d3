//! Everything that can go wrong between here and the API, and whether it may have happened anyway.

use std::time::Duration;

use common::central::TlsFault;
use common::exit::Exit;
use common::failure::Failure;
use common::web::ConnectError;
use http::StatusCode;
use thiserror::Error;

use super::answer::Words;

/// Why a request to the API has no good answer. It never holds a credential or a secret.
#[derive(Clone, Debug, Error)]
pub enum ApiError {
    /// There was no connection: the request was not sent.
    #[error(transparent)]
    NotSent(#[from] ConnectError),
    /// The request was sent, and then the connection broke off.
    #[error(
        "the connection to `{server}` broke off before the answer to `{request}` was there: {reason}"
    )]
    BrokenOff {
        /// The API's address.
        server: String,
        /// The request's method and path.
        request: String,
        /// Why, for people.
        reason: String,
    },
    /// The request was sent, and no answer came in time.
    #[error("`{server}` did not answer `{request}` within {} s", .after.as_secs())]
    Timeout {
        /// The API's address.
        server: String,
        /// The request's method and path.
        request: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The answer leads elsewhere, where the credential is not sent.
    #[error("`{server}` answers `{request}` with a redirect{}, which is not followed: the credential stays with the host it is for", to(.target.as_deref()))]
    Redirect {
        /// The API's address.
        server: String,
        /// The request's method and path.
        request: String,
        /// The host it leads to, when the answer tells.
        target: Option<String>,
    },
    /// The API, or something on the way to it, answered with an error.
    #[error("`{request}` was answered with {status}{}", said(.words))]
    Refused {
        /// The request's method and path.
        request: String,
        /// The HTTP status.
        status: u16,
        /// What the answer says.
        words: Words,
        /// How long the server asks to wait before another try.
        retry_after: Option<Duration>,
    },
    /// The answer was a success that cannot be read: what was asked for was done.
    #[error("the answer to `{request}` cannot be read: {reason}")]
    Unreadable {
        /// The request's method and path.
        request: String,
        /// Why, for people, without any of the answer.
        reason: String,
    },
    /// There is no usable request, such as a credential that HTTP cannot carry.
    #[error("{message}")]
    Config {
        /// What is wrong.
        message: String,
    },
}

/// What a failed request may have done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Nothing: it was not sent, or the API refused it.
    NotDone,
    /// It may have been carried out; only asking the API tells.
    Unknown,
    /// It was carried out, and only the answer is lost.
    Done,
}

impl ApiError {
    /// What the request may have done. Whoever changes something must not repeat it before
    /// knowing.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::NotSent(_) | Self::Config { .. } | Self::Redirect { .. } => Outcome::NotDone,
            Self::BrokenOff { .. } | Self::Timeout { .. } => Outcome::Unknown,
            Self::Unreadable { .. } => Outcome::Done,
            Self::Refused { status, words, .. } => match status {
                408 | 500.. => Outcome::Unknown,
                // The API reports some of its own failures as 400.
                400 if words.text.to_ascii_lowercase().contains("try again") => Outcome::Unknown,
                _ => Outcome::NotDone,
            },
        }
    }

    /// The HTTP status, when there was an answer.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether there is no such thing (404).
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self.status(), Some(404))
    }

    /// Whether reading once more may succeed without anybody changing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::NotSent(error) => error.is_transient(),
            Self::BrokenOff { .. } | Self::Timeout { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500 | 502..=504),
            _ => false,
        }
    }

    /// How long the server asks to wait before another try.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The failure that ends a command: `context` says what was being done.
    #[must_use]
    pub fn into_failure(self, context: impl Into<String>) -> Failure {
        let exit = match self {
            Self::Config { .. } => Exit::Usage,
            _ => Exit::Unexpected,
        };
        self.explain(Failure::new(exit, context))
    }

    /// The failure that ends a command before it changes anything.
    #[must_use]
    pub fn into_blocked(self, context: impl Into<String>) -> Failure {
        match self {
            Self::Config { .. } => self.into_failure(context),
            _ => self.explain(Failure::new(Exit::Blocked, context)),
        }
    }

    fn explain(&self, failure: Failure) -> Failure {
        let failure = failure.because(self.to_string());
        self.hints().into_iter().fold(failure, Failure::hint)
    }

    /// What helps.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let hints: &[&str] = match self {
            Self::NotSent(error) => connect_hints(error),
            Self::Refused { request, status, words, .. } => {
                return refusal_hints(request, *status, words);
            }
            Self::Redirect { .. } => {
                &["name the API's own address with `--api-url` or `--realm`; a login page of a \
                   network may also answer like this"]
            }
            Self::BrokenOff { request, .. }
            | Self::Timeout { request, .. }
            | Self::Unreadable { request, .. }
                if changes_a_token(request) =>
            {
                &["see `sf-token get NAME`: the request may have been carried out"]
            }
            Self::Unreadable { .. } => &[IS_IT_THE_API],
            Self::BrokenOff { .. } | Self::Timeout { .. } => &[],
            Self::Config { .. } => &[],
        };
        hints.iter().map(|hint| (*hint).to_owned()).collect()
    }
}

const IS_IT_THE_API: &str = "is this the API's address? see `--api-url` and `--realm`";
const ADMINS_ONLY: &str = "this needs the session token of an admin; an organization's own access \
                           token only sees itself";

fn connect_hints(error: &ConnectError) -> &'static [&'static str] {
    match error {
        ConnectError::Unreachable { .. } | ConnectError::Timeout { .. } => {
            &["is the realm right? where only some hosts may be reached, try the other domain: \
               `--domain signalfx.com` or `--domain observability.splunkcloud.com`"]
        }
        ConnectError::Proxy { .. } => {
            &["see HTTPS_PROXY; NO_PROXY names the hosts that are reached without it"]
        }
        ConnectError::ProxyRefused { status: 407, .. } => {
            &["this is the proxy's refusal, not Splunk's: HTTPS_PROXY needs a user name and a \
               password, as `http://user:password@proxy:port`"]
        }
        ConnectError::ProxyRefused { .. } => &[
            "this is the proxy's refusal, not Splunk's: it has to allow CONNECT to this host, or \
               NO_PROXY has to name the host",
        ],
        ConnectError::Tls { fault: TlsFault::UnknownAuthority, .. } => {
            &["where a proxy looks into TLS, name its authority with `--ca FILE`"]
        }
        ConnectError::Tls { .. } => &[IS_IT_THE_API],
    }
}

/// What helps against a refusal: what its status means, then whose it may be.
fn refusal_hints(request: &str, status: u16, words: &Words) -> Vec<String> {
    let mut hints = status_hints(status).to_vec();
    if status == 401 && changes_a_token(request) {
        // Who is known but not allowed is answered with 401 by some, with 403 by others.
        hints.push(ADMINS_ONLY);
    }
    if words.is_page {
        hints.push(
            "the answer is a web page: a proxy or a gateway may have answered instead of the API; \
             compare `--api-url` or `--realm` with what the product shows under Settings > your \
             name > Organizations",
        );
    }
    hints.into_iter().map(str::to_owned).collect()
}

/// Whether a request, as errors name it, would have changed a token.
fn changes_a_token(request: &str) -> bool {
    request
        .split_once(' ')
        .is_some_and(|(method, path)| method != "GET" && path.starts_with("/v2/token"))
}

const fn status_hints(status: u16) -> &'static [&'static str] {
    match status {
        401 => &[
            "the credential is wrong, has expired or is of another realm: a session token copied \
             from the product ends with its session, any other after 30 days",
            "copy a new one from Settings > your name > User API Access Token, or get one with \
             `sf-token login`",
        ],
        403 => &[ADMINS_ONLY, "see whose credential is in use with `sf-token whoami`"],
        404 => &["names are case-sensitive, and a wrong realm answers like this too"],
        407 => &["a proxy wants credentials: see HTTPS_PROXY"],
        429 => &["too many requests: wait a little"],
        502..=504 => &["see the state of the service on status.REALM.signalfx.com"],
        _ => &[],
    }
}

fn to(target: Option<&str>) -> String {
    target.map(|target| format!(" to `{target}`")).unwrap_or_default()
}

fn said(words: &Words) -> String {
    if words.text.is_empty() { String::new() } else { format!(": {}", words.text) }
}

/// The refusal that an answer with `status` is.
pub(super) fn refusal(
    request: &str,
    status: StatusCode,
    retry_after: Option<Duration>,
    words: Words,
) -> ApiError {
    ApiError::Refused { request: request.to_owned(), status: status.as_u16(), words, retry_after }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> ApiError {
        let status = StatusCode::from_u16(status).unwrap();
        refusal("PUT /v2/token/a", status, None, Words::of(body.as_bytes(), str::to_owned))
    }

    #[test]
    fn what_may_have_been_done_is_told_from_what_was_not() {
        let lost = ApiError::BrokenOff {
            server: "s".to_owned(),
            request: "r".to_owned(),
            reason: "x".to_owned(),
        };
        let unsent = ApiError::NotSent(ConnectError::Unreachable {
            server: "s".to_owned(),
            reason: "x".to_owned(),
        });
        assert_eq!(lost.outcome(), Outcome::Unknown);
        assert_eq!(unsent.outcome(), Outcome::NotDone);
        for (status, body, outcome) in [
            (400, r#"{"message":"A token with the same name already exists!"}"#, Outcome::NotDone),
            (400, r#"{"message":"Unable to update. Please try again later."}"#, Outcome::Unknown),
            (401, "", Outcome::NotDone),
            (403, "<html>", Outcome::NotDone),
            (429, "", Outcome::NotDone),
            (500, "", Outcome::Unknown),
            (504, "", Outcome::Unknown),
        ] {
            assert_eq!(answered(status, body).outcome(), outcome, "{status} {body}");
        }
    }

    #[test]
    fn a_refusal_says_whose_it_is_and_what_helps() {
        let failure = answered(401, "\"Invalid token specified.\"").into_failure("cannot list");
        let text = failure.render();
        assert!(text.contains("answered with 401: Invalid token specified."), "{text}");
        assert!(text.contains("sf-token login"), "{text}");
        let text = answered(403, "<html><title>Forbidden</title>").into_failure("x").render();
        assert!(text.contains("session token of an admin"), "{text}");
        let proxy = ApiError::NotSent(ConnectError::ProxyRefused {
            proxy: "http://p:1".to_owned(),
            status: 407,
            target: "api:443".to_owned(),
        });
        let text = proxy.into_failure("x").render();
        assert!(text.contains("the proxy's refusal, not Splunk's"), "{text}");
    }

    const BODIES: [&str; 4] = [r#"{"message":"x"}"#, "\"x\"", "<html><title>x</title>", ""];

    #[test]
    fn who_may_not_change_a_token_is_told_so_whatever_the_answer_looks_like() {
        for status in [401, 403] {
            for body in BODIES {
                let hints = answered(status, body).hints();
                assert!(hints.iter().any(|hint| hint == ADMINS_ONLY), "{status} {body}: {hints:?}");
            }
        }
        let read = refusal("GET /v2/token/a", StatusCode::UNAUTHORIZED, None, Words::default());
        assert!(!read.hints().iter().any(|hint| hint == ADMINS_ONLY));
    }

    #[test]
    fn a_page_is_told_after_what_its_status_means() {
        for (status, meaning) in
            [(401, "the credential is wrong"), (404, "case-sensitive"), (502, "the state of")]
        {
            let hints = answered(status, BODIES[2]).hints();
            assert!(hints[0].contains(meaning), "{hints:?}");
            assert!(hints.last().unwrap().contains("web page"), "{hints:?}");
            assert!(!answered(status, BODIES[0]).hints().concat().contains("web page"));
        }
    }

    #[test]
    fn only_a_request_that_changes_something_may_have_been_carried_out() {
        let lost = |request: &str| ApiError::Timeout {
            server: "s".to_owned(),
            request: request.to_owned(),
            after: Duration::from_secs(1),
        };
        assert!(lost("POST /v2/token/a/rotate").hints()[0].contains("carried out"));
        assert_eq!(lost("GET /v2/token/a").hints(), Vec::<String>::new());
        assert_eq!(lost("POST /v2/event").hints(), Vec::<String>::new());
    }
}
