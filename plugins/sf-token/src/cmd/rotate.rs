//! `sf-token rotate`: look, ask, rotate once, verify, deliver, restart, report.

use common::exit::Exit;
use common::failure::Failure;
use common::run::Outcome;

use super::told::{Achieved, Told};
use crate::api::{Token, Verdict};
use crate::cli::RotateArgs;
use crate::rotate::finish::{Delivery, agrees, finish, has_terminal};
use crate::rotate::prepare::{Prepared, Request, check_flags, prepare, refusal};
use crate::rotate::steps::Steps;
use crate::rotate::{Grace, findings, once, outcome, probe};
use crate::session::Session;

/// Looking, rotating, verifying, delivering.
const STEPS: usize = 4;

/// Rotates a token and brings its new secret to its destinations.
///
/// # Errors
/// With [`Exit::Blocked`] nothing was changed; with [`Exit::StepFailed`] the token was rotated, or
/// may have been, and nothing was delivered. What came of the destinations is no error but the
/// report and its exit code.
pub async fn run(session: &Session, args: &RotateArgs) -> Result<Exit, Failure> {
    let grace = grace(session, args).await?;
    let request = Request {
        name: &args.name,
        rotation: Some((grace, args.expires_in)),
        destinations: &args.destinations,
        clusters: &args.clusters,
        verifies: !args.skip_verify,
        dry_run: args.dry_run,
    };
    check_flags(session, request)?;
    let mut steps = Steps::new(&session.env, &session.ui, STEPS);
    let result = carry_out(session, args, request, grace, &mut steps).await;
    result.inspect_err(|failure| steps.fail(failure))
}

async fn carry_out(
    session: &Session,
    args: &RotateArgs,
    request: Request<'_>,
    grace: Grace,
    steps: &mut Steps,
) -> Result<Exit, Failure> {
    steps.start("Look at the token and its destinations");
    let prepared = prepare(session, request, steps).await?;
    steps.finish(Outcome::unchanged(""));
    if args.dry_run.is_some() {
        return dry_run(session, &prepared);
    }
    show(session, &prepared);
    if let Some(failure) = refusal(&prepared.plan) {
        return Err(failure);
    }
    if !confirm(session, args, &prepared).await? {
        let declined = Told::about("rotate", &args.name, Achieved::Declined);
        return declined.tell(&session.ui, "nothing was changed");
    }
    // From here on, Ctrl-C stops at a safe point only: the next request cannot be taken back.
    let finish_with = request.sync_command();
    session.stop.begin(format!(
        "`{}` may have been rotated; do not rotate it again, finish with: {finish_with}",
        args.name
    ));
    steps.start(&format!("Rotate {}", args.name));
    let asked = (grace, args.expires_in);
    let rotated =
        once::rotate(&session.client, &args.name, &prepared.token, asked, steps.events()).await?;
    let Some(secret) = rotated.secret.clone() else {
        return Err(outcome::secret_not_shown(&args.name));
    };
    session.stop.begin(format!("`{}` was rotated; finish with: {finish_with}", args.name));
    steps.finish(Outcome::changed("it has a new secret"));
    let verified = verify(session, args, &prepared, &rotated, steps).await?;
    let start = rotated.latest_rotation.unwrap_or_else(|| session.env.now());
    let delivery = Delivery {
        token: &rotated,
        secret: &secret,
        old: prepared.token.secret.clone().filter(|_| !grace.is_none()),
        grace_ends: (!grace.is_none()).then(|| grace.ends(start)),
        verified,
        puts_back: args.put_back,
    };
    finish(session, request, &prepared, delivery, steps).await
}

/// The grace that is asked for: from the flags, or from the person.
async fn grace(session: &Session, args: &RotateArgs) -> Result<Grace, Failure> {
    let none = Grace::NONE;
    match args.graceful {
        Some(grace) if grace.is_none() && !args.immediately => Err(Failure::usage(
            "without a grace period the old secret stops at once, and with it whatever uses it",
        )
        .hint("name a grace period, such as --graceful 604800 (7 days)")
        .hint("if that is wanted: --immediately")),
        Some(grace) if !grace.is_none() && args.immediately => {
            Err(Failure::usage(format!("--immediately contradicts --graceful {}", grace.seconds())))
        }
        Some(grace) => Ok(grace),
        None if args.immediately => Ok(none),
        None => ask_for_grace(session).await,
    }
}

