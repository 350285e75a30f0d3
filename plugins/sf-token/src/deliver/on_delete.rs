//! Sets that replace pods only when they are deleted: told, or rolled here one pod at a time.

use std::sync::Arc;
use std::time::Duration;

use common::cluster::rollout::{Memory, Observed, diagnose};
use common::rhacs::ObjectRef;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::consumers::Consumer;
use super::report::Restarted;
use super::restart::Need;
use super::roll::{Aim, Unfinished, cluster_error, mark, own_pods, spared, stopped, unfinished};
use super::site::Site;
use super::work::Work;

const LOOK: Duration = Duration::from_secs(1);

/// Marks the template and, where the user wants it, deletes the pods that started with the old
/// secret, each after the one before is replaced and ready.
pub(super) async fn restart(
    site: &Site,
    consumer: &Consumer,
    needed: Need,
    aim: Aim<'_>,
    work: &Work,
) -> Result<(Restarted, String), Unfinished> {
    if needed == Need::Restart {
        mark(site, consumer, aim).await?;
    }
    let read = site.cluster.read(&consumer.object).await.map_err(cluster_error)?;
    let Some(workload) = read else { return Ok((Restarted::Before, "it is gone".to_owned())) };
    let pods = own_pods(site, &workload).await.map_err(cluster_error)?;
    let stale: Vec<&Value> = pods.iter().filter(|pod| is_stale(pod, aim.written_at)).collect();
    if stale.is_empty() {
        return Ok((Restarted::Before, "its pods are newer than the secret".to_owned()));
    }
    let names: Vec<&str> =
        stale.iter().filter_map(|pod| pod["metadata"]["name"].as_str()).collect();
    if !site.deletes_pods {
        return Err(spared(format!(
            "its update strategy is OnDelete: delete its pods one by one (kubectl delete pod {} -n {}), or pass --delete-pods",
            names.join(" "),
            site.target.namespace
        )));
    }
    let deadline = Instant::now() + work.limit(consumer);
    for (index, pod) in stale.iter().enumerate() {
        if work.interrupt.is_raised() {
            return Err(stopped("interrupted between two of its pods"));
        }
        let message =
            format!("{}: `{}`: the pod after {}", site.place(), consumer.object, names[index]);
        work.waiting(message, Some((index as u64, stale.len() as u64)));
        replace(site, consumer, &workload, pod, deadline).await?;
    }
    Ok((Restarted::Yes, format!("its pods were deleted one at a time, {} in all", stale.len())))
}

/// Whether a pod may have started with the old secret.
fn is_stale(pod: &Value, written_at: Option<&str>) -> bool {
    let time = |text: &str| text.parse::<Timestamp>().ok();
    let created = pod["metadata"]["creationTimestamp"].as_str().and_then(time);
    let alive = pod["metadata"]["deletionTimestamp"].is_null();
    let is_newer = created.zip(written_at.and_then(time)).is_some_and(|(c, w)| c > w);
    alive && !is_newer
}

/// Deletes a pod and waits until as many as before are ready, without it. What was not ready or was
/// ending before is not waited for: on a node that is gone it never comes.
async fn replace(
    site: &Site,
    consumer: &Consumer,
    workload: &Value,
    pod: &Value,
    deadline: Instant,
) -> Result<(), Unfinished> {
    let Some(object) = ObjectRef::of(pod) else { return Ok(()) };
    let uid = pod["metadata"]["uid"].as_str();
    let before = own_pods(site, workload).await.map_err(cluster_error)?;
    let wanted = before.iter().filter(|pod| is_ready(pod)).count();
    site.cluster.delete(&object, uid, false).await.map_err(cluster_error)?;
    loop {
        tokio::time::sleep(LOOK).await;
        let pods = match own_pods(site, workload).await {
            Ok(pods) => pods,
            Err(error) if error.is_transient() && Instant::now() < deadline => continue,
            Err(error) => return Err(cluster_error(error)),
        };
        let others = pods.iter().filter(|other| other["metadata"]["uid"].as_str() != uid);
        let ready = others.filter(|pod| is_ready(pod)).count();
        let is_gone = !pods.iter().any(|other| other["metadata"]["uid"].as_str() == uid);
        if is_gone && ready >= wanted {
            return Ok(());
        }
        if let Some(reason) = trouble(site, consumer, &pods).await {
            return Err(unfinished(reason));
        }
        if Instant::now() >= deadline {
            return Err(unfinished(format!(
                "time is up: {ready} of {wanted} pods are ready after `{object}` was deleted"
            )));
        }
    }
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    let ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    pod["metadata"]["deletionTimestamp"].is_null() && conditions.into_iter().flatten().any(ready)
}

/// What keeps the new pods from ever becoming ready.
async fn trouble(site: &Site, consumer: &Consumer, pods: &[Value]) -> Option<String> {
    let workload = site.cluster.read(&consumer.object).await.ok()??;
    let pods: Vec<Arc<Value>> = pods.iter().cloned().map(Arc::new).collect();
    let found = diagnose(&Observed {
        workload: &workload,
        replica_sets: &[],
        pods: &pods,
        events: &[],
        events_are_known: false,
        memory: &Memory::default(),
        now: site.cluster.now(),
    })?;
    found.fatal.then(|| format!("`{}` {}: {}", found.object, found.reason, found.message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pods_are_stale_until_they_are_newer_than_the_key() {
        let written = Some("2026-01-02T12:00:00Z");
        let pod = |time: &str| json!({"metadata": {"creationTimestamp": time}});
        assert!(is_stale(&pod("2026-01-02T12:00:00Z"), written));
        assert!(!is_stale(&pod("2026-01-02T12:00:01Z"), written));
        assert!(is_stale(&pod("2026-01-02T12:00:01Z"), None));
        let mut ending = pod("2026-01-02T11:00:00Z");
        ending["metadata"]["deletionTimestamp"] = json!("2026-01-02T12:00:00Z");
        assert!(!is_stale(&ending, written));
    }

    #[test]
    fn a_pod_that_is_ending_is_not_ready() {
        let mut pod = json!({"metadata": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        assert!(is_ready(&pod));
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-02T12:00:00Z");
        assert!(!is_ready(&pod));
    }
}
