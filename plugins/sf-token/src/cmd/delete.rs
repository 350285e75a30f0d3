//! `sf-token delete`: for good, so the name has to be typed.

use common::exit::Exit;
use common::failure::Failure;

use super::told::{Achieved, Told};
use super::view;
use crate::api::Outcome;
use crate::cli::DeleteArgs;
use crate::session::Session;
use crate::shell::quoted;

/// Deletes the token when a person agrees.
///
/// # Errors
/// Why it was refused, or may have been deleted anyway.
pub async fn run(session: &Session, args: &DeleteArgs) -> Result<Exit, Failure> {
    let name = &args.name;
    let token = view::read(&session.client, name).await?;
    let now = session.env.now();
    session.ui.say(view::description(&token, now, session.ui.stderr_look()).trim_end());
    if args.dry_run.is_set() {
        let words = format!("would delete the token `{name}`; nothing was sent");
        return Told::about("delete", name, Achieved::DryRun).tell(&session.ui, &words);
    }
    let prompt = "Deleting it cannot be taken back. Type its name to delete it: ";
    if !session.confirm_name(prompt, name.as_str()).await? {
        let words = "that is not its name; nothing was deleted";
        return Told::about("delete", name, Achieved::Declined).tell(&session.ui, words);
    }
    let look = format!("sf-token get {}", quoted(name.as_str()));
    session.stop.begin(format!("`{name}` may have been deleted: see {look}"));
    match session.client.delete(name).await {
        Ok(()) => {}
        Err(error) => {
            let is_known = error.outcome() == Outcome::NotDone;
            let status = error.status();
            let failure = error.into_failure(format!("cannot delete the token `{name}`"));
            return Err(match (is_known, status) {
                (true, Some(405 | 501)) => failure.hint(
                    "where tokens cannot be deleted they can be disabled: `sf-token disable`",
                ),
                (true, _) => failure,
                (false, _) => failure.hint(format!("it may have been deleted: `{look}` tells")),
            });
        }
    }
    let words = format!("deleted the token `{name}`");
    Told::about("delete", name, Achieved::Done).tell(&session.ui, &words)
}
