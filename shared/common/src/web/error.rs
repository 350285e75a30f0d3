//! Why there is no connection; nothing was sent to the server, certainly.

use std::time::Duration;

use thiserror::Error;

use crate::central::TlsFault;

/// Why no connection to a server could be opened. It never holds a credential.
#[derive(Clone, Debug, Error)]
pub enum ConnectError {
    /// Name resolution or the connection failed.
    #[error("cannot reach `{server}`: {reason}")]
    Unreachable {
        /// The server's address.
        server: String,
        /// Why, for people.
        reason: String,
    },
    /// No connection in time.
    #[error("cannot reach `{server}` within {} s", .after.as_secs())]
    Timeout {
        /// The server's address.
        server: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The proxy cannot be reached or does not speak its protocol.
    #[error("cannot use the proxy `{proxy}`: {reason}")]
    Proxy {
        /// The proxy's address, without user name and password.
        proxy: String,
        /// Why, for people.
        reason: String,
    },
    /// The proxy answered, with a refusal.
    #[error("the proxy `{proxy}` refused a connection to `{target}` with status {status}")]
    ProxyRefused {
        /// The proxy's address, without user name and password.
        proxy: String,
        /// The HTTP status it answered; 407 wants credentials for the proxy itself.
        status: u16,
        /// What it was asked to connect to.
        target: String,
    },
    /// TLS could not be agreed on.
    #[error("cannot trust `{server}`: {reason}")]
    Tls {
        /// The server's or the proxy's address.
        server: String,
        /// What is wrong with its certificate.
        fault: TlsFault,
        /// Why, for people.
        reason: String,
    },
}

impl ConnectError {
    /// Whether another try may succeed without anybody changing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Proxy { .. } => true,
            Self::ProxyRefused { status, .. } => *status >= 500,
            // It was waited for long enough already.
            Self::Timeout { .. } | Self::Tls { .. } => false,
        }
    }
}
