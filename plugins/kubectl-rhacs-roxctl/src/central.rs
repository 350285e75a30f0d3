//! Which version Central runs, by Central's own word or by its Deployment's.

use common::central::{CentralClient, CentralError, CentralOptions, TlsFault};
use common::cluster::{Cluster, decoded};
use common::failure::Failure;
use common::rhacs::{ObjectRef, Version};
use serde_json::Value;

use crate::session::Session;

/// A Central.
pub struct Observed {
    /// The version it runs.
    pub version: Version,
    /// A client that it lets in; none when only the cluster was asked.
    pub client: Option<CentralClient>,
    /// Whether its certificate is checked.
    pub is_trusted: bool,
}

/// Asks Central, with the credentials there are; else the cluster for the version in the image of
/// its Deployment.
///
/// # Errors
/// When neither answers.
pub async fn observe(session: &Session) -> Result<Observed, Failure> {
    let options = session.central_options()?;
    match options.endpoint {
        Some(_) => at_endpoint(session, &options).await,
        None => in_cluster(session, &options).await,
    }
}

/// Whether Central could be asked for files: it lets nobody in without credentials.
///
/// # Errors
/// When the flags and variables contradict each other.
pub fn has_credentials(session: &Session) -> Result<bool, Failure> {
    session.central_options().map(|options| options.credentials.is_some())
}

async fn at_endpoint(session: &Session, options: &CentralOptions) -> Result<Observed, Failure> {
    let failed = |error: CentralError| error.into_failure("cannot ask Central for its version");
    let client = CentralClient::for_endpoint(options, &session.options()).map_err(failed)?;
    match version_of(&client).await {
        Ok(version) => return Ok(observed(options, client, version)),
        Err(CentralError::Tls { fault: TlsFault::UnknownAuthority, .. })
            if options.ca.is_none() => {}
        Err(error) => return Err(failed(error)),
    }
    // Its certificate may be from the authority of the installation, which the cluster knows.
    let cluster = session.cluster().await?;
    let authority = authority(&cluster).await;
    let client = CentralClient::new(options, &cluster, authority.as_deref(), &session.options());
    let client = client.map_err(failed)?;
    let version = version_of(&client).await.map_err(failed)?;
    Ok(observed(options, client, version))
}

async fn in_cluster(session: &Session, options: &CentralOptions) -> Result<Observed, Failure> {
    let cluster = session.cluster().await?;
    let namespace = cluster.namespace().to_owned();
    let deployment = ObjectRef::namespaced("apps/v1", "Deployment", &namespace, "central");
    let deployed = cluster
        .read(&deployment)
        .await
        .map_err(|error| error.into_failure("cannot ask the cluster for the version of Central"))?;
    if deployed.is_none() {
        return Err(Failure::usage(format!("there is no Central in the namespace `{namespace}`"))
            .hint("name its namespace with `-n`, or its address with `--endpoint`"));
    }
    let deployed = deployed.as_ref().and_then(deployed_version);
    if options.credentials.is_some() {
        let authority = authority(&cluster).await;
        let failed = |error: CentralError| error.into_failure("cannot use these flags for Central");
        let client =
            CentralClient::new(options, &cluster, authority.as_deref(), &session.options())
                .map_err(failed)?;
        match version_of(&client).await {
            Ok(version) => return Ok(observed(options, client, version)),
            Err(error) if deployed.is_some() => {
                session.ui.warn(&format!("Central does not answer: {error}"));
            }
            Err(error) => return Err(failed(error)),
        }
    }
    let version = deployed.ok_or_else(|| {
        Failure::usage("the image of Central does not tell its version")
            .hint("give Central's credentials, such as ROX_API_TOKEN, or name the version")
    })?;
    Ok(Observed { version, client: None, is_trusted: false })
}

fn observed(options: &CentralOptions, client: CentralClient, version: Version) -> Observed {
    let is_encrypted = options.endpoint.as_ref().is_none_or(|endpoint| endpoint.tls);
    let client = client.has_credentials().then_some(client);
    Observed { version, client, is_trusted: is_encrypted && !options.insecure }
}

/// Without credentials newer Centrals do not say their version.
async fn version_of(client: &CentralClient) -> Result<Version, CentralError> {
    let metadata = client.metadata().await?;
    metadata.version.ok_or_else(|| CentralError::Decode {
        what: "/v1/metadata".to_owned(),
        reason: match metadata.version_text.as_str() {
            "" => "it does not say its version without credentials".to_owned(),
            text => format!("`{text}` is no version"),
        },
    })
}

/// `ca.pem` of the Secret that the installation's services trust.
async fn authority(cluster: &Cluster) -> Option<Vec<u8>> {
    let secret = ObjectRef::namespaced("v1", "Secret", cluster.namespace(), "central-tls");
    let secret = cluster.read(&secret).await.ok().flatten()?;
    decoded(&secret, "ca.pem")
}

/// The version in the tag of Central's image; in its labels when the image is named by a digest.
fn deployed_version(deployment: &Value) -> Option<Version> {
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array()?;
    let central = containers.iter().find(|container| container["name"] == "central")?;
    let image = central["image"].as_str()?;
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let tag = name.rsplit('/').next()?.split_once(':').map(|(_, tag)| tag);
    let label = deployment["metadata"]["labels"]["app.kubernetes.io/version"].as_str();
    [tag, label].into_iter().flatten().find_map(|text| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_image_or_a_label_tells_the_version() {
        let deployment = |image: &str, label: &str| {
            json!({
                "metadata": {"labels": {"app.kubernetes.io/version": label}},
                "spec": {"template": {"spec": {"containers": [
                    {"name": "proxy", "image": "other:1.2.3"}, {"name": "central", "image": image}]}}},
            })
        };
        for (image, label, expected) in [
            ("registry:5000/rhacs-main-rhel8:4.8.3", "", Some("4.8.3")),
            ("r/main:3.0.62.1@sha256:00", "9.9.9", Some("3.0.62.1")),
            ("registry:5000/main@sha256:00", "4.8.3", Some("4.8.3")),
            ("registry:5000/main", "", None),
        ] {
            let found = deployed_version(&deployment(image, label));
            assert_eq!(found.map(|version| version.to_string()).as_deref(), expected, "{image}");
        }
    }
}
