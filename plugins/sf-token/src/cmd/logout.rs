//! `sf-token logout`: ends the session of the credential in use.

use common::exit::Exit;
use common::failure::Failure;

use super::told::{Achieved, Told};
use crate::api::Source;
use crate::session::Session;

/// Ends it.
///
/// # Errors
/// Why it may go on.
pub async fn run(session: &Session) -> Result<Exit, Failure> {
    session.stop.begin("the session may go on: sf-token logout ends it, with the same credential");
    let was_there = session
        .client
        .log_out()
        .await
        .map_err(|error| error.into_failure("cannot end the session"))?;
    let (words, achieved) = if was_there {
        ("the session is over", Achieved::Done)
    } else {
        ("there was no such session any more", Achieved::Nothing)
    };
    let rest = match session.client.credential().map(crate::api::Credential::source) {
        Some(Source::File(path)) => format!("; the token in `{path}` is of no use any more"),
        _ => String::new(),
    };
    Told::new("logout", achieved).tell(&session.ui, &format!("{words}{rest}"))
}
