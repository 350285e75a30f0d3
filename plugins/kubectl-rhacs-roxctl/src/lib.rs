//! `kubectl rhacs roxctl`: the product's command line tool on this computer.

pub mod central;
pub mod cli;
pub mod cmd;
pub mod session;

use common::command::process::asked_to_stop;
use common::env::Env;
use common::exit::Exit;
use common::failure::Failure;
use common::ui::{Ui, print_usage};

use cli::{Cli, Verb};
use session::Session;

/// Runs the command that `env` holds the arguments of, and says how the process ends.
#[must_use]
pub fn run(env: &Env) -> Exit {
    if let Some(exit) = common::complete::answer(env, cli::command, &|_| None) {
        return exit;
    }
    let cli = match Cli::read(env.args()) {
        Ok(cli) => cli,
        Err(error) => return print_usage(env, &error),
    };
    let ui = Ui::new(env, &cli.ui, cli.verb.is_consented());
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return ui.failure(&Failure::unexpected("cannot start").caused_by(&error)),
    };
    let result = runtime.block_on(async {
        let session = Session::new(cli, env.clone(), ui.clone());
        tokio::select! {
            result = dispatch(&session) => result,
            // What is dropped then leaves no unfinished file, and changes are made without a pause.
            () = asked_to_stop() => {
                session.stop_progress();
                ui.say("\ninterrupted; nothing was changed");
                Ok(Exit::Interrupted)
            }
        }
    });
    // A blocked read of standard input must not keep the process.
    runtime.shutdown_background();
    result.unwrap_or_else(|failure| ui.failure(&failure))
}

async fn dispatch(session: &Session) -> Result<Exit, Failure> {
    match &session.cli.verb {
        Verb::Install(args) => cmd::install::run(session, args).await,
        Verb::Uninstall(args) => cmd::uninstall::run(session, args).await,
        Verb::List(args) => cmd::list::run(session, args).await,
        Verb::Which => cmd::which::run(session).await,
        Verb::Verify(args) => cmd::verify::run(session, args).await,
        Verb::Use(args) => cmd::switch::run(session, args).await,
    }
}
