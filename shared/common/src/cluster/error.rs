//! Everything that can go wrong between here and the API server.

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

/// Why a request to the API server failed.
///
/// It never holds what a credential plugin printed, nor any other secret.
#[derive(Clone, Debug, Error)]
pub enum ClusterError {
    /// No answer: name resolution, connection or TLS failed, or it broke off.
    #[error("cannot reach the API server at `{server}`: {reason}")]
    Unreachable {
        /// The server's URL.
        server: String,
        /// Why, for people.
        reason: String,
        /// What part of the way failed.
        stage: Stage,
    },
    /// The credentials were refused (401).
    #[error("the API server refused the credentials")]
    Unauthorized {
        /// The server's words.
        message: String,
    },
    /// The user may not do this (403), or an admission plugin forbids it.
    #[error("{message}")]
    Forbidden {
        /// The server's words.
        message: String,
    },
    /// No such object, or no such kind of object (404).
    #[error("{message}")]
    NotFound {
        /// The server's words.
        message: String,
    },
    /// The object changed in the meantime, or a precondition does not hold (409).
    #[error("{message}")]
    Conflict {
        /// The server's words.
        message: String,
    },
    /// There already is an object of that name (409).
    #[error("{message}")]
    AlreadyExists {
        /// The server's words.
        message: String,
    },
    /// The resource version or the continue token is too old (410).
    #[error("{message}")]
    Gone {
        /// The server's words.
        message: String,
    },
    /// The object is not valid (422).
    #[error("{message}")]
    Invalid {
        /// The server's words.
        message: String,
        /// Each single fault: `spec.replicas: …`.
        causes: Vec<String>,
    },
    /// The server asks to slow down (429).
    #[error("{message}")]
    TooManyRequests {
        /// The server's words.
        message: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// Any other status.
    #[error("the API server answered {status}: {message}")]
    Server {
        /// The HTTP status.
        status: u16,
        /// The machine-readable reason, such as `InternalError`; may be empty.
        reason: String,
        /// The server's words.
        message: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// No answer in time.
    #[error("the API server did not answer within {} s", .after.as_secs())]
    Timeout {
        /// The server's URL.
        server: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The user asked to stop while the server was away.
    #[error("interrupted while the API server was away: {reason}")]
    Interrupted {
        /// Why the last attempt failed.
        reason: String,
    },
    /// The flags or the kubeconfig do not describe a usable connection.
    #[error("{message}")]
    Config {
        /// What is wrong, for people.
        message: String,
    },
    /// The answer is not what the API promises.
    #[error("cannot read the API server's answer to {what}: {reason}")]
    Decode {
        /// What was asked.
        what: String,
        /// Why it cannot be read.
        reason: String,
    },
}

/// Where a connection failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// Before anything was sent: name resolution or TCP.
    Connect,
    /// TLS: the server's certificate is not trusted or does not fit.
    Certificate,
    /// Running the credential plugin of the kubeconfig or reading its result.
    Credentials,
    /// After the request was, perhaps, sent.
    Exchange,
}

impl ClusterError {
    /// What the API server said, without our words around it; ours when it said nothing.
    #[must_use]
    pub fn status_message(&self) -> String {
        match self {
            Self::Server { message, .. } if !message.is_empty() => message.clone(),
            Self::Unauthorized { message } if !message.is_empty() => message.clone(),
            other => other.to_string(),
        }
    }

    /// Whether the object or kind does not exist.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether another try may succeed without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { stage, .. } => {
                matches!(stage, Stage::Connect | Stage::Exchange)
            }
            Self::TooManyRequests { .. } | Self::Timeout { .. } => true,
            Self::Server { status: 502..=504, .. } => true,
            Self::Server { status: 500, reason, message, .. } => {
                reason == "ServerTimeout" || is_passing_fault(message)
            }
            _ => false,
        }
    }

    /// Whether the request certainly was not carried out, so that any request may be repeated.
    #[must_use]
    pub(super) const fn was_not_carried_out(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { stage: Stage::Connect, .. } | Self::TooManyRequests { .. }
        )
    }

    /// When the server wants to be asked again.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { retry_after, .. } | Self::Server { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    /// Reads an error answer: `status` of HTTP and its body, a `metav1.Status` or anything else.
    #[must_use]
    pub(super) fn from_answer(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(answer) if answer["kind"] == "Status" || answer["message"].is_string() => {
                Self::from_status(status, &answer, retry_after)
            }
            _ => Self::classify(status, "", crate::web::words(body), Vec::new(), retry_after),
        }
    }

    /// Reads a `metav1.Status`, as error answers and watches carry it.
    #[must_use]
    pub(super) fn from_status(code: u16, answer: &Value, after: Option<Duration>) -> Self {
        let code = answer["code"].as_u64().and_then(|code| code.try_into().ok()).unwrap_or(code);
        let reason = answer["reason"].as_str().unwrap_or_default();
        let message = answer["message"].as_str().unwrap_or_default().to_owned();
        let causes = answer["details"]["causes"].as_array().into_iter().flatten();
        let causes = causes
            .filter_map(|cause| {
                let text = cause["message"].as_str()?;
                Some(match cause["field"].as_str() {
                    Some(field) if !field.is_empty() => format!("{field}: {text}"),
                    _ => text.to_owned(),
                })
            })
            .collect();
        let after = after
            .or_else(|| answer["details"]["retryAfterSeconds"].as_u64().map(Duration::from_secs));
        Self::classify(code, reason, message, causes, after)
    }

    fn classify(
        status: u16,
        reason: &str,
        message: String,
        causes: Vec<String>,
        retry_after: Option<Duration>,
    ) -> Self {
        let message = if message.is_empty() { format!("status {status}") } else { message };
        match (status, reason) {
            (401, _) => Self::Unauthorized { message },
            (403, _) => Self::Forbidden { message },
            (404, _) => Self::NotFound { message },
            (409, "AlreadyExists") => Self::AlreadyExists { message },
            (409, _) => Self::Conflict { message },
            (410, _) | (_, "Expired" | "Gone") => Self::Gone { message },
            (422, _) => Self::Invalid { message, causes },
            (429, _) => Self::TooManyRequests { message, retry_after },
            _ => Self::Server { status, reason: reason.to_owned(), message, retry_after },
        }
    }
}

