//! From a plan to a finished run: lock, record, run, report.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;

use super::session::directory_fault;
use super::{Prepared, Session, roxctl, taken_back};
use crate::central::{CentralClient, Probe};
use crate::checks::refused_write;
use crate::cluster::{Cluster, Held, Lease, Patience};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::observe::all_objects;
use crate::plan::{Action, Finding, Operation, Plan, Running, Severity, Step};
use crate::rhacs::parity::{Difference, compare};
use crate::rhacs::{Snapshot, scc};
use crate::run::{
    Accepted, ClusterExecutor, ClusterJournal, ComponentReport, Ending, Events, Record, Refusal,
    Report, Runner, StepState, health, lock, locked,
};
use crate::ui::plan_text;

/// How long each request of a run is repeated while the API server is away: the control plane of a
/// single node is back from a restart or an update within that time, and a run that did not wait
/// would leave the installation half-way.
const PATIENCE: Duration = Duration::from_secs(120);

/// Refuses to look any further while another run changes the installation.
///
/// # Errors
/// [`Exit::Locked`], with who holds the lock and since when.
pub async fn refuse_if_locked(session: &Session) -> Result<(), Failure> {
    match Lease::current(&session.cluster).await {
        Ok(Some(lease)) if !lease.expired => Err(locked(&lease)),
        // What else may be wrong, the run itself finds out.
        _ => Ok(()),
    }
}

/// Starts a new run.
///
/// # Errors
/// When the lock is held, or the run fails.
pub async fn start(session: &Session, prepared: Prepared) -> Result<Exit, Failure> {
    let report = start_unreported(session, prepared).await?;
    session.ui.report(&report)?;
    Ok(report.exit)
}

/// As [`start`], and leaves it to the caller to tell what was achieved.
///
/// # Errors
/// As [`start`].
pub async fn start_unreported(session: &Session, prepared: Prepared) -> Result<Report, Failure> {
    let Prepared { snapshot, plan, central, findings } = prepared;
    let who = who(session, Some(&snapshot)).await;
    let (host, now) = (host(session), session.env.now());
    let accepted = accepted(findings, &who, now);
    let record = Record { accepted, ..Record::new(session.env.run_id(), plan, who, host, now) };
    let held = take_lock(session, &record).await?;
    let journal = ClusterJournal::new(&patient(session)).among(&snapshot.secrets);
    carry_out(session, record, journal, held, &snapshot, central).await
}

/// Takes a recorded run up again. The lock of the process that died expires within a minute; that
/// is waited for.
///
/// # Errors
/// As [`start`].
pub async fn resume(session: &Session, id: &str) -> Result<Exit, Failure> {
    let (snapshot, central) = session.observe_own().await?;
    let opened = ClusterJournal::open(&patient(session), id).await?;
    let Some((journal, mut record)) = opened else {
        return Err(Failure::usage(format!("there is no run {id}")));
    };
    adjust(session, &mut record.plan);
    refuse_lost_directory(session, &record)?;
    record.resume(who(session, Some(&snapshot)).await, host(session), session.env.now());
    let held = match take_lock(session, &record).await {
        Err(failure) if failure.exit() == Exit::Locked => {
            outwait_own_lock(session, &record, failure).await?
        }
        taken => taken?,
    };
    let report = carry_out(session, record, journal, held, &snapshot, central).await?;
    session.ui.report(&report)?;
    Ok(report.exit)
}

/// A run that is taken up again on another computer may name a directory that is not there: said
/// before anything is changed or recorded.
fn refuse_lost_directory(session: &Session, record: &Record) -> Result<(), Failure> {
    let is_left = |step: &&Step| record.step_state(&step.id) != StepState::Done;
    let mut left = record.plan.steps.iter().filter(is_left);
    let backup = left.find_map(|step| step.action.backup_directory());
    let Some(fault) = backup.map(Path::new).and_then(directory_fault) else { return Ok(()) };
    let resume = format!("resume {} --backup-dir DIR", record.id);
    Err(Failure::new(Exit::Blocked, fault)
        .because("the backup that is left to do could not be written; nothing was changed")
        .hint(session.command(&resume)))
}

