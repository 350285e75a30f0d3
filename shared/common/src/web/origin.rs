//! The beginning of a URL: scheme, host, port.

use std::fmt;
use std::net::IpAddr;

/// Where a server is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// Whether TLS is spoken: `https`.
    pub tls: bool,
    /// A name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Origin {
    /// Splits a URL into its origin and the path after it, which may be empty.
    ///
    /// # Errors
    /// Says what is wrong: another scheme than `https` and `http`, a user name or password, a
    /// query, or plain `http` to another computer, which would carry credentials in clear text.
    pub fn parse(url: &str) -> Result<(Self, &str), String> {
        let shown = url.rsplit_once('@').map_or(url, |(_, rest)| rest);
        let malformed = || format!("`{shown}` is no address such as https://host");
        let (scheme, rest) = url.split_once("://").ok_or_else(malformed)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(malformed()),
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        if url.contains('@') {
            return Err(format!("`{shown}` may not come with a user name or a password"));
        }
        if url.contains(['?', '#']) || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(malformed());
        }
        let (host, port) = split_port(authority, tls).ok_or_else(malformed)?;
        let origin = Self { tls, host: host.to_ascii_lowercase(), port };
        if !tls && !origin.is_this_computer() {
            return Err(format!(
                "`{shown}` would carry credentials in clear text: use https, plain http is for \
                 this computer only"
            ));
        }
        Ok((origin, path))
    }

    /// Whether it is a loopback address or `localhost`.
    #[must_use]
    pub fn is_this_computer(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// The value of the `Host` header, and how people see the host: without the scheme's own port.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == default_port(self.tls) {
            bracketed(&self.host)
        } else {
            self.host_and_port()
        }
    }

    /// `host:port`, the port always said.
    pub(super) fn host_and_port(&self) -> String {
        format!("{}:{}", bracketed(&self.host), self.port)
    }
}

/// A host as it stands before a port: addresses of IPv6 in brackets.
pub(super) fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }
}

/// Splits `host`, `host:port`, `[::1]`, `[::1]:port`.
pub(super) fn split_port(authority: &str, tls: bool) -> Option<(&str, u16)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) };
            (host, port)
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        None => default_port(tls),
    };
    (!host.is_empty()).then_some((host, port))
}

const fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_split_and_shown() {
        for (url, shown, path) in [
            ("https://api.us1.signalfx.com", "https://api.us1.signalfx.com", ""),
            ("HTTPS://API.us1.signalfx.com:443/v2", "https://api.us1.signalfx.com", "/v2"),
            ("https://h:8443/", "https://h:8443", "/"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", ""),
            ("http://[::1]:80/x", "http://[::1]", "/x"),
        ] {
            let (origin, rest) = Origin::parse(url).unwrap();
            assert_eq!((origin.to_string().as_str(), rest), (shown, path), "{url}");
        }
    }

    #[test]
    fn what_is_no_safe_address_is_refused() {
        for url in [
            "",
            "api.us1.signalfx.com",
            "ftp://x",
            "https://",
            "https://x:0",
            "https://x:y",
            "https://x?y",
            "http://10.0.0.1",
            "http://localhost.example.com",
            "https://a b",
        ] {
            assert!(Origin::parse(url).is_err(), "{url}");
        }
        let message = Origin::parse("https://eve:canary@x").unwrap_err();
        assert!(!message.contains("canary"), "{message}");
    }
}
