//! What one invocation works with: the connection, the terminal, the flags.

use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::rehearse::Rehearsal;
use super::{Flags, Tool};
use crate::central::{CentralClient, CentralOptions, Credentials};
use crate::checks::{self, CheckOptions, foreign_central};
use crate::cluster::{Cluster, ConnectionArgs, Observer, Options, Retry};
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::observe::{self, Observation};
use crate::plan::{Operation, Plan};
use crate::rhacs::{Snapshot, central_elsewhere};
use crate::run::{Event, Events, Interrupt};
use crate::ui::Ui;

/// One invocation.
pub struct Session {
    /// The process.
    pub env: Env,
    /// The terminal.
    pub ui: Ui,
    /// Which plugin this is.
    pub tool: Tool,
    /// The flags.
    pub flags: Flags,
    /// The connection to the API server, or to the embedded one.
    pub cluster: Cluster,
    /// How the user stops it.
    pub stop: Stop,
    listener: Listener,
    rehearsal: Option<Rehearsal>,
}

/// How the user stops a command.
#[derive(Clone, Debug)]
pub struct Stop {
    /// Raised by the first Ctrl-C.
    pub interrupt: Interrupt,
    /// Whether a run is being carried out, which has to stop at a safe point.
    pub running: Arc<AtomicBool>,
    /// Told when the embedded cluster of a rehearsal is gone: nothing would answer any more.
    pub lost: Arc<Notify>,
}

/// Where retries and warnings of the API server go: to the run, while there is one.
#[derive(Clone)]
struct Listener {
    ui: Ui,
    events: Arc<Mutex<Option<Events>>>,
    names_requests: bool,
}

impl Session {
    /// Connects; with `--rehearse`, to an embedded copy that is started first.
    ///
    /// # Errors
    /// When the flags or the kubeconfig describe no connection, or there is nothing to rehearse on.
    pub async fn open(
        tool: Tool,
        mut flags: Flags,
        env: Env,
        ui: Ui,
        stop: Stop,
    ) -> Result<Self, Failure> {
        if flags.connection.names_no_server() {
            return Err(Failure::usage("`--server` needs the address of the API server").hint(
                "only `check --server` goes without: it has the API server try every write",
            ));
        }
        let names_requests = flags.connection.names_requests();
        let listener = Listener { ui: ui.clone(), events: Arc::default(), names_requests };
        let mut env = env;
        let mut rehearsal = None;
        if let Some(source) = flags.run.rehearse.clone() {
            let options = listener.options();
            // Kept off the stack, of which other systems give the main thread little.
            let lost = Arc::clone(&stop.lost);
            let started =
                Box::pin(Rehearsal::start(&source, &mut flags, &env, &options, lost)).await?;
            ui.say(&format!("Rehearsal on {}: nothing real is changed", started.description()));
            if let Some(kept) = started.database_copy().filter(|_| goes_back(&tool)) {
                ui.say(&kept);
            }
            env = env.with_clock(started.clock());
            rehearsal = Some(started);
        }
        let cluster = connect(&flags.connection, &listener.options()).await?;
        Ok(Self { env, ui, tool, flags, cluster, stop, listener, rehearsal })
    }

