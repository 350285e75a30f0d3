//! The secured clusters: helping the sensor upgrader along, and verifying the whole installation.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::cluster::{ClusterExecutor, Deadline};
use super::fleet::{Failed, Scope, Upgrader, Verdict, View, upgrader, verdict};
use super::serving::{MOST_REFUSALS, REVOKED};
use super::{StepContext, Verified};
use crate::central::CentralError;
use crate::exit::Exit;
use crate::plan::{Operation, Running};
use crate::rhacs::images::Image;
use crate::rhacs::{Component, ObjectRef, SecuredCluster, UpgraderState, Version, Workload};
use crate::run::event::Outcome;
use crate::run::step_error::StepError;

/// How often Central is asked: often enough to show most states of its upgrader.
const POLL: Duration = Duration::from_secs(2);
/// What is waited for is said once more after so long: who reads lines gets few in a short time.
const SAID_AGAIN: Duration = Duration::from_secs(4);
/// A failure is still shown for a while after a new attempt was asked for.
const FAILURE_GRACE: Duration = Duration::from_secs(30);

impl ClusterExecutor {
    /// Starts the upgrader anew where its last attempt failed: it does not do so by itself.
    pub(super) async fn start_upgraders(
        &self,
        version: &Version,
        context: &StepContext<'_>,
    ) -> Result<Outcome, StepError> {
        let mut started = Vec::new();
        for cluster in self.clusters().await? {
            let Upgrader::Failed(failed) = upgrader(&cluster, self.view(version)) else { continue };
            let (name, words) = (&cluster.name, &failed.words);
            context.events.note(format!(
                "cluster `{name}`: the last upgrade did not succeed, {words}; starting it anew"
            ));
            self.start_upgrader(&cluster, version).await?;
            started.push(format!("`{name}`"));
            let mut superseded = self.superseded.lock().unwrap_or_else(PoisonError::into_inner);
            superseded.insert(cluster.upgrade_process);
        }
        Ok(if started.is_empty() {
            Outcome::unchanged("the upgrader works by itself")
        } else {
            Outcome::changed(format!("started anew for {}", started.join(", ")))
        })
    }

    async fn start_upgrader(
        &self,
        cluster: &SecuredCluster,
        version: &Version,
    ) -> Result<(), StepError> {
        let Err(error) = self.central()?.trigger_upgrade(&cluster.id).await else { return Ok(()) };
        // Somebody else may have started it at the same moment, or this request did although its
        // answer was lost.
        let runs = |other: &SecuredCluster| {
            other.id == cluster.id
                && !matches!(upgrader(other, self.view(version)), Upgrader::Failed(_))
        };
        if self.clusters().await.is_ok_and(|clusters| clusters.iter().any(runs)) {
            return Ok(());
        }
        let context = format!("cannot start the upgrade of cluster `{}`", cluster.name);
        Err(StepError::from(error.into_failure(context)))
    }

    /// Waits until every cluster the upgrader cares for runs `version`.
    pub(super) async fn await_upgraders(
        &self,
        version: &Version,
        deadline: Deadline,
        context: &StepContext<'_>,
    ) -> Result<Verified, StepError> {
        let mut old_failures: BTreeMap<String, Instant> = BTreeMap::new();
        let (mut told, mut refusals) = (Told::default(), 0);
        loop {
            let clusters = match self.clusters().await {
                Ok(clusters) => clusters,
                Err(error) if deadline.is_over() => return Err(error.into()),
                Err(Unlisted { error, is_refusal }) => {
                    refusals += u32::from(is_refusal);
                    if refusals >= MOST_REFUSALS {
                        return Err(without_credentials(error));
                    }
                    tell(context, &mut told, error.to_string(), None);
                    deadline.pause(POLL).await;
                    continue;
                }
            };
            if clusters.is_empty() {
                return Err(self.nobody_upgrades(version));
            }
            let states: Vec<(&SecuredCluster, Upgrader)> = clusters
                .iter()
                .map(|cluster| (cluster, upgrader(cluster, self.view(version))))
                .collect();
            for (cluster, state) in &states {
                let failed = match state {
                    Upgrader::Failed(failed) => failed,
                    Upgrader::NotHere(reason) if self.is_local(cluster, &clusters) => {
                        return Err(self.not_upgraded(cluster, version).because(reason));
                    }
                    _ => {
                        old_failures.remove(&cluster.id);
                        continue;
                    }
                };
                let since = *old_failures.entry(cluster.id.clone()).or_insert_with(Instant::now);
                if !self.is_superseded(cluster)
                    || since.elapsed() >= FAILURE_GRACE
                    || deadline.is_over()
                {
                    return Err(self.upgrade_failed(cluster, version, failed));
                }
            }
            let waiting = waiting(&states);
            if waiting.is_empty() {
                let mut verified = Verified::default();
                self.await_secured(version, deadline, context, &mut verified).await?;
                return Ok(verified);
            }
            if deadline.is_over() {
                let seconds = deadline.seconds();
                let message = format!("not upgraded after {seconds} s: {}", waiting.join(", "));
                let unverified = vec![message];
                return Ok(Verified { unverified, ..Verified::default() });
            }
            let of = states.len() as u64;
            let counts = Some((of - waiting.len() as u64, of));
            tell(context, &mut told, waiting.join(", "), counts);
            deadline.pause(POLL).await;
        }
    }

