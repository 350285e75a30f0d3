//! `plan`: show what would be done.

use super::{Prepared, Session};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{ChangedBy, Plan};
use crate::ui::{Output, findings_text, plan_text};

/// Prints the plan on standard output and the findings on standard error.
///
/// # Errors
/// When it cannot be printed.
pub fn run(session: &Session, prepared: &Prepared, exit_code: bool) -> Result<Exit, Failure> {
    let ui = &session.ui;
    ui.say(findings_text(&prepared.findings, ui.stderr_look(), ui.output().is_wide()).trim_end());
    ui.print(&prepared.plan, |output, look| match output {
        Output::Name => names(&prepared.plan),
        _ => plan_text(&prepared.plan, look, output.is_wide()),
    })?;
    let pending = exit_code && !prepared.plan.is_empty();
    Ok(if pending { Exit::ChangesPending } else { Exit::Done })
}

/// The objects that are written, each once, as kubectl names them.
fn names(plan: &Plan) -> String {
    let mut names: Vec<String> = Vec::new();
    for forecast in plan.forecast().filter(|forecast| forecast.by == ChangedBy::Run) {
        let name = format!("{}\n", forecast.object.qualified());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.concat()
}
