//! Waiting until Central serves a version: its log says the database is current, its API answers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::cluster::{ClusterExecutor, Deadline, token_is_spent};
use super::{StepContext, Verified};
use crate::central::CentralError;
use crate::cluster::rollout::pods_of_template;
use crate::cluster::{ClusterError, Collection, List, LogOptions};
use crate::plan::Operation;
use crate::rhacs::migrator::{self, MigratorState};
use crate::rhacs::{ObjectRef, Version, Workload};
use crate::run::step_error::StepError;

/// How often log and API are looked at.
const POLL: Duration = Duration::from_secs(2);
/// So many lines of the log go into an error.
const LOG_LINES_IN_ERRORS: usize = 20;

/// A Central that has just started may not know its users yet; after so many looks it does.
pub(super) const MOST_REFUSALS: u32 = 5;

/// Why Central's API does not serve the version (yet).
pub(super) struct NotServing {
    /// What has to happen first, in words.
    pub(super) waits_for: String,
    /// The credentials were refused, so that waiting longer does not help.
    pub(super) is_refusal: bool,
}

impl NotServing {
    fn because(error: CentralError) -> Self {
        let is_refusal =
            matches!(error, CentralError::Unauthorized { .. } | CentralError::Forbidden { .. });
        Self { waits_for: format!("its API: {error}"), is_refusal }
    }

    /// Counts refusals, and gives up when they do not pass.
    fn stop_if_hopeless(&self, refusals: &mut u32) -> Result<(), StepError> {
        *refusals += u32::from(self.is_refusal);
        if *refusals >= MOST_REFUSALS { Err(refused(&self.waits_for)) } else { Ok(()) }
    }
}

/// What is known of Central at one moment.
pub(super) struct Look {
    pub(super) log: String,
    pub(super) state: MigratorState,
}

/// Why Central's log could not be looked at.
pub(super) struct Unseen {
    /// In words.
    pub(super) reason: String,
    /// How to be allowed to; none where it may be seen later.
    denied: Option<String>,
}

impl Unseen {
    pub(super) fn yet(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), denied: None }
    }

    fn because(what: &str, error: &ClusterError) -> Self {
        let is_denial = matches!(error, ClusterError::Forbidden { .. });
        let denied = is_denial.then(|| error.hints().join("; "));
        Self { reason: format!("{what}: {error}"), denied }
    }
}

impl ClusterExecutor {
    /// Waits until the newest Central pod has accepted its database and the API serves `version`.
    pub(super) async fn await_central(
        &self,
        version: &Version,
        deadline: Deadline,
        context: &StepContext<'_>,
        verified: &mut Verified,
    ) -> Result<(), StepError> {
        let (mut told, mut refusals, mut told_denial) = (String::new(), 0, false);
        loop {
            let look = self.look_at_log(deadline).await;
            if let Err(Unseen { reason, denied: Some(hint) }) = &look
                && !std::mem::replace(&mut told_denial, true)
            {
                context.events.warn(format!("Central's log may not be read ({reason}); {hint}"));
            }
            if let Ok(look) = &look {
                stop_if_fatal(look).map_err(|error| self.with_way_on(error, version))?;
            }
            let waits_for = match &look {
                Ok(Look { state, .. }) if state.is_ready() => {
                    if token_is_spent(context.record) {
                        return Ok(());
                    }
                    match self.api_serves(version).await {
                        Ok(warning) => {
                            verified.warnings.extend(warning);
                            return Ok(());
                        }
                        Err(not_yet) => {
                            not_yet.stop_if_hopeless(&mut refusals)?;
                            not_yet.waits_for
                        }
                    }
                }
                Ok(Look { state, .. }) => {
                    // The start of a long log may be rotated away; the API knows as well.
                    if *state == MigratorState::Starting && self.api_confirms(version).await {
                        return Ok(());
                    }
                    words(state)
                }
                Err(unseen) => match self.serves_unseen(version, unseen, context, verified).await {
                    Ok(()) => return Ok(()),
                    Err(not_yet) if unseen.denied.is_some() => {
                        not_yet.stop_if_hopeless(&mut refusals)?;
                        not_yet.waits_for
                    }
                    Err(_) => unseen.reason.clone(),
                },
            };
            if deadline.is_over() {
                let log = look.map(|look| look.log).unwrap_or_default();
                return Err(late(version, deadline, &waits_for, &log));
            }
            if told != waits_for {
                context.waiting(format!("Central: {waits_for}"), None);
                told = waits_for;
            }
            deadline.pause(POLL).await;
        }
    }

