//! What the program in a container does once it is started: when it is ready, whether it exits, what it writes.

use common::rhacs::Version;
use jiff::Timestamp;
use serde_json::Value;

use super::life::{Container, Fate, Life};
use crate::central::{Ending, Surroundings};
use crate::controllers::Round;
use crate::controllers::events::Told;
use crate::controllers::objects::{after, is_true, items, number, text};
use crate::faults::{ClusterFault, matches, means_workload};
use crate::store::meta;

/// Virtual seconds that programs take.
const WORK: i64 = 2;
const BECOMES_READY: i64 = 6;
const CENTRAL_STARTS: i64 = 15;
const MIGRATION: i64 = 40;
const CRASHES_AFTER: i64 = 3;

/// Starts the program of a container.
pub(super) fn start(
    round: &mut Round<'_>,
    pod: &Value,
    life: &Life,
    container: &Container,
) -> Fate {
    let mut fate = usual(round, pod, life, container);
    let (kind, name) = &life.workload;
    let crash = round.cluster.faults.any(|fault| match fault {
        ClusterFault::CrashLoop { workload, image } => {
            means_workload(workload, kind, name)
                && image.as_ref().is_none_or(|pattern| matches(pattern, &container.image))
        }
        _ => false,
    });
    if crash && container.counts() {
        write(round, life, container, round.now, "fatal: the process cannot go on");
        return Fate { ready: None, exit: Some((after(round.now, CRASHES_AFTER), 1)) };
    }
    let extra = round.cluster.faults.find(|fault| match fault {
        ClusterFault::SlowReadiness { workload, seconds }
            if means_workload(workload, kind, name) =>
        {
            i64::try_from(*seconds).ok()
        }
        _ => None,
    });
    fate.ready = fate.ready.map(|moment| after(moment, extra.unwrap_or(0)));
    fate
}

/// Tells Central that this pod of it is ready.
pub(super) fn serve(round: &Round<'_>, pod: &Value) {
    let container =
        items(pod, "/spec/containers").iter().find(|container| container["name"] == "central");
    let release = |container| round.cluster.releases.version(text(container, "/image"));
    if let Some(version) = container.and_then(release) {
        round.cluster.central.serve(meta::uid(pod), &version, round.now);
    }
}

fn usual(round: &mut Round<'_>, pod: &Value, life: &Life, container: &Container) -> Fate {
    if !container.counts() {
        write(round, life, container, round.now, "done");
        return Fate { ready: None, exit: Some((after(round.now, WORK), 0)) };
    }
    let version = round.cluster.releases.version(&container.image);
    if life.workload.1 == "central"
        && container.name == "central"
        && let Some(version) = &version
    {
        return start_central(round, pod, life, container, version);
    }
    let line = version.as_ref().map_or_else(
        || format!("starting {}", container.image),
        |version| format!("Running StackRox Version: {}", version.tag()),
    );
    write(round, life, container, round.now, &line);
    // What is not to run for ever does its work and is done.
    if life.completes && !container.is_sidecar {
        return Fate { ready: Some(round.now), exit: Some((after(round.now, WORK), 0)) };
    }
    let specs = items(pod, "/spec/containers").iter().chain(items(pod, "/spec/initContainers"));
    let spec = specs.into_iter().find(|spec| spec["name"] == container.name.as_str());
    let Some(probe) =
        spec.and_then(|spec| spec.get("readinessProbe")).filter(|probe| probe.is_object())
    else {
        return Fate { ready: Some(round.now), exit: None };
    };
    if let Some(version) = version.filter(|_| container.name == "sensor")
        && text(probe, "/httpGet/path") != readiness_path(&version)
    {
        let message = "Readiness probe failed: HTTP probe failed with statuscode: 404";
        round.tell(pod, Told::warning(super::SOURCE, "Unhealthy", message));
        return Fate::default();
    }
    let delay = number(probe, "/initialDelaySeconds", 0);
    Fate { ready: Some(after(round.now, delay + BECOMES_READY)), exit: None }
}

/// Where a sensor says that it is ready; the path changed in 3.65.
fn readiness_path(version: &Version) -> &'static str {
    if version.is_at_least(3, 65) { "/ready" } else { "/admissioncontroller" }
}

