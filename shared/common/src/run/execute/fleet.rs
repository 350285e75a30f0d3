//! Judging secured clusters by what Central says of them: pure.

use jiff::{SignedDuration, Timestamp};

use crate::plan::Plan;
use crate::rhacs::{Component, SecuredCluster, UpgraderState, Version};
use crate::run::report::ClusterReport;

/// A cluster whose sensor was silent for so long before a run is not waited for in it.
const AWAY: SignedDuration = SignedDuration::from_hours(24);

/// What a run knows when it looks at secured clusters.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// The version it brings them to.
    pub(super) version: &'a Version,
    /// When it began.
    pub(super) began: Timestamp,
    /// Central's id of the cluster it writes to, where it is known.
    pub(super) local: Option<&'a str>,
}

/// Where the sensor upgrader is with one cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Upgrader {
    /// The sensor runs the version.
    Done,
    /// It works, or will begin by itself; the words say what it does.
    Running(String),
    /// Its newest process failed; it does not try again by itself.
    Failed(Failed),
    /// Nobody waits for this cluster: somebody else upgrades it, or its sensor is not there.
    NotHere(String),
}

/// An upgrade of a cluster that did not succeed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Failed {
    /// Its last state.
    pub(super) state: UpgraderState,
    /// That state in words, and what Central says about it.
    pub(super) words: String,
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
    /// All that Central's own upgrader cares for.
    Everybody,
    /// The cluster this run writes to, by Central's id of it where that is known.
    Local(Option<String>),
}

