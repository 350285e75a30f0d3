//! The executor of real runs: the API server and Central do what the steps say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinSet;

use super::known::Known;
use super::roxctl::RoxctlSetup;
use super::write::{Written, change_cause, is_workload};
use super::{Conclusion, Execute, Probe, StepContext, Verified};
use crate::central::{self, CentralClient};
use crate::cluster::{Cluster, EventNote};
use crate::plan::{Action, Basis, ChangedBy, Plan, Step, Write, basis_digest};
use crate::rhacs::ObjectRef;
use crate::run::account::Span;
use crate::run::event::Outcome;
use crate::run::record::{Captured, Record, StepState};
use crate::run::step_error::StepError;

/// How long the end of a run waits for events that are still on their way.
const LAST_EVENTS: Duration = Duration::from_secs(2);

/// Does what steps say, in a cluster and in Central.
pub struct ClusterExecutor {
    pub(super) cluster: Cluster,
    pub(super) central: Option<CentralClient>,
    pub(super) plan: Plan,
    pub(super) known: Known,
    /// What the API server answered to the writes of this process.
    pub(super) stored: Mutex<BTreeMap<ObjectRef, Value>>,
    /// The writes of Central's scanner bundle, which no plan knows.
    pub(super) bundle: Mutex<Vec<Write>>,
    /// What objects were, as loaded from the records of earlier runs.
    pub(super) former: tokio::sync::Mutex<BTreeMap<ObjectRef, Value>>,
    outage: Option<central::Probe>,
    announcements: Mutex<JoinSet<()>>,
    /// Central's id of the cluster that is written to, where it is known.
    pub(super) local_cluster: Option<String>,
    /// The ids of failed processes of the upgrader in whose place this run asked for new ones.
    pub(super) superseded: Mutex<BTreeSet<String>>,
    /// Whether the credentials for Central are known to be an API token.
    pub(super) uses_token: bool,
    /// When this part of the run began by the API server's clock: contacts of clusters must be
    /// newer, and the clock of this computer may be wrong.
    pub(super) began: Timestamp,
    /// Where roxctl goes; none for runs that install none.
    pub(super) roxctl: Option<RoxctlSetup>,
}

impl ClusterExecutor {
    /// An executor of `plan`. Without `central`, steps that need Central's API fail, and what only
    /// its API can verify is told not to be verified.
    #[must_use]
    pub fn new(cluster: Cluster, central: Option<CentralClient>, plan: Plan) -> Self {
        Self {
            began: cluster.now(),
            cluster,
            central,
            plan,
            known: Known::default(),
            stored: Mutex::default(),
            bundle: Mutex::default(),
            former: tokio::sync::Mutex::default(),
            outage: None,
            announcements: Mutex::default(),
            local_cluster: None,
            superseded: Mutex::default(),
            uses_token: false,
            roxctl: None,
        }
    }

