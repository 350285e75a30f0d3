//! How to reach Central and with which credentials, from flags and roxctl's variables.

use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use crate::failure::Failure;
use crate::web::{Origin, Proxy};

/// The flags about Central. Secrets come from variables or files only: arguments are visible to
/// every user of the computer.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Central options")]
pub struct CentralArgs {
    /// Central's address as host:port or URL [env: ROX_ENDPOINT, ROX_CENTRAL_ADDRESS; default: a
    /// port-forward through the API server]
    #[arg(short, long, value_name = "ADDRESS", global = true)]
    pub endpoint: Option<String>,

    /// File with an API token of the role Admin [env: ROX_API_TOKEN_FILE; the token itself:
    /// ROX_API_TOKEN; a password: ROX_ADMIN_PASSWORD]
    #[arg(long, value_name = "FILE", global = true)]
    pub token_file: Option<PathBuf>,

    /// File with the certificate of the authority that signed Central's [env: ROX_CA_CERT_FILE]
    #[arg(long, value_name = "FILE", global = true)]
    pub ca: Option<PathBuf>,

    /// Name to expect in Central's certificate [env: ROX_SERVER_NAME]
    #[arg(long, value_name = "NAME", global = true)]
    pub server_name: Option<String>,

    /// Do not check Central's certificate (insecure) [env: ROX_INSECURE_CLIENT_SKIP_TLS_VERIFY]
    #[arg(long, global = true)]
    pub central_insecure_skip_tls_verify: bool,
}

/// What [`CentralArgs`] and the variables come to.
#[derive(Clone, Debug, Default)]
pub struct CentralOptions {
    /// Where Central is; none for a port-forward.
    pub endpoint: Option<Endpoint>,
    /// Who we are; none for anonymous requests only.
    pub credentials: Option<Credentials>,
    /// Certificates of the authority the user named, in PEM.
    pub ca: Option<Vec<u8>>,
    /// The name to expect in the certificate.
    pub server_name: Option<String>,
    /// The certificate is not checked.
    pub insecure: bool,
    /// The proxy that the environment names for the endpoint.
    pub proxy: Option<Proxy>,
}

/// Where Central is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// A name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether TLS is spoken; only `http://` turns it off, and only for this computer.
    pub tls: bool,
}

/// Who we are for Central.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// An API token.
    Token(SecretString),
    /// The password of the user `admin`.
    AdminPassword(SecretString),
}

impl CentralArgs {
    /// Completes the flags with the variables of the environment, as roxctl does, and reads the
    /// files they name.
    ///
    /// # Errors
    ///
    /// A usage failure for a contradiction, an unreadable file or a malformed address.
    pub fn resolve(
        &self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<CentralOptions, Failure> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let address = self
            .endpoint
            .clone()
            .or_else(|| variable("ROX_ENDPOINT"))
            .or_else(|| variable("ROX_CENTRAL_ADDRESS"));
        let ca = self.ca.clone().or_else(|| variable("ROX_CA_CERT_FILE").map(PathBuf::from));
        let endpoint = address.as_deref().map(Endpoint::parse).transpose()?;
        let proxy = match &endpoint {
            Some(endpoint) => Proxy::from_environment(&endpoint.origin(), variable),
            None => Ok(None),
        };
        Ok(CentralOptions {
            endpoint,
            proxy: proxy.map_err(|reason| {
                Failure::usage("cannot use the proxy of the environment").because(reason)
            })?,
            credentials: self.credentials(&variable)?,
            ca: ca.map(|path| read(&path)).transpose()?,
            server_name: self.server_name.clone().or_else(|| variable("ROX_SERVER_NAME")),
            insecure: self.central_insecure_skip_tls_verify
                || variable("ROX_INSECURE_CLIENT_SKIP_TLS_VERIFY").is_some_and(|on| on == "true"),
        })
    }

