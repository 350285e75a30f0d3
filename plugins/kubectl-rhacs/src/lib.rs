//! `kubectl rhacs`: the front door of the suite, which finds the right program for every word.

pub mod cli;
pub mod cmd;
pub mod completion;
pub mod doctor;
pub mod links;
pub mod os;
pub mod programs;
pub mod route;
pub mod siblings;
pub mod words;

use std::path::Path;
use std::process::ExitCode;

use common::complete;
use common::env::Env;
use common::exit::Exit;
use common::failure::Failure;
use common::ui::{Ui, UiArgs, print_usage, wanted_output};

use cli::{Cli, Word};
use route::Route;
use siblings::Siblings;

/// Runs the command that `env` holds the arguments of, mostly by becoming another program.
#[must_use]
pub fn run(env: &Env) -> ExitCode {
    if let Some(words) = complete::requested(env) {
        return completion::answer(env, words);
    }
    let result = match route::route(env.args().get(1..).unwrap_or_default()) {
        Route::Own => return own(env).into(),
        Route::Help { words } => return help(env, &words).into(),
        Route::Word { name, args } => {
            Siblings::of(env).of_word(&name).and_then(|program| become_program(&program, &args))
        }
    };
    result.unwrap_or_else(|failure| {
        let output = wanted_output(env.args()).unwrap_or_default();
        Ui::new(env, &UiArgs { output, ..UiArgs::default() }, false).failure(&failure).into()
    })
}

/// Becomes `program`; returns only when that fails, or on Windows with how it ended.
fn become_program(program: &Path, args: &[std::ffi::OsString]) -> Result<ExitCode, Failure> {
    os::hand_over(program, args).map_err(|error| {
        Failure::unexpected(format!("cannot start `{}`", program.display()))
            .caused_by(&error)
            .hint("kubectl rhacs doctor")
    })
}

/// Prints the help of one of the front door's own words.
fn help(env: &Env, words: &[String]) -> Exit {
    let ui = Ui::new(env, &UiArgs::default(), false);
    cmd::help::run(&ui, words).unwrap_or_else(|failure| ui.failure(&failure))
}

/// Runs one of the front door's own words.
fn own(env: &Env) -> Exit {
    let cli = match Cli::read(env.args()) {
        Ok(cli) => cli,
        Err(error) => return print_usage(env, &error),
    };
    let ui = Ui::new(env, &cli.ui(), false);
    let result = match cli.word {
        None => ui.data(&cli::help_text()).map(|()| Exit::Done),
        Some(Word::Help { words }) => cmd::help::run(&ui, &words),
        Some(Word::Schema { name }) => cmd::schema::run(&ui, name.as_deref()),
        Some(Word::Version) => cmd::version::run(env, &ui),
        Some(Word::Doctor { fix }) => cmd::doctor::run(env, &ui, fix),
        Some(Word::Completion { what }) => cmd::completion::run(env, &ui, what),
    };
    result.unwrap_or_else(|failure| ui.failure(&failure))
}
