//! Judging secured clusters by what Central says of them: pure.

use jiff::Timestamp;

use crate::plan::{Action, Plan};
use crate::rhacs::{Component, SecuredCluster, Version};
use crate::run::report::ClusterReport;

/// Where the sensor upgrader is with one cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Upgrader {
    /// The sensor runs the version.
    Done,
    /// It works, or will begin by itself; the words say what it does.
    Running(String),
    /// Its newest process failed; it does not try again by itself.
    Failed(String),
    /// Somebody else upgrades this cluster: an operator, Helm, or a person.
    NotHere(String),
}

/// What is to be thought of a cluster at the end of a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Verdict {
    /// For the report.
    pub(super) report: ClusterReport,
    /// Whether waiting may make it right.
    pub(super) is_worth_waiting: bool,
    /// Whether this run has to bring it to the version.
    pub(super) is_expected: bool,
}

/// The secured clusters that a run has to bring to its version; the others are upgraded after it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Scope {
    /// None: only Central or the Scanner take part.
    Nobody,
    /// All: Central's own upgrader does it.
    Everybody,
    /// The cluster this run writes to, by Central's id of it where that is known.
    Local(Option<String>),
}

impl Scope {
    /// The scope of `plan`, which writes to the cluster that Central knows as `local`.
    pub(super) fn of(plan: &Plan, local: Option<&str>) -> Self {
        let by_upgrader =
            plan.steps.iter().any(|step| matches!(step.action, Action::AwaitUpgrader { .. }));
        if by_upgrader {
            return Self::Everybody;
        }
        match plan.components.contains(&Component::Secured) {
            true => Self::Local(local.map(str::to_owned)),
            false => Self::Nobody,
        }
    }

    /// Whether `cluster`, one of `all`, has to run `version` at the end. As long as it is not
    /// known which one is meant, the first to get there is.
    pub(super) fn includes(
        &self,
        cluster: &SecuredCluster,
        all: &[SecuredCluster],
        version: &Version,
    ) -> bool {
        match self {
            Self::Nobody => false,
            Self::Everybody => true,
            Self::Local(Some(id)) => cluster.id == *id,
            Self::Local(None) => {
                runs(cluster, version) || !all.iter().any(|other| runs(other, version))
            }
        }
    }
}

/// Where the upgrader is with `cluster`, on its way to `version`.
///
/// States and their classes: the product's `storage/cluster.proto`.
pub(super) fn upgrader(cluster: &SecuredCluster, version: &Version) -> Upgrader {
    if runs(cluster, version) {
        return Upgrader::Done;
    }
    if cluster.upgradability == "MANUAL_UPGRADE_REQUIRED" {
        return Upgrader::NotHere(manager(cluster).to_owned());
    }
    let state = cluster.upgrade_state.as_str();
    let mut words = state.trim_start_matches("UPGRADE_").replace('_', " ").to_lowercase();
    if !cluster.upgrade_detail.is_empty() {
        words = format!("{words}: {}", cluster.upgrade_detail);
    }
    match state {
        "UPGRADE_INITIALIZATION_ERROR"
        | "PRE_FLIGHT_CHECKS_FAILED"
        | "UPGRADE_ERROR_ROLLED_BACK"
        | "UPGRADE_ERROR_ROLLBACK_FAILED"
        | "UPGRADE_ERROR_UNKNOWN"
        | "UPGRADE_TIMED_OUT" => Upgrader::Failed(words),
        // Complete for an earlier version, or not begun: the next contact of the sensor begins.
        "" | "UPGRADE_COMPLETE" => Upgrader::Running("waits for the sensor".to_owned()),
        _ => Upgrader::Running(words),
    }
}

/// Whether `cluster` is as it has to be at `now`, after a run that began at `begin`.
pub(super) fn verdict(
    cluster: &SecuredCluster,
    version: &Version,
    begin: Timestamp,
    now: Timestamp,
) -> Verdict {
    let mut notes = Vec::new();
    let mut is_worth_waiting = true;
    if !runs(cluster, version) {
        let found = match cluster.sensor_version.as_str() {
            "" => "an unknown version",
            found => found,
        };
        notes.push(format!("its sensor runs {found}, not {version}"));
        is_worth_waiting = can_still_change(cluster, version);
    }
    match time(&cluster.last_contact) {
        Some(contact) if contact >= begin => {}
        Some(contact) => {
            notes.push(format!("its last contact was at {}, before this run", second(contact)));
        }
        None => notes.push("it was never in contact".to_owned()),
    }
    if matches!(cluster.health.as_str(), "UNHEALTHY" | "UNAVAILABLE") {
        notes.push(format!("it is {}", cluster.health.to_lowercase()));
    }
    if let Some(expiry) = time(&cluster.certificate_expiry).filter(|expiry| *expiry <= now) {
        notes.push(format!("its certificate expired at {}", second(expiry)));
        is_worth_waiting = false;
    }
    let report = ClusterReport {
        name: cluster.name.clone(),
        version: cluster.sensor_version.clone(),
        health: cluster.health.clone(),
        verified: notes.is_empty(),
        note: notes.join(", "),
    };
    Verdict { report, is_worth_waiting, is_expected: true }
}

/// Whether something of this run may still change the version of the sensor.
fn can_still_change(cluster: &SecuredCluster, version: &Version) -> bool {
    let in_progress = !matches!(cluster.upgrade_state.as_str(), "" | "UPGRADE_COMPLETE")
        && matches!(upgrader(cluster, version), Upgrader::Running(_));
    cluster.is_local != Some(false) || in_progress
}

