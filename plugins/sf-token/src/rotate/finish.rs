//! The second half of `rotate`, and all of `sync`: deliver, offer the old secret back, report.

use common::exit::Exit;
use common::failure::Failure;
use common::run::Outcome;
use common::ui::Ui;
use jiff::Timestamp;
use secrecy::SecretString;

use super::once::is_rotated;
use super::outcome;
use super::plan::Plan;
use super::prepare::{Prepared, Request};
use super::report::Report;
use super::steps::Steps;
use crate::api::{Token, Verdict};
use crate::deliver::fingerprint::Fingerprint;
use crate::deliver::restore::{is_wanted, put_back};
use crate::deliver::run::{SiteOutcome, deliver_locally, deliver_to_sites};
use crate::deliver::work::Work;
use crate::deliver::{Delivered, DestinationReport};
use crate::session::Session;
use crate::shell::quoted;

/// What is delivered.
#[derive(Debug)]
pub struct Delivery<'a> {
    /// The token with its current secret.
    pub token: &'a Token,
    /// Its secret.
    pub secret: &'a SecretString,
    /// The secret before the rotation of this run, when it is known.
    pub old: Option<SecretString>,
    /// When the old one stops.
    pub grace_ends: Option<Timestamp>,
    /// Whether the secret was seen to work.
    pub verified: Verdict,
    /// The old secret is put back without asking.
    pub puts_back: bool,
}

/// Delivers, and prints what came of it.
///
/// # Errors
/// When the report cannot be printed.
pub async fn finish(
    session: &Session,
    request: Request<'_>,
    prepared: &Prepared,
    delivery: Delivery<'_>,
    steps: &mut Steps,
) -> Result<Exit, Failure> {
    let args = request.destinations;
    let step = steps.start("Deliver the secret");
    let work = Work {
        token: request.name.to_string(),
        secret: delivery.secret.clone(),
        old: delivery.old.clone(),
        credential: session.client.credential().map(|own| own.secret().clone()),
        rotated_at: delivery.token.latest_rotation.map(|time| time.to_string()).unwrap_or_default(),
        restarts: !args.no_restart,
        timeout: args.timeout,
        events: steps.events().clone(),
        interrupt: session.stop.interrupt.clone(),
        step,
    };
    let mut reports = deliver_locally(args, &prepared.survey.files, &work, &session.ui).await;
    let outcomes = deliver_to_sites(&prepared.survey.sites, &work).await;
    for outcome in outcomes {
        reports.push(settle(session, &delivery, outcome, &work).await);
    }
    let mut exit = outcome::exit(&reports);
    if exit != Exit::Done && session.stop.interrupt.is_raised() {
        exit = Exit::Interrupted;
    }
    let unfinished = reports.iter().filter(|report| report.delivered != Delivered::Done).count();
    steps.finish(if unfinished == 0 {
        Outcome::changed(format!("{} destinations have it", reports.len()))
    } else {
        let missing = format!("{unfinished} of {} destinations are not done", reports.len());
        Outcome::unverified("delivered in part", vec![missing])
    });
    let mut report = report(request, prepared, &delivery, reports, exit);
    report.warnings.extend(rotated_again(session, request, delivery.token).await);
    match print(session, &report, args.stdout) {
        Ok(()) => Ok(exit),
        Err(failure) => Err(unprinted(&report, &failure)),
    }
}

/// What was done stays done when it cannot be told on standard output.
fn unprinted(report: &Report, failure: &Failure) -> Failure {
    let exit = if report.exit == Exit::Done { Exit::Unverified } else { report.exit };
    let done = match (report.exit, report.rotated) {
        (Exit::Done, true) => "was rotated and delivered; only the report is lost",
        (Exit::Done, false) => "was delivered; only the report is lost",
        (_, true) => "was rotated; the report is lost",
        (_, false) => "is not delivered everywhere; the report is lost",
    };
    let told = Failure::new(exit, format!("`{}` {done}", report.token));
    let causes = failure.causes().iter();
    causes.fold(told.because(failure.to_string()), |told, cause| told.because(cause.clone()))
}

/// Puts the old secret back at a place where a consumer is in trouble, when that is wanted.
async fn settle(
    session: &Session,
    delivery: &Delivery<'_>,
    outcome: SiteOutcome<'_>,
    work: &Work,
) -> DestinationReport {
    let may = delivery.old.is_some() && delivery.grace_ends.is_some();
    if !may || !is_wanted(&outcome) {
        return outcome.report;
    }
    let until = super::expiry::day(delivery.grace_ends);
    let wanted = delivery.puts_back || ask_to_put_back(session, &outcome, &until).await;
    if wanted {
        return put_back(outcome, work).await;
    }
    outcome.report.hint(format!(
        "the old secret works until {until}; to have it put back where this happens: --put-back"
    ))
}

