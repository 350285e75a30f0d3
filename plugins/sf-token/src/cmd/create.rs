//! `sf-token create`.

use common::exit::Exit;
use common::failure::Failure;
use jiff::SignedDuration;

use super::told::{Achieved, Told};
use super::view;
use crate::api::{ApiError, NewToken, Outcome, Scope, Token};
use crate::cli::CreateArgs;
use crate::session::Session;
use crate::shell::quoted;

/// Creates the token and prints it, without its secret.
///
/// # Errors
/// Why it was refused, or may have been created anyway.
pub async fn run(session: &Session, args: &CreateArgs) -> Result<Exit, Failure> {
    let now = session.env.now();
    if let Some(inside) = args.name.without_brackets() {
        return Err(Failure::usage(format!(
            "`{}` stands in the brackets of a guide: did you mean `{inside}`?",
            args.name
        )));
    }
    if args.scope != Scope::Api && !args.roles.is_empty() {
        return Err(Failure::usage("`--role` is for tokens of the scope api"));
    }
    let token = NewToken {
        name: args.name.clone(),
        scope: args.scope,
        roles: args.roles.clone(),
        description: args.description.clone(),
        expires_in: args.life.seconds(now).map_err(Failure::usage)?,
        visibility: args.visible_to.clone(),
        limits: args.limits.limits().map_err(Failure::usage)?,
    };
    if args.dry_run.is_set() {
        let words = format!("would create the token `{}`; nothing was sent", args.name);
        return Told::about("create", &args.name, Achieved::DryRun).tell(&session.ui, &words);
    }
    let name = quoted(args.name.as_str());
    session.stop.begin(format!("`{}` may have been created: see sf-token get {name}", args.name));
    let created = session.client.create(&token).await.map_err(|error| failed(args, error))?;
    view::print(&session.ui, &created, session.env.now())?;
    session.ui.say(&format!(
        "created the token `{}`; `sf-token show {name}` prints its secret",
        args.name
    ));
    let differences = differences(&token, &created);
    for difference in &differences {
        session.ui.warn(difference);
    }
    if differences.is_empty() {
        return Ok(Exit::Done);
    }
    session
        .ui
        .say(&format!("hint: what cannot be changed needs another token: sf-token delete {name}"));
    Ok(Exit::Unverified)
}

/// What the API made otherwise than it was asked to, as far as its answer tells. Scopes can never
/// be changed.
fn differences(asked: &NewToken, created: &Token) -> Vec<String> {
    let mut found = Vec::new();
    let told = !created.auth_scopes.is_empty();
    let as_asked = created.auth_scopes.len() == 1 && created.has_scope(asked.scope);
    if told && !as_asked {
        found.push(format!(
            "the token is for {}, not for {} as was asked",
            created.auth_scopes.join(", "),
            asked.scope
        ));
    }
    if let (Some(life), Some(start), Some(expiry)) =
        (asked.expires_in, created.created, created.expiry)
    {
        let life = SignedDuration::from_secs(i64::try_from(life).unwrap_or(i64::MAX));
        if expiry.duration_since(start).saturating_sub(life).abs() > SignedDuration::from_mins(1) {
            found.push(format!(
                "the token expires at {}, not {} after its creation as was asked",
                view::shown_moment(expiry, start),
                common::ui::duration(life.as_secs_f64())
            ));
        }
    }
    found
}

fn failed(args: &CreateArgs, error: ApiError) -> Failure {
    let outcome = error.outcome();
    let failure = error.into_failure(format!("cannot create the token `{}`", args.name));
    let is_taken = failure.causes().iter().any(|cause| cause.contains("same name"));
    match outcome {
        Outcome::NotDone if is_taken => failure.hint(
            "names are unique in the organization, disabled and expired tokens included: \
             `sf-token get NAME` shows it",
        ),
        Outcome::NotDone => failure,
        Outcome::Unknown | Outcome::Done => failure.hint(format!(
            "it may have been created: `sf-token get '{}'` tells, before another try",
            args.name
        )),
    }
}
