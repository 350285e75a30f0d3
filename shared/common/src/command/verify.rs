//! `verify`: look again at what a run was to achieve, and complete its record.

use serde::Serialize;

use super::execute::{self, adjust, host, patient, who};
use super::history::{ids, load, no_such_run};
use super::{DryRun, Session};
use crate::SUITE_VERSION;
use crate::central::CentralClient;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{Action, Step};
use crate::rhacs::Snapshot;
use crate::run::{
    ClusterExecutor, ClusterJournal, ClusterReport, Conclusion, Event, Events, Execute, Journal,
    Recheck, Record, Report, RunState, StepContext, StepState,
};
use crate::ui::report_text;

/// The number of the format of `verify`.
const SCHEMA: u32 = 1;

/// What `verify` prints for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verification<'a> {
    schema: u32,
    /// The run that was looked at.
    run: &'a str,
    /// The version it went to.
    to: String,
    /// What is on record now.
    #[serde(flatten)]
    recheck: &'a Recheck,
    /// The number that the process ends with.
    code: u8,
    /// Whether the record was completed.
    recorded: bool,
}

/// What was seen of a run.
struct Seen {
    unverified: Vec<String>,
    clusters: Vec<ClusterReport>,
    conclusion: Conclusion,
}

/// Verifies `run`, or the newest one, again; changes nothing but its record.
///
/// # Errors
/// When there is no such run, it is not at its end, or the cluster cannot be read.
pub async fn run(session: &Session, run: Option<&str>) -> Result<Exit, Failure> {
    if session.flags.run.dry_run != DryRun::None {
        return Err(Failure::usage("`--dry-run` does not apply to `verify`")
            .because("it changes nothing but the record of the run"));
    }
    let id = match run {
        Some(run) => run.to_owned(),
        None => ids(session).await?.into_iter().next().ok_or_else(|| {
            let message = format!("no runs are recorded in namespace `{}`", session.namespace());
            Failure::usage(message).hint(session.command("status"))
        })?,
    };
    execute::refuse_if_locked(session).await?;
    let began = session.env.now();
    let mut record = load(session, &id).await?;
    refuse_unfit(session, &record)?;
    let (snapshot, central) = session.observe_own().await?;
    adjust(session, &mut record.plan);
    let seen = look(session, &record, &snapshot, central).await?;
    let recheck = Recheck {
        at: session.env.now(),
        who: who(session, Some(&snapshot)).await,
        host: host(session),
        tool: SUITE_VERSION.to_owned(),
        exit: if seen.unverified.is_empty() { Exit::Done } else { Exit::Unverified },
        unverified: seen.unverified,
        components: seen.conclusion.components,
        clusters: seen.clusters,
        central_asked: seen.conclusion.central_asked,
    };
    let recorded = complete(session, &id, &recheck).await;
    let told = Verification {
        schema: SCHEMA,
        run: &id,
        to: record.plan.to.to_string(),
        recheck: &recheck,
        code: recheck.exit.code(),
        recorded,
    };
    let took = recheck.at.duration_since(began).as_secs_f64();
    let report = Report { elapsed_seconds: took, ..report(session, &record, &recheck) };
    session.ui.print(&told, |output, look| report_text(&report, output, look))?;
    Ok(recheck.exit)
}

/// A run of another plugin, or one that is not at its end, is not verified.
fn refuse_unfit(session: &Session, record: &Record) -> Result<(), Failure> {
    let (operation, id) = (session.tool.operation, &record.id);
    if record.operation != operation {
        let other = format!("kubectl rhacs {} verify {id}", record.operation.word());
        return Err(Failure::usage(format!("run {id} is {}, not {operation}", record.operation))
            .hint(session.in_namespace(&other)));
    }
    let message = match (&record.closed, record.state) {
        (Some(closed), _) => {
            let message = format!("run {id} was given up by {}: {}", closed.who, closed.reason);
            return Err(Failure::usage(message).hint(session.command("status")));
        }
        (None, RunState::Finished) => return Ok(()),
        (None, RunState::RolledBack) => {
            return Err(Failure::usage(format!("run {id} was rolled back"))
                .hint(session.command(&format!("history {id}"))));
        }
        (None, _) => format!("run {id} is not at its end"),
    };
    Err(Failure::usage(message)
        .because("resuming it verifies what is done and does what is left")
        .hint(session.command(&format!("resume {id}"))))
}

