//! The process around a command: its runtime, its interruption, its exit code.

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use super::help::spelled_out;
use super::{Stop, Tool, completions};
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::run::{Interrupt, Interrupter};
use crate::ui::{Mode, Ui, print_usage};

/// Runs the command that the arguments of `env` describe, and says how the process ends. `command`
/// is that command for completion; `read` reads the arguments, `ui` makes the terminal, `work`
/// does what they say.
pub fn run<Cli, Work>(
    env: &Env,
    tool: &Tool,
    command: impl FnOnce() -> clap::Command,
    read: impl FnOnce(&[OsString]) -> Result<Cli, clap::Error>,
    ui: impl FnOnce(&Cli) -> Ui,
    work: impl FnOnce(Cli, Ui, Stop) -> Work,
) -> Exit
where
    Work: Future<Output = Result<Exit, Failure>>,
{
    if let Some(exit) =
        crate::complete::answer(env, command, &|slot| completions::values(tool, slot))
    {
        return exit;
    }
    let cli = match read(&spelled_out(env.args())) {
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
        let lost = Arc::new(Notify::new());
        let stop = Stop { interrupt, running: Arc::clone(&running), lost: Arc::clone(&lost) };
        tokio::select! {
            result = work(cli, ui.clone(), stop) => result,
            () = interruption(&interrupter, &running, env, &ui) => Ok(Exit::Interrupted),
            () = lost.notified() => Err(Failure::unexpected("the embedded cluster has ended")
                .because("the rehearsal came to no result; nothing real was changed")),
        }
    });
    // A blocked read of standard input must not keep the process.
    runtime.shutdown_background();
    result.unwrap_or_else(|failure| ui.failure(&failure))
}

/// Returns when the process shall end at once: at Ctrl-C while nothing is being changed, else at
/// the second one, after the first has asked the run to stop at its next safe point.
async fn interruption(interrupter: &Interrupter, running: &AtomicBool, env: &Env, ui: &Ui) {
    asked_to_stop().await;
    interrupter.raise();
    if !running.load(Ordering::SeqCst) {
        if matches!(ui.mode(), Mode::Bars | Mode::Lines) {
            // The terminal has echoed the key without ending the line of the question, which may
            // still wait for its answer and keep the terminal from everybody who asks `ui` for it.
            drop(env.stderr().write("\ninterrupted; nothing was changed\n"));
        }
        return;
    }
    ui.warn("stopping at the next safe point; Ctrl-C again stops at once");
    asked_to_stop().await;
}

/// Returns at Ctrl-C, and at what else asks a process to end: CI systems cancel with SIGTERM, a
/// closed terminal sends SIGHUP.
pub async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let outlives_terminal = outlives_terminal();
        let signals = (signal(SignalKind::terminate()), signal(SignalKind::hangup()));
        if let (Ok(mut terminate), Ok(mut hangup)) = signals {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv(), if !outlives_terminal => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Whether the process was started to outlive its terminal, as `nohup` does: listening to a signal
/// undoes that it is ignored, so this is asked before, of the kernel where it tells.
#[cfg(unix)]
fn outlives_terminal() -> bool {
    use std::sync::OnceLock;
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        // SIGHUP is signal 1, the lowest bit.
        mask.is_some_and(|mask| mask & 1 == 1)
    })
}
