//! What Central says: its own version, and how the secured clusters are.

use jiff::Timestamp;
use serde::Serialize;

use super::Found;
use super::certificates::{SOON, words};
use crate::rhacs::certificates::days_until;
use crate::rhacs::{SecuredCluster, Snapshot, UpgraderState, Version};

/// A secured cluster as Central lists it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterHealth {
    /// Central's own words.
    #[serde(flatten)]
    pub cluster: SecuredCluster,
    /// Whether a sensor of it was ever connected.
    pub connected: bool,
    /// Whether there is nothing to do about it.
    pub healthy: bool,
    /// What is to be done about it; empty when nothing is.
    pub note: String,
}

/// Whether Central was to be asked and did not answer, or refused.
pub(super) fn has_failed(snapshot: &Snapshot) -> bool {
    let central = &snapshot.central;
    central.foreign.is_some()
        || central.unreachable.is_some()
        || central.unauthorized.is_some()
        || !central.unread.is_empty()
}

/// Why Central was not asked, or did not answer; and notes what is therefore not known.
pub(super) fn note(snapshot: &Snapshot, found: &mut Found) -> Option<String> {
    let central = &snapshot.central;
    let foreign = central.foreign.as_ref();
    let foreign = foreign.map(|reason| format!("it is that of another installation: {reason}"));
    let silent =
        foreign.or_else(|| central.unreachable.clone()).or_else(|| central.unauthorized.clone());
    if let Some(why) = silent {
        found.unseen("what Central says of itself and of the secured clusters", &why);
        return Some(why);
    }
    for (what, why) in &central.unread {
        found.unseen(what, why);
    }
    let why = if central.endpoint.is_none() {
        "Central is not in this namespace: name it with --endpoint to have it asked"
    } else if central.has_credentials {
        return None;
    } else {
        "no credentials: Central was not asked"
    };
    found.unasked("what Central says of itself and of the secured clusters", why);
    Some(why.to_owned())
}

pub(super) fn clusters(
    snapshot: &Snapshot,
    now: Timestamp,
    found: &mut Found,
) -> Vec<ClusterHealth> {
    let central = snapshot.central.version.as_ref();
    let all = snapshot.central.clusters.iter().map(|cluster| {
        let connected = !cluster.sensor_version.is_empty() || !cluster.last_contact.is_empty();
        let troubles = if connected {
            troubles(snapshot, cluster, central, now)
        } else {
            vec![never(cluster)]
        };
        let note: Vec<&str> = troubles.iter().map(|(what, _)| what.as_str()).collect();
        let note = note.join("; ");
        for (what, fix) in &troubles {
            found.work(format!("cluster {}", cluster.name), what, fix);
        }
        ClusterHealth { cluster: cluster.clone(), connected, healthy: troubles.is_empty(), note }
    });
    all.collect()
}

/// What is so, and what to do.
type Trouble = (String, String);

fn never(cluster: &SecuredCluster) -> Trouble {
    (
        "it was registered and never connected".to_owned(),
        format!(
            "install its sensor: roxctl sensor get-bundle {}; or delete the cluster in Central",
            cluster.name
        ),
    )
}

fn troubles(
    snapshot: &Snapshot,
    cluster: &SecuredCluster,
    central: Option<&Version>,
    now: Timestamp,
) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    if let Some(central) = central {
        let is: Result<Version, _> = cluster.sensor_version.parse();
        if is.as_ref() != Ok(central) {
            troubles.push((
                format!(
                    "its sensor runs {}, Central {central}",
                    or_unknown(&cluster.sensor_version)
                ),
                upgrade(snapshot, cluster, central),
            ));
        }
    }
    if matches!(cluster.health.as_str(), "UNHEALTHY" | "DEGRADED") {
        let health = cluster.health.to_lowercase();
        troubles.push((
            format!("Central says that it is {health}"),
            "in that cluster: kubectl get pods -A -l app.kubernetes.io/name=stackrox".to_owned(),
        ));
    }
    let failed = UpgraderState::parse(&cluster.upgrade_state).filter(|state| state.is_failure());
    // A failure of the past is over once the sensor is where it was to go.
    let is_over = central
        .is_some_and(|central| cluster.sensor_version.parse().ok().as_ref() == Some(central));
    if let Some(state) = failed.filter(|_| !is_over) {
        let detail = match cluster.upgrade_detail.as_str() {
            "" => String::new(),
            detail => format!(" ({detail})"),
        };
        troubles.push((
            format!("its upgrade by Central failed: {}{detail}", state.words()),
            "in Central: Platform Configuration, Clusters, retry the upgrade".to_owned(),
        ));
    }
    if let Some(days) = days_until(&cluster.certificate_expiry, now).filter(|days| *days < SOON) {
        troubles.push((
            format!("its certificate {}", words(days)),
            format!("roxctl sensor generate-certs {}, then kubectl apply -f", cluster.name),
        ));
    }
    troubles
}

fn upgrade(snapshot: &Snapshot, cluster: &SecuredCluster, central: &Version) -> String {
    if snapshot.central.auto_upgrade == Some(true) {
        return "automatic upgrade is on: in Central, Platform Configuration, Clusters shows how \
                far it is"
            .to_owned();
    }
    let here = if cluster.is_local == Some(true) { "" } else { "in that cluster: " };
    match crate::rhacs::hops::is_supported_target(central) {
        true => format!("{here}kubectl rhacs upgrade --to {central} --components secured"),
        false => format!("{here}upgrade its secured cluster services to {central}"),
    }
}

fn or_unknown(version: &str) -> &str {
    if version.is_empty() { "an unknown version" } else { version }
}