/// The report of a run that had nothing to do: what runs, and how it differs from the release.
pub async fn idle_report(session: &Session, prepared: &Prepared) -> Report {
    let plan = &prepared.plan;
    let component = |running: &Running| {
        let now = prepared.snapshot.find(&running.object);
        let (healthy, note) = now.map(health).unwrap_or_default();
        ComponentReport {
            component: running.component,
            object: running.object.clone(),
            container: running.container.clone(),
            was: running.image.clone(),
            is: running.image.clone(),
            wanted: running.image.clone(),
            part_of_run: plan.components.contains(&running.component),
            healthy,
            note,
        }
    };
    Report {
        exit: Exit::Done,
        operation: plan.operation,
        run: String::new(),
        from: plan.from.clone(),
        to: plan.to.clone(),
        components: plan.before.iter().map(component).collect(),
        limited_to: plan.limited_to(),
        central_asked: prepared.central.as_ref().is_some_and(CentralClient::has_credentials),
        backup: None,
        outage_seconds: None,
        outage_whole: true,
        parts: 1,
        elapsed_seconds: 0.0,
        clusters: Vec::new(),
        parity: parity(session, plan).await,
        warnings: Vec::new(),
        next: Vec::new(),
    }
}

async fn carry_out(
    session: &Session,
    record: Record,
    journal: ClusterJournal<'_>,
    held: Held,
    snapshot: &Snapshot,
    central: Option<CentralClient>,
) -> Result<Report, Failure> {
    let ui = session.ui.clone();
    let (clock, id) = (session.env.clock().clone(), record.id.clone());
    let events = Events::new(&*id, move || clock.now(), move |event| ui.consume(&event));
    session.attach(&events);
    let probe = central.as_ref().map(|central| Probe::start(central, session.env.clock()));
    let local = snapshot.local_cluster().map(|cluster| cluster.id.clone());
    let central = central.map(|central| central.with_patience(patience(session)));
    let mut executor = ClusterExecutor::new(patient(session), central, record.plan.clone())
        .with_objects(&snapshot.objects)
        .with_local_cluster(local)
        .with_token_credentials(session.has_token()?);
    if let Some(probe) = probe {
        executor = executor.with_outage(probe);
    }
    if record.plan.steps.iter().any(|step| matches!(step.action, Action::InstallRoxctl { .. })) {
        executor = executor.with_roxctl(roxctl::setup(session)?);
    }
    let mut journal = journal.under(&held);
    let runner = Runner::new(&executor, &mut journal, &events, session.stop.interrupt.clone());
    // Kept off the stack, of which other systems give the main thread little.
    let mut run = Box::pin(runner.run(record)).await;
    session.detach();
    if let Ending::Finished(_) = &run.ending {
        Box::pin(taken_back::note(session, &patient(session), &run.record.plan)).await;
    }
    let released = held.release().await;
    if let Err(error) = released {
        session.ui.warn(&format!("the lock could not be removed, it expires by itself: {error}"));
    }
    if let Ending::Finished(report) = &mut run.ending {
        report.parity = parity(session, &run.record.plan).await;
    }
    run.into_result()
}

/// Lets `--timeout` and `--backup-dir` replace what a recorded or reviewed plan has: neither changes
/// what is done to the cluster, and a limit that was too short would stop every attempt alike. A
/// plan that was made elsewhere writes its backup here: a relative directory is meant from where it
/// is run.
pub fn adjust(session: &Session, plan: &mut Plan) {
    for step in &mut plan.steps {
        if let Some(timeout) = session.flags.run.timeout {
            step.timeout_seconds = timeout.as_secs().max(1);
        }
        if let Action::Backup { directory } = &mut step.action {
            let other = session.flags.backup_directory.as_deref();
            *directory = session.full_path(other.unwrap_or_else(|| Path::new(directory.as_str())));
            step.title = Action::backup_title(directory);
        }
    }
}

/// How the installation differs from the official objects; none when nobody asked for it, or it
/// could not be read any more.
async fn parity(session: &Session, plan: &Plan) -> Option<Vec<Difference>> {
    if !session.ui.output().is_structured() {
        return None;
    }
    let objects = all_objects(&session.cluster, &plan.namespace).await.ok()?;
    let mut differences = compare(&objects, &plan.to, plan.platform, &plan.namespace);
    if plan.operation == Operation::Scc {
        // Everything else stays that of the release that runs.
        differences.retain(|difference| is_about_constraints(&difference.object));
    }
    Some(differences)
}

/// Whether `object`, as `Kind/name`, decides about SCCs.
fn is_about_constraints(object: &str) -> bool {
    match object.split_once('/') {
        Some((scc::KIND, _)) => true,
        Some(("Role" | "RoleBinding", name)) => name.ends_with("-scc"),
        _ => false,
    }
}

/// The connection for what a run reads and writes. The lock is renewed without patience: it has its
/// own, which knows when it expires.
pub(super) fn patient(session: &Session) -> Cluster {
    session.cluster.with_patience(patience(session))
}

fn patience(session: &Session) -> Patience {
    Patience::new(PATIENCE, session.stop.interrupt.signal())
}

