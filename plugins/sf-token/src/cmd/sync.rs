//! `sf-token sync`: deliver the current secret and finish what a rotation left undone.

use common::exit::Exit;
use common::failure::Failure;
use common::run::Outcome;

use super::told::{Achieved, Told};
use crate::cli::SyncArgs;
use crate::rotate::finish::{Delivery, agrees, finish};
use crate::rotate::prepare::{Request, check_flags, prepare, refusal};
use crate::rotate::steps::Steps;
use crate::session::Session;

/// Looking and delivering.
const STEPS: usize = 2;

/// Brings the current secret of a token to its destinations. A second time it changes nothing.
///
/// # Errors
/// When nothing can be delivered; what came of the destinations is no error but the report and its
/// exit code.
pub async fn run(session: &Session, args: &SyncArgs) -> Result<Exit, Failure> {
    let request = Request {
        name: &args.name,
        rotation: None,
        destinations: &args.destinations,
        clusters: &args.clusters,
        verifies: !args.skip_verify,
        dry_run: args.dry_run,
    };
    check_flags(session, request)?;
    let mut steps = Steps::new(&session.env, &session.ui, STEPS);
    let result = carry_out(session, args, request, &mut steps).await;
    result.inspect_err(|failure| steps.fail(failure))
}

async fn carry_out(
    session: &Session,
    args: &SyncArgs,
    request: Request<'_>,
    steps: &mut Steps,
) -> Result<Exit, Failure> {
    steps.start("Look at the token and its destinations");
    let prepared = prepare(session, request, steps).await?;
    steps.finish(Outcome::unchanged(""));
    let (ui, plan) = (&session.ui, &prepared.plan);
    if args.dry_run.is_some() {
        ui.print(plan, |output, look| plan.text(look, output.is_wide()))?;
        ui.say("nothing was changed");
        return Ok(if refusal(plan).is_some() { Exit::Blocked } else { Exit::Done });
    }
    ui.say(plan.text(ui.stderr_look(), ui.output().is_wide()).trim_end());
    if let Some(failure) = refusal(plan) {
        return Err(failure);
    }
    let Some(secret) = &prepared.token.secret else {
        return Err(Failure::new(Exit::Blocked, "the API does not show the secret"));
    };
    if !agrees(session, "Deliver?", plan).await? {
        return Told::about("sync", &args.name, Achieved::Declined).tell(ui, "nothing was changed");
    }
    session.stop.begin(format!("not everything is done; finish with: {}", request.sync_command()));
    let delivery = Delivery {
        token: &prepared.token,
        secret,
        old: None,
        grace_ends: None,
        verified: prepared.verdict.clone(),
        puts_back: false,
    };
    finish(session, request, &prepared, delivery, steps).await
}