    /// Waits until the secured workloads that the plan knows run `version`: Central speaks of the
    /// sensor only, and of whichever clusters it has.
    async fn await_secured(
        &self,
        version: &Version,
        deadline: Deadline,
        context: &StepContext<'_>,
        verified: &mut Verified,
    ) -> Result<(), StepError> {
        let mut told = Told::default();
        let secured = |running: &&Running| running.component == Component::Secured;
        let mut objects: Vec<&ObjectRef> = Vec::new();
        for running in self.plan.before.iter().filter(secured) {
            let mut now = self.known.get_fresh(&self.cluster, &running.object).await?;
            while let Some(image) = image_of(running, now.as_ref()) {
                if is_of(&image, version) {
                    break;
                }
                let message = format!("`{}` to take {version}, it has {image}", running.object);
                if deadline.is_over() {
                    verified.unverified.push(format!("`{}` still runs {image}", running.object));
                    break;
                }
                tell(context, &mut told, message, None);
                deadline.pause(POLL).await;
                // Central's upgrader writes it, of which nobody here is told.
                now = self.known.refresh(&self.cluster, &running.object).await?;
            }
            if !objects.contains(&&running.object) {
                objects.push(&running.object);
            }
        }
        if !verified.unverified.is_empty() {
            return Ok(());
        }
        for object in objects {
            if self.known.get_fresh(&self.cluster, object).await?.is_some() {
                self.await_rollout(object, deadline, context).await?;
            }
        }
        Ok(())
    }

    /// Central lists no cluster that its upgrader could care for.
    fn nobody_upgrades(&self, version: &Version) -> StepError {
        let namespace = &self.plan.namespace;
        let of_namespace = match namespace.as_str() {
            "stackrox" => String::new(),
            other => format!(" -n {other}"),
        };
        StepError::failed(format!("the secured workloads were not upgraded to {version}"))
            .because("Central, which upgrades them automatically, lists no secured cluster")
            .hint(format!(
                "to upgrade them by hand, turn automatic upgrade off (Platform Configuration → \
                 Clusters), then `kubectl rhacs upgrade{of_namespace} --to {version} --components \
                 secured`"
            ))
            .hint(format!(
                "why the sensor is not connected, it says itself: `kubectl logs deploy/sensor -n \
                 {namespace}`"
            ))
    }

    /// Whether the newest process of the cluster is one that a new attempt was asked for.
    fn is_superseded(&self, cluster: &SecuredCluster) -> bool {
        let superseded = self.superseded.lock().unwrap_or_else(PoisonError::into_inner);
        superseded.contains(&cluster.upgrade_process)
    }

    fn view<'a>(&'a self, version: &'a Version) -> View<'a> {
        View { version, began: self.began, local: self.local_cluster.as_deref() }
    }

    /// Whether `cluster` is the one that is written to: a single one is.
    fn is_local(&self, cluster: &SecuredCluster, all: &[SecuredCluster]) -> bool {
        all.len() == 1 || self.local_cluster.as_ref() == Some(&cluster.id)
    }

