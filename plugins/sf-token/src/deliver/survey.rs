//! A look at all destinations before anything is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use common::cluster::{Cluster, ClusterError};
use common::env::Env;
use common::plan::{Finding, Severity};
use futures_util::future::join_all;

use super::args::DestinationArgs;
use super::clusters::Clusters;
use super::file;
use super::findings::{finding, without_repetition};
use super::site::{Room, Site, Wishes, block};
use super::target::SecretTarget;

/// The destinations as they were found.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// The keys of Secrets, each once.
    pub sites: Vec<Site>,
    /// The files, as absolute paths.
    pub files: Vec<PathBuf>,
    /// What was found out; with a blocking finding nothing may be changed.
    pub findings: Vec<Finding>,
}

/// A namespace of a cluster.
type RoomKey = (Option<String>, String);

/// Looks at every destination; the clusters are asked at the same time.
pub async fn survey(
    destinations: &DestinationArgs,
    clusters: &Clusters,
    env: &Env,
    wishes: Wishes<'_>,
) -> Survey {
    let mut found = Survey {
        files: destinations.output_file.iter().map(|path| tidy(&env.resolve(path))).collect(),
        ..Survey::default()
    };
    found.findings.extend(found.files.iter().filter_map(|path| file::check(path)));
    let rooms = rooms(destinations, clusters, wishes, &mut found.findings).await;
    let targets = targets(destinations, &rooms, &mut found.findings).await;
    if let Some(realm) = wishes.realm {
        found.findings.extend(other_realms(destinations, &rooms, realm).await);
    }
    let looks = targets.iter().filter_map(|target| {
        let key = (target.context.clone(), target.namespace.clone());
        Some(Site::look(rooms.get(&key)?, target, wishes))
    });
    for (site, findings) in join_all(looks).await {
        found.findings.extend(findings);
        let Some(site) = site else { continue };
        // Two contexts may lead to one cluster, and two destinations to one key.
        if !found.sites.iter().any(|known| is_same(known, &site)) {
            found.sites.push(site);
        }
    }
    without_repetition(&mut found.findings);
    found
}

/// The path without the `.` parts that joining leaves.
fn tidy(path: &Path) -> PathBuf {
    path.components().collect()
}

/// Reads every namespace that a destination is in.
async fn rooms(
    destinations: &DestinationArgs,
    clusters: &Clusters,
    wishes: Wishes<'_>,
    findings: &mut Vec<Finding>,
) -> BTreeMap<RoomKey, Room> {
    let secrets = destinations.to_secret.iter().map(|t| (t.context.clone(), t.namespace.clone()));
    let sets = destinations.to_collector.iter().map(|t| (t.context.clone(), t.namespace.clone()));
    let mut keys: Vec<RoomKey> = secrets.chain(sets).collect();
    keys.sort();
    keys.dedup();
    let reads = keys.into_iter().filter_map(|key| {
        let cluster: &Cluster = clusters.of(key.0.as_deref())?;
        Some(async move {
            let room = Room::read(cluster, &key.1).await;
            (key, cluster, room)
        })
    });
    let mut rooms = BTreeMap::new();
    for (key, cluster, room) in join_all(reads).await {
        let needs_all = wishes.restarts
            || destinations
                .to_collector
                .iter()
                .any(|t| (&t.context, &t.namespace) == (&key.0, &key.1));
        match room {
            Ok(room) => {
                rooms.insert(key, room);
            }
            Err(error @ ClusterError::Forbidden { .. }) if !needs_all => {
                findings.push(readers_unknown(&key, &error));
                rooms.insert(key, Room::closed(cluster));
            }
            Err(error) => findings.push(unreadable(&key, &error)),
        }
    }
    rooms
}

/// The keys of Secrets that are meant: those named, and those the collectors take their token from.
async fn targets(
    destinations: &DestinationArgs,
    rooms: &BTreeMap<RoomKey, Room>,
    findings: &mut Vec<Finding>,
) -> Vec<SecretTarget> {
    let mut targets = destinations.to_secret.clone();
    for place in &destinations.to_collector {
        let key = (place.context.clone(), place.namespace.clone());
        let Some(room) = rooms.get(&key) else { continue };
        let collectors = room.collectors(&place.namespace).await;
        if collectors.is_empty() {
            findings.push(block(
                "SF-NO-COLLECTOR",
                format!(
                    "{place}: there is no Splunk OpenTelemetry Collector that takes its token \
                         from a Secret"
                ),
                "name its namespace, or name the Secret: --to-secret [CONTEXT/]NAMESPACE/NAME:KEY",
            ));
        }
        let names: BTreeSet<&str> =
            collectors.iter().map(|collector| collector.release.as_str()).collect();
        if names.len() > 1 {
            let names: Vec<&str> = names.into_iter().collect();
            findings.push(finding(
                "SF-SEVERAL-COLLECTORS",
                Severity::Info,
                format!("{place}: there are several installations: {}", names.join(", ")),
                "all of them get the same secret",
                "for one only, name its Secret with --to-secret",
                "labels of the workloads",
            ));
        }
        targets.extend(collectors.into_iter().map(|collector| SecretTarget {
            context: place.context.clone(),
            namespace: place.namespace.clone(),
            name: collector.secret,
            key: collector.key,
        }));
    }
    targets
}

/// Collectors that send to another realm cannot use the secret, whatever they are given.
async fn other_realms(
    destinations: &DestinationArgs,
    rooms: &BTreeMap<RoomKey, Room>,
    realm: &str,
) -> Vec<Finding> {
    let looks = destinations.to_collector.iter().filter_map(|place| {
        let room = rooms.get(&(place.context.clone(), place.namespace.clone()))?;
        Some(async move { (place, room.realms(&place.namespace).await) })
    });
    let found = join_all(looks).await.into_iter();
    let mistaken = found.filter(|(_, realms)| !realms.is_empty() && !realms.contains(realm));
    mistaken
        .map(|(place, realms)| {
            let realms: Vec<String> = realms.into_iter().collect();
            finding(
                "SF-REALM",
                Severity::Accept,
                format!(
                    "{place}: the collectors send to {}, the token is of {realm}",
                    realms.join(", ")
                ),
                "a secret only works in its own realm",
                "name the realm of the collectors with --realm, or another namespace",
                "the configuration of the collectors",
            )
        })
        .collect()
}

fn is_same(one: &Site, other: &Site) -> bool {
    one.cluster.server() == other.cluster.server()
        && one.secret == other.secret
        && one.key == other.key
}

fn unreadable(key: &RoomKey, error: &ClusterError) -> Finding {
    let fix = error.hints().into_iter().next().unwrap_or_default();
    block("SF-NAMESPACE-REFUSED", format!("{}: it cannot be read: {error}", place(key)), fix)
}

/// Writing a key takes no right to look at workloads when none of them restarts.
fn readers_unknown(key: &RoomKey, error: &ClusterError) -> Finding {
    finding(
        "SF-NAMESPACE-REFUSED",
        Severity::Warn,
        format!("{}: who reads the Secret there cannot be told: {error}", place(key)),
        "whoever does keeps the old secret until somebody restarts it",
        error.hints().into_iter().next().unwrap_or_default(),
        "the cluster, asked",
    )
}

fn place((context, namespace): &RoomKey) -> String {
    context.as_ref().map_or_else(|| namespace.clone(), |context| format!("{context}/{namespace}"))
}
