//! `sf-token get`: everything about a token but its secret.

use common::exit::Exit;
use common::failure::Failure;

use super::view;
use crate::cli::NameArgs;
use crate::session::Session;

/// Prints the token.
///
/// # Errors
/// Why it cannot be read.
pub async fn run(session: &Session, args: &NameArgs) -> Result<Exit, Failure> {
    let token = view::read(&session.client, &args.name).await?;
    view::print(&session.ui, &token, session.env.now())?;
    Ok(Exit::Done)
}