    /// A failed upgrade of `cluster`, with the way to do it by hand.
    fn not_upgraded(&self, cluster: &SecuredCluster, version: &Version) -> StepError {
        let namespace = &self.plan.namespace;
        let of_namespace = match namespace.as_str() {
            "stackrox" => String::new(),
            other => format!(" -n {other}"),
        };
        StepError::failed(format!("cluster `{}` was not upgraded to {version}", cluster.name)).hint(
            format!(
                "to upgrade it by hand, turn automatic upgrade off (Platform Configuration → \
                 Clusters), then `kubectl rhacs upgrade{of_namespace} --to {version} --components \
                 secured` in that cluster"
            ),
        )
    }

    fn upgrade_failed(
        &self,
        cluster: &SecuredCluster,
        version: &Version,
        failed: &Failed,
    ) -> StepError {
        let namespace = &self.plan.namespace;
        let left = match failed.state {
            UpgraderState::PreFlightChecksFailed | UpgraderState::InitializationError => {
                "nothing was changed in the cluster"
            }
            UpgraderState::RolledBack => "the cluster is as it was before",
            UpgraderState::RollbackFailed => "the cluster may be half upgraded",
            _ => "the cluster may still run the old version",
        };
        self.not_upgraded(cluster, version)
            .because(&failed.words)
            .because(left)
            .hint("when the cause is gone, resuming the run starts the automatic upgrade anew")
            .hint(format!(
                "its sensor may say more: `kubectl logs deploy/sensor -n {namespace}` in that \
                 cluster"
            ))
    }

    /// Waits until Central and every cluster are as they should be; what is not in time is told,
    /// it does not fail the run.
    pub(super) async fn verify_all(
        &self,
        version: &Version,
        deadline: Deadline,
        context: &StepContext<'_>,
    ) -> Result<Verified, StepError> {
        if self.central.as_ref().is_none_or(|central| !central.has_credentials()) {
            let message = "without credentials for Central only the workloads were verified, \
                           not what Central says of its version and of the secured clusters";
            return Ok(Verified { warnings: vec![message.to_owned()], ..Verified::default() });
        }
        let promises = self.promises(None).await?;
        let (mut told, mut refusals) = (Told::default(), 0);
        loop {
            self.stop_if_seen_broken(&promises).await?;
            let All { mut missing, verdicts, is_refused } = self.look_at_all(version).await;
            refusals += u32::from(is_refused);
            if refusals >= MOST_REFUSALS {
                missing.push(REVOKED.to_owned());
                missing.push("resume the run with a valid token in ROX_API_TOKEN".to_owned());
                return Ok(Verified { unverified: missing, ..Verified::default() });
            }
            let is_wrong = |verdict: &&Verdict| verdict.is_expected && !verdict.report.verified;
            let wrong: Vec<&Verdict> = verdicts.iter().filter(is_wrong).collect();
            let is_worth_waiting =
                !missing.is_empty() || wrong.iter().any(|verdict| verdict.is_worth_waiting);
            missing.extend(wrong.iter().map(|verdict| {
                format!("cluster `{}`: {}", verdict.report.name, verdict.report.note)
            }));
            if missing.is_empty() || !is_worth_waiting || deadline.is_over() {
                let warnings = match self.plan.operation {
                    Operation::Rollback => Vec::new(),
                    Operation::Upgrade | Operation::Scc => upgraded_next(&verdicts),
                };
                let clusters = verdicts.into_iter().map(|verdict| verdict.report).collect();
                return Ok(Verified { unverified: missing, warnings, clusters });
            }
            let of = verdicts.len() as u64;
            let counts = Some((of - wrong.len() as u64, of));
            tell(context, &mut told, missing.join("; "), counts);
            deadline.pause(POLL).await;
        }
    }