fn start_central(
    round: &Round<'_>,
    pod: &Value,
    life: &Life,
    container: &Container,
    version: &Version,
) -> Fate {
    if let Some(home) = home_of_data(round, pod, version) {
        round.cluster.central.lives_in(&home);
    }
    let around = surroundings(round, meta::namespace(pod));
    let start = round.cluster.central.start_binary(version, &around);
    let takes = match &start.ending {
        Ending::Serves { migrated: true } => MIGRATION,
        _ => 1,
    };
    let done = after(round.now, takes);
    let last = start.lines.iter().rposition(|line| line.module == "Migrator");
    for (index, line) in start.lines.iter().enumerate() {
        // All but the outcome of the migrator is written at once.
        let at = if last.is_some_and(|last| index < last) { round.now } else { done };
        let stamp = at.strftime("%Y/%m/%d %H:%M:%S%.6f");
        let text = format!("{}: {stamp}: {}: Info: {}", line.module, line.place, line.text);
        round.cluster.logs.write(&life.namespace, &life.name, &container.name, at, text);
    }
    match start.ending {
        Ending::Serves { .. } => Fate { ready: Some(after(done, CENTRAL_STARTS)), exit: None },
        Ending::Exits => Fate { ready: None, exit: Some((after(done, CRASHES_AFTER), 1)) },
        Ending::Sleeps => Fate::default(),
    }
}

/// The uid of the pod that has the data inside; none when they are on a volume that outlives it, or
/// on a database elsewhere.
fn home_of_data(round: &Round<'_>, pod: &Value, version: &Version) -> Option<String> {
    let inside = |pod: &Value, path: &str| {
        (!has_lasting_volume(pod, path)).then(|| meta::uid(pod).to_owned())
    };
    if !version.is_at_least(4, 0) {
        return inside(pod, "/var/lib/stackrox");
    }
    let pods = round.store().list("pods", Some(meta::namespace(pod)));
    let database = pods.iter().find(|pod| meta::label(pod, "app") == Some("central-db"))?;
    inside(database, "/var/lib/postgresql/data")
}

/// Whether what is mounted at a path outlives the pod.
fn has_lasting_volume(pod: &Value, path: &str) -> bool {
    let mounts = items(pod, "/spec/containers").iter().flat_map(|one| items(one, "/volumeMounts"));
    let mut mounts = mounts.filter(|mount| text(mount, "/mountPath") == path);
    let Some(mount) = mounts.next() else { return false };
    let fleeting = ["emptyDir", "ephemeral", "configMap", "secret", "projected", "downwardAPI"];
    items(pod, "/spec/volumes")
        .iter()
        .filter(|volume| volume["name"] == mount["name"])
        .any(|volume| !fleeting.iter().any(|kind| volume.get(kind).is_some()))
}

/// What a starting Central finds: its configuration, its database, its disk.
fn surroundings(round: &Round<'_>, namespace: &str) -> Surroundings {
    let store = round.store();
    let config = store.read("configmaps", Some(namespace), "central-config");
    let text = config.as_deref().map_or("", |map| text(map, "/data/central-config.yaml"));
    let config: Value = serde_saphyr::from_str(text).unwrap_or_default();
    let force = config.pointer("/maintenance/forceRollbackVersion").and_then(Value::as_str);
    let faults = &round.cluster.faults;
    Surroundings {
        force_rollback: force.filter(|version| *version != "none").map(str::to_owned),
        safe_mode: config.pointer("/maintenance/safeMode") == Some(&Value::Bool(true)),
        migration_fails: faults.find(|fault| match fault {
            ClusterFault::FailedMigration { message } => Some(message.clone()),
            _ => None,
        }),
        disk_full: faults.any(|fault| *fault == ClusterFault::FullDisk),
        postgres_ready: has_database(round, namespace),
    }
}

/// Whether the PostgreSQL of 4.x answers: the cluster's own, or an external one.
fn has_database(round: &Round<'_>, namespace: &str) -> bool {
    let store = round.store();
    let external = store.read("deployments.apps", Some(namespace), "central-db").is_none()
        && store.read("configmaps", Some(namespace), "central-external-db").is_some();
    external
        || store
            .list("pods", Some(namespace))
            .iter()
            .any(|pod| meta::label(pod, "app") == Some("central-db") && is_true(pod, "Ready"))
}

fn write(round: &Round<'_>, life: &Life, container: &Container, at: Timestamp, line: &str) {
    let line =
        format!("{}: {}: Info: {line}", container.name, at.strftime("%Y/%m/%d %H:%M:%S%.6f"));
    round.cluster.logs.write(&life.namespace, &life.name, &container.name, at, line);
}