    /// As far as it can be told without Central's log: its API says so to a user it knows. Where
    /// there is no such user either and the log stays closed, Central runs and answers, and that it
    /// serves `version` counts as unverified.
    async fn serves_unseen(
        &self,
        version: &Version,
        unseen: &Unseen,
        context: &StepContext<'_>,
        verified: &mut Verified,
    ) -> Result<(), NotServing> {
        let reason = &unseen.reason;
        let is_spent = token_is_spent(context.record);
        if is_spent || self.has_credentials() {
            if !is_spent {
                self.api_serves(version).await?;
            }
            let warning =
                format!("Central's log was not readable, only its API was asked: {reason}");
            verified.warnings.push(warning);
            return Ok(());
        }
        if unseen.denied.is_none() {
            return Err(NotServing { waits_for: reason.clone(), is_refusal: false });
        }
        self.api_serves(version).await?;
        verified.unverified.push(format!(
            "nothing proves that Central serves {version}: its log may not be read, and its API \
             tells its version only to users"
        ));
        Ok(())
    }

    /// Adds what is left to do when an older Central refuses the database of the newer one.
    fn with_way_on(&self, error: StepError, version: &Version) -> StepError {
        if self.plan.operation != Operation::Rollback {
            return error;
        }
        error
            .hint(format!("kubectl rhacs rollback --force --to {version} forces it to go back"))
            .hint(
                "else restore the backup: `roxctl -e ENDPOINT central db restore BACKUP.zip` on a \
                 new installation of that version",
            )
    }

    /// The state of the newest Central pod's log; the reason in words when there is none.
    pub(super) async fn look_at_log(&self, deadline: Deadline) -> Result<Look, Unseen> {
        let namespace = &self.plan.namespace;
        let pod = self.central_pod().await;
        let pod = pod.map_err(|error| Unseen::because("its pods", &error))?;
        let pod = pod.ok_or_else(|| Unseen::yet("its pod to be created"))?;
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let options = LogOptions::default();
        let read = self.cluster.log(namespace, name, "central", &options);
        // Not longer than the step may take, whatever the time limit of a request is.
        let log = tokio::time::timeout(deadline.left().max(POLL), read)
            .await
            .map_err(|_| Unseen::yet("its log"))?
            .map_err(|error| Unseen::because("its log", &error))?;
        let state = migrator::read(&log);
        Ok(Look { log, state })
    }

    /// The newest pod of Central's present template. A watch may not have told of it yet, so what
    /// it knows is believed only of a pod with the image and the annotations of that template.
    async fn central_pod(&self) -> Result<Option<Arc<Value>>, ClusterError> {
        let namespace = self.plan.namespace.as_str();
        let central = self.known.last(&ObjectRef::deployment(namespace, "central"));
        let is_current = |pod: &Value| central.as_ref().is_some_and(|it| looks_like(pod, it));
        if let Some(pod) = newest(self.cluster.pods_of("central", is_current).await?) {
            return Ok(Some(pod));
        }
        let all = |version: &str, kind: &str| {
            Collection::namespaced(version, kind, namespace).with_labels("app=central")
        };
        let (pods, sets) = (all("v1", "Pod"), all("apps/v1", "ReplicaSet"));
        let (pods, sets) = tokio::join!(self.cluster.list(&pods), self.cluster.list(&sets));
        let shared = |list: List| list.items.into_iter().map(Arc::new).collect::<Vec<_>>();
        let pods = shared(pods?);
        Ok(match (central, sets) {
            (Some(central), Ok(sets)) => newest(pods_of_template(&central, &shared(sets), &pods)),
            // Who may not read ReplicaSets cannot tell the pods apart.
            _ => newest(pods),
        })
    }

    /// Whether the API serves `version`; a warning where that could not be asked.
    pub(super) async fn api_serves(&self, version: &Version) -> Result<Option<String>, NotServing> {
        let Some(central) = &self.central else {
            return Ok(Some("Central's API could not be asked for its version".to_owned()));
        };
        if !central.has_credentials() {
            central.ping().await.map_err(NotServing::because)?;
            return Ok(Some(
                "Central tells its version only to users: it answers, its version was not verified"
                    .to_owned(),
            ));
        }
        let metadata = central.metadata().await.map_err(NotServing::because)?;
        if metadata.version.as_ref() == Some(version) {
            return Ok(None);
        }
        let waits_for = match metadata.version_text.as_str() {
            "" => "its API to tell its version".to_owned(),
            found => format!("its API to serve {version} instead of {found}"),
        };
        Err(NotServing { waits_for, is_refusal: false })
    }

    /// Whether the API says itself, to a user it knows, that it serves `version`.
    async fn api_confirms(&self, version: &Version) -> bool {
        self.has_credentials() && self.api_serves(version).await.is_ok()
    }

    fn has_credentials(&self) -> bool {
        self.central.as_ref().is_some_and(|central| central.has_credentials())
    }
}

