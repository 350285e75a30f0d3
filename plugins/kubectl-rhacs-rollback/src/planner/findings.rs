//! What has to be known of a way back before it is taken.

use common::checks::Definition;
use common::plan::{Action, Finding, Operation, Severity, Step};
use common::rhacs::way_back::Manner;
use common::rhacs::{Component, ObjectRef, Version};
use common::run::{Record, StepState};

use super::Way;
use super::records::Conflict;
use super::refusal::{Refusal, by_manifest, restore_hint};
use super::steps::Part;
use super::view::{Started, View};

const DATA_LOST: Definition = Definition {
    code: "RHACS-ROLLBACK-DATA-LOST",
    severity: Severity::Accept,
    meaning: "what Central wrote since the upgrade is lost",
    why: "the older Central takes the copy of its database from before the upgrade",
    source: "product guide: forced rollback of Central; product migrator, rocksdb clones",
};
const CHANGED_SINCE: Definition = Definition {
    code: "RHACS-ROLLBACK-CHANGED-SINCE",
    severity: Severity::Accept,
    meaning: "somebody changed an object since the run; going back takes that change back too",
    why: "an object goes back exactly to what was captured before the run",
    source: "the record of the run",
};
const FORWARD: Definition = Definition {
    code: "RHACS-ROLLBACK-FORWARD",
    severity: Severity::Accept,
    meaning: "the newest run is a rollback: taking it back goes forward again",
    why: "a rollback that is started twice must not bring back what the first one took away",
    source: "the record of the run",
};
const FORWARD_NAMED: Definition = Definition {
    code: "RHACS-ROLLBACK-OF-ROLLBACK",
    severity: Severity::Warn,
    meaning: "the run that was named is a rollback: taking it back goes forward again",
    why: "Central migrates its database as in an upgrade",
    source: "the record of the run",
};
const LEFT: Definition = Definition {
    code: "RHACS-ROLLBACK-LEFT",
    severity: Severity::Warn,
    meaning: "an object stays as it is, since it is not certain that the run made it",
    why: "what is somebody else's is not deleted",
    source: "the record of the run",
};
const NO_COPY: Definition = Definition {
    code: "RHACS-ROLLBACK-NO-COPY",
    severity: Severity::Block,
    meaning: "Central has no copy of its database of that version",
    why: "up to 4.0 it goes back only to the version before its last upgrade, and only when there \
          was room for a copy then",
    source: "product API /v1/centralhealth/upgradestatus; product migrator, clones",
};
const DISK: Definition = Definition {
    code: "RHACS-ROLLBACK-DISK",
    severity: Severity::Warn,
    meaning: "Central's disk has no room for a copy of its database",
    why: "the upgrade may have gone on without the copy that the way back needs",
    source: "product API /v1/centralhealth/upgradestatus; product migrator, clones",
};
const STARTED: Definition = Definition {
    code: "RHACS-ROLLBACK-STARTED",
    severity: Severity::Info,
    meaning: "whether the newer Central has opened the database",
    why: "a newer Central that has started makes the difference between an undo and a forced rollback",
    source: "upgrade guide 3.69, section 2.4.1; Central's log and API",
};
const POSTGRES: Definition = Definition {
    code: "RHACS-ROLLBACK-POSTGRES",
    severity: Severity::Warn,
    meaning: "Central's database keeps its newer PostgreSQL",
    why: "an older PostgreSQL cannot read a data directory that a newer one has converted",
    source: "product tests/upgrade/postgres_upgrade_run.sh",
};
const SENSOR_HIGHER: Definition = Definition {
    code: "RHACS-ROLLBACK-SENSOR-HIGHER",
    severity: Severity::Warn,
    meaning: "a secured cluster will be newer than Central",
    why: "Central shows SENSOR_VERSION_HIGHER and never downgrades a sensor by itself",
    source: "product proto/storage/cluster.proto",
};
const PARTIAL: Definition = Definition {
    code: "RHACS-ROLLBACK-PARTIAL",
    severity: Severity::Info,
    meaning: "a component that the run changed stays as it is",
    why: "Central alone goes back unless other components are named",
    source: "upgrade guide 3.69, section 2.4",
};
const LAST_BACKUP: Definition = Definition {
    code: "RHACS-ROLLBACK-BACKUP",
    severity: Severity::Info,
    meaning: "the backup to go back to when rolling back does not work",
    why: "an older Central can be installed anew and be given the database of its own time",
    source: "product guide: restoring from a backup",
};
const NO_BACKUP: Definition = Definition {
    code: "RHACS-ROLLBACK-NO-BACKUP",
    severity: Severity::Warn,
    meaning: "no backup is known",
    why: "when rolling back does not work there is nothing else to go back to",
    source: "product guide: restoring from a backup",
};
const SCC_RUN: Definition = Definition {
    code: "RHACS-ROLLBACK-SCC-RUN",
    severity: Severity::Info,
    meaning: "a run of `scc` is taken back",
    why: "it left every version as it is, and can be taken back by itself",
    source: "the record of the run",
};
const BY_UPGRADER: Definition = Definition {
    code: "RHACS-ROLLBACK-BY-UPGRADER",
    severity: Severity::Accept,
    meaning: "the secured cluster stays as it is: Central's own upgrader has upgraded it",
    why: "the upgrader keeps no record of what was there, and never goes back to an older version",
    source: "product guide: sensor upgrades; product sensor/upgrader",
};
const IMAGE: Definition = Definition {
    code: "RHACS-ROLLBACK-IMAGE",
    severity: Severity::Warn,
    meaning: "the image that Central gets is not the one that is on record for this version",
    why: "another registry may have another image under the same tag, or none",
    source: "the records of runs and the ReplicaSets of deploy/central",
};

