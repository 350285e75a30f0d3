//! Errors of the client library, without anything that may be a secret.

use std::error::Error;
use std::io;

use http::Uri;
use kube::client::AuthError;
use kube::config::KubeconfigError;

use super::error::{ClusterError, Stage};

/// `url` without user name, password and query.
pub(super) fn url(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or("https");
    let authority = url.authority().map_or("", http::uri::Authority::as_str);
    let path = url.path().trim_end_matches('/');
    format!("{scheme}://{}{path}", without_user(authority))
}

/// What a person typed as an address, without what stands before an `@`: it may be a password.
pub(super) fn without_user(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, rest)| rest)
}

/// The first line of a text.
pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// What kube's `error` is about; `what` names the request that failed.
pub(super) fn kube_error(error: &kube::Error, server: &str, what: &str) -> ClusterError {
    match error {
        kube::Error::Api(status) => match serde_json::to_value(status) {
            Ok(answer) => ClusterError::from_status(status.code, &answer, None),
            Err(error) => decode(what, &error.to_string()),
        },
        kube::Error::SerdeError(source) => decode(what, &source.to_string()),
        // A parser shows the lines around an error, and those may be a token.
        kube::Error::InferKubeconfig(KubeconfigError::Parse(_)) => {
            ClusterError::Config { message: "the kubeconfig is not valid YAML of its kind".into() }
        }
        kube::Error::InferKubeconfig(source) => {
            ClusterError::Config { message: first_line(&source.to_string()).to_owned() }
        }
        // kube shows the proxy's URL with its password.
        kube::Error::ProxyProtocolUnsupported { proxy_url }
        | kube::Error::ProxyProtocolDisabled { proxy_url, .. } => ClusterError::Config {
            message: format!("the protocol of the proxy `{}` is not supported", url(proxy_url)),
        },
        other => transport_error(other, server),
    }
}

/// What went wrong on the way to `server`.
pub(super) fn transport_error(error: &(dyn Error + 'static), server: &str) -> ClusterError {
    let (stage, reason) = explain(error);
    ClusterError::Unreachable { server: server.to_owned(), reason, stage }
}

fn explain(error: &(dyn Error + 'static)) -> (Stage, String) {
    let mut stage = Stage::Exchange;
    let mut reason = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(auth) = error.downcast_ref::<AuthError>() {
            return (Stage::Credentials, auth_reason(auth));
        }
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return match tls {
                rustls::Error::InvalidCertificate(_) => (Stage::Certificate, tls.to_string()),
                _ => (stage, tls.to_string()),
            };
        }
        let connecting = error
            .downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect);
        if connecting {
            stage = Stage::Connect;
        }
        error.to_string().clone_into(&mut reason);
        // The source of an I/O error that wraps another error is that one's source: look inside.
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inside {
            Some(inside) => Some(inside),
            None => error.source(),
        };
    }
    (stage, first_line(&reason).to_owned())
}

fn auth_reason(error: &AuthError) -> String {
    match error {
        // The command is left out as well: kube shows it with its variables.
        AuthError::AuthExecRun { out, .. } => {
            format!("the credential plugin of the kubeconfig failed with {}", out.status)
        }
        AuthError::AuthExecStart(source) => {
            format!("the credential plugin does not start: {source}")
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "the credential plugin printed no credential".to_owned()
        }
        // kube shows the command with its arguments, and what it printed.
        AuthError::AuthExec(_) => {
            "the credentials of the kubeconfig could not be obtained".to_owned()
        }
        AuthError::ReadTokenFile(source, path) => {
            format!("cannot read the token file `{}`: {source}", path.display())
        }
        AuthError::InvalidBearerToken(_) | AuthError::InvalidBasicAuth(_) => {
            "the credential holds characters that HTTP does not allow".to_owned()
        }
        other => first_line(&other.to_string()).to_owned(),
    }
}

fn decode(what: &str, reason: &str) -> ClusterError {
    ClusterError::Decode { what: what.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_credentials() {
        let shown = |text: &str| url(&text.parse().unwrap());
        assert_eq!(shown("https://eve:canary@api:6443/"), "https://api:6443");
        assert_eq!(shown("https://api/x@y?token=canary"), "https://api/x@y");
        assert_eq!(shown("https://api:6443/k8s/clusters/c-1"), "https://api:6443/k8s/clusters/c-1");
        assert_eq!(without_user("ftp://eve:canary@x"), "x");
    }

    #[test]
    fn a_proxy_and_a_credential_plugin_are_told_without_their_secrets() {
        let proxy_url = Box::new("ftp://eve:canary@proxy:21".parse().unwrap());
        let proxy = kube::Error::ProxyProtocolUnsupported { proxy_url };
        let plugin = kube::Error::Auth(AuthError::AuthExec("Executing x canary failed".into()));
        for (error, words) in [(proxy, "`ftp://proxy:21`"), (plugin, "could not be obtained")] {
            let told = kube_error(&error, "https://api", "x");
            assert!(told.to_string().contains(words), "{told}");
            assert!(!format!("{told:?}").contains("canary"), "{told:?}");
        }
    }
}
