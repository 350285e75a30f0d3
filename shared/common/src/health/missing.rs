//! What the running release has or a workload needs, and is not there.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::Found;
use crate::checks::items;
use crate::rhacs::rules::component_of;
use crate::rhacs::{Installation, Method, Platform, Snapshot, Version, Workload, official};

/// An object that is missing.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// The object, as kubectl takes it.
    pub object: String,
    /// What tells that it should be there.
    pub because: String,
}

pub(super) fn all(
    snapshot: &Snapshot,
    installation: &Installation,
    version: Option<&Version>,
    found: &mut Found,
) -> Vec<Missing> {
    let mut missing: Vec<Missing> =
        version.map(|version| of_release(snapshot, version)).unwrap_or_default();
    if version.is_none() {
        found.unseen("what is missing", "nothing says which release runs");
    }
    missing.extend(needed(snapshot));
    for one in &missing {
        // An object that no part claims is everybody's: any manager makes it again.
        let name = one.object.split_once('/').map(|(_, name)| name);
        let component = name.and_then(component_of);
        let part = component.and_then(|component| installation.part(component));
        let part = part.or_else(|| installation.managers().first().map(|(part, _)| *part));
        let fix = match part.map(|part| &part.method) {
            Some(Method::Operator) => {
                "the operator makes it again: kubectl get central,securedcluster -A -o wide"
            }
            Some(Method::Helm { .. }) => {
                "helm upgrade of the release that it belongs to, at its present version, makes it \
                 again"
            }
            Some(Method::Manifest) | None => {
                "apply it again, from the files that the installation was made with"
            }
        };
        found.work(&one.object, format!("it is missing: {}", one.because), fix);
    }
    missing
}

/// Workloads that the release has and of which something else is there, and the Services of the
/// workloads that are there.
fn of_release(snapshot: &Snapshot, version: &Version) -> Vec<Missing> {
    let platform = snapshot.platform.unwrap_or(Platform::Kubernetes);
    let official = official::objects(version, platform, &snapshot.namespace);
    let missing = official.iter().filter_map(|object| {
        let workload = Workload::new(object);
        let (name, reference) = (workload.name(), workload.reference()?);
        if snapshot.object(&reference.kind, name).is_some() || component_of(name).is_none() {
            return None;
        }
        let evidence = match reference.kind.as_str() {
            "Deployment" | "DaemonSet" => trace(snapshot, name)?,
            "Service" if !snapshot.unread.contains_key("Service") => {
                let own = snapshot.workloads().find(|workload| workload.name() == name)?;
                own.reference()?.to_string()
            }
            _ => return None,
        };
        let because = format!("{version} has it, and {evidence} is there");
        Some(Missing { object: reference.to_string(), because })
    });
    missing.collect()
}

/// What is there of a workload of this name: an installation need not have every part.
fn trace(snapshot: &Snapshot, name: &str) -> Option<String> {
    let own =
        ["Service", "ServiceAccount"].into_iter().find_map(|kind| snapshot.object(kind, name));
    let partner = || {
        let mut workloads = snapshot.workloads();
        workloads.find(|workload| partners(name).contains(&workload.name())).map(|it| it.object())
    };
    own.or_else(partner).map(crate::checks::short)
}

/// The workloads that are of no use without the one of this name.
fn partners(name: &str) -> &'static [&'static str] {
    match name {
        "admission-control" | "collector" => &["sensor"],
        "central" => &["central-db", "config-controller"],
        "scanner" => &["scanner-db"],
        "scanner-db" => &["scanner"],
        "scanner-v4-db" => &["scanner-v4-indexer", "scanner-v4-matcher"],
        "scanner-v4-indexer" => &["scanner-v4-matcher"],
        "sensor" => &["collector", "admission-control"],
        _ => &[],
    }
}

/// What the workloads that are there cannot start without.
fn needed(snapshot: &Snapshot) -> Vec<Missing> {
    let ours = snapshot.workloads().filter(|workload| component_of(workload.name()).is_some());
    let mut seen = BTreeSet::new();
    let missing = ours.flat_map(|workload| {
        let user = crate::checks::short(workload.object());
        let needs =
            needs(workload).into_iter().filter(|(kind, name)| !is_there(snapshot, kind, name));
        needs
            .map(|(kind, name)| (format!("{}/{name}", short_kind(kind)), user.clone()))
            .collect::<Vec<_>>()
    });
    let first = missing.filter(|(object, _)| seen.insert(object.clone()));
    first
        .map(|(object, user)| Missing {
            object,
            because: format!("{user} cannot start without it"),
        })
        .collect()
}

fn is_there(snapshot: &Snapshot, kind: &str, name: &str) -> bool {
    if snapshot.unread.contains_key(kind) {
        return true;
    }
    match kind {
        "Secret" if snapshot.secret(name).is_some() => true,
        "Secret" if is_made_by_openshift(snapshot, name) => true,
        // A snapshot that was made from manifests has Secrets among its objects.
        _ => snapshot.object(kind, name).is_some(),
    }
}

/// OpenShift makes the certificates of Services that ask for them.
fn is_made_by_openshift(snapshot: &Snapshot, secret: &str) -> bool {
    snapshot.of_kind("Service").any(|service| {
        let annotations = &service["metadata"]["annotations"];
        SERVING.iter().any(|annotation| annotations[*annotation] == secret)
    })
}

const SERVING: [&str; 2] = [
    "service.beta.openshift.io/serving-cert-secret-name",
    "service.alpha.openshift.io/serving-cert-secret-name",
];

type Need = (&'static str, String);

/// What the pods of a workload cannot start without, as kind and name.
fn needs(workload: Workload<'_>) -> Vec<Need> {
    let spec = workload.pod_spec();
    let mut needs: Vec<Need> = Vec::new();
    if let Some(account) = spec["serviceAccountName"].as_str().filter(|name| *name != "default") {
        needs.push(("ServiceAccount", account.to_owned()));
    }
    for volume in items(&spec["volumes"]) {
        let claim = &volume["persistentVolumeClaim"]["claimName"];
        needs.extend(claim.as_str().map(|name| ("PersistentVolumeClaim", name.to_owned())));
        let sources = std::iter::once(volume).chain(items(&volume["projected"]["sources"]));
        for source in sources {
            needs.extend(demanded("Secret", &source["secret"], "secretName"));
            needs.extend(demanded("Secret", &source["secret"], "name"));
            needs.extend(demanded("ConfigMap", &source["configMap"], "name"));
        }
    }
    for container in workload.all_containers() {
        for entry in items(&container.value()["env"]) {
            let from = &entry["valueFrom"];
            needs.extend(demanded("Secret", &from["secretKeyRef"], "name"));
            needs.extend(demanded("ConfigMap", &from["configMapKeyRef"], "name"));
        }
        for from in items(&container.value()["envFrom"]) {
            needs.extend(demanded("Secret", &from["secretRef"], "name"));
            needs.extend(demanded("ConfigMap", &from["configMapRef"], "name"));
        }
    }
    needs
}

fn demanded(kind: &'static str, source: &Value, key: &str) -> Option<Need> {
    let name = source[key].as_str().filter(|_| source["optional"] != true)?;
    Some((kind, name.to_owned()))
}

fn short_kind(kind: &str) -> &str {
    match kind {
        "ConfigMap" => "cm",
        "ServiceAccount" => "sa",
        "PersistentVolumeClaim" => "pvc",
        _ => "secret",
    }
}