/// Every finding the planner can make.
pub const DEFINITIONS: &[Definition] = &[
    DATA_LOST,
    CHANGED_SINCE,
    FORWARD,
    FORWARD_NAMED,
    LEFT,
    NO_COPY,
    DISK,
    STARTED,
    POSTGRES,
    SENSOR_HIGHER,
    PARTIAL,
    LAST_BACKUP,
    NO_BACKUP,
    SCC_RUN,
    BY_UPGRADER,
    IMAGE,
];

/// What a planner was told while it made the plan.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// How Central gets a database it can use, and whether the newer one has opened it.
    pub(super) database: Option<(Manner, Started)>,
    /// The user forces the way back, knowing what it costs.
    pub(super) is_data_loss_accepted: bool,
    /// The way leads to a newer version.
    pub(super) forward: bool,
    stays: Vec<Component>,
    /// Central's own upgrader took part in the runs.
    by_upgrader: bool,
    found: Vec<Finding>,
}

impl Told {
    /// `components` without the secured cluster when Central's own upgrader has changed it and no
    /// record has what was there: then nothing here can take it back.
    ///
    /// # Errors
    /// When nothing else was asked for.
    pub(super) fn without_upgraders_part(
        &mut self,
        view: View<'_>,
        way: &Way,
        components: Vec<Component>,
        parts: &[Part],
    ) -> Result<Vec<Component>, Refusal> {
        let upgraded = way.records().iter().find(|record| is_by_upgrader(record));
        let Some(record) = upgraded else { return Ok(components) };
        self.by_upgrader = true;
        let secured = Component::Secured;
        let is_asked = components.contains(&secured);
        if !is_asked || parts.iter().any(|part| part.component == secured) {
            return Ok(components);
        }
        let (version, run) = (&record.plan.to, &record.id);
        let what =
            format!("Central's own upgrader brought the secured cluster to {version} in run {run}");
        let by_hand = by_manifest(&record.plan.from, &view.snapshot.namespace);
        let rest: Vec<Component> =
            components.into_iter().filter(|component| *component != secured).collect();
        if rest.is_empty() {
            return Err(Refusal::ByUpgrader { what, by_hand });
        }
        let what = format!("{what}: it is not taken back, and not waited for");
        self.found.push(BY_UPGRADER.found(what, by_hand));
        self.stays(secured);
        Ok(rest)
    }

