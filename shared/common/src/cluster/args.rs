//! The connection flags of kubectl, and what they do to the configuration of the client.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;

/// The namespace RHACS is installed into unless the user chose another.
pub const DEFAULT_NAMESPACE: &str = "stackrox";

/// How to reach the API server: kubectl's own flags, with kubectl's names and meaning.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection options")]
pub struct ConnectionArgs {
    /// Path to the kubeconfig file to use
    #[arg(long, value_name = "FILE", global = true)]
    pub kubeconfig: Option<PathBuf>,

    /// Name of the kubeconfig context to use
    #[arg(long, value_name = "NAME", global = true)]
    pub context: Option<String>,

    /// Name of the kubeconfig cluster to use
    #[arg(long, value_name = "NAME", global = true)]
    pub cluster: Option<String>,

    /// Name of the kubeconfig user to use
    #[arg(long, value_name = "NAME", global = true)]
    pub user: Option<String>,

    /// Namespace of the RHACS installation (the context's namespace is not looked at)
    #[arg(
        short, long, value_name = "NAME", global = true, default_value = DEFAULT_NAMESPACE,
        value_parser = parse_namespace
    )]
    pub namespace: String,

    /// Address and port of the API server
    // Without a value it is no address: `check --server` has the API server try every write.
    #[arg(
        short, long, value_name = "URL", global = true, num_args = 0..=1,
        default_missing_value = ""
    )]
    pub server: Option<String>,

    /// Bearer token for the API server
    #[arg(long, value_name = "TOKEN", global = true, value_parser = parse_secret)]
    pub token: Option<SecretString>,

    /// User to impersonate
    #[arg(long = "as", value_name = "USER", global = true)]
    pub impersonate: Option<String>,

    /// Group to impersonate (may be given several times)
    #[arg(long = "as-group", value_name = "GROUP", global = true)]
    pub impersonate_groups: Vec<String>,

    /// UID to impersonate
    #[arg(long = "as-uid", value_name = "UID", global = true)]
    pub impersonate_uid: Option<String>,

    /// Certificate file of the authority that signed the API server's certificate
    #[arg(long, value_name = "FILE", global = true)]
    pub certificate_authority: Option<PathBuf>,

    /// Client certificate file for TLS
    #[arg(long, value_name = "FILE", global = true)]
    pub client_certificate: Option<PathBuf>,

    /// Client key file for TLS
    #[arg(long, value_name = "FILE", global = true)]
    pub client_key: Option<PathBuf>,

    /// Do not check the API server's certificate (insecure)
    #[arg(long, global = true)]
    pub insecure_skip_tls_verify: bool,

    /// Server name to expect in the API server's certificate
    #[arg(long, value_name = "NAME", global = true)]
    pub tls_server_name: Option<String>,

    /// Longest time for one request, such as 30s or 2m; 0 waits for ever [default: 30s]
    #[arg(long, value_name = "DURATION", global = true, value_parser = parse_timeout)]
    pub request_timeout: Option<RequestTimeout>,

    /// Log level; 6 and above names every request
    #[arg(short = 'v', long = "v", value_name = "LEVEL", global = true, default_value_t = 0)]
    pub verbosity: u8,
}

/// A limit for one request; none waits for ever.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RequestTimeout(pub Option<Duration>);

impl Default for RequestTimeout {
    fn default() -> Self {
        Self(Some(Duration::from_secs(30)))
    }
}

impl ConnectionArgs {
    /// The namespace meant; the default also for arguments that were not parsed by clap.
    #[must_use]
    pub fn namespace(&self) -> &str {
        if self.namespace.is_empty() { DEFAULT_NAMESPACE } else { &self.namespace }
    }

    /// Whether `--server` was given without an address.
    #[must_use]
    pub fn names_no_server(&self) -> bool {
        self.server.as_deref() == Some("")
    }

    /// The limit for one request.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.request_timeout.unwrap_or_default().0
    }

    /// Whether every request is to be named on standard error.
    #[must_use]
    pub const fn names_requests(&self) -> bool {
        self.verbosity >= 6
    }

    /// Whether credentials of the kubeconfig are replaced by flags.
    pub(super) const fn brings_credentials(&self) -> bool {
        self.token.is_some() || self.client_certificate.is_some() || self.client_key.is_some()
    }
}

fn parse_secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(SecretString::from(text.to_owned()))
}

fn parse_namespace(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edges = !text.starts_with('-') && !text.ends_with('-');
    if text.is_empty() || text.len() > 63 || !edges || !text.chars().all(fits) {
        return Err("a namespace has up to 63 lower-case letters, digits and `-`".to_owned());
    }
    Ok(text.to_owned())
}

/// Reads kubectl's syntax: `0`, plain seconds, or numbers with units such as `1m30s`.
fn parse_timeout(text: &str) -> Result<RequestTimeout, String> {
    let limit = parse_duration(text)?;
    Ok(RequestTimeout((!limit.is_zero()).then_some(limit)))
}

/// Reads a duration as Go and kubectl write it: `90` (seconds), `1m30s`, `1.5h`, `500ms`.
///
/// # Errors
///
/// A message for the user when it is no duration.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration such as 30s, 2m or 1h");
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut rest = text;
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let number: f64 = rest[..end].parse().map_err(|_| wrong())?;
        let unit_end = rest[end..]
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .map_or(rest.len(), |length| end + length);
        let unit = match &rest[end..unit_end] {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        total += number * unit;
        rest = &rest[unit_end..];
    }
    if text.is_empty() {
        return Err(wrong());
    }
    Duration::try_from_secs_f64(total).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        connection: ConnectionArgs,
    }

    #[test]
    fn durations_are_read_as_kubectl_reads_them() {
        for (text, milliseconds) in
            [("0", 0), ("45", 45_000), ("1m30s", 90_000), ("1.5h", 5_400_000), ("500ms", 500)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "m", "5 m", "-3s", "1d", "3s4"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert_eq!(parse_timeout("0"), Ok(RequestTimeout(None)));
    }

    #[test]
    fn the_namespace_is_that_of_the_product_unless_named() {
        let cli = Cli::parse_from(["x"]);
        assert_eq!(cli.connection.namespace(), "stackrox");
        assert_eq!(cli.connection.timeout(), Some(Duration::from_secs(30)));
        let cli = Cli::parse_from(["x", "-n", "rhacs", "--request-timeout=0", "-v=6"]);
        assert_eq!(cli.connection.namespace(), "rhacs");
        assert_eq!(cli.connection.timeout(), None);
        assert!(cli.connection.names_requests());
        assert!(Cli::try_parse_from(["x", "-n", "../etc"]).is_err());
    }

    #[test]
    fn a_token_never_shows() {
        let cli = Cli::parse_from(["x", "--token", "canary"]);
        assert!(!format!("{cli:?}").contains("canary"));
    }
}