    /// What is missing at Central itself, and the verdict on each cluster.
    async fn look_at_all(&self, version: &Version) -> All {
        let (mut missing, mut is_refused) = (Vec::new(), false);
        // Central stays what it is when only other parts are rolled back.
        let is_meant = self.plan.operation != Operation::Rollback
            || self.plan.components.contains(&Component::Central);
        if is_meant && let Err(not_yet) = self.api_serves(version).await {
            is_refused = not_yet.is_refusal;
            missing.push(format!("Central: waits for {}", not_yet.waits_for));
        }
        match self.clusters().await {
            Ok(clusters) => {
                let (begin, now) = (self.began, self.cluster.now());
                let scope = Scope::of(&self.plan, self.local_cluster.as_deref());
                let verdict = |cluster| {
                    let mut verdict = verdict(cluster, version, begin, now);
                    let is_expected = scope.includes(cluster, &clusters, self.view(version));
                    verdict.is_expected = is_expected;
                    verdict.report.part_of_run = is_expected;
                    verdict
                };
                All { missing, verdicts: clusters.iter().map(verdict).collect(), is_refused }
            }
            Err(Unlisted { error, is_refusal }) => {
                missing.push(error.to_string());
                All { missing, verdicts: Vec::new(), is_refused: is_refused || is_refusal }
            }
        }
    }

    async fn clusters(&self) -> Result<Vec<SecuredCluster>, Unlisted> {
        let central = self.central().map_err(|error| Unlisted { error, is_refusal: true })?;
        central.clusters().await.map_err(|error| {
            let is_refusal = matches!(error, CentralError::Unauthorized { .. });
            let error = error.into_failure("cannot list the secured clusters").into();
            Unlisted { error, is_refusal }
        })
    }
}

/// Central and its secured clusters at one moment.
struct All {
    /// What is not as it should be.
    missing: Vec<String>,
    verdicts: Vec<Verdict>,
    /// Central does not take the credentials (any more).
    is_refused: bool,
}

/// Why the secured clusters could not be listed.
struct Unlisted {
    error: StepError,
    /// The credentials were refused, so that waiting longer does not help.
    is_refusal: bool,
}

impl From<Unlisted> for StepError {
    fn from(unlisted: Unlisted) -> Self {
        unlisted.error
    }
}

/// The end of a wait for what Central does not tell any more.
fn without_credentials(error: StepError) -> StepError {
    let error = StepError { exit: Exit::Unverified, ..error };
    error.because(REVOKED).hint("resume the run with a valid token in ROX_API_TOKEN")
}

/// The image of the container that `running` is about; none where it is gone.
fn image_of(running: &Running, now: Option<&Value>) -> Option<String> {
    let workload = Workload::new(now?);
    let container = workload
        .container(&running.container)
        .or_else(|| workload.init_container(&running.container))?;
    Some(container.image().to_owned())
}

/// Whether an image of the product is of `version`; others are not for the upgrader to change.
fn is_of(image: &str, version: &Version) -> bool {
    let of = Image::classify(image);
    of.and_then(|image| image.version()).is_none_or(|of| of == *version)
}

/// What is to be said of clusters that this run does not upgrade.
fn upgraded_next(verdicts: &[Verdict]) -> Vec<String> {
    let others = verdicts.iter().filter(|verdict| !verdict.is_expected && !verdict.report.verified);
    others
        .map(|verdict| {
            let report = &verdict.report;
            format!("cluster `{}` is not part of this run: {}", report.name, report.note)
        })
        .collect()
}

/// What was said last.
#[derive(Default)]
struct Told {
    message: String,
    /// When it was said, while it was said only once.
    at: Option<Instant>,
}

/// What is waited for, said when it changes, and once more.
fn tell(context: &StepContext<'_>, told: &mut Told, message: String, counts: Option<(u64, u64)>) {
    let is_new = told.message != message;
    let is_missed = told.at.is_some_and(|at| at.elapsed() >= SAID_AGAIN);
    if is_new || is_missed {
        context.waiting(message.clone(), counts);
        *told = Told { message, at: is_new.then(Instant::now) };
    }
}

fn waiting(states: &[(&SecuredCluster, Upgrader)]) -> Vec<String> {
    let words = |(cluster, state): &(&SecuredCluster, Upgrader)| match state {
        Upgrader::Running(words) | Upgrader::Failed(Failed { words, .. }) => {
            Some(format!("cluster `{}`: {words}", cluster.name))
        }
        Upgrader::Done | Upgrader::NotHere(_) => None,
    };
    states.iter().filter_map(words).collect()
}