    /// Somebody changed `object` since `run`.
    pub(super) fn conflict(&mut self, object: &ObjectRef, run: &str, conflict: Conflict) {
        let Conflict { words, fields } = conflict;
        let what = match fields.len() {
            0 => format!("{object}: {words}"),
            1 => format!("{object}: 1 field is not as run {run} left it"),
            several => format!("{object}: {several} fields are not as run {run} left them"),
        };
        let fix = format!("`kubectl get {object} -o yaml`, and keep what you need of it");
        self.found.push(Finding { fields, ..CHANGED_SINCE.found(what, fix) });
    }

    /// Whether every component that the runs changed takes part.
    pub(super) const fn is_whole(&self) -> bool {
        self.stays.is_empty()
    }

    /// `object` is not taken back.
    pub(super) fn left(&mut self, object: &ObjectRef, why: String) {
        let fix = format!("`kubectl delete {object}`, if nobody needs it");
        self.found.push(LEFT.found(format!("{object} stays: {why}"), fix));
    }

    /// The database of Central stays on its newer PostgreSQL.
    pub(super) fn postgres(&mut self, object: &ObjectRef) {
        self.found.push(POSTGRES.found(format!("{object} keeps its image"), String::new()));
    }

    /// `component` was changed by the run and does not take part.
    pub(super) fn stays(&mut self, component: Component) {
        if !self.stays.contains(&component) {
            self.stays.push(component);
        }
    }

    /// Looks at the whole plan.
    pub(super) fn look(
        &mut self,
        view: View<'_>,
        way: &Way,
        versions: (&Version, &Version),
        components: &[Component],
        steps: &[Step],
    ) {
        if steps.is_empty() {
            self.partial(components);
            return;
        }
        let records = way.records();
        self.scc_runs(records);
        self.direction(way, records, versions.1);
        self.data(view, versions);
        self.partial(components);
        if versions.0 == versions.1 && self.database.is_none() {
            // Central stays what it is.
            return;
        }
        self.sensors(view, versions.1, components);
        self.backup(view, records, versions.1);
        self.image(view, versions.1, steps);
    }

    /// The findings, those the user has accepted marked so.
    pub(super) fn into_findings(self) -> Vec<Finding> {
        let is_forced = self.is_data_loss_accepted;
        let mut found = self.found;
        for finding in &mut found {
            finding.accepted = is_forced && finding.code == DATA_LOST.code;
        }
        found
    }

    fn scc_runs(&mut self, records: &[Record]) {
        for record in records.iter().filter(|record| record.operation == Operation::Scc) {
            let what = match record.plan.course {
                Some(_) => format!("run {} put SCCs back", record.id),
                None => {
                    format!("run {} brought the SCCs to those of {}", record.id, record.plan.to)
                }
            };
            let fix = format!("kubectl rhacs scc restore {} takes back that run alone", record.id);
            self.found.push(SCC_RUN.found(what, fix));
        }
    }

    fn direction(&mut self, way: &Way, records: &[Record], to: &Version) {
        let Some(newest) = records.first().filter(|_| self.forward) else { return };
        let run = &newest.id;
        let is_rollback = newest.operation == Operation::Rollback;
        if is_rollback && matches!(way, Way::Records { is_named: false, .. }) {
            let what = format!("run {run} was a rollback; taking it back goes forward to {to}");
            let fix = "`kubectl rhacs rollback history`, then `--to-run RUN` for an earlier one";
            self.found.push(FORWARD.found(what, fix));
        } else {
            let what = format!("taking run {run} back goes forward to {to}");
            self.found.push(FORWARD_NAMED.found(what, "take a backup first"));
        }
    }

    fn data(&mut self, view: View<'_>, (from, to): (&Version, &Version)) {
        let Some((manner, started)) = self.database.clone() else { return };
        let (has_started, evidence) = match &started {
            Started::Yes(evidence) => (true, format!("Central has started on {from}: {evidence}")),
            Started::No(evidence) => {
                (false, format!("Central has not started on {from}: {evidence}"))
            }
            Started::Unknown => (true, format!("Central may have started on {from}")),
        };
        self.found.push(STARTED.found(evidence, String::new()));
        if !has_started || manner != Manner::Copy {
            return;
        }
        let what =
            format!("Central goes back to its database of {to}: what it wrote since is lost");
        let fix = "take a backup of what is there now, `roxctl -e HOST:PORT central backup`; then accept it";
        self.found.push(DATA_LOST.found(what, fix));
        let Some(status) = &view.snapshot.central.upgrade_status else { return };
        let copy: Option<Version> = status.force_rollback_to.parse().ok();
        if copy.as_ref() != Some(to) {
            let what = match &copy {
                Some(copy) => format!("Central keeps the database of {copy}, not that of {to}"),
                None => format!("Central keeps no database of an earlier version, so not of {to}"),
            };
            self.found.push(NO_COPY.found(what, restore_hint(to)));
        }
        if status.space_required > status.space_available {
            let what = format!(
                "a copy takes {} bytes, {} are free",
                status.space_required, status.space_available
            );
            self.found.push(DISK.found(what, restore_hint(to)));
        }
    }