impl Scope {
    /// The scope of `plan`, which writes to the cluster that Central knows as `local`.
    pub(super) fn of(plan: &Plan, local: Option<&str>) -> Self {
        if plan.awaits_upgrader() {
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
        view: View<'_>,
    ) -> bool {
        match self {
            Self::Nobody => false,
            Self::Everybody => !matches!(upgrader(cluster, view), Upgrader::NotHere(_)),
            Self::Local(Some(id)) => cluster.id == *id,
            Self::Local(None) => {
                let version = view.version;
                runs(cluster, version) || !all.iter().any(|other| runs(other, version))
            }
        }
    }
}

/// Where the upgrader is with `cluster`.
pub(super) fn upgrader(cluster: &SecuredCluster, view: View<'_>) -> Upgrader {
    if runs(cluster, view.version) {
        return Upgrader::Done;
    }
    match cluster.upgradability.as_str() {
        "MANUAL_UPGRADE_REQUIRED" => return Upgrader::NotHere(manager(cluster)),
        "SENSOR_VERSION_HIGHER" => {
            return Upgrader::NotHere("its sensor is newer than Central".to_owned());
        }
        _ => {}
    }
    let name = match cluster.upgrade_state.as_str() {
        // The first state is a default, which Central may leave out.
        "" if !cluster.upgrade_target.is_empty() => "UPGRADE_INITIALIZING",
        name => name,
    };
    let is_of_run = match cluster.upgrade_target.as_str() {
        "" => true,
        target => target.parse().is_ok_and(|target: Version| target == *view.version),
    };
    if name.is_empty() || !is_of_run {
        // Central begins when the sensor makes contact, whatever became of earlier upgrades.
        let waits = || Upgrader::Running("waits for its sensor to make contact".to_owned());
        return away(cluster, view).map_or_else(waits, Upgrader::NotHere);
    }
    let state = UpgraderState::parse(name);
    let mut words = match state {
        Some(state) => format!("{} ({name})", state.words()),
        None => name.to_owned(),
    };
    if !cluster.upgrade_detail.is_empty() {
        words = format!("{words}: {}", cluster.upgrade_detail);
    }
    match state.filter(|state| state.is_failure()) {
        Some(state) => Upgrader::Failed(Failed { state, words }),
        None => Upgrader::Running(words),
    }
}

/// Why nobody waits for a sensor that was silent long before the run; the one of the cluster that
/// is written to is waited for in any case.
fn away(cluster: &SecuredCluster, view: View<'_>) -> Option<String> {
    if view.local == Some(cluster.id.as_str()) {
        return None;
    }
    match time(&cluster.last_contact) {
        Some(contact) if contact < view.began - AWAY => {
            let contact = second(contact);
            Some(format!("its sensor is away since {contact}; it is upgraded when it is back"))
        }
        Some(_) => None,
        None => cluster.sensor_version.is_empty().then(|| "it has no sensor yet".to_owned()),
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
        is_worth_waiting = can_still_change(cluster);
        if cluster.upgradability == "MANUAL_UPGRADE_REQUIRED" {
            notes.push(manager(cluster));
        }
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
        part_of_run: true,
        note: notes.join(", "),
    };
    Verdict { report, is_worth_waiting, is_expected: true }
}

/// Whether something of this run may still change the version of the sensor.
fn can_still_change(cluster: &SecuredCluster) -> bool {
    let state = UpgraderState::parse(&cluster.upgrade_state);
    let in_progress =
        state.is_some_and(|state| !state.is_failure() && state != UpgraderState::Complete);
    cluster.is_local != Some(false) || in_progress
}

fn runs(cluster: &SecuredCluster, version: &Version) -> bool {
    cluster.sensor_version.parse().is_ok_and(|found: Version| found == *version)
}

fn manager(cluster: &SecuredCluster) -> String {
    let by_hand = "it has to be upgraded by hand";
    match (cluster.managed_by.as_str(), cluster.upgradability_reason.as_str()) {
        ("MANAGER_TYPE_HELM_CHART", _) => "it is upgraded with Helm".to_owned(),
        ("MANAGER_TYPE_KUBERNETES_OPERATOR", _) => "it is upgraded by its operator".to_owned(),
        (_, "") => by_hand.to_owned(),
        (_, reason) => format!("{by_hand}: {reason}"),
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

    static VERSION: Version = Version::release(3, 69, 2);

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

    fn began() -> Timestamp {
        "2024-02-29T12:00:00Z".parse().unwrap()
    }

    fn view<'a>() -> View<'a> {
        View { version: &VERSION, began: began(), local: None }
    }

    /// A cluster of an older version, changed.
    fn old(change: impl FnOnce(&mut SecuredCluster)) -> Upgrader {
        let sensor_version = "3.0.62.1".to_owned();
        let mut cluster = SecuredCluster { sensor_version, ..cluster() };
        change(&mut cluster);
        upgrader(&cluster, view())
    }

    #[test]
    fn the_states_of_the_upgrader_are_classified() {
        let at = |state: &str| {
            old(|cluster| {
                state.clone_into(&mut cluster.upgrade_state);
                cluster.upgrade_target = "3.69.2".to_owned();
            })
        };
        let running = [
            "UPGRADE_INITIALIZING",
            "UPGRADER_LAUNCHING",
            "PRE_FLIGHT_CHECKS_COMPLETE",
            "UPGRADE_ERROR_ROLLING_BACK",
            "UPGRADE_COMPLETE",
            "UPGRADE_IN_A_STATE_OF_THE_FUTURE",
            "",
        ];
        for state in running {
            assert!(matches!(at(state), Upgrader::Running(_)), "{state}");
        }
        for state in ["PRE_FLIGHT_CHECKS_FAILED", "UPGRADE_TIMED_OUT"] {
            assert!(matches!(at(state), Upgrader::Failed(_)), "{state}");
        }
        assert_eq!(upgrader(&cluster(), view()), Upgrader::Done);
    }

    #[test]
    fn only_an_upgrade_to_the_version_of_the_run_can_fail() {
        let failed = |target: &str| {
            old(|cluster| {
                cluster.upgrade_state = "UPGRADE_ERROR_UNKNOWN".to_owned();
                cluster.upgrade_detail = "no luck".to_owned();
                target.clone_into(&mut cluster.upgrade_target);
            })
        };
        let words = "it failed (UPGRADE_ERROR_UNKNOWN): no luck".to_owned();
        let expected = Upgrader::Failed(Failed { state: UpgraderState::Unknown, words });
        assert_eq!(failed("3.69.2"), expected);
        let earlier = failed("3.0.62.1");
        assert!(matches!(earlier, Upgrader::Running(_)), "Central begins anew: {earlier:?}");
    }

    #[test]
    fn nobody_waits_for_what_does_not_come() {
        let not_here = |words: &str| Upgrader::NotHere(words.to_owned());
        let by_helm = |cluster: &mut SecuredCluster| {
            cluster.managed_by = "MANAGER_TYPE_HELM_CHART".to_owned();
            cluster.upgradability = "MANUAL_UPGRADE_REQUIRED".to_owned();
        };
        assert_eq!(old(by_helm), not_here("it is upgraded with Helm"));
        let newer = |cluster: &mut SecuredCluster| {
            cluster.sensor_version = "3.70.0".to_owned();
            cluster.upgradability = "SENSOR_VERSION_HIGHER".to_owned();
        };
        assert_eq!(old(newer), not_here("its sensor is newer than Central"));
        let unused = |cluster: &mut SecuredCluster| {
            cluster.last_contact = String::new();
            cluster.sensor_version = String::new();
        };
        assert_eq!(old(unused), not_here("it has no sensor yet"));
        for (contact, is_away) in [("2024-02-28T11:59:59Z", true), ("2024-02-28T12:00:00Z", false)]
        {
            let silent = |cluster: &mut SecuredCluster| cluster.last_contact = contact.to_owned();
            assert_eq!(matches!(old(silent), Upgrader::NotHere(_)), is_away, "{contact}");
        }
        let mut local = cluster();
        local.id = "local".to_owned();
        local.sensor_version = "3.0.62.1".to_owned();
        local.last_contact = "2023-01-01T00:00:00Z".to_owned();
        let view = View { local: Some("local"), ..view() };
        assert!(matches!(upgrader(&local, view), Upgrader::Running(_)));
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
        let includes = |scope: &Scope, one: &SecuredCluster| scope.includes(one, &all, view());
        assert!(!includes(&Scope::Nobody, &old));
        assert!(includes(&Scope::Everybody, &old));
        assert!(includes(&Scope::Local(Some("old".to_owned())), &old));
        assert!(!includes(&Scope::Local(Some("old".to_owned())), &new));
        assert!(!includes(&Scope::Local(None), &old) && includes(&Scope::Local(None), &new));
        assert!(Scope::Local(None).includes(&old, std::slice::from_ref(&old), view()));
        let by_helm = SecuredCluster { upgradability: "MANUAL_UPGRADE_REQUIRED".to_owned(), ..old };
        assert!(!includes(&Scope::Everybody, &by_helm), "it is not the upgrader's");
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
        let by_helm = judged(|cluster| {
            cluster.sensor_version = "3.0.62.1".to_owned();
            cluster.managed_by = "MANAGER_TYPE_HELM_CHART".to_owned();
            cluster.upgradability = "MANUAL_UPGRADE_REQUIRED".to_owned();
        });
        assert!(by_helm.report.note.ends_with("it is upgraded with Helm"), "{:?}", by_helm.report);
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
