//! From a checked plan to consent: show, ask, run.

use super::{DryRun, Prepared, Session, execute, stop_if_blocked};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{Operation, Plan};
use crate::ui::{explain_plan, findings_text, plan_text};

/// Shows a plan with its findings, asks, and runs it. A dry run ends as the run would.
///
/// # Errors
/// A finding that blocks, or everything that can go wrong in a run.
pub async fn run(session: &Session, prepared: Prepared) -> Result<Exit, Failure> {
    session.conclude(carry_out(session, prepared).await)
}

async fn carry_out(session: &Session, prepared: Prepared) -> Result<Exit, Failure> {
    if prepared.plan.is_empty() {
        return nothing_to_do(session, &prepared).await;
    }
    match session.flags.run.dry_run {
        DryRun::Client => {
            say_findings(session, &prepared);
            let plan = &prepared.plan;
            session.ui.print(plan, |output, look| plan_text(plan, look, output.is_wide()))?;
            stop_if_blocked(plan, &prepared.findings)?;
            Ok(Exit::Done)
        }
        DryRun::Server => {
            say_findings(session, &prepared);
            let exit = execute::dry_run(session, &prepared).await?;
            stop_if_blocked(&prepared.plan, &prepared.findings)?;
            Ok(exit)
        }
        DryRun::None => {
            propose(session, &prepared).await?;
            execute::start(session, prepared).await
        }
    }
}

/// Shows a plan with its findings and asks whether to go on; in a rehearsal nobody is asked.
///
/// # Errors
/// [`Exit::Blocked`] when a finding blocks, [`Exit::Declined`] when the user says no.
pub async fn propose(session: &Session, prepared: &Prepared) -> Result<(), Failure> {
    let plan = &prepared.plan;
    session.ui.propose(plan, &prepared.findings);
    stop_if_blocked(plan, &prepared.findings)?;
    if !session.is_rehearsal() && !session.confirm("Proceed?", explain_plan(plan)).await? {
        return Err(Failure::new(Exit::Declined, "declined; nothing was changed"));
    }
    Ok(())
}

async fn nothing_to_do(session: &Session, prepared: &Prepared) -> Result<Exit, Failure> {
    say_findings(session, prepared);
    let ui = &session.ui;
    ui.say(&format!("nothing to do: {}", already(&prepared.plan)));
    if ui.output().is_structured() {
        ui.report(&execute::idle_report(session, prepared).await)?;
    }
    Ok(Exit::Done)
}

fn say_findings(session: &Session, prepared: &Prepared) {
    let ui = &session.ui;
    ui.say(findings_text(&prepared.findings, ui.stderr_look(), false).trim_end());
}

/// Why there is nothing to do.
fn already(plan: &Plan) -> String {
    let components: Vec<String> = plan.components.iter().map(ToString::to_string).collect();
    match plan.operation {
        Operation::Upgrade => format!("{} at {} already", components.join(", "), plan.to),
        Operation::Rollback => format!("{} as before already", components.join(", ")),
        Operation::Scc => format!("the SCCs are those of {} already", plan.to),
    }
}
