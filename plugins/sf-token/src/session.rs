//! What one invocation works with: the process, the terminal, the client.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::SUITE_VERSION;
use common::cluster::{Observer, Options, Retry};
use common::env::Env;
use common::failure::Failure;
use common::run::Interrupt;
use common::ui::Ui;
use secrecy::SecretString;

use crate::api::{Client, ClientOptions, LogIn, SessionToken};
use crate::cli::{ApiArgs, no_credential};

/// The longest time for ending a session when a command is over.
const FAREWELL: Duration = Duration::from_secs(10);

/// One invocation.
pub struct Session {
    /// The process.
    pub env: Env,
    /// The terminal.
    pub ui: Ui,
    /// The API, asked with the user's credential.
    pub client: Client,
    /// How the user stops it.
    pub stop: Stop,
    /// Whether requests are named on standard error.
    pub verbose: bool,
    /// Whether this process began the session of the credential, and so has to end it.
    is_own: bool,
}

/// How the user stops a command.
#[derive(Clone, Debug)]
pub struct Stop {
    /// Raised by the first Ctrl-C.
    pub interrupt: Interrupt,
    /// What has to be said when the command ends at once; none while nothing is being changed.
    last_words: Arc<Mutex<Option<String>>>,
}

impl Stop {
    /// Nothing is being changed yet.
    #[must_use]
    pub fn new(interrupt: Interrupt) -> Self {
        Self { interrupt, last_words: Arc::default() }
    }

    /// From now on the first Ctrl-C only raises the interrupt, and nobody is told that nothing was
    /// changed. The second one ends the command at once: then these words say what may have been
    /// done and how to find out. Said again, they replace those before.
    pub fn begin(&self, last_words: impl Into<String>) {
        *self.lock() = Some(last_words.into());
    }

    /// From now on Ctrl-C ends the command at once again.
    pub fn end(&self) {
        *self.lock() = None;
    }

    /// What has to be said when the command ends now; none while nothing is being changed.
    #[must_use]
    pub fn last_words(&self) -> Option<String> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.last_words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Finds out where the organization lives and who asks; with `--login` it begins a session.
    ///
    /// # Errors
    /// When flags and variables do not tell, contradict each other, or the login is refused.
    pub async fn open(args: &ApiArgs, env: Env, ui: Ui, stop: Stop) -> Result<Self, Failure> {
        let verbose = args.verbose;
        let (client, warnings) = client(args, &env, &ui)?;
        for warning in warnings {
            ui.warn(&warning);
        }
        if client.credential().is_some() {
            return Ok(Self { env, ui, client, stop, verbose, is_own: false });
        }
        let Some(email) = &args.login else { return Err(no_credential(&env)) };
        let begun = log_in(&client, args, &ui, email, &stop).await;
        stop.end();
        let client = client.with_credential(begun?.credential);
        Ok(Self { env, ui, client, stop, verbose, is_own: true })
    }

    /// Asks a person whether to go on; Ctrl-C is heard meanwhile.
    ///
    /// # Errors
    /// When there is no terminal to ask on.
    pub async fn confirm(
        &self,
        prompt: &'static str,
        explanation: String,
    ) -> Result<bool, Failure> {
        let ui = self.ui.clone();
        asked(move || ui.confirm(prompt, || explanation.clone())).await
    }

    /// Has a person type `name` before something is lost for good.
    ///
    /// # Errors
    /// When there is no terminal to ask on.
    pub async fn confirm_name(&self, prompt: &'static str, name: &str) -> Result<bool, Failure> {
        let (ui, name) = (self.ui.clone(), name.to_owned());
        asked(move || ui.confirm_name(prompt, &name)).await
    }

    /// Ends the session that this process began, whatever came of the command.
    pub async fn close(&self) {
        if !self.is_own {
            return;
        }
        let ended = tokio::time::timeout(FAREWELL, self.client.log_out()).await;
        let reason = match ended {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", FAREWELL.as_secs()),
        };
        self.ui.warn(&format!(
            "the session that was begun for this command could not be ended ({reason}); it ends by \
             itself within 30 days"
        ));
    }
}

/// A client with the credential of the flags, if they name one, and what to warn of.
pub(crate) fn client(args: &ApiArgs, env: &Env, ui: &Ui) -> Result<(Client, Vec<String>), Failure> {
    let (place, warnings) = args.place(env)?;
    let options = ClientOptions {
        place,
        credential: args.credential(env)?,
        trust: args.trust(env)?,
        timeout: args.timeout(),
        observers: observers(ui, args.verbose),
    };
    let client = Client::new(options, |name| env.variable(name))
        .map_err(|error| error.into_failure("cannot use the connection that the flags describe"))?;
    Ok((client, warnings))
}

/// Asks for the password, or reads it from standard input, and begins a session.
pub(crate) async fn log_in(
    client: &Client,
    args: &ApiArgs,
    ui: &Ui,
    email: &str,
    stop: &Stop,
) -> Result<SessionToken, Failure> {
    if !email.contains('@') {
        return Err(Failure::usage(format!("`{email}` is no e-mail address")));
    }
    let password = password(args, ui, email).await?;
    let organization = args.organization.clone();
    let who = LogIn { email: email.to_owned(), password, organization };
    // A session that was begun has to be known, or nobody can end it.
    stop.begin("a session may have been begun; it ends by itself within 30 days");
    client.log_in(&who).await.map_err(|error| {
        let context = format!("cannot log in as `{email}`");
        match error.status() {
            // What helps with a token does not help here.
            Some(401 | 403) => Failure::unexpected(context).because(error.to_string()).hint(
                "where the organization uses single sign-on only, there is no login by password: \
                 copy the session token from Settings > your name > User API Access Token",
            ),
            _ => error.into_failure(context),
        }
    })
}

async fn password(args: &ApiArgs, ui: &Ui, email: &str) -> Result<SecretString, Failure> {
    let (ui, email, from_stdin) = (ui.clone(), email.to_owned(), args.password_stdin);
    let password = asked(move || {
        if from_stdin {
            return ui.read_secret();
        }
        ui.ask_secret(&format!("Password of {email}: "), "pass --password-stdin")
    });
    password.await?.ok_or_else(|| Failure::usage("there is no password"))
}

/// Asks where a blocked read does not keep Ctrl-C from being heard.
async fn asked<T: Send + 'static>(
    question: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(question).await.unwrap_or_else(|error| {
        Err(Failure::unexpected("the question could not be asked").caused_by(&error))
    })
}

fn observers(ui: &Ui, verbose: bool) -> Options {
    let (retries, requests) = (ui.clone(), ui.clone());
    Options {
        user_agent: format!("sf-token/{SUITE_VERSION}"),
        on_retry: Some(Arc::new(move |retry: Retry| retries.warn(&retry.to_string()))),
        on_request: verbose
            .then(|| -> Observer<String> { Arc::new(move |line: String| requests.say(&line)) }),
        ..Options::default()
    }
}