/// Whether an internal error is one of the store or of a webhook that passes by itself. It says
/// nothing about whether the request was carried out.
fn is_passing_fault(message: &str) -> bool {
    let store =
        ["etcdserver: leader changed", "etcdserver: no leader", "etcdserver: request timed out"];
    let webhook_was_slow =
        message.contains("failed calling webhook") && message.contains("context deadline exceeded");
    webhook_was_slow || store.iter().any(|fault| message.contains(fault))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_told_apart_by_code_and_reason() {
        let read = |code: u16, reason: &str| {
            let body = json!({"kind": "Status", "code": code, "reason": reason, "message": "m"});
            ClusterError::from_answer(code, body.to_string().as_bytes(), None)
        };
        assert!(matches!(read(409, "AlreadyExists"), ClusterError::AlreadyExists { .. }));
        assert!(matches!(read(409, "Conflict"), ClusterError::Conflict { .. }));
        assert!(matches!(read(410, "Expired"), ClusterError::Gone { .. }));
        assert!(matches!(read(404, "NotFound"), ClusterError::NotFound { .. }));
        assert!(read(500, "ServerTimeout").is_transient());
        assert!(!read(500, "InternalError").is_transient());
        assert!(read(503, "").is_transient());
        assert!(!read(403, "Forbidden").is_transient());
    }

    #[test]
    fn only_internal_errors_that_pass_by_themselves_are_transient() {
        let is_transient = |code: u16, message: &str| {
            let body = json!({"kind": "Status", "code": code, "reason": "InternalError",
                              "message": message});
            ClusterError::from_answer(code, body.to_string().as_bytes(), None).is_transient()
        };
        for (message, expected) in [
            ("etcdserver: leader changed", true),
            ("rpc error: code = Unavailable desc = etcdserver: request timed out", true),
            (
                "Internal error occurred: failed calling webhook \"x.y\": failed to call webhook: \
              Post \"https://x\": context deadline exceeded",
                true,
            ),
            ("failed calling webhook \"x\": x509: certificate signed by unknown authority", false),
            ("Internal error occurred: jsonpatch add operation does not apply", false),
        ] {
            assert_eq!(is_transient(500, message), expected, "{message}");
        }
        assert!(!is_transient(507, "etcdserver: leader changed"));
    }

    #[test]
    fn each_single_fault_of_an_object_is_named() {
        let body = json!({
            "kind": "Status", "code": 422, "reason": "Invalid", "message": "Deployment is invalid",
            "details": {"causes": [{"field": "spec.replicas", "message": "must be positive"}]},
        });
        let error = ClusterError::from_answer(422, body.to_string().as_bytes(), None);
        let ClusterError::Invalid { causes, .. } = error else { unreachable!("{error}") };
        assert_eq!(causes, ["spec.replicas: must be positive"]);
    }

    #[test]
    fn a_page_of_a_proxy_is_told_by_its_title() {
        let page = format!("<html>\n  <h1>Bad   Gateway</h1>{}", "x".repeat(9000));
        let error = ClusterError::from_answer(502, page.as_bytes(), None);
        let text = error.to_string();
        let expected = "the API server answered 502: a page with the title `Bad Gateway`";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.len() < 500 && error.is_transient());
    }
}