async fn take_lock(session: &Session, record: &Record) -> Result<Held, Failure> {
    // From here on, Ctrl-C stops at a safe point, so that the lock is given back.
    session.stop.running.store(true, Ordering::SeqCst);
    let process = std::process::id();
    lock(&session.cluster, &record.who, session.env.host(), process, &record.id).await
}

/// Waits until the lock that the dead process of this run left behind expires.
async fn outwait_own_lock(
    session: &Session,
    record: &Record,
    failure: Failure,
) -> Result<Held, Failure> {
    let cluster = patient(session);
    let current = || async { Lease::current(&cluster).await.ok().flatten() };
    let Some(first) = current().await.filter(|lease| lease.holder.ends_with(&record.id)) else {
        return Err(failure);
    };
    session
        .ui
        .say(&format!("Waiting for the lock of the stopped run to expire at {}", first.expires));
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if session.stop.interrupt.is_raised() {
            return Err(Failure::new(Exit::Interrupted, "interrupted; the run was not resumed"));
        }
        match current().await {
            Some(lease) if lease.expires != first.expires => return Err(failure),
            Some(lease) if !lease.expired => {}
            _ => return take_lock(session, record).await,
        }
    }
}

/// The findings that a run starts in spite of.
fn accepted(findings: Vec<Finding>, who: &str, now: Timestamp) -> Vec<Accepted> {
    let accepted = findings
        .into_iter()
        .filter(|finding| finding.severity == Severity::Accept && finding.accepted);
    accepted
        .map(|finding| Accepted {
            code: finding.code,
            what: finding.what,
            why: finding.why,
            by: who.to_owned(),
            at: now,
        })
        .collect()
}

/// Who runs this: the user as the API server knows it, else as this computer does.
pub(super) async fn who(session: &Session, snapshot: Option<&Snapshot>) -> String {
    let seen = snapshot.map(|snapshot| snapshot.access.user.clone());
    let known = match seen.filter(|name| !name.is_empty()) {
        None => session.cluster.whoami().await.ok().flatten().map(|user| user.name),
        seen => seen,
    };
    known.filter(|name| !name.is_empty()).unwrap_or_else(|| session.env.user().to_owned())
}

pub(super) fn host(session: &Session) -> String {
    session.env.host().to_owned()
}

/// Has the API server check every write of the plan without storing any.
///
/// # Errors
/// When it refuses one, or cannot be asked.
pub async fn dry_run(session: &Session, prepared: &Prepared) -> Result<Exit, Failure> {
    let plan = &prepared.plan;
    let refusals = refused(session, &prepared.snapshot, plan).await?;
    // A program gets one document: the plan, or why it would not go through.
    if refusals.is_empty() || !session.ui.output().is_structured() {
        session.ui.print(plan, |output, look| plan_text(plan, look, output.is_wide()))?;
    }
    let Some(first) = refusals.first() else {
        session.ui.say("the API server would accept every write; nothing was changed");
        return Ok(Exit::Done);
    };
    let message = format!("the API server would refuse {} of the writes", refusals.len());
    let failure = Failure::new(Exit::Blocked, message)
        .because(format!("{}: {}", first.object, first.reason))
        .hint("nothing was changed");
    Err(refusals.iter().skip(1).fold(failure, |failure, refusal| {
        failure.hint(format!("{} (step {}): {}", refusal.object, refusal.step, refusal.reason))
    }))
}

/// What the API server would refuse of `plan`, as findings.
///
/// # Errors
/// When it cannot be asked.
pub(super) async fn refusals(
    session: &Session,
    snapshot: &Snapshot,
    plan: &Plan,
) -> Result<Vec<Finding>, Failure> {
    let refusals = refused(session, snapshot, plan).await?;
    Ok(refusals.iter().map(|it| refused_write(&it.object, &it.step, &it.reason)).collect())
}

async fn refused(
    session: &Session,
    snapshot: &Snapshot,
    plan: &Plan,
) -> Result<Vec<Refusal>, Failure> {
    let ui = session.ui.clone();
    let clock = session.env.clock().clone();
    let id = session.env.run_id();
    let events = Events::new(&*id, move || clock.now(), move |event| ui.consume(&event));
    // It is never written, so that nobody has to be asked whose it would be.
    let (who, host, now) = (session.env.user().to_owned(), host(session), session.env.now());
    let record = Record::new(id, plan.clone(), who, host, now);
    let executor = ClusterExecutor::new(session.cluster.clone(), None, plan.clone())
        .with_objects(&snapshot.objects);
    let refusals = executor.dry_run(&record, &events, &session.stop.interrupt).await;
    refusals.map_err(crate::run::StepError::into_failure)
}