    /// Takes over objects that were read a moment ago, which saves reading them again. Each write
    /// is guarded by their resourceVersion, so that old ones do no harm.
    #[must_use]
    pub fn with_objects<'a>(self, objects: impl IntoIterator<Item = &'a Value>) -> Self {
        for object in objects {
            if let Some(reference) = ObjectRef::of(object) {
                self.known.remember(&reference, Some(object.clone()));
            }
        }
        self
    }

    /// Says which of Central's clusters this run writes to; the others it need not wait for.
    #[must_use]
    pub fn with_local_cluster(mut self, id: Option<String>) -> Self {
        self.local_cluster = id;
        self
    }

    /// Says whether the credentials for Central are an API token rather than a password. Only then
    /// a token may be found by its name, for a Central that does not tell the id of the one in use.
    #[must_use]
    pub const fn with_token_credentials(mut self, is_token: bool) -> Self {
        self.uses_token = is_token;
        self
    }

    /// Reports at the end of the run how long Central did not answer `probe`.
    #[must_use]
    pub fn with_outage(mut self, probe: central::Probe) -> Self {
        self.outage = Some(probe);
        self
    }

    /// Says where roxctl goes and who has it besides Central; without, a step that installs it only
    /// warns.
    #[must_use]
    pub fn with_roxctl(mut self, setup: RoxctlSetup) -> Self {
        self.roxctl = Some(setup);
        self
    }

    /// Writes an event on `object`, without waiting for it. A workload tells of its change by the
    /// cause of its newest revision and the events of its controller; nobody describes Secrets.
    pub(super) fn announce_change(&self, object: &ObjectRef, context: &StepContext<'_>) {
        if is_workload(object) || matches!(object.kind.as_str(), "ConfigMap" | "Secret") {
            return;
        }
        let note = EventNote {
            warning: false,
            reason: "ChangedByRun".to_owned(),
            message: change_cause(&self.plan, context),
        };
        let last = self.known.last(object);
        let uid = last.and_then(|last| last["metadata"]["uid"].as_str().map(str::to_owned));
        let (cluster, object) = (self.cluster.without_patience(), object.clone());
        let mut announcements = self.announcements.lock().unwrap_or_else(PoisonError::into_inner);
        announcements.spawn(async move { cluster.note(&object, uid.as_deref(), &note).await });
    }

    /// Central's API; a step that needs it fails without.
    pub(super) fn central(&self) -> Result<&CentralClient, StepError> {
        self.central.as_ref().filter(|central| central.has_credentials()).ok_or_else(|| {
            StepError::failed("this step needs Central's API, and no credentials were given")
                .hint("set ROX_API_TOKEN, or give a token with --token-file")
        })
    }

    async fn write_all(
        &self,
        writes: &[Write],
        context: &StepContext<'_>,
    ) -> Result<Outcome, StepError> {
        let mut changed = Vec::new();
        for write in writes {
            if self.write(write, context).await? == Written::Changed {
                changed.push(format!("`{}`", write.object()));
            }
        }
        Ok(match changed.len() {
            0 => Outcome::unchanged("as wanted already"),
            1..=3 => Outcome::changed(format!("{} changed", changed.join(", "))),
            many => Outcome::changed(format!("{many} objects changed")),
        })
    }

    /// The objects a step may change itself, each once.
    fn targets(&self, step: &Step) -> Vec<ObjectRef> {
        let mut targets: Vec<ObjectRef> = Vec::new();
        let forecast = step.action.forecast(&self.plan.namespace).into_iter();
        for object in forecast.filter(|it| it.by == ChangedBy::Run).map(|it| it.object) {
            if !targets.contains(&object) {
                targets.push(object.into_owned());
            }
        }
        targets
    }
}

impl Execute for ClusterExecutor {
    async fn capture(&self, step: &Step) -> Result<Vec<Captured>, StepError> {
        let mut captured = Vec::new();
        for object in self.targets(step) {
            let now = self.known.get(&self.cluster, &object).await?;
            if let Some(basis) = self.plan.basis.iter().find(|basis| basis.object == object) {
                fits(basis, now.as_ref())?;
            }
            captured.push(Captured::new(object, now.as_ref()));
        }
        Ok(captured)
    }

    async fn probe(&self, step: &Step, context: &StepContext<'_>) -> Result<Probe, StepError> {
        let is_done = match &step.action {
            Action::Write { writes } => {
                for write in writes {
                    if !self.is_written(write).await? {
                        return Ok(Probe::Pending);
                    }
                }
                return Ok(Probe::Done { reason: "as wanted already".to_owned() });
            }
            Action::Backup { .. } => self.backup_is_there(context).await,
            // What cannot be looked up is believed to the record.
            Action::ScannerBundle { .. } => {
                was_done(context) && self.bundle_is_left(context).await?
            }
            // Waiting is cheap when what is waited for holds, but it needs credentials.
            Action::AwaitUpgrader { .. } | Action::VerifyAll { .. } => {
                was_done(context) && token_is_spent(context.record)
            }
            Action::InstallRoxctl { version } if !was_done(context) => {
                if self.has_roxctl(version).await {
                    let reason = format!("roxctl {version} is there already");
                    return Ok(Probe::Done { reason });
                }
                false
            }
            Action::InstallRoxctl { .. } | Action::RevokeToken => was_done(context),
        };
        let reason = "done earlier in this run".to_owned();
        Ok(if is_done { Probe::Done { reason } } else { Probe::Pending })
    }

