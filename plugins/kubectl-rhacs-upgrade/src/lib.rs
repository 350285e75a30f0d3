//! `kubectl rhacs upgrade`: from a snapshot to a plan to a run.

pub mod access;
pub mod checks;
pub mod cli;
pub mod cmd;
mod completions;
pub mod execute;
pub mod observe;
pub mod planner;
pub mod prepare;
pub mod rehearse;
pub mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::env::Env;
use common::exit::Exit;
use common::failure::Failure;
use common::run::{Interrupt, Interrupter};
use common::ui::Ui;

use cli::{Cli, Verb};
use session::{Session, Stop};

/// Runs the command that `env` holds the arguments of, and says how the process ends.
#[must_use]
pub fn run(env: &Env) -> Exit {
    if let Some(exit) = common::complete::answer(env, cli::command, &completions::values) {
        return exit;
    }
    let cli = match Cli::read(env.args()) {
        Ok(cli) => cli,
        Err(error) => return print_usage(env, &error),
    };
    let ui = Ui::new(env, &cli.ui, cli.run.yes);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let failure = Failure::unexpected("cannot start").caused_by(&error);
            return ui.failure(&failure);
        }
    };
    let (interrupter, interrupt) = Interrupt::pair();
    let running = Arc::new(AtomicBool::new(false));
    let result = runtime.block_on(async {
        let stop = Stop { interrupt, running: Arc::clone(&running) };
        tokio::select! {
            result = dispatch(cli, env.clone(), ui.clone(), stop) => result,
            () = interruption(&interrupter, &running, &ui) => Ok(Exit::Interrupted),
        }
    });
    // A blocked read of standard input must not keep the process.
    runtime.shutdown_background();
    result.unwrap_or_else(|failure| ui.failure(&failure))
}

async fn dispatch(cli: Cli, env: Env, ui: Ui, stop: Stop) -> Result<Exit, Failure> {
    cli.check()?;
    let verb = cli.verb.clone();
    let session = Session::open(cli, env, ui, stop).await?;
    match verb {
        None => cmd::upgrade::run(&session).await,
        Some(Verb::Plan { exit_code }) => cmd::plan::run(&session, exit_code).await,
        Some(Verb::Check) => cmd::check::run(&session).await,
        Some(Verb::Apply { file }) => cmd::apply::run(&session, &file).await,
        Some(Verb::Status { watch }) => cmd::status::run(&session, watch).await,
        Some(Verb::Resume { run }) => cmd::resume::run(&session, run.as_deref()).await,
        Some(Verb::History { run }) => cmd::history::run(&session, run.as_deref()).await,
        Some(Verb::Unlock { reason }) => cmd::unlock::run(&session, &reason).await,
    }
}

/// Returns when the process shall end at once: at Ctrl-C while nothing is being changed, else at
/// the second one, after the first has asked the run to stop at its next safe point.
async fn interruption(interrupter: &Interrupter, running: &AtomicBool, ui: &Ui) {
    asked_to_stop().await;
    interrupter.raise();
    if !running.load(Ordering::SeqCst) {
        // The terminal has echoed the key without ending the line of the question.
        ui.say("\ninterrupted; nothing was changed");
        return;
    }
    ui.warn("stopping at the next safe point; Ctrl-C again stops at once");
    asked_to_stop().await;
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
