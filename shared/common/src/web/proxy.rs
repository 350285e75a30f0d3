//! The proxy that the environment names, and the tunnel through it.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::error::ConnectError;
use super::no_proxy::is_excepted;
use super::origin::{Origin, split_port};

/// The longest answer to `CONNECT` that is read.
const LARGEST_HEAD: usize = 16 << 10;

/// A proxy that tunnels.
#[derive(Clone)]
pub struct Proxy {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    authorization: Option<SecretString>,
}

impl Proxy {
    /// The proxy that the environment names for `origin`, as kubectl and roxctl read it:
    /// `HTTPS_PROXY`, or `HTTP_PROXY` for plain http, in upper or lower case, unless `NO_PROXY`
    /// excepts the server. This is the only place that decides it, for every server.
    ///
    /// # Errors
    /// Says what is wrong with the variable, without what may be a password.
    pub fn from_environment(
        origin: &Origin,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        Self::named(origin, variable, &[])
    }

    /// As [`Self::from_environment`], and `ALL_PROXY` where there is no other, as curl has it.
    ///
    /// # Errors
    /// As there.
    pub fn from_environment_or_all(
        origin: &Origin,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        Self::named(origin, variable, &["ALL_PROXY", "all_proxy"])
    }

    fn named(
        origin: &Origin,
        variable: impl Fn(&str) -> Option<String>,
        others: &[&'static str],
    ) -> Result<Option<Self>, String> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let of_scheme: [&'static str; 2] =
            if origin.tls { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
        let mut names = of_scheme.iter().chain(others);
        let Some((name, value)) = names.find_map(|name| Some((*name, variable(name)?))) else {
            return Ok(None);
        };
        let list = variable("NO_PROXY").or_else(|| variable("no_proxy")).unwrap_or_default();
        if is_excepted(origin, &list) {
            return Ok(None);
        }
        Self::parse(&value).map(Some).map_err(|message| format!("{name}: {message}"))
    }

    /// Reads `http://host:port`, `https://user:password@host` and, as http, `host:port`.
    ///
    /// # Errors
    /// Says what is wrong with it, without what may be a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let rest = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
        let (user, authority) = match rest.rsplit_once('@') {
            Some((user, authority)) => (Some(user), authority),
            None => (None, rest),
        };
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            other => return Err(format!("a proxy of the kind `{other}` is not supported")),
        };
        let (host, port) = split_port(authority, tls)
            .ok_or_else(|| format!("`{authority}` is no address of a proxy"))?;
        let authorization = user.map(|user| {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            let pair = [&percent_decoded(name), &b":"[..], &percent_decoded(password)].concat();
            SecretString::from(format!("Basic {}", BASE64_STANDARD.encode(pair)))
        });
        Ok(Self { tls, host: host.to_owned(), port, authorization })
    }

    /// Asks the proxy on `stream` for a tunnel to `origin`.
    pub(super) async fn tunnel<S>(
        &self,
        stream: &mut S,
        origin: &Origin,
    ) -> Result<(), ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let target = origin.host_and_port();
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(authorization) = &self.authorization {
            let line = format!("Proxy-Authorization: {}\r\n", authorization.expose_secret());
            request.push_str(&line);
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await.map_err(|error| self.failed(&error))?;
        let head = self.head(stream).await?;
        let line = head.lines().next().unwrap_or_default();
        let status = line.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
        match status {
            Some(200..=299) => Ok(()),
            Some(status) => {
                Err(ConnectError::ProxyRefused { proxy: self.to_string(), status, target })
            }
            None => Err(self.failed(&"its answer is not HTTP")),
        }
    }

    /// Reads up to the empty line, byte by byte: what follows belongs to the tunnel.
    async fn head<S: AsyncRead + Unpin>(&self, stream: &mut S) -> Result<String, ConnectError> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = stream.read_u8().await.map_err(|error| self.failed(&error))?;
            head.push(byte);
            if head.len() > LARGEST_HEAD {
                return Err(self.failed(&"its answer has no end"));
            }
        }
        Ok(String::from_utf8_lossy(&head).into_owned())
    }

    pub(super) fn failed(&self, reason: &impl ToString) -> ConnectError {
        ConnectError::Proxy { proxy: self.to_string(), reason: reason.to_string() }
    }
}

