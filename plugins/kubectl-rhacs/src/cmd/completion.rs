//! `kubectl rhacs completion`: the scripts of shells, and the links that kubectl looks for.

use std::path::PathBuf;

use common::complete::script;
use common::env::Env;
use common::exit::Exit;
use common::failure::Failure;
use common::ui::Ui;

use crate::cli::Completion;
use crate::links::{self, Change};
use crate::programs;

/// Prints a script, or installs or removes the links.
///
/// # Errors
/// No directory for the links, and files in their way.
pub fn run(env: &Env, ui: &Ui, what: Completion) -> Result<Exit, Failure> {
    match (what.shell(), what) {
        (Some(shell), _) => {
            let names = programs::names();
            let plugins: Vec<&str> =
                names.into_iter().filter(|name| name.starts_with("kubectl-")).collect();
            ui.data(&script(shell, "rhacs", &plugins))?;
        }
        (None, Completion::Install { bin_dir }) => install(env, ui, bin_dir)?,
        (None, _) => uninstall(env, ui)?,
    }
    Ok(Exit::Done)
}

fn install(env: &Env, ui: &Ui, bin_dir: Option<PathBuf>) -> Result<(), Failure> {
    let files = programs::find(env);
    let directory = match bin_dir {
        Some(directory) => env.resolve(directory),
        None => links::directory(&files).ok_or_else(not_on_path)?,
    };
    let mut changed = false;
    for name in links::needed(&files) {
        let path = links::path(env, &directory, &name);
        match links::install(env, &directory, &name)? {
            Change::Made => {
                changed = true;
                ui.say(&format!("linked {}", path.display()));
            }
            Change::None => ui.say(&format!("{} is there already", path.display())),
        }
    }
    if !env.search_path().contains(&directory) {
        ui.warn(&format!(
            "`{}` is not on the PATH: kubectl will not look there",
            directory.display()
        ));
    }
    if changed {
        ui.say(
            "kubectl rhacs … is completed wherever kubectl is; for that: kubectl completion --help",
        );
    }
    Ok(())
}

fn uninstall(env: &Env, ui: &Ui) -> Result<(), Failure> {
    let links = links::installed(&programs::find(env));
    if links.is_empty() {
        ui.say("there is no completion to remove");
    }
    for link in links {
        links::remove(&link)?;
        ui.say(&format!("removed {}", link.display()));
    }
    Ok(())
}

fn not_on_path() -> Failure {
    Failure::usage("kubectl-rhacs is not on the PATH, so kubectl does not find it either")
        .hint("kubectl rhacs completion install --bin-dir DIR, with a DIR on the PATH")
}
