//! The restarts of the workloads that read a key, one after the other, until the first that fails.

use std::time::Duration;

use common::cluster::wait::{self, WaitError, Waiting};
use common::cluster::{ClusterError, Collection, WriteOptions};
use common::plan::PatchKind;
use serde_json::Value;

use super::consumers::Consumer;
use super::on_delete;
use super::report::{ConsumerReport, Restarted};
use super::restart::{Need, need, pods_of, restart_patch};
use super::site::Site;
use super::work::Work;

/// How long Reloader is given to notice the new secret, and how often it is looked.
const RELOADER: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_secs(1);

/// What the restarts at one site aim at.
#[derive(Clone, Copy, Debug)]
pub struct Aim<'a> {
    /// The mark that templates get.
    pub mark: &'a str,
    /// When the key was written, if it is known.
    pub written_at: Option<&'a str>,
    /// It was written by this run, so that others may react to it now.
    pub just_written: bool,
}

/// Why a restart did not succeed.
pub(super) struct Unfinished {
    pub(super) restarted: Restarted,
    pub(super) message: String,
    pub(super) logs: Vec<String>,
}

/// Restarts the consumers of `site` in order. After the first that fails, the others are left as
/// they are: they still work with the old secret.
pub async fn restart_all(site: &Site, aim: Aim<'_>, work: &Work) -> Vec<ConsumerReport> {
    let mut reports: Vec<ConsumerReport> = Vec::new();
    for consumer in &site.consumers {
        let trouble = reports.iter().any(|report| report.restarted == Restarted::No);
        let result = if work.interrupt.is_raised() {
            Err(stopped("interrupted before its restart"))
        } else if trouble {
            Err(stopped("not restarted, because another workload did not come up"))
        } else {
            restart_one(site, consumer, aim, work).await
        };
        let (restarted, message, logs) = match result {
            Ok((restarted, message)) => (restarted, message, Vec::new()),
            Err(Unfinished { restarted, message, logs }) => (restarted, message, logs),
        };
        reports.push(ConsumerReport {
            object: consumer.object.clone(),
            restarted,
            message: work.blotted(&message),
            logs: logs.iter().map(|line| work.blotted(line)).collect(),
        });
    }
    reports
}

async fn restart_one(
    site: &Site,
    consumer: &Consumer,
    aim: Aim<'_>,
    work: &Work,
) -> Result<(Restarted, String), Unfinished> {
    let Some(workload) = site.cluster.read(&consumer.object).await.map_err(cluster_error)? else {
        return Ok((Restarted::Before, "it is gone".to_owned()));
    };
    let pods = own_pods(site, &workload).await.map_err(cluster_error)?;
    let mut needed = need(&workload, &pods, aim.mark, aim.written_at);
    if needed == Need::Restart && consumer.reloaded && aim.just_written {
        needed = outwait_reloader(site, consumer, &workload, aim, work).await?;
    }
    if consumer.on_delete {
        return on_delete::restart(site, consumer, needed, aim, work).await;
    }
    let seen = match needed {
        Need::Nothing => {
            return Ok((Restarted::Before, "its pods are newer than the secret".to_owned()));
        }
        Need::Wait => workload.clone(),
        Need::Restart => mark(site, consumer, aim).await?,
    };
    follow(site, consumer, &seen, work).await?;
    refuse_survivors(site, &workload, &pods, needed).await?;
    Ok(match needed {
        Need::Wait => (Restarted::Before, "its pods started with the secret".to_owned()),
        _ => (Restarted::Yes, "all of its pods are new and ready".to_owned()),
    })
}

/// Marks the template; returns the workload that this led to.
pub(super) async fn mark(
    site: &Site,
    consumer: &Consumer,
    aim: Aim<'_>,
) -> Result<Value, Unfinished> {
    let patch = restart_patch(aim.mark);
    let options = WriteOptions::default();
    let mut error = None;
    // It says the same however often it is sent.
    for _ in 0..3 {
        match site.cluster.patch(&consumer.object, PatchKind::Merge, &patch, &options).await {
            Ok(object) => return Ok(object),
            Err(failed) if failed.is_transient() => {
                error = Some(failed);
                tokio::time::sleep(LOOK).await;
            }
            Err(failed) => return Err(cluster_error(failed)),
        }
    }
    Err(error.map_or_else(|| unfinished("its restart could not be asked for"), cluster_error))
}

