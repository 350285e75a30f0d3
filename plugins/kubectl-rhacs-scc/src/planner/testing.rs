//! Installations on an OpenShift, for tests.

use common::rhacs::scc::{ADMITTED_BY, Admission, built_in_constraints, built_in_roles, pod_of};
use common::rhacs::{Platform, Snapshot, Version, official};
use serde_json::{Value, json};

use super::Request;

/// A release on an OpenShift, its pods admitted as OpenShift would.
pub(crate) fn openshift(version: &str) -> Snapshot {
    installed(official::objects(&version.parse().unwrap(), Platform::OpenShift, "stackrox"))
}

/// These objects on an OpenShift.
pub(crate) fn installed(mut objects: Vec<Value>) -> Snapshot {
    objects.extend(built_in_constraints());
    let (roles, binding) = built_in_roles();
    objects.extend(roles);
    objects.push(binding);
    let mut snapshot = Snapshot {
        namespace: "stackrox".to_owned(),
        namespace_exists: true,
        taken_at: "2026-01-02T12:00:00Z".to_owned(),
        platform: Some(Platform::OpenShift),
        objects,
        ..Snapshot::default()
    };
    snapshot.pods = pods(&snapshot);
    snapshot
}

fn pods(snapshot: &Snapshot) -> Vec<Value> {
    let admission = Admission::new(&snapshot.objects);
    let workloads = snapshot.workloads().map(|workload| workload.object());
    let admitted = workloads.map(|workload| {
        let mut pod = pod_of(workload);
        let name = workload["metadata"]["name"].as_str().unwrap_or_default();
        pod["metadata"]["name"] = json!(format!("{name}-1"));
        let scc = admission.admit(&pod).map(|it| it.constraint).unwrap();
        pod["metadata"]["annotations"][ADMITTED_BY] = json!(scc);
        pod
    });
    admitted.collect()
}

/// The request to go to a release's SCCs.
pub(crate) fn request(release: &str, prune: bool) -> Request {
    let to: Version = release.parse().unwrap();
    Request { to, components: Vec::new(), prune, timeout_seconds: None }
}