/// The address, never the user name or the password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", if self.tls { "https" } else { "http" }, self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_for(url: &str, variables: &[(&str, &str)]) -> Result<Option<Proxy>, String> {
        Proxy::from_environment(&Origin::parse(url).unwrap().0, |wanted| {
            let found = variables.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_names_a_proxy_and_its_exceptions() {
        let url = "https://api.us1.signalfx.com";
        for (variables, expected) in [
            (&[][..], None),
            (&[("HTTPS_PROXY", "http://proxy:3128")], Some("http://proxy:3128")),
            (&[("HTTPS_PROXY", "proxy:3128")], Some("http://proxy:3128")),
            (&[("https_proxy", "proxy:3128/")], Some("http://proxy:3128")),
            (&[("HTTPS_PROXY", ""), ("https_proxy", "lower:1")], Some("http://lower:1")),
            (&[("HTTPS_PROXY", "http://proxy:1/path?query")], Some("http://proxy:1")),
            (&[("HTTPS_PROXY", "proxy:1"), ("NO_PROXY", ".signalfx.com")], None),
            (&[("HTTPS_PROXY", "proxy:1"), ("NO_PROXY", "a,.signalfx.com,")], None),
            // The proxy's own address is no server that is reached without it.
            (&[("HTTPS_PROXY", "proxy:1"), ("NO_PROXY", "proxy,")], Some("http://proxy:1")),
            (
                &[("HTTPS_PROXY", "10.0.0.1:1"), ("NO_PROXY", "10.0.0.0/8")],
                Some("http://10.0.0.1:1"),
            ),
            (&[("HTTP_PROXY", "proxy:1")], None),
            (&[("ALL_PROXY", "https://proxy")], None),
        ] {
            let proxy = proxy_for(url, variables).unwrap();
            let shown = proxy.map(|proxy| proxy.to_string());
            assert_eq!(shown.as_deref(), expected, "{variables:?}");
        }
        assert!(proxy_for("http://localhost:1", &[("HTTP_PROXY", "p:1")]).unwrap().is_none());
        let plain = Origin { tls: false, host: "mirror".to_owned(), port: 80 };
        let of_plain = Proxy::from_environment(&plain, |name| {
            (name == "HTTP_PROXY").then(|| "proxy:1".to_owned())
        });
        assert_eq!(of_plain.unwrap().unwrap().to_string(), "http://proxy:1");
    }

    #[test]
    fn all_proxy_is_for_what_curl_did_before() {
        let origin = Origin::parse("https://x").unwrap().0;
        let variable = |name: &str| (name == "ALL_PROXY").then(|| "https://proxy".to_owned());
        let proxy = Proxy::from_environment_or_all(&origin, variable).unwrap().unwrap();
        assert_eq!(proxy.to_string(), "https://proxy:443");
    }

    #[test]
    fn a_proxys_password_is_sent_to_it_only() {
        let url = "https://eve:can%40ary@proxy:1";
        let proxy = proxy_for("https://x", &[("HTTPS_PROXY", url)]).unwrap().unwrap();
        assert_eq!(format!("{proxy:?}"), "Proxy(https://proxy:1)");
        let header = proxy.authorization.as_ref().unwrap().expose_secret();
        assert_eq!(header, format!("Basic {}", BASE64_STANDARD.encode("eve:can@ary")));
        let message = proxy_for("https://x", &[("HTTPS_PROXY", "socks5://e:canary@p:1")]);
        let message = message.unwrap_err();
        assert!(message.contains("socks5") && !message.contains("canary"), "{message}");
    }

    #[tokio::test]
    async fn a_tunnel_is_asked_for_and_a_refusal_is_the_proxys() {
        let origin = Origin::parse("https://api.us1.signalfx.com").unwrap().0;
        let proxy = Proxy::parse("http://a:b@proxy:3128").unwrap();
        for (answer, refused) in [
            ("HTTP/1.1 200 Connection established\r\nX: y\r\n\r\nrest", None),
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", Some(407)),
        ] {
            let (mut near, mut far) = tokio::io::duplex(4096);
            far.write_all(answer.as_bytes()).await.unwrap();
            let result = proxy.tunnel(&mut near, &origin).await;
            let mut sent = vec![0; 4096];
            let length = far.read(&mut sent).await.unwrap();
            let sent = String::from_utf8_lossy(&sent[..length]);
            assert!(sent.starts_with("CONNECT api.us1.signalfx.com:443 HTTP/1.1\r\n"), "{sent}");
            assert!(sent.contains("Proxy-Authorization: Basic YTpi\r\n"), "{sent}");
            match (result, refused) {
                (Ok(()), None) => {}
                (Err(ConnectError::ProxyRefused { status, .. }), Some(expected)) => {
                    assert_eq!(status, expected);
                }
                (result, _) => panic!("{result:?}"),
            }
        }
    }
}
