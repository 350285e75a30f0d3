//! `history`: the recorded runs.

use serde::Serialize;

use super::Session;
use crate::cluster::{Lease, Records};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::run::{Record, RunState, StepState};
use crate::ui::{Cell, Header, Look, Output, Role, Table, duration};

/// One line of `history`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    run: String,
    started: String,
    operation: String,
    from: String,
    to: String,
    state: String,
    who: String,
    steps_done: usize,
    steps: usize,
}

/// One step of a recorded run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepLine {
    step: String,
    title: String,
    state: String,
    message: String,
    at: String,
}

/// Lists all runs, or shows one.
///
/// # Errors
/// When the records cannot be read, or there is no such run.
pub async fn run(session: &Session, run: Option<&str>) -> Result<Exit, Failure> {
    match run {
        Some(run) => show(session, run).await,
        None => list(session).await,
    }
}

/// Reads a record.
///
/// # Errors
/// When there is none of this id, or it cannot be read.
pub async fn load(session: &Session, run: &str) -> Result<Record, Failure> {
    let records = Records::new(&session.cluster);
    let stored = records
        .load(run)
        .await
        .map_err(|error| error.into_failure(format!("cannot read the record of run {run}")))?;
    let stored = stored.ok_or_else(|| {
        Failure::usage(format!("there is no run {run} in namespace `{}`", session.namespace()))
            .hint(session.tool.command("history"))
    })?;
    Record::decode(&stored.bytes).map_err(|error| {
        Failure::usage(format!("cannot use the record of run {run}")).caused_by(&error)
    })
}

async fn list(session: &Session) -> Result<Exit, Failure> {
    let records = Records::new(&session.cluster);
    let headers = records
        .list()
        .await
        .map_err(|error| error.into_failure("cannot list the recorded runs"))?;
    let alive = alive(session).await;
    let mut lines = Vec::new();
    for header in headers {
        match load(session, &header.id).await {
            Ok(record) => lines.push(line(&record, alive.as_deref())),
            Err(failure) => session.ui.warn(&failure.render()),
        }
    }
    session.ui.print(&lines, |output, look| list_text(&lines, output, look))?;
    Ok(Exit::Done)
}

/// The holder of the lock: the run that is at work. Only a run that is killed leaves a record that
/// says it runs.
async fn alive(session: &Session) -> Option<String> {
    let lease = Lease::current(&session.cluster).await.ok().flatten();
    lease.filter(|lease| !lease.expired).map(|lease| lease.holder)
}

async fn show(session: &Session, run: &str) -> Result<Exit, Failure> {
    let record = load(session, run).await?;
    let head = line(&record, alive(session).await.as_deref());
    let steps: Vec<StepLine> = record
        .plan
        .steps
        .iter()
        .map(|step| {
            let state = record.steps.get(&step.id);
            StepLine {
                step: step.id.clone(),
                title: step.title.clone(),
                state: state_name(record.step_state(&step.id)).to_owned(),
                message: state
                    .map(|state| {
                        let done = state.outcome.as_ref().map(|outcome| outcome.message.clone());
                        if state.message.is_empty() {
                            done.unwrap_or_default()
                        } else {
                            state.message.clone()
                        }
                    })
                    .unwrap_or_default(),
                at: state.map(|state| state.at.to_string()).unwrap_or_default(),
            }
        })
        .collect();
    session.ui.print(
        &serde_json::json!({"run": head, "steps": steps}),
        |output, look| match output {
            Output::Name => steps.iter().map(|step| format!("{}\n", step.step)).collect(),
            _ => show_text(&record, &head, &steps, look),
        },
    )?;
    Ok(Exit::Done)
}

fn line(record: &Record, alive: Option<&str>) -> Line {
    let done = record
        .steps
        .values()
        .filter(|step| matches!(step.state, StepState::Done | StepState::Skipped))
        .count();
    Line {
        run: record.id.clone(),
        started: record.started.to_string(),
        operation: word(&record.operation),
        from: record.plan.from.to_string(),
        to: record.plan.to.to_string(),
        state: state(record, alive),
        who: record.who.clone(),
        steps_done: done,
        steps: record.plan.steps.len(),
    }
}

/// The state of a run; one that is recorded as running but does not hold the lock was stopped.
fn state(record: &Record, alive: Option<&str>) -> String {
    let at_work = alive.is_some_and(|holder| holder.ends_with(&record.id));
    match record.state {
        RunState::Running if !at_work => "stopped".to_owned(),
        state => word(&state),
    }
}

fn list_text(lines: &[Line], output: Output, look: Look) -> String {
    if output == Output::Name {
        return lines.iter().map(|line| format!("{}\n", line.run)).collect();
    }
    if lines.is_empty() {
        return "no runs are recorded\n".to_owned();
    }
    let headers = ["RUN", "STARTED", "OPERATION", "FROM", "TO", "STATE", "STEPS"].map(Header::new);
    let mut headers = headers.to_vec();
    headers.push(Header::new("WHO").wide());
    let mut table = Table::new(headers);
    for line in lines {
        let role = if line.state == "finished" { Role::Success } else { Role::Warning };
        table.row([
            line.run.clone().into(),
            line.started.get(..19).unwrap_or(&line.started).replace('T', " ").into(),
            line.operation.clone().into(),
            line.from.clone().into(),
            line.to.clone().into(),
            Cell::painted(role, line.state.clone()),
            format!("{}/{}", line.steps_done, line.steps).into(),
            line.who.clone().into(),
        ]);
    }
    table.render(look, output.is_wide())
}

fn show_text(record: &Record, head: &Line, steps: &[StepLine], look: Look) -> String {
    let mut text = format!(
        "Run {}: {} {} → {}, {}, by {} on {}\n",
        head.run, head.operation, head.from, head.to, head.state, record.who, record.host
    );
    if let Some(report) = &record.report {
        text.push_str(&format!("Took {}\n", duration(report.elapsed_seconds)));
        if let Some(backup) = &report.backup {
            text.push_str(&format!("Backup {} (SHA-256 {})\n", backup.path, backup.sha256));
        }
    }
    let mut table = Table::new(["STEP", "STATE", "MESSAGE"].map(Header::new));
    for step in steps {
        table.row([
            step.step.clone().into(),
            step.state.clone().into(),
            step.message.clone().into(),
        ]);
    }
    text.push_str(&table.render(look, false));
    look.text(&text)
}

const fn state_name(state: StepState) -> &'static str {
    match state {
        StepState::Pending => "not reached",
        StepState::Started => "started",
        StepState::Done => "done",
        StepState::Skipped => "nothing to do",
        StepState::Failed => "failed",
    }
}

/// The word that a plain enum has in JSON.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
