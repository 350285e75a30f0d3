//! `kubectl rhacs upgrade`: from a snapshot to a plan to a run.

pub mod checks;
pub mod cli;
pub mod cmd;
pub mod planner;

use common::command::{Session, Stop, Tool, apply, check, history, plan, process, resume, unlock};
use common::env::Env;
use common::exit::Exit;
use common::failure::Failure;
use common::plan::Operation;
use common::ui::Ui;

use cli::{Cli, Verb};

/// This plugin.
pub const TOOL: Tool =
    Tool { word: "upgrade", operation: Operation::Upgrade, groups: checks::GROUPS };

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
    let began = session.env.now();
    match run_verb(&session, &cli).await {
        Err(failure) if cli.rollback_on_failure => {
            cmd::way_back::after(&session, began, failure).await
        }
        result => result,
    }
}

async fn run_verb(session: &Session, cli: &Cli) -> Result<Exit, Failure> {
    match &cli.verb {
        None => cmd::upgrade::run(session, cli).await,
        Some(Verb::Plan { exit_code }) => {
            plan::run(session, &cmd::prepare::run(session, cli).await?, *exit_code)
        }
        Some(Verb::Check) => check::run(session, &cmd::prepare::run(session, cli).await?),
        Some(Verb::Apply { file }) => apply::run(session, file).await,
        Some(Verb::Status { watch, exit_code }) => {
            let looking = cmd::status::Looking { watch: *watch, exit_code: *exit_code };
            cmd::status::run(session, looking).await
        }
        Some(Verb::Resume { run }) => resume::run(session, run.as_deref()).await,
        Some(Verb::History { run }) => history::run(session, run.as_deref()).await,
        Some(Verb::Unlock { reason, force }) => unlock::run(session, reason, *force).await,
    }
}