/// Waits for the rollout of the workload, which was `seen` to be so by now.
pub(super) async fn follow(
    site: &Site,
    consumer: &Consumer,
    seen: &Value,
    work: &Work,
) -> Result<(), Unfinished> {
    let mut on = |waiting: Waiting| {
        work.waiting(
            format!("{}: `{}`: {}", site.place(), consumer.object, waiting.message),
            Some((waiting.ready, waiting.desired)),
        );
    };
    let limit = work.limit(consumer);
    let done = wait::rollout(&site.cluster, &consumer.object, Some(seen), limit, &mut on);
    tokio::select! {
        biased;
        () = work.interrupt.raised() => Err(stopped("interrupted while its pods restarted")),
        result = done => result.map(drop).map_err(|error| wait_error(&error)),
    }
}

/// A rollout may be complete by its own rules and still have spared pods, as with a partition.
async fn refuse_survivors(
    site: &Site,
    workload: &Value,
    before: &[Value],
    needed: Need,
) -> Result<(), Unfinished> {
    if needed != Need::Restart || workload["kind"] != "StatefulSet" {
        return Ok(());
    }
    let now = own_pods(site, workload).await.map_err(cluster_error)?;
    let survivors: Vec<&str> = now
        .iter()
        .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
        .filter(|pod| before.iter().any(|old| old["metadata"]["uid"] == pod["metadata"]["uid"]))
        .filter_map(|pod| pod["metadata"]["name"].as_str())
        .collect();
    if survivors.is_empty() {
        return Ok(());
    }
    Err(spared(format!(
        "its update strategy spares {}: they run with the old secret until somebody deletes them",
        survivors.join(", ")
    )))
}

/// Gives Reloader the time to restart the workload; when it does, waits for that.
async fn outwait_reloader(
    site: &Site,
    consumer: &Consumer,
    before: &Value,
    aim: Aim<'_>,
    work: &Work,
) -> Result<Need, Unfinished> {
    work.waiting(format!("{}: Reloader to restart `{}`", site.place(), consumer.object), None);
    let deadline = tokio::time::Instant::now() + RELOADER;
    while tokio::time::Instant::now() < deadline && !work.interrupt.is_raised() {
        tokio::time::sleep(LOOK).await;
        let now = site.cluster.read(&consumer.object).await.map_err(cluster_error)?;
        let Some(now) = now else { return Ok(Need::Nothing) };
        if now["spec"]["template"] != before["spec"]["template"] {
            follow(site, consumer, &now, work).await?;
            let pods = own_pods(site, &now).await.map_err(cluster_error)?;
            return Ok(need(&now, &pods, aim.mark, aim.written_at));
        }
    }
    Ok(Need::Restart)
}

/// The pods of `workload` as they are now.
pub(super) async fn own_pods(site: &Site, workload: &Value) -> Result<Vec<Value>, ClusterError> {
    let namespace = site.target.namespace.as_str();
    let pods = Collection::namespaced("v1", "Pod", namespace);
    let sets = Collection::namespaced("apps/v1", "ReplicaSet", namespace);
    let sets = if workload["kind"] == "Deployment" {
        site.cluster.list_metadata(&sets).await?.items
    } else {
        Vec::new()
    };
    let pods = site.cluster.list(&pods).await?.items;
    Ok(pods_of(workload, &sets, &pods).cloned().collect())
}

/// It does not come up.
pub(super) fn unfinished(message: impl Into<String>) -> Unfinished {
    Unfinished { restarted: Restarted::No, message: message.into(), logs: Vec::new() }
}

/// It was not tried, or not watched to its end.
pub(super) fn stopped(message: impl Into<String>) -> Unfinished {
    Unfinished { restarted: Restarted::Stopped, ..unfinished(message) }
}

/// Somebody has to delete pods.
pub(super) fn spared(message: impl Into<String>) -> Unfinished {
    Unfinished { restarted: Restarted::Spared, ..unfinished(message) }
}

pub(super) fn cluster_error(error: ClusterError) -> Unfinished {
    unfinished(error.to_string())
}

fn wait_error(error: &WaitError) -> Unfinished {
    Unfinished { logs: error.logs().to_vec(), ..unfinished(error.to_string()) }
}
