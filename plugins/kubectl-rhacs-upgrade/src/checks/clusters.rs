//! The secured clusters, as Central sees them.

use common::plan::{Finding, Severity};
use common::rhacs::{Component, SecuredCluster, UpgraderState, Version, service_namespace};

use common::checks::Context;
use common::checks::Definition;

const AUTO_UPGRADE: Definition = Definition {
    code: "RHACS-AUTO-UPGRADE",
    severity: Severity::Info,
    meaning: "Central upgrades the secured clusters itself",
    why: "the run waits for it instead of changing the secured cluster",
    source: "upgrade guide 3.69, section 2.3",
};
const SENSOR_NEWER: Definition = Definition {
    code: "RHACS-SENSOR-NEWER",
    severity: Severity::Accept,
    meaning: "a secured cluster runs a newer version than Central will",
    why: "a sensor newer than Central is not supported, and is not downgraded",
    source: "product proto/storage/cluster.proto: SENSOR_VERSION_HIGHER",
};
const BEHIND: Definition = Definition {
    code: "RHACS-CLUSTER-BEHIND",
    severity: Severity::Warn,
    meaning: "a secured cluster is behind Central already",
    why: "an earlier upgrade left it out; the distance grows with this one",
    source: "upgrade guide 3.69, section 2.3",
};
const FOLLOW: Definition = Definition {
    code: "RHACS-CLUSTERS-FOLLOW",
    severity: Severity::Info,
    meaning: "other secured clusters have to be upgraded after Central",
    why: "this run changes the secured cluster of this kubeconfig only",
    source: "upgrade guide 3.69, section 2.3",
};
const UNHEALTHY: Definition = Definition {
    code: "RHACS-CLUSTER-UNHEALTHY",
    severity: Severity::Warn,
    meaning: "a secured cluster is not healthy",
    why: "whether the upgrade harmed it could not be told afterwards",
    source: "product API /v1/clusters: healthStatus",
};
const SILENT: Definition = Definition {
    code: "RHACS-CLUSTER-SILENT",
    severity: Severity::Warn,
    meaning: "a secured cluster has not been in contact for a day",
    why: "it cannot be verified after the upgrade",
    source: "product API /v1/clusters: lastContact",
};
const UPGRADER_FAILED: Definition = Definition {
    code: "RHACS-UPGRADER-FAILED",
    severity: Severity::Warn,
    meaning: "the last automatic upgrade of a secured cluster failed",
    why: "the reason may still be there when Central tries again",
    source: "product proto/storage/cluster.proto; stackrox pull requests 12280 and 20616",
};

const NOBODY: Definition = Definition {
    code: "RHACS-UPGRADER-NO-CLUSTER",
    severity: Severity::Block,
    meaning: "automatic upgrade is on, and Central has no cluster it could upgrade",
    why: "the secured workloads would stay old: Central upgrades only sensors that connect to it",
    source: "product API /v1/clusters, /v1/sensorupgrades/config",
};

pub(super) const DEFINITIONS: &[Definition] =
    &[AUTO_UPGRADE, NOBODY, SENSOR_NEWER, BEHIND, FOLLOW, UNHEALTHY, SILENT, UPGRADER_FAILED];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let central = &context.snapshot.central;
    let mut findings = Vec::new();
    findings.extend(auto_upgrade(context));
    findings.extend(nobody(context));
    findings.extend(follow(context));
    for cluster in &central.clusters {
        findings.extend(version(context, cluster));
        findings.extend(health(cluster));
        findings.extend(silent(context, cluster));
        findings.extend(upgrader(context, cluster));
    }
    findings
}

fn auto_upgrade(context: &Context<'_>) -> Option<Finding> {
    let on = context.snapshot.central.auto_upgrade == Some(true);
    let secured = context.plan.components.contains(&Component::Secured);
    (on && secured && context.changes_central()).then(|| {
        AUTO_UPGRADE.found(
            "automatic upgrade of secured clusters is on",
            "to upgrade them yourself, turn it off: Platform Configuration → Clusters",
        )
    })
}

/// Whether the plan leaves the secured workloads to an upgrader that has no sensor to talk to.
fn nobody(context: &Context<'_>) -> Option<Finding> {
    let central = &context.snapshot.central;
    if !central.clusters_told || !context.plan.awaits_upgrader() {
        return None;
    }
    let known = context.snapshot.local_cluster();
    let only = (central.clusters.len() == 1).then(|| &central.clusters[0]);
    let what = match (central.clusters.is_empty(), known.or(only)) {
        (true, _) => "Central lists no secured cluster".to_owned(),
        (false, Some(cluster)) if has_never_connected(cluster) => {
            format!("cluster `{}` has never connected to Central", cluster.name)
        }
        _ => return None,
    };
    let logs = context.kubectl("logs deploy/sensor");
    let fix = format!(
        "{logs} says why it is not connected; or turn automatic upgrade off (Platform \
         Configuration → Clusters), then this run upgrades it"
    );
    Some(NOBODY.found(format!("automatic upgrade is on, but {what}"), fix))
}

