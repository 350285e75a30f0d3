//! `kubectl rhacs rollback`: from the record of a run, or from what else is known, to the way back.

pub mod checks;
pub mod cli;
pub mod cmd;
pub mod gather;
pub mod planner;

use common::command::{Session, Stop, Tool, check, plan, process, unlock};
use common::env::Env;
use common::exit::Exit;
use common::failure::Failure;
use common::plan::Operation;
use common::ui::Ui;

use cli::{Cli, Verb};

/// This plugin.
pub const TOOL: Tool =
    Tool { word: "rollback", operation: Operation::Rollback, groups: checks::GROUPS };

/// Runs the command that `env` holds the arguments of, and says how the process ends.
#[must_use]
pub fn run(env: &Env) -> Exit {
    process::run(
        env,
        &TOOL,
        cli::command,
        Cli::read,
        |cli| Ui::new(env, &cli.ui, cli.run.yes),
        |cli, ui, stop| dispatch(cli, env.clone(), ui, stop),
    )
}

async fn dispatch(cli: Cli, env: Env, ui: Ui, stop: Stop) -> Result<Exit, Failure> {
    cli.check()?;
    let session = Session::open(TOOL, cli.flags(), env, ui, stop).await?;
    match &cli.verb {
        None => cmd::rollback::run(&session, &cli).await,
        Some(Verb::Plan { exit_code }) => {
            plan::run(&session, &cmd::prepare::run(&session, &cli).await?, *exit_code)
        }
        Some(Verb::Check) => check::run(&session, &cmd::prepare::run(&session, &cli).await?),
        Some(Verb::Apply { file }) => cmd::apply::run(&session, file).await,
        Some(Verb::Records(verb)) => verb.run(&session).await,
        Some(Verb::Unlock { reason, force }) => unlock::run(&session, reason, *force).await,
    }
}
