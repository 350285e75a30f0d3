//! From the flags and the kubeconfig to a client.

use std::ffi::OsStr;
use std::path::Path;

use kube::client::ClientBuilder;
use kube::config::{
    AuthInfo, Context, KubeConfigOptions, Kubeconfig, KubeconfigError, NamedContext,
};
use kube::{Client, Config};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tower::util::MapResponseLayer;

use super::args::ConnectionArgs;
use super::error::ClusterError;
use super::options::Options;
use super::server_clock::ServerClock;
use super::warnings::Warnings;
use super::{kubeconfig, proxy, redact};

/// Builds the configuration that the flags and the kubeconfig ask for.
pub(super) async fn configuration(
    args: &ConnectionArgs,
    options: &Options,
) -> Result<Config, ClusterError> {
    let (mut config, explicit_proxy) = base(args).await?;
    if !explicit_proxy && proxy::is_bypassed(&config.cluster_url, |name| std::env::var(name).ok()) {
        config.proxy_url = None;
    }
    apply_flags(&mut config, args)?;
    config.default_retry = false;
    config.connect_timeout = Some(options.connect_timeout);
    let agent = http::HeaderValue::from_str(&options.user_agent)
        .map_err(|_| wrong(format!("`{}` is no user agent", options.user_agent)))?;
    config.headers.push((http::header::USER_AGENT, agent));
    Ok(config)
}

/// Builds the client: kube's own stack, and a layer that collects what headers tell.
pub(super) fn client(
    config: Config,
    warnings: Warnings,
    clock: ServerClock,
) -> Result<Client, ClusterError> {
    let server = redact::url(&config.cluster_url);
    let builder =
        ClientBuilder::try_from(config).map_err(|error| redact::kube_error(&error, &server, ""))?;
    let layer = MapResponseLayer::new(move |response: http::Response<_>| {
        warnings.collect(response.headers());
        clock.learn(response.headers());
        response
    });
    Ok(builder.with_layer(&layer).build())
}

/// The configuration before flags, and whether the kubeconfig names a proxy itself.
async fn base(args: &ConnectionArgs) -> Result<(Config, bool), ClusterError> {
    let kubeconfig = kubeconfig::read(args.kubeconfig.as_deref())?;
    let names_nothing = args.context.is_none() && args.cluster.is_none() && args.user.is_none();
    let Some(mut kubeconfig) = kubeconfig else {
        return without_kubeconfig(args).map(|config| (config, false));
    };
    if kubeconfig.current_context.as_deref().is_none_or(str::is_empty) && args.context.is_none() {
        if let Some(server) = args.server.as_deref().filter(|_| names_nothing) {
            return Ok((Config::new(parse_server(server)?), false));
        }
        adopt_context(&mut kubeconfig, args);
    }
    let explicit_proxy = proxy_of(&kubeconfig, args).is_some();
    let selection = KubeConfigOptions {
        context: args.context.clone(),
        cluster: args.cluster.clone(),
        user: args.user.clone(),
    };
    let config = Config::from_custom_kubeconfig(kubeconfig, &selection)
        .await
        .map_err(|error| kubeconfig_error(&error))?;
    Ok((config, explicit_proxy))
}

/// Without a kubeconfig: the server of the flags, or the cluster this process runs in.
fn without_kubeconfig(args: &ConnectionArgs) -> Result<Config, ClusterError> {
    if let Some(server) = &args.server {
        return Ok(Config::new(parse_server(server)?));
    }
    Config::incluster().map_err(|_| no_kubeconfig(std::env::var_os("KUBECONFIG").as_deref()))
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

/// kubectl needs no current context when `--cluster` names a cluster; kube's loader does.
fn adopt_context(kubeconfig: &mut Kubeconfig, args: &ConnectionArgs) {
    let Some(cluster) = &args.cluster else { return };
    let name = "from-flags".to_owned();
    let context =
        Context { cluster: cluster.clone(), user: args.user.clone(), ..Context::default() };
    kubeconfig.contexts.push(NamedContext {
        name: name.clone(),
        context: Some(context),
        ..NamedContext::default()
    });
    kubeconfig.current_context = Some(name);
}

fn proxy_of<'a>(kubeconfig: &'a Kubeconfig, args: &ConnectionArgs) -> Option<&'a str> {
    let context_name = args.context.as_ref().or(kubeconfig.current_context.as_ref())?;
    let context = kubeconfig.contexts.iter().find(|context| &context.name == context_name)?;
    let cluster_name =
        args.cluster.as_ref().or_else(|| Some(&context.context.as_ref()?.cluster))?;
    let cluster = kubeconfig.clusters.iter().find(|cluster| &cluster.name == cluster_name)?;
    cluster.cluster.as_ref()?.proxy_url.as_deref().filter(|url| !url.is_empty())
}