fn has_never_connected(cluster: &SecuredCluster) -> bool {
    cluster.sensor_version.is_empty() && cluster.last_contact.is_empty()
}

fn follow(context: &Context<'_>) -> Option<Finding> {
    let central = &context.snapshot.central;
    if central.auto_upgrade == Some(true) || !context.changes_central() {
        return None;
    }
    // A single cluster next to the components this run upgrades is the one it upgrades.
    let alone =
        central.clusters.len() == 1 && context.plan.components.contains(&Component::Secured);
    let others: Vec<&SecuredCluster> = central
        .clusters
        .iter()
        .filter(|cluster| cluster.is_local != Some(true) && !alone)
        .collect();
    if others.is_empty() {
        return None;
    }
    // A Service's name is known in its own cluster only: such a sensor is in another namespace of
    // it.
    let (here, there): (Vec<&SecuredCluster>, Vec<&SecuredCluster>) =
        others.iter().copied().partition(|it| service_namespace(&it.central_endpoint).is_some());
    let command = |place: &str| {
        let to = &context.plan.to;
        format!("`kubectl rhacs upgrade {place} --components secured --to {to}`")
    };
    let mut fixes = Vec::new();
    if !there.is_empty() {
        fixes.push(format!("then, for each: {}", command("--context NAME")));
    }
    if !here.is_empty() {
        let names = names(&here);
        let command = command("-n NAMESPACE");
        fixes.push(format!("then, in another namespace of this cluster ({names}): {command}"));
    }
    Some(FOLLOW.found(format!("to be upgraded next: {}", names(&others)), fixes.join("; ")))
}

