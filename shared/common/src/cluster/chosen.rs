//! What the kubeconfig says about the chosen context, cluster and user.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Config;
use kube::config::{AuthInfo, Cluster, Kubeconfig};

use super::args::ConnectionArgs;
use super::connect::{Way, parse_server, wrong};
use super::error::ClusterError;
use super::redact;
use crate::web::Trust;

/// The way that the kubeconfig describes. What it leaves open, the flags and the environment say.
///
/// kube would do the same, and read variables of the environment on its own while it does.
pub(super) fn way(kubeconfig: &Kubeconfig, args: &ConnectionArgs) -> Result<Way, ClusterError> {
    let current = kubeconfig.current_context.as_ref().filter(|name| !name.is_empty());
    let context = match args.context.as_ref().or(current) {
        Some(wanted) => {
            let named = kubeconfig.contexts.iter().find(|named| named.name == *wanted);
            let context = named.and_then(|named| named.context.as_ref());
            Some(
                context
                    .ok_or_else(|| wrong(format!("the kubeconfig has no context `{wanted}`")))?,
            )
        }
        // kubectl needs no current context when `--cluster` names a cluster.
        None if args.cluster.is_some() => None,
        None => {
            return Err(wrong("the kubeconfig has no current context, and `--context` names none"));
        }
    };
    let name = args.cluster.as_ref().or_else(|| context.map(|context| &context.cluster));
    let name = name.map_or("", String::as_str);
    let named = kubeconfig.clusters.iter().find(|named| named.name == name);
    let cluster = named.and_then(|named| named.cluster.as_ref());
    let cluster =
        cluster.ok_or_else(|| wrong(format!("the kubeconfig has no cluster `{name}`")))?;
    let user = args.user.as_ref().or_else(|| context.and_then(|context| context.user.as_ref()));
    // A user that is not there is nobody in particular, as for kubectl.
    let user = user.and_then(|user| {
        let named = kubeconfig.auth_infos.iter().find(|named| named.name == *user);
        named.and_then(|named| named.auth_info.clone())
    });
    of_cluster(cluster, name, user.unwrap_or_default())
}

fn of_cluster(cluster: &Cluster, name: &str, mut user: AuthInfo) -> Result<Way, ClusterError> {
    let server = cluster.server.as_deref().filter(|server| !server.is_empty());
    let server = server
        .ok_or_else(|| wrong(format!("the cluster `{name}` of the kubeconfig has no server")))?;
    if let Some(exec) = user.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
        let told = cluster.try_into().map_err(|error: kube::config::KubeconfigError| {
            let reason = error.to_string();
            wrong(format!("cannot use the kubeconfig: {}", redact::first_line(&reason)))
        });
        exec.cluster = Some(told?);
    }
    let mut config = Config::new(parse_server(server)?);
    config.auth_info = user;
    config.tls_server_name = cluster.tls_server_name.clone().filter(|name| !name.is_empty());
    config.disable_compression = cluster.disable_compression.unwrap_or_default();
    let trust = if cluster.insecure_skip_tls_verify.unwrap_or_default() {
        Trust::anybody()
    } else {
        match authority(cluster, name)? {
            Some(pem) => Trust::authority(&pem).map_err(|reason| {
                wrong(format!("cannot use the certificate authority of `{name}`: {reason}"))
            })?,
            None => Trust::computer(),
        }
    };
    let proxy_url = cluster.proxy_url.clone().filter(|url| !url.is_empty());
    Ok(Way { config, trust, proxy_url, proxy: None })
}

fn authority(cluster: &Cluster, name: &str) -> Result<Option<Vec<u8>>, ClusterError> {
    let data = cluster.certificate_authority_data.as_deref().filter(|data| !data.is_empty());
    if let Some(data) = data {
        let decoded = STANDARD.decode(data).map_err(|_| {
            wrong(format!("`certificate-authority-data` of the cluster `{name}` is no base64"))
        });
        return decoded.map(Some);
    }
    let path = cluster.certificate_authority.as_deref().filter(|path| !path.is_empty());
    let read = path.map(|path| {
        std::fs::read(path).map_err(|error| wrong(format!("cannot read `{path}`: {error}")))
    });
    read.transpose()
}
