//! An address with its credentials apart, so that these are never shown.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderValue, Uri};
use secrecy::{ExposeSecret, SecretString};

use crate::web::Origin;

/// An `http` or `https` URL.
#[derive(Clone)]
pub(super) struct Address {
    url: Uri,
    credentials: Option<SecretString>,
}

impl Address {
    /// Reads a URL; a user and a password in it are taken apart.
    ///
    /// # Errors
    /// When it is no URL with a host. The text is not in the error: it may hold a password.
    pub(super) fn parse(text: &str) -> Result<Self, ()> {
        let (scheme, rest) = text.split_once("://").ok_or(())?;
        let (authority, path) = match rest.find('/') {
            Some(start) => rest.split_at(start),
            None => (rest, ""),
        };
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let url: Uri =
            format!("{scheme}://{host}{}", path.trim_end_matches('/')).parse().map_err(|_| ())?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
            return Err(());
        }
        let credentials = user.map(|user| SecretString::from(decoded(user)));
        Ok(Self { url, credentials })
    }

    /// The URL for people, without credentials.
    pub(super) fn shown(&self) -> String {
        self.url.to_string().trim_end_matches('/').to_owned()
    }

    fn is_secure(&self) -> bool {
        self.url.scheme_str() == Some("https")
    }

    /// Whether nobody can change what it says on the way here.
    pub(super) fn is_protected(&self) -> bool {
        self.is_secure() || self.origin().is_this_computer()
    }

    /// The same with more of a path.
    ///
    /// # Errors
    /// When what comes out is no URL.
    pub(super) fn join(&self, path: &str) -> Result<Self, ()> {
        let url = format!("{}/{path}", self.shown()).parse().map_err(|_| ())?;
        Ok(Self { url, credentials: self.credentials.clone() })
    }

    /// Where a redirect leads. Credentials go along to the same host only, and TLS is not given up.
    pub(super) fn redirected(&self, location: &str) -> Option<Self> {
        let next = if location.contains("://") {
            Self::parse(location).ok()?
        } else if location.starts_with('/') {
            let authority = self.url.authority()?;
            let scheme = self.url.scheme_str()?;
            Self::parse(&format!("{scheme}://{authority}{location}")).ok()?
        } else {
            let (directory, _) = self.url.path().rsplit_once('/')?;
            let authority = self.url.authority()?;
            let scheme = self.url.scheme_str()?;
            Self::parse(&format!("{scheme}://{authority}{directory}/{location}")).ok()?
        };
        if self.is_secure() && !next.is_secure() {
            return None;
        }
        let same = next.url.authority() == self.url.authority();
        Some(Self { credentials: self.credentials.clone().filter(|_| same), ..next })
    }

    /// The server.
    pub(super) fn origin(&self) -> Origin {
        let host = self.url.host().unwrap_or_default();
        let tls = self.is_secure();
        let port = self.url.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Origin { tls, host: host.trim_start_matches('[').trim_end_matches(']').to_owned(), port }
    }

    /// What is asked for at the server.
    pub(super) fn path(&self) -> &str {
        self.url.path_and_query().map_or("/", |path| path.as_str())
    }

    /// The value of an authorization header.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let pair = self.credentials.as_ref()?.expose_secret();
        let pair = if pair.contains(':') { pair.to_owned() } else { format!("{pair}:") };
        let mut value =
            HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(pair))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.shown())
    }
}

/// Undoes the percent signs that a password in a URL needs.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let pair = bytes.get(index + 1..index + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match byte {
            Some(byte) if bytes[index] == b'%' => {
                decoded.push(byte);
                index += 3;
            }
            _ => {
                decoded.push(bytes[index]);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_sent_but_never_shown() {
        let address = Address::parse("https://ann:p%40ss@mirror.example:8443/rhacs/").unwrap();
        assert_eq!(address.shown(), "https://mirror.example:8443/rhacs");
        assert!(!format!("{address:?}").contains("p@ss"));
        let header = address.authorization().unwrap();
        assert_eq!(header.to_str().unwrap(), "Basic YW5uOnBAc3M=");
        assert_eq!(address.join("4.8.3/bin").unwrap().path(), "/rhacs/4.8.3/bin");
    }

    #[test]
    fn redirects_keep_tls_and_keep_credentials_at_home() {
        let address = Address::parse("https://ann:x@a.example/dir/file").unwrap();
        let next = |location: &str| address.redirected(location);
        assert_eq!(next("other").unwrap().shown(), "https://a.example/dir/other");
        assert!(next("/root").unwrap().authorization().is_some());
        assert!(next("https://b.example/x").unwrap().authorization().is_none());
        assert!(next("http://a.example/x").is_none());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "mirror.example", "ftp://x/y", "https://", "socks5://a:1", "https:// x"] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
        let local = Address::parse("http://[::1]/").unwrap();
        assert_eq!((local.origin().host.as_str(), local.origin().port), ("::1", 80));
        assert!(local.is_protected());
        assert!(!Address::parse("http://mirror.example/x").unwrap().is_protected());
    }
}
