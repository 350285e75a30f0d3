//! `sf-token`: access tokens of Splunk Observability Cloud, from the API into the cluster.

pub mod api;
mod blot;
pub mod cli;
pub mod cmd;
mod completions;
pub mod deliver;
pub mod rotate;
pub mod session;
mod shell;

use std::ffi::OsString;
use std::process::ExitCode;

use common::command::process::asked_to_stop;
use common::env::Env;
use common::exit::Exit;
use common::failure::Failure;
use common::run::{Interrupt, Interrupter};
use common::ui::{Mode, Ui};

use cli::{Cli, Format, Verb};
use cmd::expiring::Health;
use session::{Session, Stop};

/// How the process ends: by the suite's codes, or by those of monitoring.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// What every command but `expiring` ends with.
    Suite(Exit),
    /// What `expiring` ends with.
    Monitoring(Health),
}

impl End {
    /// The number given to the operating system.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Suite(exit) => exit.code(),
            Self::Monitoring(health) => health.code(),
        }
    }
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(end.code())
    }
}

/// Runs the command that `env` holds the arguments of, and says how the process ends.
#[must_use]
pub fn run(env: &Env) -> End {
    if let Some(exit) = common::complete::answer(env, cli::command, &completions::values) {
        return End::Suite(exit);
    }
    let cli = match Cli::read(env.args()) {
        Ok(cli) => cli,
        Err(error) => return print_usage(env, &error),
    };
    let ui = Ui::new(env, &cli.output.ui(), cli.yes);
    let is_monitoring = matches!(cli.verb, Verb::Expiring(_));
    match attempt(cli, env, &ui) {
        Ok(end) => end,
        Err(failure) if is_monitoring => {
            ui.failure(&cmd::expiring::unknown(&failure));
            End::Monitoring(Health::Unknown)
        }
        Err(failure) => End::Suite(ui.failure(&failure)),
    }
}

fn attempt(cli: Cli, env: &Env, ui: &Ui) -> Result<End, Failure> {
    if cli.output.output == Format::Prometheus && !matches!(cli.verb, Verb::Expiring(_)) {
        return Err(Failure::usage("`-o prometheus` is for `sf-token expiring`"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::unexpected("cannot start").caused_by(&error))?;
    let result = runtime.block_on(interruptible(cli, env.clone(), ui.clone()));
    // A blocked read of standard input must not keep the process.
    runtime.shutdown_background();
    result
}

async fn interruptible(cli: Cli, env: Env, ui: Ui) -> Result<End, Failure> {
    let (interrupter, interrupt) = Interrupt::pair();
    let stop = Stop::new(interrupt);
    if let Verb::Login(args) = &cli.verb {
        let login = cmd::login::run(&cli, args, &env, &ui, &stop);
        return tokio::select! {
            result = login => result.map(End::Suite),
            () = interruption(&interrupter, &stop, &env, &ui) => Ok(End::Suite(Exit::Interrupted)),
        };
    }
    let session = tokio::select! {
        session = Session::open(&cli.api, env.clone(), ui.clone(), stop.clone()) => session?,
        () = interruption(&interrupter, &stop, &env, &ui) => {
            return Ok(End::Suite(Exit::Interrupted));
        }
    };
    if session.stop.interrupt.is_raised() {
        session.close().await;
        return Ok(End::Suite(Exit::Interrupted));
    }
    let result = tokio::select! {
        result = dispatch(&session, cli) => result,
        () = interruption(&interrupter, &stop, &env, &ui) => Ok(End::Suite(Exit::Interrupted)),
    };
    session.close().await;
    result
}

async fn dispatch(session: &Session, cli: Cli) -> Result<End, Failure> {
    let exit = match cli.verb {
        Verb::Expiring(args) => {
            let health = cmd::expiring::run(session, &args, cli.output.output).await?;
            return Ok(End::Monitoring(health));
        }
        Verb::List(args) => cmd::list::run(session, &args).await,
        Verb::Get(args) => cmd::get::run(session, &args).await,
        Verb::Show(args) => cmd::show::run(session, &args).await,
        Verb::Create(args) => cmd::create::run(session, &args).await,
        Verb::Update(args) => cmd::update::run(session, &args).await,
        Verb::Rename(args) => cmd::update::rename(session, &args).await,
        Verb::Enable(args) => cmd::update::switch(session, &args, false).await,
        Verb::Disable(args) => cmd::update::switch(session, &args, true).await,
        Verb::Delete(args) => cmd::delete::run(session, &args).await,
        Verb::Rotate(args) => cmd::rotate::run(session, &args).await,
        Verb::Sync(args) => cmd::sync::run(session, &args).await,
        Verb::Verify(args) => cmd::verify::run(session, &args).await,
        Verb::Login(_) => Err(Failure::unexpected("a login needs no session")),
        Verb::Logout => cmd::logout::run(session).await,
        Verb::Whoami => cmd::whoami::run(session).await,
    };
    exit.map(End::Suite)
}

/// Returns when the process shall end at once: at Ctrl-C while nothing is being changed, else at
/// the second one, after the first has asked the run to stop at its next safe point.
async fn interruption(interrupter: &Interrupter, stop: &Stop, env: &Env, ui: &Ui) {
    asked_to_stop().await;
    // The question for a password may be open.
    env.stdin().show_typing();
    interrupter.raise();
    if stop.last_words().is_none() {
        if matches!(ui.mode(), Mode::Bars | Mode::Lines) {
            // The terminal has echoed the key without ending the line of the question, which still
            // waits for its answer and keeps the terminal from everybody else who asks `ui` for it.
            drop(env.stderr().write("\ninterrupted; nothing was changed\n"));
        }
        return;
    }
    ui.warn("stopping at the next safe point; Ctrl-C again stops at once");
    asked_to_stop().await;
    if let Some(words) = stop.last_words() {
        ui.warn(&words);
    }
}

/// Help and version are data; wrong usage is an error that ends with 2, or with what monitoring
/// takes for unknown.
fn print_usage(env: &Env, error: &clap::Error) -> End {
    let exit = common::ui::print_usage(env, error);
    let command = cli::command();
    let is_verb = |argument: &&OsString| command.find_subcommand(argument).is_some();
    let verb = env.args().iter().skip(1).find(is_verb);
    let is_monitoring = verb.is_some_and(|verb| verb == "expiring");
    if is_monitoring && exit == Exit::Usage {
        return End::Monitoring(Health::Unknown);
    }
    End::Suite(exit)
}