    fn sensors(&mut self, view: View<'_>, to: &Version, components: &[Component]) {
        if !components.contains(&Component::Central) {
            return;
        }
        let clusters = &view.snapshot.central.clusters;
        // An init bundle's certificate names no cluster: then the only one is this one.
        let only = clusters.first().filter(|_| clusters.len() == 1);
        let local = view.snapshot.local_cluster().or(only).map(|cluster| cluster.id.clone());
        let goes_back = components.contains(&Component::Secured);
        let higher: Vec<&str> = clusters
            .iter()
            .filter(|cluster| !(goes_back && local.as_deref() == Some(cluster.id.as_str())))
            .filter(|cluster| {
                cluster.sensor_version.parse().is_ok_and(|version: Version| version > *to)
            })
            .map(|cluster| cluster.name.as_str())
            .collect();
        if !higher.is_empty() {
            let what = format!("newer than {to} will be: {}", higher.join(", "));
            let fix = match self.by_upgrader {
                true => by_manifest(to, &view.snapshot.namespace),
                false => {
                    "on each of them: `kubectl rhacs rollback --components secured`".to_owned()
                }
            };
            self.found.push(SENSOR_HIGHER.found(what, fix));
        }
    }

    fn partial(&mut self, components: &[Component]) {
        if self.stays.is_empty() {
            return;
        }
        let mut all: Vec<Component> = self.stays.iter().chain(components).copied().collect();
        all.sort_unstable();
        let words =
            |all: &[Component]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let what = format!("not rolled back: {}", words(&self.stays));
        if self.by_upgrader && self.stays == [Component::Secured] {
            return self.found.push(PARTIAL.found(what, String::new()));
        }
        let fix = format!("--components {}", words(&all));
        self.found.push(PARTIAL.found(what, fix));
    }

    fn backup(&mut self, view: View<'_>, records: &[Record], to: &Version) {
        let taken = records
            .iter()
            .filter(|record| record.plan.from == *to)
            .find_map(|record| record.report.as_ref()?.backup.as_ref());
        let what = match (taken, &view.snapshot.central.last_backup) {
            (Some(backup), _) => format!("the run took {}", backup.path),
            (None, Some(at)) => format!("Central was backed up last at {at}"),
            (None, None) => {
                let what = "neither Central nor a record knows of a backup";
                let fix = "roxctl -e HOST:PORT central backup";
                return self.found.push(NO_BACKUP.found(what, fix));
            }
        };
        self.found.push(LAST_BACKUP.found(what, restore_hint(to)));
    }

    fn image(&mut self, view: View<'_>, to: &Version, steps: &[Step]) {
        let namespace = &view.snapshot.namespace;
        let known = view.ground.revisions.iter().find(|one| one.version.as_ref() == Some(to));
        let given = steps.iter().find_map(|step| super::steps::central_image(step, namespace));
        if let (Some(known), Some(given)) = (known, given)
            && known.image != given
        {
            let what = format!("Central gets {given}; {} ran {}", to, known.image);
            self.found.push(IMAGE.found(what, "say which one is meant with --image main=REF"));
        }
    }
}

/// Whether Central's own upgrader changed secured clusters in the run.
fn is_by_upgrader(record: &Record) -> bool {
    record.plan.steps.iter().any(|step| {
        matches!(step.action, Action::AwaitUpgrader { .. })
            && matches!(
                record.step_state(&step.id),
                StepState::Started | StepState::Done | StepState::Failed
            )
    })
}
