//! `kubectl rhacs roxctl`: the product's command line tool on this computer.

pub mod central;
pub mod cli;
pub mod cmd;
pub mod session;

use common::env::Env;
use common::exit::Exit;
use common::failure::Failure;
use common::ui::Ui;

use cli::{Cli, Verb};
use session::Session;

/// Runs the command that `env` holds the arguments of, and says how the process ends.
#[must_use]
pub fn run(env: &Env) -> Exit {
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

/// Returns at Ctrl-C, and at what else asks a process to end: CI systems cancel with SIGTERM, a
/// closed terminal sends SIGHUP.
async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = (signal(SignalKind::terminate()), signal(SignalKind::hangup()));
        if let (Ok(mut terminate), Ok(mut hangup)) = signals {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Help and version are data; wrong usage is an error that ends with 2.
fn print_usage(env: &Env, error: &clap::Error) -> Exit {
    let text = error.render().to_string();
    let (stream, exit) =
        if error.use_stderr() { (env.stderr(), Exit::Usage) } else { (env.stdout(), Exit::Done) };
    // There is nobody left to tell that the stream is closed.
    drop(stream.write(&text));
    exit
}
