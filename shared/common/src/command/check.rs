//! `check`: the preflight findings only.

use serde::Serialize;

use super::{Prepared, Session, stop_if_blocked};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::Finding;
use crate::ui::{Output, findings_text};

/// What `check` prints for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckReport<'a> {
    /// The number of this format.
    schema: u32,
    /// How the command ends.
    exit: Exit,
    /// The same as the number that the process ends with.
    code: u8,
    /// All findings.
    findings: &'a [Finding],
}

/// Prints the findings; ends with 3 when one blocks.
///
/// # Errors
/// When a finding blocks.
pub fn run(session: &Session, prepared: &Prepared) -> Result<Exit, Failure> {
    session.conclude(report(session, prepared))
}

fn report(session: &Session, prepared: &Prepared) -> Result<Exit, Failure> {
    let verdict = stop_if_blocked(&prepared.plan, &prepared.findings);
    let exit = verdict.as_ref().map_or_else(Failure::exit, |()| Exit::Done);
    let report = CheckReport { schema: 1, exit, code: exit.code(), findings: &prepared.findings };
    session.ui.print(&report, |output, look| {
        if output == Output::Name {
            let codes = prepared.findings.iter().map(|finding| format!("{}\n", finding.code));
            return codes.collect();
        }
        if prepared.findings.is_empty() {
            return "no findings\n".to_owned();
        }
        findings_text(&prepared.findings, look, output.is_wide())
    })?;
    // A program has the findings already; a second JSON document would only confuse it.
    match verdict {
        Err(_) if session.ui.output().is_structured() => Ok(exit),
        verdict => verdict.map(|()| Exit::Done),
    }
}
