//! Recorded runs as a person reads them.

use serde::Serialize;

use crate::exit::Exit;
use crate::run::export::{Account, RunLine, StepLine};
use crate::ui::{Cell, Header, Look, Output, Role, Table, count, duration, exit_words};

/// All runs, a line each.
pub(super) fn list(accounts: &[Account], output: Output, look: Look) -> String {
    if output == Output::Name {
        return accounts.iter().map(|account| format!("{}\n", account.line.run)).collect();
    }
    if accounts.is_empty() {
        return "no runs are recorded\n".to_owned();
    }
    let mut headers =
        ["RUN", "STARTED", "OPERATION", "FROM", "TO", "STATE", "RESULT", "EXIT", "STEPS"]
            .map(Header::new)
            .to_vec();
    headers.push(Header::new("WHO").wide());
    headers.push(Header::new("NOT VERIFIED").wrapping());
    let mut table = Table::new(headers);
    for account in accounts {
        let line = &account.line;
        let code = line.code.map_or_else(|| "-".to_owned(), |code| code.to_string());
        let missing = match line.unverified.as_slice() {
            [] => String::new(),
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
        };
        table.row([
            line.run.clone().into(),
            moment(&line.started.to_string()).into(),
            word(&line.operation).into(),
            line.from.to_string().into(),
            line.to.to_string().into(),
            Cell::painted(role(line), line.state.clone()),
            Cell::painted(role(line), exit_words(line.exit)),
            code.into(),
            format!("{}/{}", line.steps_done, line.steps).into(),
            line.who.clone().into(),
            missing.into(),
        ]);
    }
    table.render(look, output.is_wide())
}

/// One run with its steps.
pub(super) fn show(account: &Account, look: Look) -> String {
    let (line, details) = (&account.line, &account.details);
    let mut text = format!(
        "Run {}: {} {} → {}, {}, by {} on {}\n",
        line.run,
        word(&line.operation),
        line.from,
        line.to,
        line.state,
        line.who,
        details.host
    );
    if let Some(exit) = line.exit {
        text.push_str(&format!("Result: {} (exit code {})\n", exit_words(Some(exit)), exit.code()));
    }
    for verification in &details.verifications {
        let what = match verification.unverified.len() {
            0 => "everything is verified".to_owned(),
            missing => format!("{} not verified", count(missing, "thing")),
        };
        let at = moment(&verification.at.to_string());
        text.push_str(&format!("Verified again {at} by {}: {what}\n", verification.who));
    }
    if let Some(closed) = &details.closed {
        let at = moment(&closed.at.to_string());
        text.push_str(&format!("Closed {at} by {}: {}\n", closed.who, closed.reason));
    }
    for finding in &details.accepted {
        text.push_str(&format!("Accepted by {}: {}, {}\n", finding.by, finding.code, finding.what));
    }
    if let Some(report) = &details.report {
        text.push_str(&format!("Took {}\n", duration(report.elapsed_seconds)));
        if let Some(backup) = &report.backup {
            text.push_str(&format!("Backup {} (SHA-256 {})\n", backup.path, backup.sha256));
        }
    }
    for missing in &line.unverified {
        text.push_str(&format!("Not verified: {missing}\n"));
    }
    format!("{}{}", look.text(&text), steps(&details.steps).render(look, false))
}

fn steps(steps: &[StepLine]) -> Table {
    let mut table =
        Table::new([Header::new("STEP"), Header::new("STATE"), Header::new("MESSAGE").wrapping()]);
    for step in steps {
        let state = match step.state.as_str() {
            "failed" => Cell::painted(Role::Error, step.state.clone()),
            "not verified" | "started" => Cell::painted(Role::Warning, step.state.clone()),
            _ => step.state.clone().into(),
        };
        table.row([step.step.clone().into(), state, step.message.clone().into()]);
    }
    table
}

fn role(line: &RunLine) -> Role {
    match line.exit {
        Some(Exit::Done) if line.state == "finished" => Role::Success,
        _ => Role::Warning,
    }
}

/// A moment to the second, as people write it.
fn moment(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ")
}

/// The word that a plain enum has in JSON.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
