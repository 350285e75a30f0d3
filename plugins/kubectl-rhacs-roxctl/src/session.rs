//! What one invocation works with: the terminal, the flags, this computer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use common::central::CentralOptions;
use common::cluster::{Backoff, Cluster, Observer, Options, Retry};
use common::env::Env;
use common::exit::Exit;
use common::failure::Failure;
use common::roxctl::{Http, Mirror, RoxctlError, System, Teller};
use common::run::{Event, Events, Outcome};
use common::ui::Ui;
use common::web::Trust;

use crate::cli::{Cli, MirrorArgs};

/// One invocation.
pub struct Session {
    /// The process.
    pub env: Env,
    /// The terminal.
    pub ui: Ui,
    /// The flags.
    pub cli: Cli,
    /// This computer.
    pub system: System,
    events: Events,
    step: Arc<Mutex<Option<String>>>,
}

impl Session {
    /// Puts together what the command needs; nothing is asked of anybody yet.
    #[must_use]
    pub fn new(cli: Cli, env: Env, ui: Ui) -> Self {
        let (clock, shown) = (env.clock().clone(), ui.clone());
        let events =
            Events::new(env.run_id(), move || clock.now(), move |stamped| shown.consume(&stamped));
        let system = System::of(&env);
        Self { env, ui, cli, system, events, step: Arc::default() }
    }

    /// Does `work` as a step named `title`, with its progress shown.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn step<T>(
        &self,
        title: String,
        work: impl AsyncFnOnce(&Teller) -> Result<T, RoxctlError>,
        outcome: impl FnOnce(&T) -> Outcome,
    ) -> Result<T, RoxctlError> {
        let began = self.events.now();
        self.set_step(Some(title.clone()));
        self.events.emit(Event::StepStarted { id: title.clone(), index: 1, of: 1 });
        let teller = Teller {
            events: self.events.clone(),
            step: title.clone(),
            clock: self.env.clock().clone(),
        };
        let result = work(&teller).await;
        self.set_step(None);
        match &result {
            Ok(done) => self.events.emit(Event::StepFinished {
                id: title,
                outcome: outcome(done),
                elapsed_seconds: self.events.seconds_since(began),
            }),
            Err(error) => self.events.emit(Event::RunFailed {
                step: Some(title),
                exit: error.exit(),
                message: error.to_string(),
                causes: Vec::new(),
                logs: Vec::new(),
                hints: error.hints(),
                report: None,
            }),
        }
        result
    }

    /// Takes the bar of a step that was cut off from the screen.
    pub fn stop_progress(&self) {
        let running = self.step.lock().unwrap_or_else(PoisonError::into_inner).take();
        if running.is_some() {
            self.events.emit(Event::RunInterrupted { step: None });
        }
    }

    /// The mirror of the flags.
    ///
    /// # Errors
    /// A usage failure when they describe none.
    pub fn mirror(&self, args: &MirrorArgs) -> Result<Mirror, Failure> {
        let trust = match &args.mirror_ca {
            Some(path) => {
                let path = self.env.resolve(path);
                let pem = std::fs::read(&path).map_err(|error| error.to_string());
                pem.and_then(|pem| Trust::authority(&pem)).map_err(|reason| {
                    Failure::usage(format!("cannot use `{}`", path.display())).because(reason)
                })?
            }
            None => Trust::computer(),
        };
        let http = Http::new(&self.env, trust, self.patience());
        let mirror = Mirror::new(http, args.address())
            .map_err(|error| error.into_failure("cannot use the mirror"))?;
        Ok(mirror)
    }

    /// The longest time without an answer or a byte.
    #[must_use]
    pub fn patience(&self) -> Duration {
        // Without a limit a dead mirror would be waited for, for ever.
        self.cli.connection.timeout().unwrap_or(Duration::from_secs(3600))
    }

    /// How to reach Central.
    ///
    /// # Errors
    /// When the flags and variables contradict each other.
    pub fn central_options(&self) -> Result<CentralOptions, Failure> {
        self.cli.central.resolve(|name| self.env.variable(name))
    }

    /// A connection to the API server; nothing is sent yet.
    ///
    /// # Errors
    /// When the flags and the kubeconfig describe none.
    pub async fn cluster(&self) -> Result<Cluster, Failure> {
        Cluster::connect(&self.cli.connection, &self.options())
            .await
            .map_err(|error| error.into_failure("cannot connect to the cluster"))
    }

    /// How connections behave: there is another way without them, so they are not insisted on.
    #[must_use]
    pub fn options(&self) -> Options {
        let (warnings, retries, requests) = (self.ui.clone(), self.ui.clone(), self.ui.clone());
        let names_requests = self.cli.connection.names_requests();
        Options {
            on_warning: Some(Arc::new(move |message: String| warnings.warn(&message))),
            on_retry: Some(Arc::new(move |retry: Retry| retries.warn(&retry.to_string()))),
            on_request: names_requests
                .then(|| -> Observer<String> { Arc::new(move |line: String| requests.say(&line)) }),
            backoff: Backoff { tries: 2, ..Backoff::default() },
            connect_timeout: Duration::from_secs(5).min(self.patience()),
            ..Options::default()
        }
    }

    /// Asks a person whether to go on; Ctrl-C is heard meanwhile.
    ///
    /// # Errors
    /// When there is no terminal to ask on, or the answer is no.
    pub async fn confirm(&self, prompt: &'static str, explanation: String) -> Result<(), Failure> {
        let ui = self.ui.clone();
        let asked = tokio::task::spawn_blocking(move || ui.confirm(prompt, || explanation.clone()));
        let answer = asked.await.unwrap_or_else(|error| {
            Err(Failure::unexpected("the question could not be asked").caused_by(&error))
        });
        if answer? {
            return Ok(());
        }
        Err(Failure::new(Exit::Declined, "declined; nothing was changed"))
    }

    fn set_step(&self, step: Option<String>) {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = step;
    }
}
