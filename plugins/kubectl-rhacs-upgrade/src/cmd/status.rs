//! `status`: what runs which version, how far and how healthy.

use std::time::Duration;

use common::cluster::Lease;
use common::cluster::rollout::{Progress, counts, judge};
use common::command::Session;
use common::exit::Exit;
use common::failure::Failure;
use common::plan::{Running, Unfit, check_installed, running};
use common::rhacs::images::Image;
use common::rhacs::{Component, SecuredCluster, Snapshot, Version};
use common::ui::{Cell, Header, Look, Output, Role, Table};
use serde::Serialize;

/// What `status` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The namespace.
    pub namespace: String,
    /// OpenShift or not.
    pub platform: String,
    /// The version Central's API says; none when it was not or could not be asked.
    pub central: Option<Version>,
    /// Why Central was not asked, or did not answer.
    pub central_note: Option<String>,
    /// The workloads.
    pub workloads: Vec<WorkloadStatus>,
    /// What Central says of the secured clusters.
    pub clusters: Vec<SecuredCluster>,
    /// Who holds the lock.
    pub lock: Option<String>,
}

/// One container of a workload.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadStatus {
    /// The part of the product.
    pub component: Component,
    /// The workload, as kubectl takes it.
    pub object: String,
    /// The container.
    pub container: String,
    /// The image's tag.
    pub version: String,
    /// The whole image reference.
    pub image: String,
    /// Pods that are ready and new.
    pub ready: u64,
    /// Pods there should be.
    pub desired: u64,
    /// Whether the rollout is complete.
    pub healthy: bool,
    /// What it waits for, or why it failed.
    pub note: String,
}

/// Prints the status once, or again whenever it changes and for as long as somebody reads it. While
/// it is watched, an API server that is away is told of and waited for.
///
/// # Errors
/// When the cluster cannot be read.
pub async fn run(session: &Session, watch: bool) -> Result<Exit, Failure> {
    let (mut last, mut told, mut was_read) = (None, String::new(), false);
    loop {
        match read(session).await {
            Ok(status) => {
                if last.as_ref() != Some(&status) {
                    session.ui.print(&status, |output, look| text(&status, output, look))?;
                }
                (last, told, was_read) = (Some(status), String::new(), true);
            }
            Err(failure) if was_read && failure.may_pass() => {
                let words = format!("{failure}: {}; trying again", failure.causes().join(": "));
                if words != told {
                    session.ui.warn(&words);
                }
                // What was shown before is shown again once it is known to be so still.
                (last, told) = (None, words);
            }
            Err(failure) => return Err(failure),
        }
        if !watch {
            return Ok(Exit::Done);
        }
        tokio::select! {
            () = session.env.clock().sleep(INTERVAL) => {}
            () = session.stop.interrupt.raised() => return Ok(Exit::Interrupted),
        }
        if session.env.stdout().is_closed() {
            return Ok(Exit::Done);
        }
    }
}

const INTERVAL: Duration = Duration::from_secs(2);

async fn read(session: &Session) -> Result<Status, Failure> {
    let snapshot = session.observe().await?;
    check_installed(&snapshot).map_err(Unfit::into_failure)?;
    let lease = Lease::current(&session.cluster).await;
    let lock = lease.ok().flatten().filter(|lease| !lease.expired);
    Ok(status(&snapshot, lock.map(|lease| format!("{} since {}", lease.holder, lease.since))))
}

fn status(snapshot: &Snapshot, lock: Option<String>) -> Status {
    let central = &snapshot.central;
    let foreign = central.foreign.as_ref();
    let foreign = foreign.map(|reason| format!("it is that of another installation: {reason}"));
    let silent =
        foreign.or_else(|| central.unreachable.clone()).or_else(|| central.unauthorized.clone());
    Status {
        namespace: snapshot.namespace.clone(),
        platform: snapshot.platform.map(|platform| platform.to_string()).unwrap_or_default(),
        central: central.version.clone(),
        central_note: silent.or_else(|| {
            (!central.has_credentials).then(|| "no credentials: Central was not asked".to_owned())
        }),
        workloads: running(snapshot).iter().map(|one| workload(snapshot, one)).collect(),
        clusters: central.clusters.clone(),
        lock,
    }
}

