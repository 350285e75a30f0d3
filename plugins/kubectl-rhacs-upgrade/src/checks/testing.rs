//! A readable builder of installations for the tests of the checks.

use common::plan::{Finding, Plan, ScannerConfig};
use common::rhacs::images::ImageOptions;
use common::rhacs::{
    CentralFacts, Certificate, ClusterIdentity, Platform, SecretFacts, SecuredCluster, Snapshot,
    Version, official,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{CheckOptions, findings};
use crate::planner::{Request, plan};

/// An installation in good health, with a persistent Central and credentials for it.
pub(super) struct Installation {
    pub(super) snapshot: Snapshot,
    pub(super) accept: Vec<String>,
    pub(super) backup_space: Option<u64>,
    backup: bool,
}

/// The time of all tests.
pub(super) fn now() -> Timestamp {
    "2026-01-02T12:00:00Z".parse().expect("a time")
}

/// `days` from now, RFC 3339.
pub(super) fn in_days(days: i64) -> String {
    (now() + SignedDuration::from_hours(24 * days)).to_string()
}

impl Installation {
    pub(super) fn at(version: &str) -> Self {
        Self::new(version, Platform::Kubernetes)
    }

    pub(super) fn on_openshift(version: &str) -> Self {
        Self::new(version, Platform::OpenShift)
    }

    fn new(version: &str, platform: Platform) -> Self {
        let version: Version = version.parse().expect(version);
        let objects = official::objects(&version, platform, "stackrox");
        Self::of(&version, platform, objects)
    }

    /// The installation that the release's own manifest makes; none when it is not at hand.
    pub(super) fn of_manifest(version: &str, platform: Platform) -> Option<Self> {
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
            Self { snapshot, accept: Vec::new(), backup_space: None, backup: true };
        installation.persist();
        installation
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

    pub(super) fn without_backup(mut self) -> Self {
        self.backup = false;
        self
    }

    pub(super) fn paused(self, deployment: &str) -> Self {
        self.with("Deployment", deployment, |object| object["spec"]["paused"] = json!(true))
    }

    /// The same with one object changed.
    pub(super) fn with(mut self, kind: &str, name: &str, change: impl Fn(&mut Value)) -> Self {
        change(self.object(kind, name));
        self
    }

    /// The same with one object more.
    pub(super) fn plus(mut self, object: Value) -> Self {
        self.snapshot.objects.push(object);
        self
    }

    /// The same with another word from Central.
    pub(super) fn central(mut self, change: impl Fn(&mut CentralFacts)) -> Self {
        change(&mut self.snapshot.central);
        self
    }

    pub(super) fn object(&mut self, kind: &str, name: &str) -> &mut Value {
        self.snapshot
            .objects
            .iter_mut()
            .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
            .expect(name)
    }

    pub(super) fn plan_for(&self, to: &str) -> Plan {
        let request = Request {
            to: to.parse().expect(to),
            components: Vec::new(),
            images: ImageOptions::default(),
            backup_directory: self.backup.then(|| ".".to_owned()),
            scanner_config: ScannerConfig::Keep,
            revoke_token: false,
            timeout_seconds: None,
        };
        plan(&self.snapshot, &request).expect("a plan")
    }

    pub(super) fn findings_of(&self, plan: &Plan) -> Vec<Finding> {
        let options = CheckOptions {
            now: now(),
            accept: self.accept.clone(),
            backup_space: self.backup_space,
            backup_directory_fault: None,
        };
        findings(&self.snapshot, plan, &options)
    }

    pub(super) fn findings_for(&self, to: &str) -> Vec<Finding> {
        self.findings_of(&self.plan_for(to))
    }

    /// The one finding with this code.
    pub(super) fn finding(&self, code: &str, to: &str) -> Finding {
        let mut found = self.findings_for(to);
        found.retain(|finding| finding.code == code);
        assert_eq!(found.len(), 1, "{code}: {found:#?}");
        found.remove(0)
    }

    pub(super) fn has(&self, code: &str, to: &str) -> bool {
        self.findings_for(to).iter().any(|finding| finding.code == code)
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

pub(super) fn node(name: &str) -> Value {
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

pub(super) fn bound_claim(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "stackrox"},
        "status": {"phase": "Bound"},
    })
}

pub(super) fn tls_secret(name: &str, days: i64) -> SecretFacts {
    SecretFacts {
        name: name.to_owned(),
        kind: "Opaque".to_owned(),
        certificate: Some(Certificate {
            subject: "CENTRAL_SERVICE: Central".to_owned(),
            not_after: in_days(days),
        }),
        ca_fingerprint: Some("aa11".to_owned()),
        ..SecretFacts::default()
    }
}

pub(super) fn cluster(name: &str, sensor_version: &str) -> SecuredCluster {
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
