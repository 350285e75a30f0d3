//! The default verb: plan, show, ask, apply, verify.

use common::exit::Exit;
use common::failure::Failure;
use common::ui::{explain_plan, findings_text, plan_text};

use crate::cli::DryRun;
use crate::execute;
use crate::prepare::{Prepared, prepare, stop_if_blocked};
use crate::session::Session;

/// Plans and runs.
///
/// # Errors
/// Everything that can keep a run from succeeding.
pub async fn run(session: &Session) -> Result<Exit, Failure> {
    if session.cli.run.dry_run == DryRun::None {
        execute::refuse_if_locked(session).await?;
    }
    let prepared = prepare(session).await?;
    propose_and_run(session, prepared).await
}

/// Shows a plan with its findings, asks, and runs it.
///
/// # Errors
/// A finding that blocks, or everything that can go wrong in a run.
pub async fn propose_and_run(session: &Session, prepared: Prepared) -> Result<Exit, Failure> {
    let ui = &session.ui;
    let plan = &prepared.plan;
    if plan.is_empty() {
        ui.say(findings_text(&prepared.findings, ui.stderr_look(), false).trim_end());
        let components: Vec<String> = plan.components.iter().map(ToString::to_string).collect();
        ui.say(&format!("nothing to do: {} at {} already", components.join(", "), plan.to));
        if session.cli.target.revoke_token {
            ui.warn("the token is not revoked: there was no run that used it");
        }
        if ui.output().is_structured() {
            ui.print(&execute::idle_report(session, &prepared).await, |_, _| String::new())?;
        }
        return Ok(Exit::Done);
    }
    match session.cli.run.dry_run {
        DryRun::Client => {
            ui.say(findings_text(&prepared.findings, ui.stderr_look(), false).trim_end());
            ui.print(plan, |output, look| plan_text(plan, look, output.is_wide()))?;
            return Ok(Exit::Done);
        }
        DryRun::Server => return execute::dry_run(session, &prepared).await,
        DryRun::None => ui.propose(plan, &prepared.findings),
    }
    stop_if_blocked(&prepared.findings)?;
    if !session.is_rehearsal() && !session.confirm("Proceed?", explain_plan(plan)).await? {
        return Err(Failure::new(Exit::Declined, "declined; nothing was changed"));
    }
    execute::start(session, prepared).await
}
