//! The cluster that this process runs in: what Kubernetes gives every pod.

use std::path::Path;

use kube::Config;
use kube::config::AuthInfo;

use super::connect::{Way, parse_server, wrong};
use super::error::ClusterError;
use crate::web::Trust;

/// Where a pod finds its token and the authority of its API server.
pub(super) const DIRECTORY: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The way to the API server of this pod; none where this is no pod, as kubectl tells it: the
/// variables name the server, and there is a token.
pub(super) fn find(
    directory: &Path,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Way>, ClusterError> {
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    let host = variable("KUBERNETES_SERVICE_HOST");
    let port = variable("KUBERNETES_SERVICE_PORT");
    let (Some(host), Some(port), token) = (host, port, directory.join("token")) else {
        return Ok(None);
    };
    if !token.is_file() {
        return Ok(None);
    }
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let url = parse_server(&format!("https://{host}:{port}")).map_err(|_| {
        wrong("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no address of an API server")
    })?;
    let mut config = Config::new(url);
    config.auth_info =
        AuthInfo { token_file: Some(token.display().to_string()), ..AuthInfo::default() };
    let authority = directory.join("ca.crt");
    // Both files are replaced while the pod runs, and so read again.
    let trust = if authority.is_file() { Trust::file(&authority) } else { Trust::computer() };
    Ok(Some(Way { config, trust, proxy_url: None, proxy: None }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)], directory: &Path) -> Option<Way> {
        find(directory, |wanted| {
            let found = variables.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| (*value).to_owned())
        })
        .unwrap()
    }

    #[test]
    fn a_pod_knows_its_api_server() {
        let directory = tempfile::tempdir().unwrap();
        let both = [("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("KUBERNETES_SERVICE_PORT", "443")];
        assert!(found(&both, directory.path()).is_none(), "there is no token");
        std::fs::write(directory.path().join("token"), "canary").unwrap();
        assert!(found(&both[..1], directory.path()).is_none(), "there is no port");
        let way = found(&both, directory.path()).unwrap();
        assert_eq!(way.config.cluster_url.to_string(), "https://10.0.0.1:443/");
        assert!(way.config.auth_info.token_file.unwrap().ends_with("/token"));
        let six = [("KUBERNETES_SERVICE_HOST", "fd00::1"), ("KUBERNETES_SERVICE_PORT", "6443")];
        let way = found(&six, directory.path()).unwrap();
        assert_eq!(way.config.cluster_url.to_string(), "https://[fd00::1]:6443/");
        let wrong = [("KUBERNETES_SERVICE_HOST", "a b"), ("KUBERNETES_SERVICE_PORT", "443")];
        let error = find(directory.path(), |name| {
            wrong.iter().find(|(wanted, _)| *wanted == name).map(|(_, it)| (*it).to_owned())
        });
        assert!(error.is_err());
    }
}