    fn credentials(
        &self,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Credentials>, Failure> {
        let file = match &self.token_file {
            Some(path) => Some(path.clone()),
            None => variable("ROX_API_TOKEN_FILE").map(PathBuf::from),
        };
        // The flag beats the variables; among these the token itself beats the file.
        let token = match (&self.token_file, variable("ROX_API_TOKEN")) {
            (None, Some(token)) => Some(token),
            _ => file.map(|path| read_token(&path)).transpose()?,
        };
        let password = variable("ROX_ADMIN_PASSWORD");
        match (token, password) {
            (Some(_), Some(_)) => Err(Failure::usage(
                "cannot use an API token and a password for Central at the same time",
            )
            .hint("unset ROX_ADMIN_PASSWORD, or ROX_API_TOKEN and ROX_API_TOKEN_FILE")),
            (Some(token), None) => {
                let token = token.trim();
                if token.is_empty() {
                    return Err(Failure::usage("the API token for Central is empty"));
                }
                if token.contains(char::is_whitespace) {
                    return Err(Failure::usage("the API token for Central is not one word"));
                }
                Ok(Some(Credentials::Token(SecretString::from(token.to_owned()))))
            }
            (None, Some(password)) => {
                Ok(Some(Credentials::AdminPassword(SecretString::from(password))))
            }
            (None, None) => Ok(None),
        }
    }
}

impl Credentials {
    /// The value of the `Authorization` header.
    pub(super) fn header(&self) -> SecretString {
        SecretString::from(match self {
            Self::Token(token) => format!("Bearer {}", token.expose_secret()),
            Self::AdminPassword(password) => {
                let pair = format!("admin:{}", password.expose_secret());
                format!("Basic {}", BASE64_STANDARD.encode(pair))
            }
        })
    }
}

impl Endpoint {
    /// Reads `host:port`, `https://host`, `http://host:port` and gRPC's `dns:///host:port`.
    ///
    /// # Errors
    ///
    /// A usage failure when it is none of these, the port is missing, or credentials would leave
    /// this computer in clear text.
    pub fn parse(address: &str) -> Result<Self, Failure> {
        let (scheme, rest) = match address.split_once("://") {
            Some(("https", rest)) => (Some("https"), rest),
            Some(("http", rest)) => (Some("http"), rest),
            Some(("dns" | "passthrough", rest)) => (None, rest.trim_start_matches('/')),
            Some(_) => return Err(malformed(address)),
            None => (None, address),
        };
        let authority = rest.trim_end_matches('/');
        if authority.contains(['/', '@', '?', '#']) {
            return Err(malformed(address));
        }
        let bracketed = authority.starts_with('[');
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !bracketed || host.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let port = match (port, scheme) {
            (Some(port), _) => port.parse().map_err(|_| malformed(address))?,
            (None, Some("http")) => 80,
            (None, Some(_)) => 443,
            (None, None) => return Err(malformed(address)),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || (host.contains(':') && !bracketed) {
            return Err(malformed(address));
        }
        let tls = scheme != Some("http");
        if !tls && !is_this_computer(host) {
            return Err(Failure::usage(format!(
                "`http://{host}` would carry the credentials for Central in clear text"
            ))
            .hint(format!("use `https://{host}`; `http://` is for this computer only")));
        }
        Ok(Self { host: host.to_owned(), port, tls })
    }
}

impl Endpoint {
    /// The same as the beginning of a URL.
    pub(super) fn origin(&self) -> Origin {
        Origin { tls: self.tls, host: self.host.clone(), port: self.port }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

fn is_this_computer(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn malformed(address: &str) -> Failure {
    // What stands before an `@` may be a password.
    let address = address.rsplit_once('@').map_or(address, |(_, rest)| rest);
    Failure::usage(format!("`{address}` is no address of Central"))
        .hint("write it as `central.example.com:443` or `https://central.example.com`")
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path)
        .map_err(|error| Failure::usage(format!("cannot read `{}`: {error}", path.display())))
}

fn read_token(path: &std::path::Path) -> Result<String, Failure> {
    let bytes = read(path)?;
    String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format!("`{}` holds no API token", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn resolved(args: &CentralArgs, variables: &[(&str, &str)]) -> Result<CentralOptions, Failure> {
        args.resolve(|wanted| {
            let found = variables.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn addresses_are_read_as_roxctl_reads_them() {
        for (text, host, port, tls) in [
            ("central.example.com:443", "central.example.com", 443, true),
            ("https://central.example.com", "central.example.com", 443, true),
            ("https://central.example.com:8443/", "central.example.com", 8443, true),
            ("http://localhost:8080", "localhost", 8080, false),
            ("dns:///central:8443", "central", 8443, true),
            ("[::1]:8443", "::1", 8443, true),
        ] {
            let expected = Endpoint { host: host.to_owned(), port, tls };
            assert_eq!(Endpoint::parse(text).unwrap(), expected, "{text}");
        }
        for text in ["central.example.com", "ftp://x:1", "x:port", ":443", "a:b@c:443", "::1:8443"]
        {
            assert_eq!(Endpoint::parse(text).unwrap_err().exit(), Exit::Usage, "{text}");
        }
        assert_eq!(Endpoint::parse("[::1]:8443").unwrap().to_string(), "[::1]:8443");
    }

    #[test]
    fn the_proxy_is_the_one_roxctl_uses() {
        let endpoint = ("ROX_ENDPOINT", "central.example.com:443");
        let proxy = ("HTTPS_PROXY", "proxy:3128");
        let named = |variables: &[(&str, &str)]| {
            let proxy = resolved(&CentralArgs::default(), variables).unwrap().proxy;
            proxy.map(|proxy| proxy.to_string())
        };
        assert_eq!(named(&[endpoint, proxy]).as_deref(), Some("http://proxy:3128"));
        assert_eq!(named(&[endpoint, proxy, ("NO_PROXY", "x,.example.com,")]), None);
        assert_eq!(named(&[("ROX_ENDPOINT", "127.0.0.1:8443"), proxy]), None);
        assert_eq!(named(&[proxy]), None, "a port-forward goes to the API server");
        let wrong = [endpoint, ("HTTPS_PROXY", "ftp://eve:canary@proxy:1")];
        let failure = resolved(&CentralArgs::default(), &wrong).unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(failure.render().contains("`ftp`") && !failure.render().contains("canary"));
    }

    #[test]
    fn credentials_leave_this_computer_only_encrypted() {
        for text in ["http://central.example.com", "http://10.0.0.1:8080", "http://localhost.x:80"]
        {
            let failure = Endpoint::parse(text).unwrap_err();
            assert_eq!(failure.exit(), Exit::Usage, "{text}");
            assert!(failure.render().contains("https://"), "{}", failure.render());
        }
        for text in ["http://LOCALHOST", "http://127.0.0.2:8080", "http://[::1]:8080"] {
            assert!(!Endpoint::parse(text).unwrap().tls, "{text}");
        }
        let failure = Endpoint::parse("https://eve:canary@central:443").unwrap_err();
        assert!(!failure.render().contains("canary"), "{}", failure.render());
    }

    #[test]
    fn the_endpoint_of_roxctl_wins_over_that_of_the_guide() {
        let both = [("ROX_ENDPOINT", "a:1"), ("ROX_CENTRAL_ADDRESS", "b:2")];
        let endpoint = |variables: &[(&str, &str)], flag: Option<&str>| {
            let args = CentralArgs { endpoint: flag.map(str::to_owned), ..CentralArgs::default() };
            resolved(&args, variables).unwrap().endpoint.unwrap().host
        };
        assert_eq!(endpoint(&both, None), "a");
        assert_eq!(endpoint(&both[1..], None), "b");
        assert_eq!(endpoint(&both, Some("c:3")), "c");
    }

    #[test]
    fn token_and_password_at_once_are_refused_as_roxctl_refuses_them() {
        let both = [("ROX_API_TOKEN", "canary"), ("ROX_ADMIN_PASSWORD", "canary")];
        let failure = resolved(&CentralArgs::default(), &both).unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(!failure.render().contains("canary"));
    }

    #[test]
    fn a_token_is_read_from_its_file_and_never_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "canary\n").unwrap();
        let args = CentralArgs { token_file: Some(file.path().into()), ..CentralArgs::default() };
        let options = resolved(&args, &[("ROX_API_TOKEN", "other")]).unwrap();
        let header = options.credentials.as_ref().unwrap().header();
        assert_eq!(header.expose_secret(), "Bearer canary");
        assert!(!format!("{options:?}").contains("canary"));
        let options = resolved(&CentralArgs::default(), &[("ROX_ADMIN_PASSWORD", "pw")]).unwrap();
        assert_eq!(options.credentials.unwrap().header().expose_secret(), "Basic YWRtaW46cHc=");
    }
}
