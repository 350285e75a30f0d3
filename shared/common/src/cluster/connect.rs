//! From the flags and the kubeconfig to a client.

use std::ffi::OsStr;
use std::path::Path;

use kube::Config;
use kube::config::{AuthInfo, Kubeconfig};

use super::args::ConnectionArgs;
use super::error::ClusterError;
use super::options::Options;
use super::{chosen, in_cluster, kubeconfig, redact, transport};
use crate::web::{Proxy, Trust};

/// How to reach an API server, and as whom.
#[derive(Debug)]
pub(super) struct Way {
    /// Server, credentials, headers. kube is given no authority and no proxy: it would do less with
    /// them, and ask the environment on its own.
    pub(super) config: Config,
    /// Whose certificates are trusted.
    pub(super) trust: Trust,
    /// The proxy that the kubeconfig names.
    pub(super) proxy_url: Option<String>,
    /// The proxy on the way.
    pub(super) proxy: Option<Proxy>,
}

/// Works out what the flags, the kubeconfig and the environment ask for.
pub(super) fn configuration(args: &ConnectionArgs, options: &Options) -> Result<Way, ClusterError> {
    let variable = |name: &str| std::env::var(name).ok();
    let mut way = base(args, variable)?;
    apply_flags(&mut way, args)?;
    way.proxy = proxy(&way, variable)?;
    let config = &mut way.config;
    // No authority at all, instead of the computer's: see `Way`.
    config.root_cert = Some(Vec::new());
    config.root_cert_file = None;
    config.accept_invalid_certs = false;
    config.default_retry = false;
    config.connect_timeout = Some(options.connect_timeout);
    let agent = http::HeaderValue::from_str(&options.user_agent)
        .map_err(|_| wrong(format!("`{}` is no user agent", options.user_agent)))?;
    config.headers.push((http::header::USER_AGENT, agent));
    Ok(way)
}