/// Looks at each step: whether what it wrote is still there, and whether what it promised holds.
async fn look(
    session: &Session,
    record: &Record,
    snapshot: &Snapshot,
    central: Option<CentralClient>,
) -> Result<Seen, Failure> {
    // That the run revoked its own token is no reason not to ask Central with another one.
    let mut now = record.clone();
    let steps = &record.plan.steps;
    for step in steps.iter().filter(|step| step.action == Action::RevokeToken) {
        now.steps.remove(&step.id);
    }
    let ui = session.ui.clone();
    let clock = session.env.clock().clone();
    // What is waited for is told; the rest is told at the end, as a whole.
    let tell = move |stamped: crate::run::Stamped| {
        if let Event::Waiting { message, .. } = &stamped.event {
            ui.say(&format!("waiting: {message}"));
        }
    };
    let events = Events::new(&*record.id, move || clock.now(), tell);
    let local = snapshot.local_cluster().map(|cluster| cluster.id.clone());
    let has_credentials = central.as_ref().is_some_and(CentralClient::has_credentials);
    let executor = ClusterExecutor::new(patient(session), central, record.plan.clone())
        .with_objects(&snapshot.objects)
        .with_local_cluster(local)
        .with_token_credentials(session.has_token()?);
    let mut seen =
        Seen { unverified: Vec::new(), clusters: Vec::new(), conclusion: Conclusion::default() };
    for step in steps {
        if !step.action.leaves_traces() || is_overtaken(record, step) {
            continue;
        }
        if step.action.only_asks() && !has_credentials {
            let missing = "Central was not asked: there are no credentials for it".to_owned();
            if !seen.unverified.contains(&missing) {
                seen.unverified.push(missing);
            }
            continue;
        }
        let context = StepContext::new(step, &now, &events, &session.stop.interrupt);
        let looked = session.stop.interrupt.during(look_at(&executor, step, &context, &mut seen));
        if let Err(error) = looked.await {
            if error.is_interruption() {
                return Err(Failure::new(Exit::Interrupted, "interrupted; nothing was recorded"));
            }
            let causes =
                error.causes.iter().fold(error.message.clone(), |all, one| format!("{all}: {one}"));
            seen.unverified.push(format!("step `{}`: {causes}", step.id));
        }
    }
    seen.conclusion = executor.conclude(&now).await;
    for part in seen.conclusion.components.iter().filter(|part| !part.healthy) {
        let message = format!("`{}` is not ready: {}", part.object, part.note);
        if !seen.unverified.contains(&message) {
            seen.unverified.push(message);
        }
    }
    Ok(seen)
}

async fn look_at(
    executor: &ClusterExecutor,
    step: &Step,
    context: &StepContext<'_>,
    seen: &mut Seen,
) -> Result<(), crate::run::StepError> {
    let changed = executor.not_as_left(step).await?;
    if !changed.is_empty() {
        let changed = changed.iter().map(|object| format!("`{object}` is not as this run left it"));
        seen.unverified.extend(changed);
        return Ok(());
    }
    let verified = executor.verify(step, context).await?;
    seen.unverified.extend(verified.unverified);
    if !verified.clusters.is_empty() {
        seen.clusters = verified.clusters;
    }
    Ok(())
}

/// Whether a later step of the run wrote the same object, so that this one cannot be looked for.
fn is_overtaken(record: &Record, step: &Step) -> bool {
    let later = record.plan.steps.iter().skip_while(|other| other.id != step.id).skip(1);
    let mut later = later.filter(|later| record.step_state(&later.id) == StepState::Done);
    let objects = step.action.writes();
    later.any(|later| {
        let writes = later.action.writes();
        objects.iter().any(|one| writes.iter().any(|other| other.object() == one.object()))
    })
}

/// Adds the look to the record; returns whether that worked. Who may only read still gets to know
/// what there is.
async fn complete(session: &Session, id: &str, recheck: &Recheck) -> bool {
    let result = async {
        let opened = ClusterJournal::open(&patient(session), id).await?;
        let (mut journal, mut record) = opened.ok_or_else(|| no_such_run(session, id))?;
        record.rechecks.push(recheck.clone());
        journal.save(&record).await.map_err(crate::run::StepError::into_failure)
    };
    match result.await {
        Ok(()) => true,
        Err(failure) => {
            session.ui.warn(&format!("the record is not completed: {}", failure.render()));
            false
        }
    }
}

/// What is told to people: the report of the run as it is now.
fn report(session: &Session, record: &Record, recheck: &Recheck) -> Report {
    Report {
        exit: recheck.exit,
        operation: record.operation,
        run: record.id.clone(),
        from: record.plan.from.clone(),
        to: record.plan.to.clone(),
        components: recheck.components.clone(),
        limited_to: record.plan.limited_to(),
        central_asked: recheck.central_asked,
        backup: None,
        outage_seconds: None,
        outage_whole: true,
        parts: 1,
        elapsed_seconds: 0.0,
        clusters: recheck.clusters.clone(),
        parity: None,
        warnings: recheck.unverified.clone(),
        next: match recheck.exit {
            Exit::Done => vec![session.command(&format!("report {}", record.id))],
            _ => vec![session.command(&format!("verify {}", record.id))],
        },
    }
}