/// The failure of a Central that has given up.
pub(super) fn stop_if_fatal(look: &Look) -> Result<(), StepError> {
    let (message, line) = match &look.state {
        MigratorState::Refused { line } => ("Central refuses its database", line),
        MigratorState::Failed { line } => ("the migration of Central's database failed", line),
        MigratorState::Skipped { line } => {
            let error = StepError::failed("Central is in safe mode and leaves its database alone");
            let hint = "set maintenance.safeMode to false: kubectl edit cm/central-config";
            return Err(error.because(line.trim()).hint(hint).with_logs(last_lines(&look.log)));
        }
        _ => return Ok(()),
    };
    Err(StepError::failed(message).because(line.trim()).with_logs(last_lines(&look.log)))
}

/// The failure of a Central that does not serve `version` in time.
fn late(version: &Version, deadline: Deadline, waits_for: &str, log: &str) -> StepError {
    let seconds = deadline.seconds();
    let message =
        format!("Central does not serve {version} after {seconds} s; waited for {waits_for}");
    StepError::unverified(message).with_logs(last_lines(log))
}

fn refused(reason: &str) -> StepError {
    StepError::unverified("Central runs, but its version cannot be verified")
        .because(reason)
        .because(REVOKED)
        .hint("resume the run with a valid token in ROX_API_TOKEN")
}

/// What a refusal means in the middle of a run.
pub(super) const REVOKED: &str =
    "the credentials were accepted before: they were revoked, or have expired";

/// What a Central in this state does next.
pub(super) fn words(state: &MigratorState) -> String {
    match state {
        MigratorState::Migrating { from: Some(from), to: Some(to) } => {
            format!("the migration of its database from {from} to {to}")
        }
        MigratorState::Migrating { .. } => "the migration of its database".to_owned(),
        MigratorState::Starting => "its database to be opened".to_owned(),
        MigratorState::Copying => "a copy of its database to be made".to_owned(),
        MigratorState::RollingBack => "its database to be taken back".to_owned(),
        MigratorState::Unchanged => "its start, the database needs no migration".to_owned(),
        MigratorState::Fresh => "its start on a new, empty database".to_owned(),
        MigratorState::Current | MigratorState::RolledBack => "its API".to_owned(),
        MigratorState::Refused { line }
        | MigratorState::Failed { line }
        | MigratorState::Skipped { line } => line.clone(),
    }
}

/// Whether a pod has the image and the annotations of Central's template; the latter tell one that
/// was only started again.
fn looks_like(pod: &Value, central: &Value) -> bool {
    let Some(wanted) = Workload::new(central).container("central") else { return false };
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let annotations = central["spec"]["template"]["metadata"]["annotations"].as_object();
    containers
        .filter_map(|container| container["image"].as_str())
        .any(|image| image == wanted.image())
        && annotations
            .into_iter()
            .flatten()
            .all(|(name, value)| pod["metadata"]["annotations"][name] == *value)
}

/// The pod created last; one that is being deleted does not count.
fn newest(pods: impl IntoIterator<Item = Arc<Value>>) -> Option<Arc<Value>> {
    let created =
        |pod: &Value| pod["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned();
    pods.into_iter()
        .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
        .max_by_key(|pod| created(pod))
}

/// So much of a log as goes into an error.
pub(super) fn last_lines(log: &str) -> Vec<String> {
    let lines: Vec<&str> = log.lines().collect();
    let first = lines.len().saturating_sub(LOG_LINES_IN_ERRORS);
    lines[first..].iter().map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_pod_that_leaves_is_not_the_newest() {
        let pods = [
            json!({"metadata": {"name": "a", "creationTimestamp": "2024-01-01T00:00:00Z"}}),
            json!({"metadata": {"name": "b", "creationTimestamp": "2024-01-02T00:00:00Z"}}),
            json!({"metadata": {"name": "c", "creationTimestamp": "2024-01-03T00:00:00Z",
                   "deletionTimestamp": "2024-01-03T00:00:01Z"}}),
        ];
        let pods = pods.into_iter().map(Arc::new);
        assert_eq!(newest(pods).unwrap()["metadata"]["name"], "b");
    }

    #[test]
    fn a_failed_migration_ends_the_wait_with_the_log() {
        let log = "start\nMigrator failed: disk full\n".to_owned();
        let state = migrator::read(&log);
        let error = stop_if_fatal(&Look { log, state }).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the migration of Central's database failed: Migrator failed: disk full"
        );
        assert_eq!(error.logs, ["start", "Migrator failed: disk full"]);
        let look = Look { log: String::new(), state: MigratorState::Starting };
        stop_if_fatal(&look).unwrap();
    }

    #[test]
    fn a_central_in_safe_mode_ends_the_wait_with_the_way_out() {
        let log = "Migrator: Info: configuration has safe mode set. Skipping migrator".to_owned();
        let state = migrator::read(&log);
        let error = stop_if_fatal(&Look { log, state }).unwrap_err();
        assert!(error.to_string().starts_with("Central is in safe mode"), "{error}");
        assert!(error.hints[0].contains("maintenance.safeMode"), "{error:?}");
    }
}
