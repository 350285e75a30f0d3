//! `sf-token update`, `rename`, `enable` and `disable`.

use common::exit::Exit;
use common::failure::Failure;
use jiff::{SignedDuration, Timestamp};

use super::told::{Achieved, Told};
use super::view;
use crate::api::{Outcome, Status, Token, TokenName, TokenPatch};
use crate::cli::{RenameArgs, SwitchArgs, UpdateArgs};
use crate::session::Session;
use crate::shell::quoted;

/// Changes what `args` name.
///
/// # Errors
/// Why it was refused, or may have been changed anyway.
pub async fn run(session: &Session, args: &UpdateArgs) -> Result<Exit, Failure> {
    let life = args.life.seconds(session.env.now()).map_err(Failure::usage)?;
    let limits = args.limits.limits().map_err(Failure::usage)?;
    let is_nothing = args.new_name.is_none()
        && args.description.is_none()
        && args.roles.is_empty()
        && args.visible_to.is_none()
        && args.grant.is_empty()
        && args.revoke.is_empty()
        && life.is_none()
        && limits.is_empty();
    if is_nothing {
        return Err(
            Failure::usage("there is nothing to change").hint("see `sf-token update --help`")
        );
    }
    let patch = TokenPatch {
        name: args.new_name.clone(),
        description: args.description.clone(),
        disabled: None,
        expires_in: life,
        roles: (!args.roles.is_empty()).then(|| args.roles.clone()),
        visibility: args.visible_to.clone(),
        grant: args.grant.clone(),
        revoke: args.revoke.clone(),
        limits,
    };
    change(session, "update", &args.name, &patch, args.dry_run.is_set()).await
}

/// Renames a token.
///
/// # Errors
/// Why it was refused, or may have been renamed anyway.
pub async fn rename(session: &Session, args: &RenameArgs) -> Result<Exit, Failure> {
    let patch = TokenPatch { name: Some(args.new_name.clone()), ..TokenPatch::default() };
    change(session, "rename", &args.name, &patch, args.dry_run.is_set()).await
}

/// Switches a token off or on.
///
/// # Errors
/// Why it was refused, or may have been switched anyway.
pub async fn switch(session: &Session, args: &SwitchArgs, disabled: bool) -> Result<Exit, Failure> {
    let patch = TokenPatch { disabled: Some(disabled), ..TokenPatch::default() };
    let verb = if disabled { "disable" } else { "enable" };
    change(session, verb, &args.name, &patch, args.dry_run.is_set()).await
}

async fn change(
    session: &Session,
    verb: &'static str,
    name: &TokenName,
    patch: &TokenPatch,
    dry_run: bool,
) -> Result<Exit, Failure> {
    let now = session.env.now();
    let before = view::read(&session.client, name).await?;
    if patch.disabled == Some(before.disabled) && is_switch_only(patch) {
        let state = if before.disabled { "disabled" } else { "enabled" };
        session.ui.say(&format!("the token `{name}` is {state} already"));
        view::print(&session.ui, &before, now)?;
        return Ok(Exit::Done);
    }
    warn(session, name, patch, &before, now);
    if dry_run {
        let words = format!("would change the token `{name}`; nothing was sent");
        return Told::about(verb, name, Achieved::DryRun).tell(&session.ui, &words);
    }
    if !is_agreed(session, name, patch).await? {
        let words = format!("the token `{name}` was not changed");
        return Told::about(verb, name, Achieved::Declined).tell(&session.ui, &words);
    }
    let look = format!("sf-token get {}", quoted(name.as_str()));
    session.stop.begin(format!("`{name}` may have been changed: see {look}"));
    let after = session.client.update(name, patch).await.map_err(|error| {
        let is_known = error.outcome() == Outcome::NotDone;
        let failure = error.into_failure(format!("cannot change the token `{name}`"));
        if is_known {
            failure
        } else {
            failure.hint(format!("it may have been changed: `{look}` tells"))
        }
    })?;
    if patch.expires_in.is_none() && has_moved(before.expiry, after.expiry) {
        let shown = |time: Option<Timestamp>| {
            time.map_or_else(|| "none".to_owned(), |time| view::shown_moment(time, now))
        };
        session.ui.warn(&format!(
            "the API has changed the expiry as well, which nobody asked for: {} → {}",
            shown(before.expiry),
            shown(after.expiry)
        ));
    }
    view::print(&session.ui, &after, session.env.now())?;
    let now_called = patch.name.as_ref().filter(|new_name| *new_name != name);
    let now_called = now_called.map(|name| format!("; it is called `{name}` now"));
    session.ui.say(&format!("changed the token `{name}`{}", now_called.unwrap_or_default()));
    Ok(Exit::Done)
}

/// Says what a change brings with it that one may not think of.
fn warn(session: &Session, name: &TokenName, patch: &TokenPatch, before: &Token, now: Timestamp) {
    if let Some(new_name) = &patch.name {
        session.ui.warn(&format!(
            "whatever names the token `{name}` (cloud integrations by `namedToken`, scripts, \
             Terraform) has to name `{new_name}` from now on; its secret stays the same"
        ));
    }
    if patch.expires_in.is_some() && before.status(now) == Status::Expired {
        session.ui.warn(
            "the token has expired; it is not known whether the API revives it by a new expiry",
        );
    }
    if patch.disabled == Some(true) {
        session.ui.warn("whatever uses the token now will be refused");
    }
}

/// Switching off stops whatever uses a token, so a person is asked; the rest can be taken back.
async fn is_agreed(
    session: &Session,
    name: &TokenName,
    patch: &TokenPatch,
) -> Result<bool, Failure> {
    if patch.disabled != Some(true) {
        return Ok(true);
    }
    let explanation = format!(
        "A disabled token authenticates nothing: collectors that send with the secret of `{name}` \
         are refused until `sf-token enable` or another token. Its secret and its expiry stay."
    );
    session.confirm("Disable it?", explanation).await
}

const fn is_switch_only(patch: &TokenPatch) -> bool {
    patch.name.is_none() && patch.description.is_none() && patch.expires_in.is_none()
}

/// Whether two expiries differ by more than the clocks of two requests.
fn has_moved(before: Option<Timestamp>, after: Option<Timestamp>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => {
            after.duration_since(before).abs() > SignedDuration::from_secs(60)
        }
        _ => false,
    }
}
