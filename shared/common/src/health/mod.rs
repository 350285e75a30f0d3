//! How an installation is: what runs, what is missing, what is left to do, and what was not looked
//! at. Judged from a snapshot alone.

mod central;
mod certificates;
mod missing;
#[cfg(test)]
mod tests;
mod versions;
mod workloads;

use jiff::Timestamp;
use serde::Serialize;

use crate::checks::{open_runs, suite_command};
use crate::rhacs::{Installation, Snapshot, Version};

pub use central::ClusterHealth;
pub use certificates::CertificateHealth;
pub use missing::Missing;
pub use workloads::{VersionSource, WorkloadHealth};

/// The number of the format of [`Health`].
pub const SCHEMA: u32 = 1;

/// What is known of an installation at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// [`SCHEMA`].
    pub schema: u32,
    /// All in all.
    pub result: Verdict,
    /// The namespace.
    pub namespace: String,
    /// OpenShift or not.
    pub platform: String,
    /// Who manages it.
    pub managed_by: Installation,
    /// The release that everything is held against: Central's, where it can be told.
    pub version: Option<Version>,
    /// The version Central's API says; none when it was not or could not be asked.
    pub central: Option<Version>,
    /// Why Central was not asked, or did not answer.
    pub central_note: Option<String>,
    /// Whether Central was to be asked and did not answer, or refused.
    pub central_failed: bool,
    /// The containers of the product's workloads.
    pub workloads: Vec<WorkloadHealth>,
    /// What the release has, or a workload needs, and is not there.
    pub missing: Vec<Missing>,
    /// What Central says of the secured clusters.
    pub clusters: Vec<ClusterHealth>,
    /// The certificates in the installation's Secrets, the one that ends first first.
    pub certificates: Vec<CertificateHealth>,
    /// Runs of this suite that are not finished.
    pub runs: Vec<UnfinishedRun>,
    /// Who holds the lock.
    pub lock: Option<String>,
    /// What is left to do; empty when nothing is.
    pub work: Vec<Work>,
    /// What of the above was not looked at.
    pub not_looked_at: Vec<Unseen>,
}

/// The judgement in one word.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Everything that was to be looked at is as it should be.
    Healthy,
    /// There is something to do.
    WorkToDo,
    /// Nothing to do was found, but something could not be looked at.
    NotLookedAt,
}

/// Something to do.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// What it is about, as kubectl takes it where it is an object.
    pub object: String,
    /// What is so, a sentence without a period.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

/// Something that was not looked at.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unseen {
    /// What.
    pub what: String,
    /// Why not.
    pub why: String,
    /// Whether it was tried, so that nobody may take it for healthy; else nobody asked for it.
    pub failed: bool,
}

/// A run of this suite that is not finished.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnfinishedRun {
    /// Its id.
    pub run: String,
    /// What it does, such as `upgrade`.
    pub operation: String,
    /// How it is recorded, such as `failed`.
    pub state: String,
    /// Whether it holds the lock, so that it is still at work.
    pub at_work: bool,
    /// The command that finishes it.
    pub resume: String,
}

/// Somebody who holds the lock of an installation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lock {
    /// Who.
    pub holder: String,
    /// Since when, RFC 3339.
    pub since: String,
}

/// Judges the installation of `snapshot` at `now`; `lock` is who holds its lock, or why that could
/// not be read.
#[must_use]
pub fn health(snapshot: &Snapshot, lock: Result<Option<Lock>, String>, now: Timestamp) -> Health {
    let managed_by = Installation::detect(snapshot);
    let version = versions::reference(snapshot);
    let mut found = Found::default();
    found.namespace(snapshot);
    let workloads = workloads::all(snapshot, &managed_by, version.as_ref(), &mut found);
    let missing = missing::all(snapshot, &managed_by, version.as_ref(), &mut found);
    let clusters = central::clusters(snapshot, now, &mut found);
    let certificates = certificates::all(snapshot, now, &mut found);
    let central_note = central::note(snapshot, &mut found);
    let lock = lock.unwrap_or_else(|why| {
        found.unseen("the lock", &why);
        None
    });
    let runs = runs(snapshot, lock.as_ref(), &mut found);
    for (what, consequence) in CONSULTED {
        if let Some(why) = snapshot.unread.get(what) {
            found.unseen(consequence, why);
        }
    }
    Health {
        schema: SCHEMA,
        result: found.verdict(),
        namespace: snapshot.namespace.clone(),
        platform: snapshot.platform.map(|platform| platform.to_string()).unwrap_or_default(),
        managed_by,
        version,
        central: snapshot.central.version.clone(),
        central_note,
        central_failed: central::has_failed(snapshot),
        workloads,
        missing,
        clusters,
        certificates,
        runs,
        lock: lock.map(|lock| format!("{} since {}", lock.holder, lock.since)),
        work: found.work,
        not_looked_at: found.unseen,
    }
}

/// What the judgement rests on beside the workloads, and what cannot be told without it.
const CONSULTED: [(&str, &str); 6] = [
    ("namespace", "whether the namespace is being deleted"),
    ("Secret", "certificates, recorded runs and Secrets that are missing"),
    ("ConfigMap", "ConfigMaps that are missing"),
    ("PersistentVolumeClaim", "volume claims that are missing"),
    ("Service", "Services that are missing"),
    ("ServiceAccount", "ServiceAccounts that are missing"),
];

/// What is collected on the way.
#[derive(Default)]
struct Found {
    work: Vec<Work>,
    unseen: Vec<Unseen>,
}

impl Found {
    fn work(&mut self, object: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) {
        let work = Work { object: object.into(), what: what.into(), fix: fix.into() };
        if !self.work.contains(&work) {
            self.work.push(work);
        }
    }

    fn unseen(&mut self, what: &str, why: &str) {
        self.unseen.push(Unseen { what: what.to_owned(), why: why.to_owned(), failed: true });
    }

    fn unasked(&mut self, what: &str, why: &str) {
        self.unseen.push(Unseen { what: what.to_owned(), why: why.to_owned(), failed: false });
    }

    fn namespace(&mut self, snapshot: &Snapshot) {
        let own = snapshot.object("Namespace", &snapshot.namespace);
        let since = own.and_then(|own| own["metadata"]["deletionTimestamp"].as_str());
        if let Some(since) = since {
            self.work(
                format!("namespace/{}", snapshot.namespace),
                format!("it is being deleted since {since}, with everything in it"),
                format!(
                    "what still holds it: kubectl get namespace {} -o yaml",
                    snapshot.namespace
                ),
            );
        }
    }

    fn verdict(&self) -> Verdict {
        match (self.work.is_empty(), self.unseen.iter().any(|unseen| unseen.failed)) {
            (false, _) => Verdict::WorkToDo,
            (true, true) => Verdict::NotLookedAt,
            (true, false) => Verdict::Healthy,
        }
    }
}

fn runs(snapshot: &Snapshot, lock: Option<&Lock>, found: &mut Found) -> Vec<UnfinishedRun> {
    let runs = open_runs(snapshot).into_iter().map(|run| {
        let at_work = lock.is_some_and(|lock| lock.holder.ends_with(&run.id));
        let resume = run.resume(&snapshot.namespace);
        let object = format!("run {}", run.id);
        if at_work {
            let watch = suite_command(&snapshot.namespace, "upgrade status --watch");
            found.work(object, format!("this {} is at work", run.operation), watch);
        } else {
            let what = format!("this {} is recorded as {}", run.operation, run.state);
            found.work(object, what, resume.clone());
        }
        UnfinishedRun { run: run.id, operation: run.operation, state: run.state, at_work, resume }
    });
    runs.collect()
}
