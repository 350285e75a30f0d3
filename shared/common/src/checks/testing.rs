//! A readable builder of installations for the tests of the checks.

use crate::plan::{
    Action, Finding, Operation, PLAN_SCHEMA, Plan, Step, Undo, Verification, Write, running,
};
use crate::rhacs::images::ImageOptions;
use crate::rhacs::rules::{ALL, Facts};
use crate::rhacs::{
    CentralFacts, Certificate, ClusterIdentity, Platform, SecretFacts, SecuredCluster, Snapshot,
    Version, official,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{CheckOptions, GENERAL, Group, findings};

/// An installation in good health, with a persistent Central and credentials for it.
pub struct Installation {
    pub snapshot: Snapshot,
    pub accept: Vec<String>,
    pub backup_space: Option<u64>,
    backup: bool,
    judge: Judge,
}

/// What makes the plan of an installation, and what it is checked for.
#[derive(Clone, Copy)]
pub struct Judge {
    /// Makes the plan to go to a version, with or without a backup.
    pub plan: fn(&Snapshot, &Version, bool) -> Plan,
    /// The checks.
    pub groups: &'static [Group],
}

/// The time of all tests.
pub fn now() -> Timestamp {
    "2026-01-02T12:00:00Z".parse().expect("a time")
}

/// `days` from now, RFC 3339.
pub fn in_days(days: i64) -> String {
    (now() + SignedDuration::from_hours(24 * days)).to_string()
}

impl Installation {
    pub fn at(version: &str) -> Self {
        Self::new(version, Platform::Kubernetes)
    }

    pub fn on_openshift(version: &str) -> Self {
        Self::new(version, Platform::OpenShift)
    }

    fn new(version: &str, platform: Platform) -> Self {
        let version: Version = version.parse().expect(version);
        let objects = official::objects(&version, platform, "stackrox");
        Self::of(&version, platform, objects)
    }

    /// The installation that the release's own manifest makes; none when it is not at hand.
    pub fn of_manifest(version: &str, platform: Platform) -> Option<Self> {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/manifests");
        let text = std::fs::read_to_string(format!("{directory}/{version}-{platform}.yaml"));
        let objects: Vec<Value> = serde_saphyr::from_multiple(&text.ok()?).expect(version);
        let objects = objects.into_iter().filter(|object| object["kind"] != "Secret").collect();
        Some(Self::of(&version.parse().expect(version), platform, objects))
    }

    fn of(version: &Version, platform: Platform, mut objects: Vec<Value>) -> Self {
        objects.iter_mut().for_each(run);
        objects.push(bound_claim("stackrox-db"));
        let snapshot = Snapshot {
            cluster: ClusterIdentity {
                id: "uid".to_owned(),
                server: "https://api.example:6443".to_owned(),
                version: "v1.22.8".to_owned(),
            },
            taken_at: now().to_string(),
            server_time: Some(now().to_string()),
            namespace: "stackrox".to_owned(),
            namespace_exists: true,
            platform: Some(platform),
            objects,
            nodes: vec![node("a"), node("b")],
            secrets: ["central-tls", "scanner-tls", "scanner-db-tls", "sensor-tls"]
                .iter()
                .map(|name| tls_secret(name, 300))
                .collect(),
            central: central(version),
            ..Snapshot::default()
        };
        let mut installation =
            Self { snapshot, accept: Vec::new(), backup_space: None, backup: true, judge: PLAIN };
        installation.persist();
        installation
    }

    /// The same, planned and checked in another way.
    #[must_use]
    pub const fn judged_by(mut self, judge: Judge) -> Self {
        self.judge = judge;
        self
    }

    fn persist(&mut self) {
        let central = self.object("Deployment", "central");
        let volumes = &mut central["spec"]["template"]["spec"]["volumes"];
        for volume in volumes.as_array_mut().expect("volumes") {
            if volume["name"] == "stackrox-db" {
                *volume = json!({
                    "name": "stackrox-db", "persistentVolumeClaim": {"claimName": "stackrox-db"},
                });
            }
        }
    }

    pub fn without_backup(mut self) -> Self {
        self.backup = false;
        self
    }

    pub fn paused(self, deployment: &str) -> Self {
        self.with("Deployment", deployment, |object| object["spec"]["paused"] = json!(true))
    }

    /// The same with one object changed.
    pub fn with(mut self, kind: &str, name: &str, change: impl Fn(&mut Value)) -> Self {
        change(self.object(kind, name));
        self
    }

    /// The same with one object more.
    pub fn plus(mut self, object: Value) -> Self {
        self.snapshot.objects.push(object);
        self
    }

    /// The same with another word from Central.
    pub fn central(mut self, change: impl Fn(&mut CentralFacts)) -> Self {
        change(&mut self.snapshot.central);
        self
    }

    pub fn object(&mut self, kind: &str, name: &str) -> &mut Value {
        self.snapshot
            .objects
            .iter_mut()
            .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
            .expect(name)
    }

    pub fn plan_for(&self, to: &str) -> Plan {
        (self.judge.plan)(&self.snapshot, &to.parse().expect(to), self.backup)
    }

    pub fn findings_of(&self, plan: &Plan) -> Vec<Finding> {
        let options = CheckOptions {
            now: now(),
            accept: self.accept.clone(),
            backup_space: self.backup_space,
            backup_directory_fault: None,
        };
        findings(self.judge.groups, &self.snapshot, plan, &options)
    }

    pub fn findings_for(&self, to: &str) -> Vec<Finding> {
        self.findings_of(&self.plan_for(to))
    }

    /// The one finding with this code.
    pub fn finding(&self, code: &str, to: &str) -> Finding {
        let mut found = self.findings_for(to);
        found.retain(|finding| finding.code == code);
        assert_eq!(found.len(), 1, "{code}: {found:#?}");
        found.remove(0)
    }

    pub fn has(&self, code: &str, to: &str) -> bool {
        self.findings_for(to).iter().any(|finding| finding.code == code)
    }
}

const PLAIN: Judge = Judge { plan: plain, groups: &GENERAL };

/// A plan with one step for each write the rules ask for, enough to check what all plans share.
fn plain(snapshot: &Snapshot, to: &Version, _backup: bool) -> Plan {
    let before = running(snapshot);
    let from = crate::plan::oldest(snapshot, &before).expect("a version that runs");
    let images = ImageOptions::default();
    let facts = Facts::new(snapshot, &from, to, &images);
    let proposed = ALL.iter().flat_map(|rule| rule.proposals(&facts)).map(|found| found.write);
    let changed = crate::rhacs::rules::image_changes(&facts).expect("known images");
    let writes = proposed.chain(changed.into_iter().map(|change| change.proposal.write));
    Plan {
        schema: PLAN_SCHEMA,
        tool: format!("kubectl-rhacs {}", crate::SUITE_VERSION),
        operation: Operation::Upgrade,
        cluster: snapshot.cluster.clone(),
        namespace: snapshot.namespace.clone(),
        platform: snapshot.platform.expect("a platform"),
        from: from.clone(),
        to: to.clone(),
        components: crate::rhacs::Component::ALL.into(),
        before,
        basis: Vec::new(),
        steps: writes.map(step).collect(),
        course: None,
        digest: String::new(),
    }
    .sealed()
}

fn step(write: Write) -> Step {
    let object = write.object().clone();
    Step {
        id: object.name.clone(),
        component: None,
        title: format!("Change {object}"),
        action: Action::Write { writes: vec![write] },
        changes: Vec::new(),
        undo: Undo::Restore,
        verify: vec![Verification::Rollout { object }],
        timeout_seconds: 600,
    }
}

/// Gives a workload the status of one that runs.
fn run(object: &mut Value) {
    let replicas = object["spec"]["replicas"].as_u64().unwrap_or(1);
    let status = match object["kind"].as_str() {
        Some("Deployment") => json!({
            "observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas,
        }),
        Some("DaemonSet") => json!({
            "observedGeneration": 1, "desiredNumberScheduled": 2, "currentNumberScheduled": 2,
            "updatedNumberScheduled": 2, "numberReady": 2, "numberAvailable": 2,
        }),
        _ => return,
    };
    object["metadata"]["generation"] = json!(1);
    object["status"] = status;
}

pub fn node(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/arch": "amd64"}},
        "spec": {},
        "status": {
            "nodeInfo": {"architecture": "amd64", "operatingSystem": "linux"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    })
}

pub fn bound_claim(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "stackrox"},
        "status": {"phase": "Bound"},
    })
}

