//! `sf-token create`.

use common::exit::Exit;
use common::failure::Failure;

use super::view;
use crate::api::{ApiError, NewToken, Outcome, Scope};
use crate::cli::CreateArgs;
use crate::session::Session;

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
        session.ui.say(&format!("would create the token `{}`; nothing was sent", args.name));
        return Ok(Exit::Done);
    }
    session.stop.begin();
    let created = session.client.create(&token).await.map_err(|error| failed(args, error))?;
    view::print(&session.ui, &created, session.env.now())?;
    session.ui.say(&format!(
        "created the token `{0}`; `sf-token show '{0}'` prints its secret",
        args.name
    ));
    Ok(Exit::Done)
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
