//! `status`: what runs which version, how far and how healthy, and what is left to do.

use std::time::Duration;

use common::cluster::Lease;
use common::command::Session;
use common::exit::Exit;
use common::failure::Failure;
use common::health::{Health, Lock, Verdict, VersionSource, health};
use common::plan::{Unfit, check_installed};
use common::ui::{Cell, Header, Look, Output, Role, Table, count};

/// How to look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Looking {
    /// Again whenever something changes.
    pub watch: bool,
    /// End with a code that says what was found.
    pub exit_code: bool,
}

/// Prints the status once, or again whenever it changes and for as long as somebody reads it. While
/// it is watched, an API server that is away is told of and waited for.
///
/// # Errors
/// When the cluster cannot be read.
pub async fn run(session: &Session, looking: Looking) -> Result<Exit, Failure> {
    let (mut last, mut told, mut was_read) = (None, String::new(), false);
    loop {
        let exit = match read(session).await {
            Ok(status) => {
                if last.as_ref() != Some(&status) {
                    session.ui.print(&status, |output, look| text(&status, output, look))?;
                }
                let exit = exit(&status, looking);
                (last, told, was_read) = (Some(status), String::new(), true);
                exit
            }
            Err(failure) if was_read && failure.may_pass() => {
                let words = format!("{failure}: {}; trying again", failure.causes().join(": "));
                if words != told {
                    session.ui.warn(&words);
                }
                // What was shown before is shown again once it is known to be so still.
                (last, told) = (None, words);
                Exit::Done
            }
            Err(failure) if looking.exit_code && failure.exit() == Exit::Unexpected => {
                session.ui.failure(&failure);
                return Ok(Exit::Unverified);
            }
            Err(failure) => return Err(failure),
        };
        if !looking.watch {
            return Ok(exit);
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

async fn read(session: &Session) -> Result<Health, Failure> {
    let snapshot = session.observe().await?;
    check_installed(&snapshot).map_err(Unfit::into_failure)?;
    let lock = Lease::current(&session.cluster).await.map_err(|error| error.to_string());
    let lock = lock.map(|lease| {
        let held = lease.filter(|lease| !lease.expired);
        held.map(|lease| Lock { holder: lease.holder, since: lease.since })
    });
    Ok(health(&snapshot, lock, session.env.now()))
}

/// What a script is told. A Central that was to be asked and did not answer is an error whatever
/// was asked for: nobody may take its silence for health.
fn exit(status: &Health, looking: Looking) -> Exit {
    match status.result {
        Verdict::WorkToDo if looking.exit_code => Exit::ChangesPending,
        Verdict::NotLookedAt if looking.exit_code => Exit::Unverified,
        _ if status.central_failed => Exit::Unverified,
        _ => Exit::Done,
    }
}

fn text(status: &Health, output: Output, look: Look) -> String {
    if output == Output::Name {
        let names = status.workloads.iter().map(|workload| workload.object.clone());
        let mut names: Vec<String> = names.collect();
        names.dedup();
        return names.iter().map(|name| format!("{name}\n")).collect();
    }
    let is_wide = output.is_wide();
    let mut text = workload_table(status).render(look, is_wide);
    if !status.clusters.is_empty() {
        text.push('\n');
        text.push_str(&cluster_table(status).render(look, is_wide));
    }
    let ending = status.certificates.iter().any(|certificate| certificate.is_ending());
    if ending || is_wide && !status.certificates.is_empty() {
        text.push('\n');
        text.push_str(&certificate_table(status, is_wide).render(look, is_wide));
    }
    text.push('\n');
    text.push_str(&look.text(&summary(status)));
    text
}

fn summary(status: &Health) -> String {
    let mut text = String::new();
    for (part, components) in status.managed_by.managers() {
        let components: Vec<String> = components.iter().map(ToString::to_string).collect();
        text.push_str(&format!("{}: managed by {}\n", components.join(", "), part.manager()));
    }
    match (&status.central, &status.central_note) {
        (Some(version), None) => text.push_str(&format!("Central serves {version}\n")),
        (_, Some(note)) => text.push_str(&format!("{note}\n")),
        (None, None) => text.push_str("Central did not say its version\n"),
    }
    if let Some(first) = status.certificates.first().filter(|first| !first.is_ending()) {
        let day = first.until.get(..10).unwrap_or(&first.until);
        text.push_str(&format!("The first certificate to end is {}: {day}\n", first.object));
    }
    if let Some(lock) = &status.lock {
        text.push_str(&format!("Locked by {lock}\n"));
    }
    text.push_str(&list(status));
    text
}

/// What is left to do and what was not looked at, then the judgement.
fn list(status: &Health) -> String {
    let mut text = String::new();
    if !status.work.is_empty() {
        text.push_str(&format!("\n{} to do:\n", count(status.work.len(), "thing")));
    }
    for work in &status.work {
        text.push_str(&format!("  {}: {}\n    {}\n", work.object, work.what, work.fix));
    }
    if !status.not_looked_at.is_empty() {
        text.push_str("\nNot looked at:\n");
    }
    for unseen in &status.not_looked_at {
        text.push_str(&format!("  {}: {}\n", unseen.what, unseen.why));
    }
    let verdict = match (status.result, status.not_looked_at.is_empty()) {
        (Verdict::Healthy, true) => "✓ everything is as it should be",
        (Verdict::Healthy, false) => "✓ everything that was looked at is as it should be",
        (Verdict::NotLookedAt, _) => "Nothing to do was found, but not everything could be seen",
        (Verdict::WorkToDo, _) => return text,
    };
    format!("{text}\n{verdict}\n")
}

fn workload_table(status: &Health) -> Table {
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
        let state = match (workload.healthy, &workload.expected) {
            (false, _) => Cell::painted(Role::Warning, workload.note.clone()),
            (true, Some(expected)) => {
                Cell::painted(Role::Warning, format!("healthy, but not {expected}"))
            }
            (true, None) if workload.version_from == VersionSource::Unknown => {
                Cell::painted(Role::Warning, "healthy, version not known")
            }
            (true, None) => Cell::painted(Role::Success, "healthy"),
        };
        table.row([
            workload.component.map_or_else(|| "-".to_owned(), |it| it.to_string()).into(),
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

fn cluster_table(status: &Health) -> Table {
    let mut table = Table::new([
        Header::new("CLUSTER"),
        Header::new("SENSOR"),
        Header::new("HEALTH"),
        Header::new("LAST CONTACT"),
        Header::new("UPGRADE"),
        Header::new("CERTIFICATE UNTIL").wide(),
    ]);
    for one in &status.clusters {
        let cluster = &one.cluster;
        let health = if one.connected { cluster.health.to_lowercase() } else { String::new() };
        let health = if health.is_empty() { "unknown".to_owned() } else { health };
        table.row([
            cluster.name.clone().into(),
            or_dash(&cluster.sensor_version),
            match one.connected {
                true if one.healthy => health.into(),
                true => Cell::painted(Role::Warning, health),
                false => Cell::painted(Role::Warning, "never connected"),
            },
            or_dash(&cluster.last_contact),
            or_dash(&cluster.upgradability.to_lowercase().replace('_', " ")),
            or_dash(&cluster.certificate_expiry),
        ]);
    }
    table
}

fn certificate_table(status: &Health, all: bool) -> Table {
    let mut table = Table::new(["CERTIFICATE", "KEY", "UNTIL", "DAYS", "SUBJECT"].map(Header::new));
    for certificate in status.certificates.iter().filter(|it| all || it.is_ending()) {
        let days = certificate.days.to_string();
        table.row([
            certificate.object.clone().into(),
            certificate.key.clone().into(),
            certificate.until.clone().into(),
            if certificate.is_ending() { Cell::painted(Role::Warning, days) } else { days.into() },
            certificate.subject.clone().into(),
        ]);
    }
    table
}

fn or_dash(text: &str) -> Cell {
    if text.is_empty() { "-".into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use common::rhacs::{Platform, SecuredCluster, Snapshot, Version, official};
    use jiff::Timestamp;

    use super::*;

    fn installation() -> Snapshot {
        Snapshot {
            namespace: "stackrox".to_owned(),
            objects: official::objects(
                &Version::release(3, 69, 2),
                Platform::Kubernetes,
                "stackrox",
            ),
            ..Snapshot::default()
        }
    }

    fn looked_at(snapshot: &Snapshot) -> Health {
        let lock = Lock { holder: "ann@laptop".to_owned(), since: "12:00".to_owned() };
        health(snapshot, Ok(Some(lock)), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn every_container_has_a_line() {
        let status = looked_at(&installation());
        let names: Vec<&str> =
            status.workloads.iter().map(|workload| workload.container.as_str()).collect();
        assert_eq!(
            names,
            ["central", "scanner", "db", "admission-control", "collector", "compliance", "sensor"]
        );
        assert!(status.workloads.iter().all(|workload| workload.version == "3.69.2"));
        let text = text(&status, Output::Table, Look::plain());
        assert!(text.contains("Locked by ann@laptop since 12:00"), "{text}");
        assert!(text.contains("Not looked at:\n  what Central says"), "{text}");
    }

    #[test]
    fn a_cluster_that_never_connected_is_no_empty_row() {
        let mut snapshot = installation();
        let cluster = SecuredCluster { name: "edge".to_owned(), ..SecuredCluster::default() };
        snapshot.central.clusters.push(cluster);
        let text = text(&looked_at(&snapshot), Output::Table, Look::plain());
        let row = text.lines().find(|line| line.starts_with("edge")).unwrap();
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(cells, ["edge", "-", "never", "connected", "-", "-"], "{row}");
    }

    #[test]
    fn a_script_is_told_what_was_found_and_never_takes_silence_for_health() {
        let (plain, coded) = (Looking::default(), Looking { exit_code: true, watch: false });
        let mut status = looked_at(&installation());
        for (result, central_failed, without, with) in [
            (Verdict::Healthy, false, Exit::Done, Exit::Done),
            (Verdict::WorkToDo, false, Exit::Done, Exit::ChangesPending),
            (Verdict::WorkToDo, true, Exit::Unverified, Exit::ChangesPending),
            (Verdict::NotLookedAt, false, Exit::Done, Exit::Unverified),
            (Verdict::NotLookedAt, true, Exit::Unverified, Exit::Unverified),
        ] {
            (status.result, status.central_failed) = (result, central_failed);
            assert_eq!(exit(&status, plain), without, "{result:?} {central_failed}");
            assert_eq!(exit(&status, coded), with, "{result:?} {central_failed}");
        }
    }
}
