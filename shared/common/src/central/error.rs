//! Everything that can go wrong between here and Central.

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::connection::PORT_FORWARD;
use crate::cluster::ClusterError;
use crate::exit::Exit;
use crate::failure::Failure;

/// Why a request to Central failed. It never holds a credential.
#[derive(Clone, Debug, Error)]
pub enum CentralError {
    /// No answer: name resolution or connection failed, or it broke off.
    #[error("cannot reach Central at `{endpoint}`: {reason}")]
    Unreachable {
        /// Where Central was looked for.
        endpoint: String,
        /// Why, for people.
        reason: String,
    },
    /// The port-forward through the API server failed.
    #[error("cannot reach Central through the API server: {0}")]
    PortForward(#[source] ClusterError),
    /// There is no ready Central pod to connect to.
    #[error("no pod of Central is ready in the namespace `{namespace}`")]
    NoPod {
        /// The namespace.
        namespace: String,
    },
    /// TLS could not be agreed on.
    #[error("cannot trust Central at `{endpoint}`: {reason}")]
    Tls {
        /// Where Central was looked for.
        endpoint: String,
        /// What is wrong with its certificate.
        fault: TlsFault,
        /// Why, for people.
        reason: String,
    },
    /// The credentials were refused, or none were given (401).
    #[error("Central refused the credentials")]
    Unauthorized {
        /// Central's words.
        message: String,
    },
    /// The credentials do not suffice (403).
    #[error("Central does not allow this to the credentials in use: {message}")]
    Forbidden {
        /// Central's words.
        message: String,
    },
    /// Central has no such thing (404).
    #[error("Central has no `{what}`")]
    NotFound {
        /// The path that was asked for.
        what: String,
    },
    /// Central or the way to it is not up (502 to 504).
    #[error("Central is not available: {message}")]
    Unavailable {
        /// The words of whoever answered.
        message: String,
    },
    /// Any other status.
    #[error("Central answered {status}: {message}")]
    Server {
        /// The HTTP status.
        status: u16,
        /// Central's words.
        message: String,
    },
    /// No answer in time.
    #[error("Central did not answer within {} s", .after.as_secs())]
    Timeout {
        /// How long it was waited for.
        after: Duration,
    },
    /// The answer is not what the API promises.
    #[error("cannot read Central's answer to `{what}`: {reason}")]
    Decode {
        /// What was asked.
        what: String,
        /// Why it cannot be read.
        reason: String,
    },
    /// The options describe no usable connection.
    #[error("{message}")]
    Config {
        /// What is wrong.
        message: String,
    },
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TlsFault {
    /// It was signed by an authority that is not trusted.
    UnknownAuthority,
    /// It is for another name.
    WrongName,
    /// It has expired, or is not valid yet.
    Expired,
    /// Anything else, such as a server that does not speak TLS.
    Other,
}

impl CentralError {
    /// Whether another try may succeed without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::NoPod { .. } | Self::Unavailable { .. } => true,
            Self::PortForward(error) => error.is_transient() || error.is_not_found(),
            _ => false,
        }
    }

    /// The failure that ends a command: `context` says what was being done.
    #[must_use]
    pub fn into_failure(self, context: impl Into<String>) -> Failure {
        let exit = match self {
            Self::Config { .. } => Exit::Usage,
            Self::PortForward(ClusterError::Interrupted { .. }) => Exit::Interrupted,
            _ => Exit::Unexpected,
        };
        let mut failure = Failure::new(exit, context).because(self.to_string());
        for hint in self.hints() {
            failure = failure.hint(hint);
        }
        failure
    }

    /// What helps.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Unreachable { endpoint, .. } if endpoint.starts_with(PORT_FORWARD) => {
                "see the log of Central (`kubectl logs deploy/central`), or name an address with \
                 `--endpoint`"
            }
            Self::Unreachable { .. } => {
                "leave out `--endpoint` (and ROX_ENDPOINT) to reach Central through the API server"
            }
            Self::PortForward(error) => return error.hints(),
            Self::NoPod { .. } => "see `kubectl get pods -l app=central` in its namespace",
            Self::Tls { fault: TlsFault::UnknownAuthority, .. } => {
                "name the authority that signed Central's certificate with `--ca FILE`"
            }
            Self::Tls { fault: TlsFault::WrongName, .. } => {
                "name the name in Central's certificate with `--server-name NAME`"
            }
            Self::Tls { fault: TlsFault::Expired, .. } => {
                "renew Central's certificate, or leave out `--endpoint` to reach Central through \
                 the API server"
            }
            Self::Unauthorized { .. } => {
                "create an API token of the role Admin in Central and put it into ROX_API_TOKEN"
            }
            Self::Forbidden { .. } => "use an API token of the role Admin",
            _ => return Vec::new(),
        };
        vec![hint.to_owned()]
    }

    /// Reads an error answer: JSON with `message`, or the page of a proxy.
    pub(super) fn from_answer(what: &str, status: u16, body: &[u8]) -> Self {
        let answer = serde_json::from_slice::<Value>(body).unwrap_or_default();
        let words = ["message", "error"].iter().find_map(|field| answer[*field].as_str());
        let message = match words {
            Some(words) => words.to_owned(),
            None => crate::web::words(body),
        };
        match status {
            401 => Self::Unauthorized { message },
            // Up to 4.1 some answers to bad credentials say that they do not suffice.
            403 if is_unknown_user(&message) => Self::Unauthorized { message },
            403 => Self::Forbidden { message },
            404 => Self::NotFound { what: what.to_owned() },
            502..=504 => Self::Unavailable { message },
            _ => Self::Server { status, message },
        }
    }
}

/// Whether Central says with these words that it knows nobody by the credentials, rather than that
/// somebody may not do something.
fn is_unknown_user(message: &str) -> bool {
    message.contains("credentials not found") || message.contains("token validation failed")
}

/// The beginning of a text on one line.
pub(super) fn one_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(300)]);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let read =
            |status: u16, body: &str| CentralError::from_answer("/x", status, body.as_bytes());
        assert!(matches!(read(401, "{}"), CentralError::Unauthorized { .. }));
        let forbidden = read(403, r#"{"code":7,"message":"access to resource denied"}"#);
        assert!(forbidden.to_string().ends_with("access to resource denied"), "{forbidden}");
        assert_eq!(forbidden.hints(), ["use an API token of the role Admin"]);
        let words = "not authorized: no authorizer could authorize this request: errors: \
                     [credentials not found: token validation failed]";
        let unknown = read(403, &serde_json::json!({"code": 7, "message": words}).to_string());
        assert!(matches!(unknown, CentralError::Unauthorized { .. }), "{unknown:?}");
        assert!(unknown.hints()[0].starts_with("create an API token"), "{:?}", unknown.hints());
        assert!(read(503, "<html>\n down").is_transient());
        let page = read(502, "<html><head><title>502 Bad\n Gateway</title></head><p>secret</p>");
        assert!(page.to_string().ends_with("`502 Bad Gateway`, perhaps of a proxy"), "{page}");
        assert_eq!(read(500, "a\nb").to_string(), "Central answered 500: a b");
    }
}
