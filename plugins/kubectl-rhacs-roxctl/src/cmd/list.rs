//! `list`: every roxctl of this computer, which one runs, and whether it fits Central.

use std::cmp::Ordering;

use common::exit::Exit;
use common::failure::Failure;
use common::rhacs::Version;
use common::roxctl::{Found, Receipts, survey};
use common::ui::{Cell, Header, Look, Output, Role, Table};
use serde::Serialize;

use crate::central;
use crate::cli::ListArgs;
use crate::session::Session;

/// One line.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    /// Everything known of it.
    roxctl: &'a Found,
    /// What a shell does with it.
    runs: &'static str,
    /// The version Central runs; none when it does not say.
    central: Option<String>,
    /// Whether it is of Central's version.
    matches_central: Option<bool>,
}

/// Lists them.
///
/// # Errors
/// When a file cannot be read.
pub async fn run(session: &Session, args: &ListArgs) -> Result<Exit, Failure> {
    let failed = "cannot list what is installed";
    let receipts = Receipts::read(&session.system).map_err(|error| error.into_failure(failed))?;
    let found =
        survey(&session.system, &receipts).await.map_err(|error| error.into_failure(failed))?;
    let central = if args.offline { None } else { version_of_central(session).await };
    let lines: Vec<Line<'_>> = found
        .iter()
        .map(|found| Line {
            roxctl: found,
            runs: runs(session, found),
            central: central.as_ref().map(ToString::to_string),
            matches_central: compare(found, central.as_ref()).map(Ordering::is_eq),
        })
        .collect();
    session.ui.print(&lines, |output, look| text(&lines, central.as_ref(), output, look))?;
    Ok(Exit::Done)
}

/// What is not known of Central keeps nobody from seeing the rest.
async fn version_of_central(session: &Session) -> Option<Version> {
    match central::observe(session).await {
        Ok(observed) => Some(observed.version),
        Err(failure) => {
            session.ui.say(&format!(
                "note: {}; `--offline` does not ask",
                failure.render().trim_start_matches("error: ").lines().next().unwrap_or_default()
            ));
            None
        }
    }
}

fn runs(session: &Session, found: &Found) -> &'static str {
    if found.active {
        "yes"
    } else if found.shadowed_by.is_some() {
        "shadowed"
    } else if found.is_beside(&session.system) {
        "beside"
    } else {
        "not on PATH"
    }
}

fn compare(found: &Found, central: Option<&Version>) -> Option<Ordering> {
    let version: Version = found.version.as_ref()?.parse().ok()?;
    Some(version.cmp(central?))
}

fn text(lines: &[Line<'_>], central: Option<&Version>, output: Output, look: Look) -> String {
    if output == Output::Name {
        return lines.iter().map(|line| format!("{}\n", line.roxctl.path.display())).collect();
    }
    if lines.is_empty() {
        return "no roxctl is installed\n".to_owned();
    }
    let headers = ["PATH", "VERSION", "RUNS", "INSTALLED BY", "CENTRAL"].map(Header::new);
    let mut headers = headers.to_vec();
    headers.extend([Header::new("SHA256").wide(), Header::new("SOURCE").wide()]);
    let mut table = Table::new(headers);
    for line in lines {
        let found = line.roxctl;
        let receipt = found.receipt.as_ref().filter(|_| found.ours);
        table.row([
            found.path.display().to_string().into(),
            version_cell(found),
            Cell::painted(if found.active { Role::Success } else { Role::Warning }, line.runs),
            owner(found).into(),
            central_cell(compare(found, central), central),
            found.sha256.map(|sum| sum.to_string()).unwrap_or_else(|| "-".to_owned()).into(),
            receipt.map_or("-", |receipt| receipt.source.as_str()).into(),
        ]);
    }
    table.render(look, output.is_wide())
}

fn version_cell(found: &Found) -> Cell {
    match (&found.version, &found.fault) {
        (Some(version), None) => version.clone().into(),
        (Some(version), Some(_)) => Cell::painted(Role::Error, format!("{version}, does not run")),
        (None, Some(_)) => Cell::painted(Role::Error, "does not run"),
        (None, None) => "unknown".into(),
    }
}

pub(super) const fn owner(found: &Found) -> &'static str {
    match (found.ours, found.changed) {
        (true, _) => "this suite",
        (false, true) => "changed since",
        (false, false) => "others",
    }
}

fn central_cell(order: Option<Ordering>, central: Option<&Version>) -> Cell {
    match (order, central) {
        (Some(Ordering::Equal), _) => Cell::painted(Role::Success, "same"),
        (Some(Ordering::Less), Some(central)) => {
            Cell::painted(Role::Warning, format!("older than {central}"))
        }
        (Some(Ordering::Greater), Some(central)) => {
            Cell::painted(Role::Warning, format!("newer than {central}"))
        }
        _ => "-".into(),
    }
}
