//! The process around a command: its runtime, its interruption, its exit code.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Stop;
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::run::{Interrupt, Interrupter};
use crate::ui::Ui;

/// Runs the command that `cli` describes, and says how the process ends. `ui` makes the terminal
/// for it, `work` does it.
pub fn run<Cli, Work>(
    env: &Env,
    cli: Result<Cli, clap::Error>,
    ui: impl FnOnce(&Cli) -> Ui,
    work: impl FnOnce(Cli, Ui, Stop) -> Work,
) -> Exit
where
    Work: Future<Output = Result<Exit, Failure>>,
{
    let cli = match cli {
        Ok(cli) => cli,
        Err(error) => return print_usage(env, &error),
    };
    let ui = ui(&cli);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
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
            result = work(cli, ui.clone(), stop) => result,
            () = interruption(&interrupter, &running, &ui) => Ok(Exit::Interrupted),
        }
    });
    // A blocked read of standard input must not keep the process.
    runtime.shutdown_background();
    result.unwrap_or_else(|failure| ui.failure(&failure))
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
