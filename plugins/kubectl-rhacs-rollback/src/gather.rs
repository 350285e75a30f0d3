//! Reads what a way back needs to know beyond a snapshot: records, former states, Central's log.

use std::collections::BTreeMap;

use common::cluster::{Collection, LogOptions, Records};
use common::command::{Session, history};
use common::failure::Failure;
use common::plan::Guide;
use common::rhacs::migrator::{self, MigratorState};
use common::rhacs::{ObjectRef, Snapshot};
use common::run::Record;
use serde_json::Value;

use crate::planner::{Ground, Way, revisions, touched};

/// Which way back is wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Choice {
    /// The newest run; without any, the newest revision of another version.
    Newest,
    /// Everything since this run, itself included.
    Run(String),
    /// This revision of Central's Deployment.
    Revision(u64),
    /// Only the image of Central.
    Image,
}

/// The way back that is wanted, with what it takes to plan it.
///
/// # Errors
/// When a record or an object cannot be read.
pub async fn gather(
    session: &Session,
    snapshot: &Snapshot,
    choice: &Choice,
) -> Result<(Way, Ground), Failure> {
    let way = way(session, choice).await?;
    let ground = ground(session, snapshot, way.records()).await?;
    Ok((way, ground))
}

/// The way that a plan was made for, with what it takes to plan it again.
///
/// # Errors
/// When a record or an object cannot be read.
pub async fn follow(
    session: &Session,
    snapshot: &Snapshot,
    guide: &Guide,
) -> Result<(Way, Ground), Failure> {
    let way = match guide {
        Guide::Image => Way::Image,
        Guide::Revision { number } => Way::Revision { number: Some(*number) },
        Guide::Runs { runs, named, .. } => {
            Way::Records { records: load(session, runs).await?, is_named: *named }
        }
    };
    let ground = ground(session, snapshot, way.records()).await?;
    Ok((way, ground))
}

/// Those of `objects` that a snapshot leaves out, as they are now; one that is missing does not
/// exist.
///
/// # Errors
/// When one cannot be read.
pub async fn live(
    session: &Session,
    snapshot: &Snapshot,
    objects: impl IntoIterator<Item = ObjectRef>,
) -> Result<BTreeMap<ObjectRef, Value>, Failure> {
    let mut live = BTreeMap::new();
    for object in objects {
        if snapshot.find(&object).is_some() {
            continue;
        }
        let read = session.cluster.read(&object).await;
        let now = read.map_err(|error| error.into_failure(format!("cannot read `{object}`")))?;
        live.extend(now.map(|now| (object, now)));
    }
    Ok(live)
}

/// What is known about `records` beyond the snapshot.
///
/// # Errors
/// When an object cannot be read.
pub async fn ground(
    session: &Session,
    snapshot: &Snapshot,
    records: &[Record],
) -> Result<Ground, Failure> {
    let namespace = session.namespace();
    let live = live(session, snapshot, touched(records, namespace)).await?;
    let mut ground = Ground { live, ..Ground::default() };
    let sets = Collection::namespaced("apps/v1", "ReplicaSet", namespace);
    match session.cluster.list(&sets.with_labels("app=central")).await {
        Ok(sets) => ground.revisions = revisions(snapshot, &sets.items),
        Err(error) => session.ui.warn(&format!("cannot list the revisions of Central: {error}")),
    }
    ground.log = central_log(session, snapshot).await;
    Ok(ground)
}

async fn way(session: &Session, choice: &Choice) -> Result<Way, Failure> {
    match choice {
        Choice::Revision(number) => Ok(Way::Revision { number: Some(*number) }),
        Choice::Image => Ok(Way::Image),
        Choice::Run(run) => {
            let records = since(session, run).await?;
            Ok(Way::Records { records, is_named: true })
        }
        Choice::Newest => match ids(session).await?.first() {
            None => Ok(Way::Revision { number: None }),
            Some(newest) => {
                let records = load(session, std::slice::from_ref(newest)).await?;
                Ok(Way::Records { records, is_named: false })
            }
        },
    }
}

/// The records of every run since `run`, newest first, itself included.
async fn since(session: &Session, run: &str) -> Result<Vec<Record>, Failure> {
    let ids = ids(session).await?;
    let Some(place) = ids.iter().position(|id| id == run) else {
        let failure = Failure::usage(format!("there is no run {run}"));
        return Err(failure.hint(session.tool.command("history")));
    };
    load(session, &ids[..=place]).await
}

async fn load(session: &Session, ids: &[String]) -> Result<Vec<Record>, Failure> {
    let mut records = Vec::new();
    for id in ids {
        records.push(history::load(session, id).await.map_err(unreadable)?);
    }
    Ok(records)
}

async fn ids(session: &Session) -> Result<Vec<String>, Failure> {
    let headers = Records::new(&session.cluster).list().await;
    let headers = headers.map_err(|error| error.into_failure("cannot list the recorded runs"))?;
    Ok(headers.into_iter().map(|header| header.id).collect())
}

/// Another way leads past a record that cannot be used.
fn unreadable(failure: Failure) -> Failure {
    failure
        .hint("kubectl rhacs rollback --to-revision N goes by the ReplicaSets of deploy/central")
        .hint("kubectl rhacs rollback --force --to VERSION puts Central's image back alone")
}

/// Whether Central's container in `pod` has ended, now or before.
fn has_broken_off(pod: &Value) -> bool {
    let statuses = pod["status"]["containerStatuses"].as_array();
    let mut central = statuses.into_iter().flatten().filter(|status| status["name"] == "central");
    central.any(|status| {
        status["restartCount"].as_u64().unwrap_or(0) > 0 || status["state"]["running"].is_null()
    })
}

/// What the log of Central's newest pod says; none when there is none to read.
async fn central_log(session: &Session, snapshot: &Snapshot) -> Option<MigratorState> {
    let is_central = |pod: &&Value| {
        let metadata = &pod["metadata"];
        metadata["labels"]["app"] == "central" && metadata["deletionTimestamp"].is_null()
    };
    let created =
        |pod: &&Value| pod["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned();
    let pod = snapshot.pods.iter().filter(is_central).max_by_key(created)?;
    let name = pod["metadata"]["name"].as_str()?;
    // A container that has just restarted says little: what ended the one before it counts.
    for previous in [false, true] {
        let options = LogOptions { previous, ..LogOptions::default() };
        let log = session.cluster.log(session.namespace(), name, "central", &options).await;
        match log.map(|log| migrator::read(&log)) {
            Ok(MigratorState::Starting) | Err(_) => {}
            // A migration that broke off is not at work; how far it came, nobody knows.
            Ok(state) if state.is_at_work() && (previous || has_broken_off(pod)) => {}
            Ok(state) => return Some(state),
        }
    }
    None
}