pub fn tls_secret(name: &str, days: i64) -> SecretFacts {
    SecretFacts {
        name: name.to_owned(),
        kind: "Opaque".to_owned(),
        certificates: [(
            certificate_key(name),
            Certificate {
                subject: "CENTRAL_SERVICE: Central".to_owned(),
                not_after: in_days(days),
            },
        )]
        .into(),
        ca_fingerprint: Some("aa11".to_owned()),
        ..SecretFacts::default()
    }
}

/// Where the Secret `name` of a real installation has its certificate.
fn certificate_key(name: &str) -> String {
    match name.strip_suffix("-tls") {
        Some(part @ ("admission-control" | "collector" | "sensor")) => format!("{part}-cert.pem"),
        _ => "cert.pem".to_owned(),
    }
}

pub fn cluster(name: &str, sensor_version: &str) -> SecuredCluster {
    SecuredCluster {
        id: format!("id-{name}"),
        name: name.to_owned(),
        sensor_version: sensor_version.to_owned(),
        health: "HEALTHY".to_owned(),
        last_contact: now().to_string(),
        certificate_expiry: in_days(300),
        ..SecuredCluster::default()
    }
}

fn central(version: &Version) -> CentralFacts {
    CentralFacts {
        endpoint: Some("port-forward".to_owned()),
        has_credentials: true,
        version: Some(version.clone()),
        user: Some("upgrade".to_owned()),
        token_id: Some("t".to_owned()),
        token_expires: Some(in_days(300)),
        roles: vec!["Admin".to_owned()],
        auto_upgrade: Some(false),
        clusters: vec![SecuredCluster {
            is_local: Some(true),
            ..cluster("local", &version.to_string())
        }],
        last_backup: Some(in_days(-1)),
        ..CentralFacts::default()
    }
}