fn workload(snapshot: &Snapshot, one: &Running) -> WorkloadStatus {
    let object = snapshot.find(&one.object).cloned().unwrap_or_default();
    let (ready, desired) = counts(&object);
    let (healthy, note) = match judge(&object, 0) {
        Progress::Done => (true, String::new()),
        Progress::Waiting(note) => (false, note),
        Progress::Failed { reason, .. } => (false, reason),
    };
    let tag = Image::classify(&one.image).and_then(|image| image.tag);
    WorkloadStatus {
        component: one.component,
        object: one.object.to_string(),
        container: one.container.clone(),
        version: tag.unwrap_or_else(|| "?".to_owned()),
        image: one.image.clone(),
        ready,
        desired,
        healthy,
        note,
    }
}

fn text(status: &Status, output: Output, look: Look) -> String {
    if output == Output::Name {
        let names = status.workloads.iter().map(|workload| workload.object.clone());
        let mut names: Vec<String> = names.collect();
        names.dedup();
        return names.iter().map(|name| format!("{name}\n")).collect();
    }
    let mut text = workload_table(status).render(look, output.is_wide());
    if !status.clusters.is_empty() {
        text.push('\n');
        text.push_str(&cluster_table(status).render(look, output.is_wide()));
    }
    text.push('\n');
    let central = match (&status.central, &status.central_note) {
        (Some(version), _) => format!("Central serves {version}"),
        (None, Some(note)) => note.clone(),
        (None, None) => "Central did not say its version".to_owned(),
    };
    text.push_str(&format!("{central}\n"));
    if let Some(lock) = &status.lock {
        text.push_str(&format!("Locked by {lock}\n"));
    }
    text
}

fn workload_table(status: &Status) -> Table {
    let mut table = Table::new([
        Header::new("COMPONENT"),
        Header::new("OBJECT"),
        Header::new("CONTAINER"),
        Header::new("VERSION"),
        Header::new("READY"),
        Header::new("STATE"),
        Header::new("IMAGE").wide(),
    ]);
    for workload in &status.workloads {
        let state = if workload.healthy {
            Cell::painted(Role::Success, "healthy")
        } else {
            Cell::painted(Role::Warning, workload.note.clone())
        };
        table.row([
            workload.component.to_string().into(),
            workload.object.clone().into(),
            workload.container.clone().into(),
            workload.version.clone().into(),
            format!("{}/{}", workload.ready, workload.desired).into(),
            state,
            workload.image.clone().into(),
        ]);
    }
    table
}

fn cluster_table(status: &Status) -> Table {
    let mut table = Table::new([
        Header::new("CLUSTER"),
        Header::new("SENSOR"),
        Header::new("HEALTH"),
        Header::new("LAST CONTACT"),
        Header::new("UPGRADE"),
        Header::new("CERTIFICATE UNTIL").wide(),
    ]);
    for cluster in &status.clusters {
        table.row([
            cluster.name.clone().into(),
            cluster.sensor_version.clone().into(),
            cluster.health.to_lowercase().into(),
            cluster.last_contact.clone().into(),
            cluster.upgradability.to_lowercase().replace('_', " ").into(),
            cluster.certificate_expiry.clone().into(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use common::rhacs::{Platform, official};

    use super::*;

    #[test]
    fn every_container_has_a_line() {
        let snapshot = Snapshot {
            namespace: "stackrox".to_owned(),
            objects: official::objects(
                &Version::release(3, 69, 2),
                Platform::Kubernetes,
                "stackrox",
            ),
            ..Snapshot::default()
        };
        let status = status(&snapshot, Some("ann@laptop since 12:00".to_owned()));
        let names: Vec<&str> =
            status.workloads.iter().map(|workload| workload.container.as_str()).collect();
        assert_eq!(
            names,
            ["central", "scanner", "db", "admission-control", "collector", "compliance", "sensor"]
        );
        assert!(status.workloads.iter().all(|workload| workload.version == "3.69.2"));
        let text = text(&status, Output::Table, Look::plain());
        assert!(text.contains("Locked by ann@laptop"), "{text}");
        assert!(text.contains("no credentials"), "{text}");
    }
}