/// The proxy of the kubeconfig, which counts for every server; or that of the environment, which
/// has exceptions.
fn proxy(
    way: &Way,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, ClusterError> {
    if let Some(url) = &way.proxy_url {
        let proxy = Proxy::parse(url);
        return proxy.map(Some).map_err(|reason| wrong(format!("`proxy-url`: {reason}")));
    }
    let Some(origin) = transport::origin(&way.config.cluster_url) else { return Ok(None) };
    Proxy::from_environment(&origin, variable).map_err(wrong)
}

/// The way before flags.
fn base(
    args: &ConnectionArgs,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Way, ClusterError> {
    let names_nothing = args.context.is_none() && args.cluster.is_none() && args.user.is_none();
    let Some(kubeconfig) = kubeconfig::read(args.kubeconfig.as_deref())? else {
        return without_kubeconfig(args, variable);
    };
    let has_context = kubeconfig.current_context.as_deref().is_some_and(|name| !name.is_empty());
    if !has_context && let Some(server) = args.server.as_deref().filter(|_| names_nothing) {
        return at(server);
    }
    if names_nothing
        && is_empty(&kubeconfig)
        && let Some(way) = in_cluster::find(Path::new(in_cluster::DIRECTORY), variable)?
    {
        return Ok(way);
    }
    chosen::way(&kubeconfig, args)
}

/// A server about which nothing else is known.
fn at(server: &str) -> Result<Way, ClusterError> {
    let config = Config::new(parse_server(server)?);
    Ok(Way { config, trust: Trust::computer(), proxy_url: None, proxy: None })
}

/// Whether it says nothing, as an empty file does.
fn is_empty(kubeconfig: &Kubeconfig) -> bool {
    kubeconfig.contexts.is_empty()
        && kubeconfig.clusters.is_empty()
        && kubeconfig.current_context.as_deref().is_none_or(str::is_empty)
}

/// Without a kubeconfig: the server of the flags, or the cluster this process runs in.
fn without_kubeconfig(
    args: &ConnectionArgs,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Way, ClusterError> {
    if let Some(server) = &args.server {
        return at(server);
    }
    for (kind, name) in [("context", &args.context), ("cluster", &args.cluster)] {
        if let Some(name) = name {
            return Err(wrong(format!("there is no kubeconfig, and so no {kind} `{name}`")));
        }
    }
    let found = in_cluster::find(Path::new(in_cluster::DIRECTORY), variable)?;
    found.ok_or_else(|| no_kubeconfig(std::env::var_os("KUBECONFIG").as_deref()))
}

/// Says which files `KUBECONFIG` names, none of which is there, or that there are none.
fn no_kubeconfig(list: Option<&OsStr>) -> ClusterError {
    let Some(list) = list.filter(|list| !list.is_empty()) else {
        return wrong(
            "there is no kubeconfig: none at `~/.kube/config`, in `KUBECONFIG` or given with \
             `--kubeconfig`",
        );
    };
    let named: Vec<String> =
        std::env::split_paths(list).map(|path| format!("`{}`", path.display())).collect();
    wrong(format!("there is no kubeconfig: `KUBECONFIG` names {}, not there", named.join(", ")))
}

fn apply_flags(way: &mut Way, args: &ConnectionArgs) -> Result<(), ClusterError> {
    if let Some(server) = &args.server {
        way.config.cluster_url = parse_server(server)?;
    }
    if let Some(name) = &args.tls_server_name {
        way.config.tls_server_name = Some(name.clone());
    }
    if let Some(path) = &args.certificate_authority {
        way.trust = read_certificates(path)?;
    }
    if args.insecure_skip_tls_verify {
        if args.certificate_authority.is_some() {
            return Err(wrong(
                "`--certificate-authority` and `--insecure-skip-tls-verify` exclude each other",
            ));
        }
        way.trust = Trust::anybody();
    }
    apply_credentials(&mut way.config, args)
}

/// kubectl takes the token of a `tokenFile` without the white space around it, such as the new line
/// that `kubectl create token` prints; kube takes the file as it is. One that has some is read once
/// and for all: what renews such files for pods writes none.
fn trim_token_file(auth: &mut AuthInfo) {
    let Some(path) = &auth.token_file else { return };
    // One that cannot be read is told when the connection is made.
    let Ok(text) = std::fs::read_to_string(path) else { return };
    if text.trim() != text {
        auth.token = Some(text.trim().to_owned().into());
        auth.token_file = None;
    }
}

fn apply_credentials(config: &mut Config, args: &ConnectionArgs) -> Result<(), ClusterError> {
    let auth = &mut config.auth_info;
    if args.brings_credentials() {
        // What the flags bring replaces the kubeconfig's way, which might ask for a password.
        auth.exec = None;
        auth.auth_provider = None;
        auth.username = None;
        auth.password = None;
        auth.token = None;
        auth.token_file = None;
    }
    trim_token_file(auth);
    if let Some(token) = &args.token {
        auth.token = Some(token.clone());
    }
    let readable = |path: &Path| match std::fs::metadata(path) {
        Ok(_) => Ok(Some(path.display().to_string())),
        Err(error) => Err(wrong(format!("cannot read `{}`: {error}", path.display()))),
    };
    if let Some(path) = &args.client_certificate {
        auth.client_certificate = readable(path)?;
        auth.client_certificate_data = None;
    }
    if let Some(path) = &args.client_key {
        auth.client_key = readable(path)?;
        auth.client_key_data = None;
    }
    if args.impersonate.is_none()
        && (args.impersonate_uid.is_some() || !args.impersonate_groups.is_empty())
    {
        return Err(wrong("`--as-group` and `--as-uid` need `--as`"));
    }
    if let Some(user) = &args.impersonate {
        auth.impersonate = Some(user.clone());
        auth.impersonate_uid = args.impersonate_uid.clone();
        auth.impersonate_groups =
            Some(args.impersonate_groups.clone()).filter(|groups| !groups.is_empty());
        auth.impersonate_user_extra = None;
    }
    Ok(())
}

fn read_certificates(path: &Path) -> Result<Trust, ClusterError> {
    let named = |why: String| wrong(format!("cannot read `{}`: {why}", path.display()));
    let pem = std::fs::read(path).map_err(|error| named(error.to_string()))?;
    Trust::authority(&pem).map_err(named)
}

pub(super) fn parse_server(text: &str) -> Result<http::Uri, ClusterError> {
    // As with kubectl, an address without a scheme is one of plain HTTP only on the command line
    // of old; HTTPS is the only safe reading.
    let url = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let malformed =
        || wrong(format!("`{}` is no address of an API server", redact::without_user(text)));
    let parsed: http::Uri = url.parse().map_err(|_| malformed())?;
    match parsed.scheme_str() {
        Some("http" | "https") if parsed.host().is_some() => Ok(parsed),
        _ => Err(malformed()),
    }
}

pub(super) fn wrong(message: impl Into<String>) -> ClusterError {
    ClusterError::Config { message: message.into() }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::cluster::server_clock::ServerClock;
    use crate::cluster::warnings::Warnings;

    fn kubeconfig() -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = r"
apiVersion: v1
kind: Config
clusters:
- {name: one, cluster: {server: 'https://one:6443', insecure-skip-tls-verify: true}}
- {name: two, cluster: {server: 'https://two:6443', tls-server-name: api}}
contexts:
- {name: a, context: {cluster: one, user: exec, namespace: elsewhere}}
users:
- {name: exec, user: {exec: {
    apiVersion: client.authentication.k8s.io/v1, command: sh, args: ['-c', 'echo canary; exit 1'],
    env: [{name: PASSWORD, value: canary}]}}}
- {name: plain, user: {token: from-file}}
current-context: a
";
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn configured(change: impl FnOnce(&mut ConnectionArgs)) -> Result<Way, ClusterError> {
        let file = kubeconfig();
        let mut args =
            ConnectionArgs { kubeconfig: Some(file.path().into()), ..ConnectionArgs::default() };
        change(&mut args);
        configuration(&args, &Options::default())
    }

    #[test]
    fn every_flag_acts_on_the_configuration() {
        let config = configured(|args| {
            args.server = Some("https://three:8443".to_owned());
            args.token = Some("secret".to_owned().into());
            args.tls_server_name = Some("kubernetes".to_owned());
            args.impersonate = Some("eve".to_owned());
            args.impersonate_groups = vec!["ops".to_owned()];
            args.impersonate_uid = Some("7".to_owned());
        })
        .unwrap()
        .config;
        assert_eq!(config.cluster_url.to_string(), "https://three:8443/");
        assert_eq!(config.tls_server_name.as_deref(), Some("kubernetes"));
        let auth = &config.auth_info;
        assert_eq!(auth.token.as_ref().map(ExposeSecret::expose_secret), Some("secret"));
        assert!(auth.exec.is_none(), "a token on the command line replaces the plugin");
        assert_eq!(auth.impersonate.as_deref(), Some("eve"));
        assert_eq!(auth.impersonate_groups.as_deref(), Some(&["ops".to_owned()][..]));
        assert_eq!(auth.impersonate_uid.as_deref(), Some("7"));
        assert!(!config.default_retry);
        assert_eq!(config.headers[0].0, http::header::USER_AGENT);
    }

    #[test]
    fn a_token_file_that_ends_with_a_new_line_is_no_bad_token() {
        for (text, in_memory) in [("canary\n", Some("canary")), ("canary", None)] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            let path = file.path().display().to_string();
            let mut auth = AuthInfo { token_file: Some(path), ..AuthInfo::default() };
            trim_token_file(&mut auth);
            assert_eq!(auth.token.as_ref().map(ExposeSecret::expose_secret), in_memory, "{text:?}");
            assert_eq!(auth.token_file.is_none(), in_memory.is_some(), "{text:?}");
        }
    }

    #[test]
    fn context_cluster_and_user_choose_from_the_file() {
        let config = configured(|args| {
            args.cluster = Some("two".to_owned());
            args.user = Some("plain".to_owned());
        })
        .unwrap()
        .config;
        assert_eq!(config.cluster_url.host(), Some("two"));
        assert_eq!(config.tls_server_name.as_deref(), Some("api"));
        assert!(config.auth_info.token.is_some());
        let error = configured(|args| args.context = Some("b".to_owned())).unwrap_err();
        assert_eq!(error.to_string(), "the kubeconfig has no context `b`");
    }

    #[test]
    fn a_kubeconfig_that_is_not_there_is_named() {
        let list = std::env::join_paths(["/none/a", "/none/b"]).unwrap();
        let message = no_kubeconfig(Some(&list)).to_string();
        assert!(message.contains("`/none/a`, `/none/b`, not there"), "{message}");
        assert!(no_kubeconfig(None).to_string().contains("~/.kube/config"));
    }

    #[test]
    fn contradictions_are_refused() {
        let error = configured(|args| args.impersonate_uid = Some("7".to_owned()));
        assert_eq!(error.unwrap_err().to_string(), "`--as-group` and `--as-uid` need `--as`");
        let error = configured(|args| args.server = Some("ftp://x".to_owned()));
        assert_eq!(error.unwrap_err().to_string(), "`ftp://x` is no address of an API server");
        let error = configured(|args| args.certificate_authority = Some("/nowhere".into()));
        assert!(error.unwrap_err().to_string().starts_with("cannot read `/nowhere`: "));
    }

    #[tokio::test]
    async fn a_credential_plugin_that_fails_is_told_without_its_words_and_variables() {
        let way = configured(|_| ()).unwrap();
        let error = transport::client(way, Warnings::default(), ServerClock::default())
            .map(drop)
            .unwrap_err()
            .to_string();
        let expected = "the credential plugin of the kubeconfig failed with exit status: 1";
        assert!(error.ends_with(expected), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
}