fn apply_flags(config: &mut Config, args: &ConnectionArgs) -> Result<(), ClusterError> {
    if let Some(server) = &args.server {
        config.cluster_url = parse_server(server)?;
    }
    if let Some(name) = &args.tls_server_name {
        config.tls_server_name = Some(name.clone());
    }
    if let Some(path) = &args.certificate_authority {
        config.root_cert = Some(read_certificates(path)?);
        config.root_cert_file = None;
        config.accept_invalid_certs = false;
    }
    if args.insecure_skip_tls_verify {
        if args.certificate_authority.is_some() {
            return Err(wrong(
                "`--certificate-authority` and `--insecure-skip-tls-verify` exclude each other",
            ));
        }
        config.accept_invalid_certs = true;
        config.root_cert = None;
        config.root_cert_file = None;
    }
    apply_credentials(config, args)
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

fn read_certificates(path: &Path) -> Result<Vec<Vec<u8>>, ClusterError> {
    let named = |why: String| wrong(format!("cannot read `{}`: {why}", path.display()));
    let pem = std::fs::read(path).map_err(|error| named(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem)
        .map(|certificate| certificate.map(|der| der.to_vec()))
        .collect();
    match certificates {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(named("it holds no certificate in PEM".to_owned())),
    }
}

fn parse_server(text: &str) -> Result<http::Uri, ClusterError> {
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

fn kubeconfig_error(error: &KubeconfigError) -> ClusterError {
    match error {
        KubeconfigError::CurrentContextNotSet => {
            wrong("the kubeconfig has no current context, and `--context` names none")
        }
        KubeconfigError::LoadContext(name) => {
            wrong(format!("the kubeconfig has no context `{name}`"))
        }
        KubeconfigError::LoadClusterOfContext(name) => {
            wrong(format!("the kubeconfig has no cluster `{name}`"))
        }
        other => {
            wrong(format!("cannot use the kubeconfig: {}", redact::first_line(&other.to_string())))
        }
    }
}

fn wrong(message: impl Into<String>) -> ClusterError {
    ClusterError::Config { message: message.into() }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

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

    async fn configured(change: impl FnOnce(&mut ConnectionArgs)) -> Result<Config, ClusterError> {
        let file = kubeconfig();
        let mut args =
            ConnectionArgs { kubeconfig: Some(file.path().into()), ..ConnectionArgs::default() };
        change(&mut args);
        configuration(&args, &Options::default()).await
    }

    #[tokio::test]
    async fn every_flag_acts_on_the_configuration() {
        let config = configured(|args| {
            args.server = Some("https://three:8443".to_owned());
            args.token = Some("secret".to_owned().into());
            args.tls_server_name = Some("kubernetes".to_owned());
            args.impersonate = Some("eve".to_owned());
            args.impersonate_groups = vec!["ops".to_owned()];
            args.impersonate_uid = Some("7".to_owned());
        })
        .await
        .unwrap();
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

    #[tokio::test]
    async fn context_cluster_and_user_choose_from_the_file() {
        let config = configured(|args| {
            args.cluster = Some("two".to_owned());
            args.user = Some("plain".to_owned());
        })
        .await
        .unwrap();
        assert_eq!(config.cluster_url.host(), Some("two"));
        assert_eq!(config.tls_server_name.as_deref(), Some("api"));
        assert!(config.auth_info.token.is_some());
        let error = configured(|args| args.context = Some("b".to_owned())).await.unwrap_err();
        assert_eq!(error.to_string(), "the kubeconfig has no context `b`");
    }

    #[test]
    fn a_kubeconfig_that_is_not_there_is_named() {
        let list = std::env::join_paths(["/none/a", "/none/b"]).unwrap();
        let message = no_kubeconfig(Some(&list)).to_string();
        assert!(message.contains("`/none/a`, `/none/b`, not there"), "{message}");
        assert!(no_kubeconfig(None).to_string().contains("~/.kube/config"));
    }

    #[tokio::test]
    async fn contradictions_are_refused() {
        let error = configured(|args| args.impersonate_uid = Some("7".to_owned())).await;
        assert_eq!(error.unwrap_err().to_string(), "`--as-group` and `--as-uid` need `--as`");
        let error = configured(|args| args.server = Some("ftp://x".to_owned())).await;
        assert_eq!(error.unwrap_err().to_string(), "`ftp://x` is no address of an API server");
        let error = configured(|args| args.certificate_authority = Some("/nowhere".into())).await;
        assert!(error.unwrap_err().to_string().starts_with("cannot read `/nowhere`: "));
    }

    #[tokio::test]
    async fn a_credential_plugin_that_fails_is_told_without_its_words_and_variables() {
        let config = configured(|_| ()).await.unwrap();
        let error = client(config, Warnings::default(), ServerClock::default())
            .map(drop)
            .unwrap_err()
            .to_string();
        let expected = "the credential plugin of the kubeconfig failed with exit status: 1";
        assert!(error.ends_with(expected), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
}