async fn ask_for_grace(session: &Session) -> Result<Grace, Failure> {
    let usual = Grace::USUAL;
    loop {
        let ui = session.ui.clone();
        let prompt = format!("How long shall the old secret go on working? [{usual}] ");
        let instead = "name it: --graceful 604800 (7 days); the API's own default is none, which cuts \
                       off whatever uses the old secret";
        let asked = tokio::task::spawn_blocking(move || ui.ask_line(&prompt, instead)).await;
        let answer = asked.unwrap_or_else(|error| {
            Err(Failure::unexpected("the question could not be asked").caused_by(&error))
        })?;
        let Some(answer) = answer else {
            return Err(Failure::new(Exit::Declined, "nothing was answered, nothing was changed"));
        };
        match answer.trim() {
            "" => return Ok(usual),
            text => match text.parse::<Grace>() {
                Ok(grace) if !grace.is_none() => return Ok(grace),
                Ok(_) => session.ui.warn("no grace period at all needs --immediately"),
                Err(message) => session.ui.warn(&message),
            },
        }
    }
}

fn dry_run(session: &Session, prepared: &Prepared) -> Result<Exit, Failure> {
    let plan = &prepared.plan;
    session.ui.print(plan, |output, look| plan.text(look, output.is_wide()))?;
    let blocked = refusal(plan).is_some();
    session.ui.say("nothing was changed");
    Ok(if blocked { Exit::Blocked } else { Exit::Done })
}

fn show(session: &Session, prepared: &Prepared) {
    let ui = &session.ui;
    ui.say(prepared.plan.text(ui.stderr_look(), ui.output().is_wide()).trim_end());
}

/// Asks a person; a script has said what it wants by its flags. While the person thinks, somebody
/// else may rotate the token: that is looked at again.
async fn confirm(
    session: &Session,
    args: &RotateArgs,
    prepared: &Prepared,
) -> Result<bool, Failure> {
    if !agrees(session, "Rotate?", &prepared.plan).await? {
        return Ok(false);
    }
    if !has_terminal(session) {
        return Ok(true);
    }
    let now = session.client.get(&args.name).await.map_err(|error| {
        let context = format!("`{}` was not rotated: cannot look at the token again", args.name);
        error.into_blocked(context)
    })?;
    if let Some(finding) = findings::status(&now, session.env.now()) {
        let what = format!("`{}` was not rotated; nothing was changed", args.name);
        return Err(Failure::new(Exit::Blocked, what).because(finding.what).hint(finding.fix));
    }
    if once::is_rotated(&prepared.token, &now) == Some(true) {
        return Err(Failure::new(
            Exit::PlanStale,
            format!("`{}` was rotated by somebody else meanwhile; nothing was changed", args.name),
        )
        .hint("see `sf-token get`, then repeat the command if it is still wanted"));
    }
    Ok(true)
}

/// Tests the new secret before it replaces one that works.
async fn verify(
    session: &Session,
    args: &RotateArgs,
    prepared: &Prepared,
    rotated: &Token,
    steps: &mut Steps,
) -> Result<Verdict, Failure> {
    let step = steps.start("Verify the new secret");
    let Some(secret) = rotated.secret.as_ref().filter(|_| !args.skip_verify) else {
        steps.finish(Outcome::unchanged("left out, as asked"));
        return Ok(Verdict::Untold { reason: "nobody asked".to_owned() });
    };
    let scope = probe::scope(rotated);
    let interrupt = &session.stop.interrupt;
    let verdict =
        probe::patiently(&session.client, scope, secret, &step, steps.events(), interrupt).await;
    // What the old secret, which works in the clusters, could not prove, the new one need not.
    let tells = matches!(prepared.verdict, Verdict::Works);
    match &verdict {
        Verdict::Works => steps.finish(Outcome::unchanged("it works")),
        Verdict::Refused { status, words } if tells => {
            return Err(outcome::refused(&args.name, *status, words));
        }
        Verdict::Refused { status, .. } => {
            steps.finish(Outcome::unverified("", vec![format!("it is refused with {status}")]));
        }
        Verdict::Untold { reason } => {
            steps.finish(Outcome::unverified("", vec![reason.clone()]));
        }
    }
    Ok(verdict)
}
