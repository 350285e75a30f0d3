//! `use`: one of several versions becomes the one that roxctl runs.

use common::exit::Exit;
use common::failure::Failure;
use common::roxctl::{Receipts, RoxctlError, switch};
use common::ui::Output;

use crate::cli::UseArgs;
use crate::session::Session;

/// Switches.
///
/// # Errors
/// When there is no such version, or something is in the way.
pub async fn run(session: &Session, args: &UseArgs) -> Result<Exit, Failure> {
    let failed = |error: RoxctlError| error.into_failure("roxctl was not switched");
    let directory = args.bin_dir.as_ref().map(|directory| session.env.resolve(directory));
    let mut receipts = Receipts::lock(&session.system).map_err(failed)?;
    let switched = switch(
        &session.system,
        &mut receipts,
        &args.version,
        directory.as_deref(),
        session.env.now(),
    );
    let switched = switched.await.map_err(failed)?;
    session.ui.print(&switched, |output, look| {
        let path = switched.path.display();
        if output == Output::Name {
            return format!("{path}\n");
        }
        let verb = if switched.changed { "now" } else { "already" };
        let mut text = format!("{path} is {verb} roxctl {}\n", switched.version);
        if let Some(kept) = &switched.kept {
            text.push_str(&format!("the one before is kept as {}\n", kept.display()));
        }
        look.text(&text)
    })?;
    let first = session.system.find_all().into_iter().next();
    if first.as_ref() != Some(&switched.path) {
        match first {
            Some(first) => session.ui.warn(&format!(
                "a shell that is told `roxctl` runs `{}` instead: it comes earlier on the PATH",
                first.display()
            )),
            None => session.ui.say("hint: its directory is not on the PATH"),
        }
    }
    Ok(Exit::Done)
}