    async fn prepare(&self, step: &Step, context: &StepContext<'_>) -> Result<(), StepError> {
        match step.action {
            Action::RevokeToken => self.note_token(context).await,
            Action::Backup { .. }
            | Action::Write { .. }
            | Action::ScannerBundle { .. }
            | Action::AwaitUpgrader { .. }
            | Action::VerifyAll { .. }
            | Action::InstallRoxctl { .. } => Ok(()),
        }
    }

    async fn apply(&self, step: &Step, context: &StepContext<'_>) -> Result<Outcome, StepError> {
        match &step.action {
            Action::Backup { directory } => {
                let limit = Duration::from_secs(step.timeout_seconds);
                self.back_up(directory, limit, context).await
            }
            Action::Write { writes } => self.write_all(writes, context).await,
            Action::ScannerBundle { config } => self.apply_bundle(*config, context).await,
            Action::AwaitUpgrader { version } => self.start_upgraders(version, context).await,
            Action::VerifyAll { .. } => Ok(Outcome::unchanged("everything was looked at")),
            Action::InstallRoxctl { version } => {
                let limit = Duration::from_secs(step.timeout_seconds);
                self.install_roxctl(version, limit, context).await
            }
            Action::RevokeToken => self.revoke_token(context).await,
        }
    }

    async fn verify(&self, step: &Step, context: &StepContext<'_>) -> Result<Verified, StepError> {
        let deadline = Deadline::after(step.timeout_seconds);
        match &step.action {
            Action::AwaitUpgrader { .. } | Action::VerifyAll { .. }
                if token_is_spent(context.record) => {}
            Action::AwaitUpgrader { version } => {
                return self.await_upgraders(version, deadline, context).await;
            }
            Action::VerifyAll { version } => {
                let mut verified = self.verify_all(version, deadline, context).await?;
                let confirmed = self.confirm_all(deadline, context).await?;
                verified.unverified.extend(confirmed.unverified);
                verified.warnings.extend(confirmed.warnings);
                return Ok(verified);
            }
            Action::Backup { .. }
            | Action::Write { .. }
            | Action::ScannerBundle { .. }
            | Action::InstallRoxctl { .. }
            | Action::RevokeToken => {}
        }
        let mut verified = Verified::default();
        for verification in &step.verify {
            self.verify_one(verification, deadline, context, &mut verified).await?;
        }
        self.await_deletions(step.action.writes(), deadline, context).await?;
        Ok(verified)
    }

    async fn confirm(&self, step: &Step, context: &StepContext<'_>) -> Result<Verified, StepError> {
        self.confirm_all(Deadline::after(step.timeout_seconds), context).await
    }

    fn outages(&self) -> Option<Vec<Span>> {
        // Without a single answer the way to Central was missing, not Central.
        let outage = self.outage.as_ref().filter(|probe| probe.outage().answered)?;
        let gaps = outage.gaps().into_iter();
        Some(gaps.map(|(from, to)| Span { from, to }).collect())
    }

    async fn conclude(&self, _: &Record) -> Conclusion {
        let mut announcements = {
            let mut all = self.announcements.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *all)
        };
        // Events are best effort; those that are not through by then are given up.
        let rest = async { while announcements.join_next().await.is_some() {} };
        drop(tokio::time::timeout(LAST_EVENTS, rest).await);
        // Without a single answer the way to Central was missing, not Central.
        let outage = self.outage.as_ref().map(central::Probe::outage);
        let outage_seconds =
            outage.filter(|outage| outage.answered).map(|outage| outage.total.as_secs_f64());
        Conclusion {
            components: self.component_reports().await,
            outage_seconds,
            central_asked: self.central.as_ref().is_some_and(|central| central.has_credentials()),
        }
    }
}

