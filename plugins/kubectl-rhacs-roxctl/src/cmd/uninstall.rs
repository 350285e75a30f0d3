//! `uninstall`: what this suite installed, or every roxctl after showing them.

use common::exit::Exit;
use common::failure::Failure;
use common::roxctl::{Receipts, Removal, RoxctlError, Scope, removals, remove};
use common::ui::{Header, Look, Output, Table, count};

use crate::cli::UninstallArgs;
use crate::session::Session;

/// Removes them.
///
/// # Errors
/// When something of it cannot be removed: then nothing is.
pub async fn run(session: &Session, args: &UninstallArgs) -> Result<Exit, Failure> {
    let failed = |error: RoxctlError| error.into_failure("roxctl was not removed");
    let scope = match &args.version {
        _ if args.all => Scope::All,
        Some(version) => Scope::Version(version.clone()),
        None => Scope::Ours,
    };
    let directory = args.bin_dir.as_ref().map(|directory| session.env.resolve(directory));
    let mut receipts = Receipts::lock(&session.system).map_err(failed)?;
    let chosen = removals(&session.system, &receipts, &scope, directory.as_deref());
    let chosen = chosen.await.map_err(failed)?;
    if args.dry_run.is_on() || chosen.is_empty() {
        if chosen.is_empty() {
            // What a killed command left goes in any case.
            if !args.dry_run.is_on() {
                remove(&session.system, &mut receipts, &[]).map_err(failed)?;
            }
            session.ui.say(nothing(&scope));
        }
        session.ui.print(&chosen, |output, look| text(&chosen, output, look))?;
        return Ok(Exit::Done);
    }
    if args.all {
        session.ui.say(text(&chosen, Output::Table, session.ui.stderr_look()).trim_end());
        let explanation = "the files above are removed; nothing else is touched".to_owned();
        session.confirm("Remove them?", explanation).await?;
    }
    remove(&session.system, &mut receipts, &chosen).map_err(failed)?;
    session.ui.say(&format!("removed {}", count(chosen.len(), "file")));
    session.ui.print(&chosen, |output, look| text(&chosen, output, look))?;
    Ok(Exit::Done)
}

const fn nothing(scope: &Scope) -> &'static str {
    match scope {
        Scope::All => "nothing to do: there is no roxctl on the PATH",
        Scope::Ours => {
            "nothing to do: this command installed no roxctl; `--all` removes those of others"
        }
        Scope::Version(_) => "nothing to do: this command installed no such version",
    }
}

fn text(removals: &[Removal], output: Output, look: Look) -> String {
    if output == Output::Name {
        return removals.iter().map(|removal| format!("{}\n", removal.path.display())).collect();
    }
    if removals.is_empty() {
        return String::new();
    }
    let mut table = Table::new(["PATH", "VERSION", "INSTALLED BY"].map(Header::new));
    for removal in removals {
        table.row([
            removal.path.display().to_string().into(),
            removal.version.clone().unwrap_or_else(|| "unknown".to_owned()).into(),
            if removal.ours { "this suite" } else { "others" }.into(),
        ]);
    }
    table.render(look, output.is_wide())
}
