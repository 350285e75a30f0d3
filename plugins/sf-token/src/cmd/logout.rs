//! `sf-token logout`: ends the session of the credential in use.

use common::exit::Exit;
use common::failure::Failure;

use crate::api::Source;
use crate::session::Session;

/// Ends it.
///
/// # Errors
/// Why it may go on.
pub async fn run(session: &Session) -> Result<Exit, Failure> {
    session.stop.begin();
    let was_there = session
        .client
        .log_out()
        .await
        .map_err(|error| error.into_failure("cannot end the session"))?;
    let words =
        if was_there { "the session is over" } else { "there was no such session any more" };
    let rest = match session.client.credential().map(crate::api::Credential::source) {
        Some(Source::File(path)) => format!("; the token in `{path}` is of no use any more"),
        _ => String::new(),
    };
    session.ui.say(&format!("{words}{rest}"));
    Ok(Exit::Done)
}
