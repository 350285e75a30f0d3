//! `check`: the preflight findings only.

use common::exit::Exit;
use common::failure::Failure;
use common::ui::{Output, findings_text};

use crate::prepare::{CheckReport, prepare, stop_if_blocked};
use crate::session::Session;

/// Prints the findings; ends with 3 when one blocks.
///
/// # Errors
/// When there is no plan to check, or a finding blocks.
pub async fn run(session: &Session) -> Result<Exit, Failure> {
    let prepared = prepare(session).await?;
    let verdict = stop_if_blocked(&prepared.findings);
    let exit = verdict.as_ref().map_or_else(Failure::exit, |()| Exit::Done);
    let report = CheckReport { exit, findings: &prepared.findings };
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