fn names(clusters: &[&SecuredCluster]) -> String {
    clusters.iter().map(|cluster| cluster.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn version(context: &Context<'_>, cluster: &SecuredCluster) -> Option<Finding> {
    let name = &cluster.name;
    let fix = format!("upgrade Central to {} or higher instead", cluster.sensor_version);
    let Ok(sensor) = cluster.sensor_version.parse::<Version>() else { return None };
    if sensor > context.plan.to {
        let what = format!("cluster `{name}` runs {sensor}, Central will run {}", context.plan.to);
        return Some(SENSOR_NEWER.found(what, fix));
    }
    let central = context.snapshot.central.version.as_ref().unwrap_or(&context.plan.from);
    if sensor > *central || cluster.upgradability == "SENSOR_VERSION_HIGHER" {
        // This upgrade brings Central up to it.
        return None;
    }
    let lines = |version: &Version| (version.major(), version.minor());
    (lines(&sensor) < lines(central)).then(|| {
        let what = format!("cluster `{name}` runs {sensor}, Central runs {central}");
        let fix = format!(
            "on cluster `{name}`: `kubectl rhacs upgrade --to {central} --components secured`"
        );
        BEHIND.found(what, fix)
    })
}

fn health(cluster: &SecuredCluster) -> Option<Finding> {
    let bad = matches!(cluster.health.as_str(), "UNHEALTHY" | "UNAVAILABLE" | "DEGRADED");
    bad.then(|| {
        let what = format!("cluster `{}` is {}", cluster.name, cluster.health);
        UNHEALTHY.found(what, "Platform Configuration → System Health tells which part of it")
    })
}

fn silent(context: &Context<'_>, cluster: &SecuredCluster) -> Option<Finding> {
    let days = -context.days_until(&cluster.last_contact)?;
    (days > 1).then(|| {
        let (name, last) = (&cluster.name, &cluster.last_contact);
        let what = format!("cluster `{name}` was last in contact at {last}");
        let fix = format!(
            "`kubectl -n {} logs deploy/sensor` there, or remove the cluster from Central",
            context.snapshot.namespace
        );
        SILENT.found(what, fix)
    })
}

fn upgrader(context: &Context<'_>, cluster: &SecuredCluster) -> Option<Finding> {
    let state = UpgraderState::parse(&cluster.upgrade_state);
    let failed =
        state.is_some_and(|state| state.is_failure() || state == UpgraderState::RollingBack);
    (failed && context.snapshot.central.auto_upgrade == Some(true)).then(|| {
        let what = format!(
            "cluster `{}`: {} {}",
            cluster.name, cluster.upgrade_state, cluster.upgrade_detail
        );
        let binding = format!("{}:upgrade-sensors", context.snapshot.namespace);
        let fix = format!("on that cluster: `kubectl get clusterrolebinding {binding} -o yaml`");
        UPGRADER_FAILED.found(what.trim_end(), fix)
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Installation, Subject, cluster, in_days};
    use super::*;

    const TO: &str = "3.69.2";

    fn with(cluster: &SecuredCluster) -> Subject {
        Installation::at("3.62.1").central(|central| central.clusters.push(cluster.clone()))
    }

    #[test]
    fn clusters_are_compared_with_central_before_and_after() {
        for (sensor, code) in [
            ("3.70.0", Some("RHACS-SENSOR-NEWER")),
            ("3.65.0", None),
            ("3.62.0", None),
            ("3.0.60.1", Some("RHACS-CLUSTER-BEHIND")),
            ("unknown", None),
        ] {
            let findings = with(&cluster("edge", sensor)).findings_for(TO);
            let found: Vec<&str> = findings
                .iter()
                .filter(|finding| finding.what.contains("`edge`"))
                .map(|finding| finding.code.as_str())
                .collect();
            assert_eq!(found, code.into_iter().collect::<Vec<_>>(), "{sensor}");
        }
    }

    #[test]
    fn the_other_clusters_follow() {
        let finding = with(&cluster("edge", "3.62.1")).finding("RHACS-CLUSTERS-FOLLOW", TO);
        assert_eq!(finding.what, "to be upgraded next: edge");
        let elsewhere = "then, for each: `kubectl rhacs upgrade --context NAME --components secured --to 3.69.2`";
        assert_eq!(finding.fix, elsewhere);
        assert!(!Installation::at("3.62.1").has("RHACS-CLUSTERS-FOLLOW", TO));
        let mut neighbour = cluster("team", "3.62.1");
        neighbour.central_endpoint = "central.stackrox.svc:443".to_owned();
        let finding = with(&neighbour).finding("RHACS-CLUSTERS-FOLLOW", TO);
        assert_eq!(
            finding.fix,
            "then, in another namespace of this cluster (team): `kubectl rhacs upgrade -n NAMESPACE \
             --components secured --to 3.69.2`"
        );
    }

    #[test]
    fn sick_and_silent_clusters_are_named() {
        let mut sick = cluster("edge", "3.62.1");
        sick.health = "UNHEALTHY".to_owned();
        assert!(with(&sick).has("RHACS-CLUSTER-UNHEALTHY", TO));
        let mut silent = cluster("edge", "3.62.1");
        for (days, found) in [(-3, true), (-1, false), (0, false)] {
            silent.last_contact = in_days(days);
            assert_eq!(with(&silent).has("RHACS-CLUSTER-SILENT", TO), found, "{days}");
        }
    }

    #[test]
    fn an_upgrader_without_a_sensor_is_found_before() {
        let never = SecuredCluster { name: "edge".to_owned(), ..SecuredCluster::default() };
        let edge = cluster("edge", "3.62.1");
        for (clusters, told, found) in [
            (vec![], true, Some("automatic upgrade is on, but Central lists no secured cluster")),
            (vec![], false, None),
            (
                vec![never.clone()],
                true,
                Some("automatic upgrade is on, but cluster `edge` has never connected to Central"),
            ),
            (vec![edge.clone()], true, None),
            (vec![edge, never], true, None),
        ] {
            for (auto_upgrade, found) in [(true, found), (false, None)] {
                let installation = Installation::at("3.62.1").central(|central| {
                    central.clusters.clone_from(&clusters);
                    central.clusters_told = told;
                    central.auto_upgrade = Some(auto_upgrade);
                });
                let findings = installation.findings_for(TO);
                let nobody = findings.iter().find(|it| it.code == "RHACS-UPGRADER-NO-CLUSTER");
                assert_eq!(nobody.map(|it| it.what.as_str()), found);
                assert!(nobody.is_none_or(Finding::is_blocking));
            }
        }
    }

    #[test]
    fn automatic_upgrades_are_mentioned_with_their_failures() {
        let mut failed = cluster("edge", "3.62.1");
        failed.upgrade_state = "PRE_FLIGHT_CHECKS_FAILED".to_owned();
        failed.upgrade_detail = "not authorized".to_owned();
        let automatic = with(&failed).central(|central| central.auto_upgrade = Some(true));
        assert!(automatic.has("RHACS-AUTO-UPGRADE", TO));
        let finding = automatic.finding("RHACS-UPGRADER-FAILED", TO);
        assert_eq!(finding.what, "cluster `edge`: PRE_FLIGHT_CHECKS_FAILED not authorized");
        assert!(!with(&failed).has("RHACS-UPGRADER-FAILED", TO));
    }
}
