//! `kubectl rhacs version`: the versions of all programs of the suite, as they say themselves.

use std::path::PathBuf;

use common::SUITE_VERSION;
use common::env::Env;
use common::exit::Exit;
use common::failure::Failure;
use common::ui::{Cell, Header, Look, Output, Role, Table, Ui};
use serde::Serialize;

use crate::programs::{self, Asked};
use crate::siblings::Siblings;
use crate::words::FRONT;

/// What `version -o json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    /// The front door's.
    version: &'static str,
    programs: Vec<Program>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Program {
    program: String,
    installed: bool,
    /// Null when it is not installed or does not say.
    version: Option<String>,
    path: Option<PathBuf>,
    /// Why there is no version.
    problem: Option<String>,
}

/// Prints the versions.
///
/// # Errors
/// A standard output that cannot be written.
pub fn run(env: &Env, ui: &Ui) -> Result<Exit, Failure> {
    let siblings = Siblings::of(env);
    let mut found: Vec<(&str, Option<PathBuf>)> =
        programs::names().into_iter().map(|name| (name, siblings.find(name))).collect();
    // A program of another plugin: told when it is there.
    if let Some(path) = siblings.find("sf-token").or_else(|| siblings.find("kubectl-sf_token")) {
        found.push(("sf-token", Some(path)));
    }
    let asked = programs::versions(found.iter().filter_map(|(_, path)| path.as_deref()));
    let programs = found
        .into_iter()
        .map(|(name, path)| match name {
            FRONT => Program {
                program: name.to_owned(),
                installed: true,
                version: Some(SUITE_VERSION.to_owned()),
                path: env.executable(),
                problem: None,
            },
            _ => program(name, path.as_ref().and_then(|path| asked.get(path)), path.clone()),
        })
        .collect();
    let versions = Versions { version: SUITE_VERSION, programs };
    ui.print(&versions, |output, look| text(&versions, output, look))?;
    Ok(Exit::Done)
}

fn program(name: &str, asked: Option<&Asked>, path: Option<PathBuf>) -> Program {
    Program {
        program: name.to_owned(),
        installed: path.is_some(),
        version: asked.and_then(|asked| asked.as_ref().ok()).cloned(),
        path,
        problem: asked.and_then(|asked| asked.as_ref().err()).cloned(),
    }
}

fn text(versions: &Versions, output: Output, look: Look) -> String {
    if output == Output::Name {
        return versions.programs.iter().map(|found| format!("{}\n", found.program)).collect();
    }
    let mut table =
        Table::new([Header::new("PROGRAM"), Header::new("VERSION"), Header::new("PATH")]);
    for found in &versions.programs {
        let version = match (&found.version, &found.problem) {
            (Some(version), _) if version == versions.version => Cell::from(version.as_str()),
            (Some(version), _) => Cell::painted(Role::Warning, version.as_str()),
            (None, Some(problem)) => Cell::painted(Role::Error, problem.as_str()),
            (None, None) => Cell::painted(Role::Muted, "not installed"),
        };
        let path =
            found.path.as_ref().map_or_else(|| "-".to_owned(), |path| path.display().to_string());
        table.row([found.program.as_str().into(), version, path.into()]);
    }
    table.render(look, output.is_wide())
}
