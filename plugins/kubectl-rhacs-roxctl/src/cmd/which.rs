//! `which`: the roxctl that a shell runs.

use common::exit::Exit;
use common::failure::Failure;
use common::roxctl::{Receipts, survey};
use common::ui::Output;

use super::list::owner;
use crate::session::Session;

/// Shows it.
///
/// # Errors
/// When there is none.
pub async fn run(session: &Session) -> Result<Exit, Failure> {
    let failed = "cannot look for roxctl";
    let receipts = Receipts::read(&session.system).map_err(|error| error.into_failure(failed))?;
    let found =
        survey(&session.system, &receipts).await.map_err(|error| error.into_failure(failed))?;
    let Some(active) = found.iter().find(|found| found.active) else {
        return Err(
            Failure::usage("there is no roxctl on the PATH").hint("kubectl rhacs roxctl install")
        );
    };
    session.ui.print(active, |output, look| {
        let path = active.path.display();
        if output == Output::Name {
            return format!("{path}\n");
        }
        let version = active.version.as_deref().unwrap_or("unknown");
        let mut text = format!("{path}\nversion {version}, installed by {}\n", owner(active));
        if let Some(receipt) = active.receipt.as_ref().filter(|_| active.ours && output.is_wide()) {
            text.push_str(&format!("SHA-256 {}\nfrom {}\n", receipt.sha256, receipt.source));
        }
        look.text(&text)
    })?;
    for hidden in found.iter().filter(|found| found.shadowed_by.is_some()) {
        session.ui.say(&format!("note: it hides `{}`", hidden.path.display()));
    }
    if let Some(fault) = &active.fault {
        session.ui.warn(&format!("it does not say its version: {fault}"));
    }
    Ok(Exit::Done)
}