    /// The namespace of the installation.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.flags.connection.namespace()
    }

    /// `kubectl rhacs WORD …` for a hint: with the namespace, where that is not the usual one.
    #[must_use]
    pub fn command(&self, rest: &str) -> String {
        self.in_namespace(&self.tool.command(rest))
    }

    /// A command of the suite for a hint, with the namespace where that is not the usual one.
    #[must_use]
    pub fn in_namespace(&self, command: &str) -> String {
        match self.namespace() {
            "stackrox" => command.to_owned(),
            namespace => format!("{command} -n {namespace}"),
        }
    }

    /// Whether this is a rehearsal: nobody needs to be asked.
    #[must_use]
    pub const fn is_rehearsal(&self) -> bool {
        self.rehearsal.is_some()
    }

    /// Has a rehearsal end with saying that it was one, and what it cannot know; anything else ends
    /// as it is.
    ///
    /// # Errors
    /// The failure that it ended with.
    pub(super) fn conclude(&self, result: Result<Exit, Failure>) -> Result<Exit, Failure> {
        let Some(rehearsal) = &self.rehearsal else { return result };
        let was = format!(
            "this was a rehearsal on {}: nothing real was changed",
            rehearsal.description()
        );
        match result {
            Ok(exit) => {
                self.ui.say(&format!("{was}; {UNKNOWN}"));
                Ok(exit)
            }
            Err(failure) => Err(failure.hint(was).hint(UNKNOWN)),
        }
    }

    /// Reads the installation and what Central says of itself.
    ///
    /// # Errors
    /// When the API server cannot be asked.
    pub async fn observe(&self) -> Result<Snapshot, Failure> {
        Ok(self.observe_all().await?.0)
    }

    /// As [`Self::observe`], with the client that reached Central.
    ///
    /// # Errors
    /// When the API server cannot be asked, or Central's flags contradict each other.
    pub async fn observe_all(&self) -> Result<(Snapshot, Option<CentralClient>), Failure> {
        let namespace = self.namespace();
        let Observation { mut snapshot, central_ca } =
            observe::observe(&self.cluster, namespace, self.env.now()).await.map_err(|error| {
                error.into_failure(format!("cannot read the installation in `{namespace}`"))
            })?;
        if self.is_rehearsal() {
            // The embedded cluster lives faster than this computer's clock.
            snapshot.server_time = None;
        }
        let mut client = self.central(&snapshot, central_ca.clone())?;
        match &client {
            Some(client) => snapshot.central = observe::central::facts(client).await,
            // What a rehearsal has for credentials is nobody else's business.
            None if self.is_rehearsal() => {
                snapshot.central.elsewhere = central_elsewhere(&snapshot).is_some();
            }
            None => {
                let (options, observers) = (self.central_options()?, self.listener.options());
                let (cluster, ca) = (&self.cluster, central_ca.as_deref());
                client =
                    observe::elsewhere::ask(cluster, &mut snapshot, &options, ca, &observers).await;
            }
        }
        mark_local(&mut snapshot);
        Ok((snapshot, client))
    }

    /// As [`Self::observe_all`], for what goes on with a recorded run: a Central of another
    /// installation is told nothing.
    ///
    /// # Errors
    /// [`Exit::Blocked`] when such a Central answers; else as [`Self::observe_all`].
    pub async fn observe_own(&self) -> Result<(Snapshot, Option<CentralClient>), Failure> {
        let (snapshot, central) = self.observe_all().await?;
        match foreign_central(&snapshot.central) {
            None => Ok((snapshot, central)),
            Some(finding) => {
                let message = format!("{}: {}", finding.code, finding.what);
                Err(Failure::new(Exit::Blocked, message)
                    .because(format!("{}; nothing was changed", finding.why))
                    .hint(finding.fix))
            }
        }
    }

    /// A client for Central, when there is one to be asked: in this namespace, or where the user
    /// says.
    fn central(
        &self,
        snapshot: &Snapshot,
        ca: Option<Vec<u8>>,
    ) -> Result<Option<CentralClient>, Failure> {
        let options = self.central_options()?;
        if options.endpoint.is_none() && snapshot.deployment("central").is_none() {
            return Ok(None);
        }
        CentralClient::new(&options, &self.cluster, ca.as_deref(), &self.listener.options())
            .map(Some)
            .map_err(|error| error.into_failure("cannot use these flags for Central"))
    }

    /// Whether the credentials for Central are an API token, which can be revoked.
    ///
    /// # Errors
    /// When Central's flags contradict each other.
    pub fn has_token(&self) -> Result<bool, Failure> {
        Ok(matches!(self.central_options()?.credentials, Some(Credentials::Token(_))))
    }

    /// Whether Central's certificate is checked.
    ///
    /// # Errors
    /// When Central's flags contradict each other.
    pub fn trusts_central(&self) -> Result<bool, Failure> {
        let options = self.central_options()?;
        let is_encrypted = options.endpoint.as_ref().is_none_or(|endpoint| endpoint.tls);
        Ok(is_encrypted && !options.insecure)
    }

    /// The directory that takes what a rehearsal would leave on this computer.
    pub(super) fn rehearsal_directory(&self) -> Option<&Path> {
        self.rehearsal.as_ref().map(Rehearsal::directory)
    }

    fn central_options(&self) -> Result<CentralOptions, Failure> {
        match &self.rehearsal {
            Some(rehearsal) => Ok(rehearsal.central_options()),
            None => self.flags.central.resolve(|name| self.env.variable(name)),
        }
    }

    /// The directory of the backup.
    #[must_use]
    pub fn backup_directory(&self) -> PathBuf {
        self.flags.backup_directory.clone().unwrap_or_else(|| PathBuf::from("."))
    }

    /// `path` as the record and the report name it, wherever the command was typed.
    #[must_use]
    pub fn full_path(&self, path: &Path) -> String {
        let path = self.env.resolve(path);
        let clean: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
        clean.display().to_string()
    }

    /// What the checks take from the flags.
    #[must_use]
    pub fn check_options(&self) -> CheckOptions {
        self.check_options_in(&self.backup_directory())
    }

    /// What the checks of `plan` take from the flags and from this computer: its backup goes where
    /// the plan says.
    #[must_use]
    pub fn check_options_of(&self, plan: &Plan) -> CheckOptions {
        let directory = plan.backup_directory().map(PathBuf::from);
        self.check_options_in(&directory.unwrap_or_else(|| self.backup_directory()))
    }

    fn check_options_in(&self, directory: &Path) -> CheckOptions {
        let directory = self.env.resolve(directory);
        CheckOptions {
            accept: self.accepted(),
            now: self.env.now(),
            backup_space: crate::fs::free_space(&directory),
            backup_directory_fault: directory_fault(&directory),
        }
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
        let asked = tokio::task::spawn_blocking(move || ui.confirm(prompt, || explanation.clone()));
        asked.await.unwrap_or_else(|error| {
            Err(Failure::unexpected("the question could not be asked").caused_by(&error))
        })
    }

    /// The findings that do not block: those the user accepts by name; in a rehearsal, where
    /// nothing can be lost, all that may be accepted.
    fn accepted(&self) -> Vec<String> {
        if self.is_rehearsal() {
            let all = checks::definitions(self.tool.groups);
            return all.map(|definition| definition.code.to_owned()).collect();
        }
        self.flags.run.accept.clone()
    }

    /// Sends warnings and retries to `events` from now on.
    pub fn attach(&self, events: &Events) {
        let mut slot = self.listener.events.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(events.clone());
        self.stop.running.store(true, Ordering::SeqCst);
    }

    /// Sends them to the terminal again. The run still counts as running: its lock has to be given
    /// back, and nobody may be told that nothing was changed.
    pub fn detach(&self) {
        *self.listener.events.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Listener {
    fn options(&self) -> Options {
        let (warnings, retries, requests) = (self.clone(), self.clone(), self.clone());
        Options {
            on_warning: Some(Arc::new(move |message| warnings.warn(message))),
            on_retry: Some(Arc::new(move |retry| retries.retry(retry))),
            on_request: self.names_requests.then(|| -> Observer<String> {
                Arc::new(move |line: String| requests.ui.say(&line))
            }),
            ..Options::default()
        }
    }

    fn events(&self) -> Option<Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn warn(&self, message: String) {
        match self.events() {
            Some(events) => events.emit(Event::Warning { message }),
            None => self.ui.warn(&message),
        }
    }

    fn retry(&self, retry: Retry) {
        match self.events() {
            Some(events) => events.emit(retry.into()),
            None => self.ui.warn(&retry.to_string()),
        }
    }
}

/// What no copy of a cluster can tell.
const UNKNOWN: &str = "it cannot know whether the images can be pulled, what admission webhooks and \
                       policies of others say, and how long a database of the real size takes to \
                       be backed up and migrated";

/// Whether it matters to the plugin what Central has kept of its past.
fn goes_back(tool: &Tool) -> bool {
    tool.operation == Operation::Rollback
}

/// Why no file can be written in `directory`; none when one can, which is tried.
pub(super) fn directory_fault(directory: &Path) -> Option<String> {
    if !directory.is_dir() {
        return Some(format!("`{}` is not a directory", directory.display()));
    }
    let tried = tempfile::tempfile_in(directory).err()?;
    Some(format!("no file can be written in `{}`: {tried}", directory.display()))
}

/// Notes which of Central's clusters this one is, where its sensor's certificate tells.
fn mark_local(snapshot: &mut Snapshot) {
    let Some(local) = snapshot.local_cluster().map(|cluster| cluster.id.clone()) else { return };
    for cluster in &mut snapshot.central.clusters {
        cluster.is_local = Some(cluster.id == local);
    }
}

async fn connect(args: &ConnectionArgs, options: &Options) -> Result<Cluster, Failure> {
    Cluster::connect(args, options)
        .await
        .map_err(|error| error.into_failure("cannot connect to the cluster"))
}