async fn ask_to_put_back(session: &Session, outcome: &SiteOutcome<'_>, until: &str) -> bool {
    if session.stop.interrupt.is_raised() || !has_terminal(session) {
        return false;
    }
    let ui = session.ui.clone();
    let object = outcome.troubled.as_ref().map(ToString::to_string).unwrap_or_default();
    let prompt =
        format!("`{object}` does not come up. Put the old secret back (works until {until})?");
    let explanation = outcome.report.consumers.iter().map(|row| row.message.clone());
    let explanation: Vec<String> = explanation.collect();
    let asked =
        tokio::task::spawn_blocking(move || ui.confirm(&prompt, || explanation.join("\n"))).await;
    matches!(asked, Ok(Ok(true)))
}

/// Looks once more: who else rotated the token meanwhile made what was delivered an old secret.
async fn rotated_again(
    session: &Session,
    request: Request<'_>,
    delivered: &Token,
) -> Option<String> {
    if request.rotation.is_none() || session.stop.interrupt.is_raised() {
        return None;
    }
    let now = session.client.get(request.name).await.ok()?;
    let name = quoted(request.name.as_str());
    (is_rotated(delivered, &now) == Some(true)).then(|| {
        format!(
            "somebody else rotated the token meanwhile: sf-token sync {name} with the same flags"
        )
    })
}

/// Whether a person agrees; without a terminal the flags are the consent.
///
/// # Errors
/// When the question cannot be asked.
pub async fn agrees(session: &Session, prompt: &'static str, plan: &Plan) -> Result<bool, Failure> {
    if !has_terminal(session) {
        return Ok(true);
    }
    let ui = session.ui.clone();
    let explanation = plan.text(ui.stderr_look(), true);
    let asked = tokio::task::spawn_blocking(move || ui.confirm(prompt, || explanation.clone()));
    asked.await.unwrap_or_else(|error| {
        Err(Failure::unexpected("the question could not be asked").caused_by(&error))
    })
}

/// Whether there is a person to ask.
pub fn has_terminal(session: &Session) -> bool {
    session.env.stdin().is_terminal() && session.env.stderr().is_terminal()
}

fn report(
    request: Request<'_>,
    prepared: &Prepared,
    delivery: &Delivery<'_>,
    destinations: Vec<DestinationReport>,
    exit: Exit,
) -> Report {
    let token = delivery.token;
    let rotated = request.rotation.is_some();
    let mut warnings = Vec::new();
    if let (true, Some(before), Some(after)) = (rotated, prepared.token.expiry, token.expiry) {
        if super::expiry::shrinks(before, after) {
            warnings.push("the token expires sooner than before the rotation".to_owned());
        }
        if delivery.grace_ends.is_some_and(|ends| after <= ends) {
            warnings.push("the new secret expires before the grace of the old one ends".to_owned());
        }
    }
    let next = if exit == Exit::Done { Vec::new() } else { vec![request.sync_command()] };
    Report {
        exit,
        code: exit.code(),
        token: request.name.to_string(),
        rotated,
        latest_rotation: token.latest_rotation,
        grace_ends: delivery.grace_ends,
        expiry_before: prepared.token.expiry.filter(|_| rotated),
        expiry: token.expiry,
        secret_hash: Fingerprint::of(delivery.secret).to_string(),
        verified: delivery.verified.clone(),
        destinations,
        warnings,
        next,
    }
}

/// Prints the report: on standard output, unless that is for the secret alone. What is left to do
/// is told even when that fails.
fn print(session: &Session, report: &Report, stdout_is_taken: bool) -> Result<(), Failure> {
    let ui = &session.ui;
    let printed = if stdout_is_taken {
        ui.say(report.text(ui.stderr_look(), false).trim_end());
        Ok(())
    } else {
        ui.print(report, |output, look| match output {
            common::ui::Output::Name => format!("{}\n", report.token),
            output => report.text(look, output.is_wide()),
        })
    };
    for warning in &report.warnings {
        ui.warn(warning);
    }
    if report.exit != Exit::Done {
        tell_what_is_left(ui, report);
    }
    printed
}

fn tell_what_is_left(ui: &Ui, report: &Report) {
    let state = match report.exit {
        Exit::Unverified => "delivered, but not every consumer runs with the new secret",
        Exit::Interrupted => "interrupted; not everything is done",
        _ if report.rotated => "rotated, but not delivered everywhere",
        _ => "not delivered everywhere",
    };
    ui.warn(&format!("`{}`: {state}", report.token));
    for line in report.unfinished() {
        ui.warn(&line);
    }
    for row in &report.destinations {
        for logs in row.consumers.iter().filter(|row| !row.logs.is_empty()) {
            ui.warn(&format!(
                "the last log lines of `{}`:\n  {}",
                logs.object,
                logs.logs.join("\n  ")
            ));
        }
        for hint in &row.hints {
            ui.say(&format!("hint: {hint}"));
        }
    }
    for next in &report.next {
        ui.say(&format!(
            "hint: finish with: {next} (and the flags about the API and the clusters)"
        ));
    }
}