impl fmt::Debug for ClusterExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterExecutor").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

/// When a verification has to be through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: tokio::time::Instant,
    limit: Duration,
}

impl Deadline {
    /// The moment so many seconds from now.
    pub(super) fn after(seconds: u64) -> Self {
        let limit = Duration::from_secs(seconds);
        Self { at: tokio::time::Instant::now() + limit, limit }
    }

    /// How much time is left.
    pub(super) fn left(self) -> Duration {
        self.at.saturating_duration_since(tokio::time::Instant::now())
    }

    /// Whether no time is left.
    pub(super) fn is_over(self) -> bool {
        self.left().is_zero()
    }

    /// The whole time, in seconds.
    pub(super) const fn seconds(self) -> u64 {
        self.limit.as_secs()
    }

    /// Waits for `pause`, but not beyond the end.
    pub(super) async fn pause(self, pause: Duration) {
        tokio::time::sleep(pause.min(self.left())).await;
    }
}

/// Whether the run has begun to revoke its own token, which it does when all is verified: from
/// then on Central's API is not asked again.
pub(super) fn token_is_spent(record: &Record) -> bool {
    let revoking = record.plan.steps.iter().filter(|step| step.action == Action::RevokeToken);
    revoking.filter_map(|step| record.steps.get(&step.id)).any(|entry| match entry.state {
        StepState::Started | StepState::Done => true,
        // Nothing was sent before it was on record which token is meant.
        StepState::Failed => !entry.wrote.is_empty(),
        StepState::Pending | StepState::Skipped => false,
    })
}

fn was_done(context: &StepContext<'_>) -> bool {
    context.earlier().is_some_and(|earlier| earlier.state == StepState::Done)
}

/// The object must be as it was when the plan was made.
fn fits(basis: &Basis, now: Option<&Value>) -> Result<(), StepError> {
    let object = &basis.object;
    let what = match (basis.digest.as_deref(), now) {
        (None, None) => return Ok(()),
        (None, Some(_)) => "was created",
        (Some(_), None) => "was deleted",
        (Some(digest), Some(now)) => {
            let uid = now["metadata"]["uid"].as_str();
            let is_same = basis.uid.is_none() || uid.is_none() || basis.uid.as_deref() == uid;
            match (is_same, basis_digest(now) == digest) {
                (true, true) => return Ok(()),
                (true, false) => "was changed",
                (false, _) => "was deleted and created anew",
            }
        }
    };
    Err(StepError::stale(format!("`{object}` {what} since the plan was made"))
        .hint("make a new plan"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::exit::Exit;

    #[test]
    fn a_plan_fits_only_the_objects_it_was_made_for() {
        let object = ObjectRef::deployment("stackrox", "central");
        let now = json!({"metadata": {"uid": "u"}, "spec": {"paused": false}});
        let basis = |uid: &str, object_then: Option<&Value>| Basis {
            object: object.clone(),
            uid: object_then.map(|_| uid.to_owned()),
            digest: object_then.map(basis_digest),
        };
        fits(&basis("u", Some(&now)), Some(&now)).unwrap();
        fits(&basis("u", None), None).unwrap();
        let other = json!({"metadata": {"uid": "u"}, "spec": {"paused": true}});
        for (basis, now, what) in [
            (basis("u", Some(&other)), Some(&now), "was changed"),
            (basis("v", Some(&now)), Some(&now), "was deleted and created anew"),
            (basis("u", Some(&now)), None, "was deleted"),
            (basis("u", None), Some(&now), "was created"),
        ] {
            let error = fits(&basis, now).unwrap_err();
            assert_eq!(error.exit, Exit::PlanStale);
            assert_eq!(error.message, format!("`deploy/central` {what} since the plan was made"));
        }
    }
}
