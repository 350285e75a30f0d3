//! `kubectl rhacs scc`: which SCCs the product's pods use, and how to bring them to a release's.

pub mod checks;
pub mod cli;
pub mod cmd;
pub mod observe;
pub mod planner;
pub mod restore;
pub mod status;

use common::command::{Session, Stop, Tool, check, plan, process, unlock};
use common::env::Env;
use common::exit::Exit;
use common::failure::Failure;
use common::plan::Operation;
use common::ui::Ui;

use cli::{Cli, Verb};

/// This plugin.
pub const TOOL: Tool = Tool { word: "scc", operation: Operation::Scc, groups: checks::GROUPS };

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
    if matches!(cli.verb, Some(Verb::Export { .. })) {
        // What a release has is known without a cluster.
        return cmd::export::run(&cli, &ui);
    }
    let session = Session::open(TOOL, cli.flags(), env, ui, stop).await?;
    match &cli.verb {
        None | Some(Verb::Status | Verb::Export { .. }) => cmd::status::run(&session, &cli).await,
        Some(Verb::Plan { exit_code }) => {
            plan::run(&session, &cmd::prepare::run(&session, &cli).await?, *exit_code)
        }
        Some(Verb::Check) => check::run(&session, &cmd::prepare::run(&session, &cli).await?),
        Some(Verb::Apply { file }) => cmd::apply::run(&session, &cli, file.as_deref()).await,
        Some(Verb::Restore { run }) => cmd::restore::run(&session, run).await,
        Some(Verb::Records(verb)) => verb.run(&session).await,
        Some(Verb::Unlock { reason, force }) => unlock::run(&session, reason, *force).await,
    }
}
