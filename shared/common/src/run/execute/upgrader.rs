//! The secured clusters: helping the sensor upgrader along, and verifying the whole installation.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::cluster::{ClusterExecutor, Deadline};
use super::fleet::{Scope, Upgrader, Verdict, upgrader, verdict};
use super::{StepContext, Verified};
use crate::plan::Operation;
use crate::rhacs::{Component, SecuredCluster, Version};
use crate::run::event::Outcome;
use crate::run::step_error::StepError;

/// How often Central is asked: its own upgrader is polled as often.
const POLL: Duration = Duration::from_secs(5);
/// A failure older than a trigger is still shown for a while after it.
const FAILURE_GRACE: Duration = Duration::from_secs(30);

impl ClusterExecutor {
    /// Starts the upgrader anew where its last attempt failed: it does not do so by itself.
    pub(super) async fn start_upgraders(
        &self,
        version: &Version,
        context: &StepContext<'_>,
    ) -> Result<Outcome, StepError> {
        let central = self.central()?;
        let mut started = Vec::new();
        for cluster in self.clusters().await? {
            if let Upgrader::Failed(words) = upgrader(&cluster, version) {
                let name = &cluster.name;
                context.events.note(format!("`{name}`: last attempt: {words}; starting a new one"));
                central.trigger_upgrade(&cluster.id).await.map_err(|error| {
                    let context = format!("cannot start the upgrade of cluster `{name}`");
                    StepError::from(error.into_failure(context))
                })?;
                started.push(format!("`{name}`"));
            }
        }
        Ok(if started.is_empty() {
            Outcome::unchanged("the upgrader works by itself")
        } else {
            Outcome::changed(format!("started anew for {}", started.join(", ")))
        })
    }

    /// Waits until every cluster the upgrader cares for runs `version`.
    pub(super) async fn await_upgraders(
        &self,
        version: &Version,
        deadline: Deadline,
        context: &StepContext<'_>,
    ) -> Result<Verified, StepError> {
        let mut failing: BTreeMap<String, Instant> = BTreeMap::new();
        let mut told = String::new();
        loop {
            let clusters = match self.clusters().await {
                Ok(clusters) => clusters,
                Err(error) if deadline.is_over() => return Err(error),
                Err(error) => {
                    tell(context, &mut told, error.to_string(), None);
                    deadline.pause(POLL).await;
                    continue;
                }
            };
            let states: Vec<(&SecuredCluster, Upgrader)> =
                clusters.iter().map(|cluster| (cluster, upgrader(cluster, version))).collect();
            failing.retain(|id, _| {
                states.iter().any(|(cluster, state)| {
                    cluster.id == *id && matches!(state, Upgrader::Failed(_))
                })
            });
            for (cluster, state) in &states {
                let Upgrader::Failed(words) = state else { continue };
                let since = *failing.entry(cluster.id.clone()).or_insert_with(Instant::now);
                if since.elapsed() >= FAILURE_GRACE || deadline.is_over() {
                    return Err(upgrade_failed(cluster, version, words));
                }
            }
            let waiting = waiting(&states);
            if waiting.is_empty() {
                return Ok(Verified { warnings: left_alone(&states), ..Verified::default() });
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
        let mut told = String::new();
        loop {
            let (mut missing, verdicts) = self.look_at_all(version).await;
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
    async fn look_at_all(&self, version: &Version) -> (Vec<String>, Vec<Verdict>) {
        let mut missing = Vec::new();
        // Central stays what it is when only other parts are rolled back.
        let is_meant = self.plan.operation != Operation::Rollback
            || self.plan.components.contains(&Component::Central);
        if is_meant && let Err(not_yet) = self.api_serves(version).await {
            missing.push(format!("Central: waits for {}", not_yet.waits_for));
        }
        match self.clusters().await {
            Ok(clusters) => {
                let (begin, now) = (self.began, self.cluster.now());
                let scope = Scope::of(&self.plan, self.local_cluster.as_deref());
                let verdict = |cluster| Verdict {
                    is_expected: scope.includes(cluster, &clusters, version),
                    ..verdict(cluster, version, begin, now)
                };
                (missing, clusters.iter().map(verdict).collect())
            }
            Err(error) => {
                missing.push(error.to_string());
                (missing, Vec::new())
            }
        }
    }

    async fn clusters(&self) -> Result<Vec<SecuredCluster>, StepError> {
        let clusters = self.central()?.clusters().await;
        clusters.map_err(|error| error.into_failure("cannot list the secured clusters").into())
    }
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

/// What is waited for, said only when it changes.
fn tell(context: &StepContext<'_>, told: &mut String, message: String, counts: Option<(u64, u64)>) {
    if *told != message {
        context.waiting(message.clone(), counts);
        *told = message;
    }
}

fn waiting(states: &[(&SecuredCluster, Upgrader)]) -> Vec<String> {
    let words = |(cluster, state): &(&SecuredCluster, Upgrader)| match state {
        Upgrader::Running(words) | Upgrader::Failed(words) => {
            Some(format!("cluster `{}`: {words}", cluster.name))
        }
        Upgrader::Done | Upgrader::NotHere(_) => None,
    };
    states.iter().filter_map(words).collect()
}

fn left_alone(states: &[(&SecuredCluster, Upgrader)]) -> Vec<String> {
    let words = |(cluster, state): &(&SecuredCluster, Upgrader)| match state {
        Upgrader::NotHere(reason) => {
            Some(format!("cluster `{}` runs {}: {reason}", cluster.name, cluster.sensor_version))
        }
        Upgrader::Done | Upgrader::Running(_) | Upgrader::Failed(_) => None,
    };
    states.iter().filter_map(words).collect()
}

fn upgrade_failed(cluster: &SecuredCluster, version: &Version, words: &str) -> StepError {
    let name = &cluster.name;
    let left = match cluster.upgrade_state.as_str() {
        "UPGRADE_ERROR_ROLLED_BACK" => "the cluster is as it was before",
        "UPGRADE_ERROR_ROLLBACK_FAILED" => "the cluster may be half upgraded",
        _ => "the cluster may still run the old version",
    };
    StepError::failed(format!("cluster `{name}` was not upgraded to {version}"))
        .because(words)
        .because(left)
        .hint("see `kubectl logs deploy/sensor-upgrader -n stackrox` in that cluster")
}