fn runs(cluster: &SecuredCluster, version: &Version) -> bool {
    cluster.sensor_version.parse().is_ok_and(|found: Version| found == *version)
}

fn manager(cluster: &SecuredCluster) -> &'static str {
    match cluster.managed_by.as_str() {
        "MANAGER_TYPE_HELM_CHART" => "it is upgraded with Helm",
        "MANAGER_TYPE_KUBERNETES_OPERATOR" => "it is upgraded by its operator",
        _ => "it has to be upgraded by hand",
    }
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

fn second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: Version = Version::release(3, 69, 2);

    fn cluster() -> SecuredCluster {
        SecuredCluster {
            name: "production".to_owned(),
            sensor_version: "3.69.2".to_owned(),
            health: "HEALTHY".to_owned(),
            last_contact: "2024-02-29T12:10:00Z".to_owned(),
            certificate_expiry: "2024-12-31T00:00:00Z".to_owned(),
            ..SecuredCluster::default()
        }
    }

    fn judged(change: impl FnOnce(&mut SecuredCluster)) -> Verdict {
        let mut cluster = cluster();
        change(&mut cluster);
        let time = |text: &str| text.parse().unwrap();
        verdict(&cluster, &VERSION, time("2024-02-29T12:00:00Z"), time("2024-02-29T12:11:00Z"))
    }

    #[test]
    fn the_states_of_the_upgrader_are_classified() {
        let at = |state: &str| {
            let (sensor_version, upgrade_state) = ("3.0.62.1".to_owned(), state.to_owned());
            let cluster = SecuredCluster { sensor_version, upgrade_state, ..cluster() };
            upgrader(&cluster, &VERSION)
        };
        let running = [
            "UPGRADE_INITIALIZING",
            "UPGRADER_LAUNCHING",
            "UPGRADER_LAUNCHED",
            "PRE_FLIGHT_CHECKS_COMPLETE",
            "UPGRADE_OPERATIONS_DONE",
            "UPGRADE_ERROR_ROLLING_BACK",
            "UPGRADE_COMPLETE",
            "",
        ];
        for state in running {
            assert!(matches!(at(state), Upgrader::Running(_)), "{state}");
        }
        let failed = [
            "UPGRADE_INITIALIZATION_ERROR",
            "PRE_FLIGHT_CHECKS_FAILED",
            "UPGRADE_ERROR_ROLLED_BACK",
            "UPGRADE_ERROR_ROLLBACK_FAILED",
            "UPGRADE_ERROR_UNKNOWN",
            "UPGRADE_TIMED_OUT",
        ];
        for state in failed {
            assert!(matches!(at(state), Upgrader::Failed(_)), "{state}");
        }
        assert_eq!(upgrader(&cluster(), &VERSION), Upgrader::Done);
        let helm = SecuredCluster {
            sensor_version: "3.0.62.1".to_owned(),
            managed_by: "MANAGER_TYPE_HELM_CHART".to_owned(),
            upgradability: "MANUAL_UPGRADE_REQUIRED".to_owned(),
            ..cluster()
        };
        assert_eq!(
            upgrader(&helm, &VERSION),
            Upgrader::NotHere("it is upgraded with Helm".to_owned())
        );
    }

    #[test]
    fn a_cluster_that_is_right_is_verified() {
        assert!(judged(|_| {}).report.verified);
        assert!(judged(|cluster| cluster.health = String::new()).report.verified);
        assert!(judged(|cluster| cluster.health = "DEGRADED".to_owned()).report.verified);
    }

    #[test]
    fn a_run_answers_for_the_clusters_it_upgrades() {
        let old = SecuredCluster {
            id: "old".to_owned(),
            sensor_version: "3.0.62.1".to_owned(),
            ..cluster()
        };
        let new = SecuredCluster { id: "new".to_owned(), ..cluster() };
        let all = [old.clone(), new.clone()];
        let includes = |scope: &Scope, one: &SecuredCluster| scope.includes(one, &all, &VERSION);
        assert!(!includes(&Scope::Nobody, &old));
        assert!(includes(&Scope::Everybody, &old));
        assert!(includes(&Scope::Local(Some("old".to_owned())), &old));
        assert!(!includes(&Scope::Local(Some("old".to_owned())), &new));
        assert!(!includes(&Scope::Local(None), &old) && includes(&Scope::Local(None), &new));
        assert!(Scope::Local(None).includes(&old, std::slice::from_ref(&old), &VERSION));
    }

    #[test]
    fn what_is_wrong_with_a_cluster_is_said() {
        let old = judged(|cluster| cluster.sensor_version = "3.0.62.1".to_owned());
        assert_eq!(old.report.note, "its sensor runs 3.0.62.1, not 3.69.2");
        assert!(old.is_worth_waiting);
        let remote = judged(|cluster| {
            cluster.sensor_version = "3.0.62.1".to_owned();
            cluster.is_local = Some(false);
        });
        assert!(!remote.is_worth_waiting, "nothing of this run changes another cluster");
        let silent = judged(|cluster| cluster.last_contact = "2024-02-29T11:00:00Z".to_owned());
        assert_eq!(
            silent.report.note,
            "its last contact was at 2024-02-29T11:00:00Z, before this run"
        );
        assert!(silent.is_worth_waiting);
        let expired = judged(|cluster| cluster.certificate_expiry = "2024-01-01T00:00:00Z".into());
        assert!(!expired.is_worth_waiting);
        let sick = judged(|cluster| cluster.health = "UNHEALTHY".to_owned());
        assert_eq!(sick.report.note, "it is unhealthy");
        assert!(!sick.report.verified);
    }
}
