//! Asking the Central of a secured cluster that has none itself.

use super::central::facts;
use crate::central::{CentralClient, CentralError, CentralOptions, Endpoint};
use crate::cluster::{Backoff, Cluster, Options};
use crate::rhacs::images::Image;
use crate::rhacs::{CentralFacts, ObjectRef, Snapshot, Version, Workload, central_elsewhere};

/// Notes in `snapshot` what the Central that its sensor names says of itself, once and without
/// patience: it may well be out of reach from here. In another namespace of the same cluster its
/// Deployment tells. Returns the way to a Central that told its version.
pub async fn ask(
    cluster: &Cluster,
    snapshot: &mut Snapshot,
    options: &CentralOptions,
    ca: Option<&[u8]>,
    observers: &Options,
) -> Option<CentralClient> {
    let elsewhere = central_elsewhere(snapshot)?;
    let mut client = None;
    let mut told = CentralFacts {
        endpoint: Some(elsewhere.endpoint.clone()),
        has_credentials: options.credentials.is_some(),
        ..CentralFacts::default()
    };
    match &elsewhere.namespace {
        Some(namespace) if *namespace == snapshot.namespace => {}
        Some(namespace) => told.deployed = deployed(cluster, namespace).await,
        // Without credentials Central tells nobody its version.
        None if options.credentials.is_none() => {}
        None => {
            let options = CentralOptions { endpoint: None, ..options.clone() };
            match reach(&elsewhere.endpoint, options, cluster, ca, observers).await {
                Ok((facts, found)) => (told, client) = (facts, found),
                Err(reason) => told.unreachable = Some(reason),
            }
        }
    }
    snapshot.central = CentralFacts { elsewhere: true, ..told };
    client
}

/// What the Central at `endpoint` says, and the way to it when it tells its version.
async fn reach(
    endpoint: &str,
    mut options: CentralOptions,
    cluster: &Cluster,
    ca: Option<&[u8]>,
    observers: &Options,
) -> Result<(CentralFacts, Option<CentralClient>), String> {
    // A sensor may speak to Central through a WebSocket; the API is at the same address.
    let address = endpoint.strip_prefix("wss://").unwrap_or(endpoint);
    let endpoint = Endpoint::parse(address).map_err(|failure| failure.to_string())?;
    options.endpoint = Some(endpoint);
    let client = |observers: &Options| CentralClient::new(&options, cluster, ca, observers);
    let words = |error: CentralError| error.to_string();
    let once = Backoff { tries: 1, ..observers.backoff };
    let once = client(&Options { backoff: once, ..observers.clone() }).map_err(words)?;
    let facts = facts(&once).await;
    let found = match facts.version {
        Some(_) => Some(client(observers).map_err(words)?),
        None => None,
    };
    Ok((facts, found))
}

/// The version that the image of Central in another namespace names, where it may be read.
async fn deployed(cluster: &Cluster, namespace: &str) -> Option<Version> {
    let central = cluster.read(&ObjectRef::deployment(namespace, "central")).await.ok()??;
    let image = Workload::new(&central).container("central")?.image().to_owned();
    Image::classify(&image)?.version()
}
