//! How an installation is managed, and so who may change it.
//!
//! Sources: the operator's owner references and labels, Helm's release Secrets, the chart
//! templates. The labels `managed-by: Helm` and the `meta.helm.sh` annotations prove nothing: the
//! templates write them on every installation.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::rules::component_of;
use super::snapshot::Snapshot;
use super::{Component, Workload};

/// Who manages the installation.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "method", rename_all = "camelCase")]
pub enum InstallMethod {
    /// The RHACS operator reconciles it from custom resources.
    Operator {
        /// What told so.
        evidence: String,
    },
    /// Helm releases manage it.
    Helm {
        /// The names of the releases.
        releases: Vec<String>,
        /// Where Helm keeps them, when that is not in Secrets: what HELM_DRIVER has to say.
        #[serde(skip_serializing_if = "Option::is_none")]
        driver: Option<&'static str>,
    },
    /// Plain manifests, made by roxctl.
    Manifest,
}

impl InstallMethod {
    /// Finds out how the installation of `snapshot` is managed.
    #[must_use]
    pub fn detect(snapshot: &Snapshot) -> Self {
        if let Some(evidence) = operator_evidence(snapshot) {
            return Self::Operator { evidence };
        }
        for (driver, releases) in
            [(None, helm_releases(snapshot)), (Some("configmap"), helm_maps(snapshot))]
        {
            if !releases.is_empty() {
                return Self::Helm { releases, driver };
            }
        }
        match declared_method(snapshot).as_deref() {
            Some("operator") => {
                Self::Operator { evidence: "ROX_INSTALL_METHOD of deploy/central".to_owned() }
            }
            Some("helm") => {
                Self::Helm { releases: vec!["stackrox-central-services".to_owned()], driver: None }
            }
            _ => Self::Manifest,
        }
    }

    /// Whether it is `component` that is managed so. Helm has a release of its own for Central with
    /// the Scanner and for the secured cluster, and only one of them may be there.
    #[must_use]
    pub fn manages(&self, snapshot: &Snapshot, component: Component) -> bool {
        let Self::Helm { releases, .. } = self else { return !matches!(self, Self::Manifest) };
        let of_release = |workload: &Workload<'_>| {
            let name = &workload.object()["metadata"]["annotations"][RELEASE_NAME];
            releases.iter().any(|release| name == release.as_str())
        };
        let mut own = snapshot
            .workloads()
            .filter(|workload| component_of(workload.name()) == Some(component))
            .peekable();
        // What only declares itself to be Helm's names no release.
        let is_named = snapshot.workloads().any(|workload| of_release(&workload));
        own.peek().is_some() && (!is_named || own.any(|workload| of_release(&workload)))
    }

    /// The commands with which this kind of installation is upgraded to `to` instead.
    #[must_use]
    pub fn own_commands(&self, namespace: &str, to: &super::Version) -> Vec<String> {
        match self {
            Self::Manifest => Vec::new(),
            Self::Operator { .. } => vec![
                format!(
                    "kubectl -n rhacs-operator patch subscription rhacs-operator --type merge -p '{{\"spec\":{{\"channel\":\"{}\"}}}}'",
                    channel(to)
                ),
                "kubectl -n rhacs-operator get installplan,csv".to_owned(),
                format!("kubectl -n {namespace} get central,securedcluster -o wide"),
            ],
            Self::Helm { releases, driver } => helm_commands(releases, *driver, namespace, to),
        }
    }
}

fn operator_evidence(snapshot: &Snapshot) -> Option<String> {
    let custom = snapshot.objects.iter().find(|object| {
        object["apiVersion"].as_str().is_some_and(|version| version.starts_with(OPERATOR_GROUP))
    });
    if let Some(custom) = custom {
        return Some(format!("{}/{}", kind_of(custom), name_of(custom)));
    }
    snapshot.workloads().find_map(|workload| {
        let metadata = &workload.object()["metadata"];
        let owner = metadata["ownerReferences"].as_array().into_iter().flatten().find(|owner| {
            owner["apiVersion"].as_str().is_some_and(|version| version.starts_with(OPERATOR_GROUP))
        });
        if let Some(owner) = owner {
            return Some(format!(
                "the owner of {}: {}/{}",
                workload.name(),
                owner["kind"].as_str().unwrap_or_default(),
                owner["name"].as_str().unwrap_or_default()
            ));
        }
        (metadata["labels"]["app.stackrox.io/managed-by"] == "operator")
            .then(|| format!("label app.stackrox.io/managed-by of {}", workload.name()))
    })
}

/// Names of the product's Helm releases that are deployed: `sh.helm.release.v1.NAME.vN`.
fn helm_releases(snapshot: &Snapshot) -> Vec<String> {
    let secrets = snapshot.secrets.iter().filter(|secret| secret.kind == "helm.sh/release.v1");
    let stored = secrets
        .map(|secret| (secret.name.as_str(), secret.labels.get("status").map(String::as_str)));
    names_of_releases(snapshot, stored)
}

/// The same where Helm keeps its releases in ConfigMaps.
fn helm_maps(snapshot: &Snapshot) -> Vec<String> {
    let maps = snapshot.of_kind("ConfigMap");
    let stored = maps
        .filter(|map| map["metadata"]["labels"]["owner"] == "helm")
        .map(|map| (name_of(map), map["metadata"]["labels"]["status"].as_str()));
    names_of_releases(snapshot, stored)
}

fn names_of_releases<'a>(
    snapshot: &Snapshot,
    stored: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) -> Vec<String> {
    let names: BTreeSet<&str> = stored
        .filter(|(_, status)| status.is_none_or(|status| !RETIRED.contains(&status)))
        .filter_map(|(name, _)| name.strip_prefix("sh.helm.release.v1."))
        .filter_map(|rest| rest.rsplit_once(".v"))
        .map(|(name, _)| name)
        .filter(|name| is_ours(snapshot, name))
        .collect();
    names.into_iter().map(str::to_owned).collect()
}

/// Whether the release is the one that the product's objects name: other charts may share the
/// namespace.
fn is_ours(snapshot: &Snapshot, release: &str) -> bool {
    snapshot
        .workloads()
        .any(|workload| workload.object()["metadata"]["annotations"][RELEASE_NAME] == release)
}

fn declared_method(snapshot: &Snapshot) -> Option<String> {
    let central = snapshot.deployment("central")?;
    let env = central.container("central")?.env("ROX_INSTALL_METHOD")?;
    env["value"].as_str().map(str::to_lowercase)
}

fn helm_commands(
    releases: &[String],
    driver: Option<&str>,
    namespace: &str,
    to: &super::Version,
) -> Vec<String> {
    let chart_version = chart_version(to);
    let driver = driver.map(|driver| format!("HELM_DRIVER={driver} ")).unwrap_or_default();
    let mut commands = vec!["helm repo update".to_owned(), "helm search repo -l rhacs/".to_owned()];
    for release in releases {
        let (chart, flags) = if release.contains("secured") {
            ("secured-cluster-services", " --reuse-values")
        } else {
            ("central-services", "")
        };
        commands.push(format!(
            "{driver}helm upgrade -n {namespace} {release} rhacs/{chart} --version {chart_version}{flags} -f values-public.yaml -f values-private.yaml"
        ));
    }
    commands
}

/// The chart's own number for a product version: 3.69.2 is 69.2.0, 4.5.1 is 400.5.1.
fn chart_version(version: &super::Version) -> String {
    if version.major() == 3 {
        format!("{}.{}.0", version.minor(), version.patch())
    } else {
        format!("{}00.{}.{}", version.major(), version.minor(), version.patch())
    }
}

fn channel(version: &super::Version) -> String {
    if version.major() == 3 {
        format!("rhacs-3.{}", version.minor())
    } else {
        format!("rhacs-{}.{}", version.major(), version.minor())
    }
}

fn kind_of(object: &Value) -> &str {
    object["kind"].as_str().unwrap_or_default()
}

fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const OPERATOR_GROUP: &str = "platform.stackrox.io/";
const RETIRED: [&str; 3] = ["superseded", "uninstalled", "uninstalling"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Version;
    use super::super::snapshot::SecretFacts;
    use super::*;

    fn central() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "central", "namespace": "stackrox",
                "labels": {"app.kubernetes.io/managed-by": "Helm"},
                "annotations": {"meta.helm.sh/release-name": "stackrox-central-services"},
            },
        })
    }

    fn release(name: &str, status: &str) -> SecretFacts {
        SecretFacts {
            name: format!("sh.helm.release.v1.{name}.v3"),
            kind: "helm.sh/release.v1".to_owned(),
            labels: [("status".to_owned(), status.to_owned())].into(),
            ..SecretFacts::default()
        }
    }

    #[test]
    fn labels_alone_do_not_make_a_helm_installation() {
        let mut snapshot = Snapshot { objects: vec![central()], ..Snapshot::default() };
        assert_eq!(InstallMethod::detect(&snapshot), InstallMethod::Manifest);
        snapshot.secrets.push(release("another-chart", "deployed"));
        assert_eq!(InstallMethod::detect(&snapshot), InstallMethod::Manifest);
    }

    #[test]
    fn a_release_secret_proves_helm() {
        let snapshot = Snapshot {
            objects: vec![central()],
            secrets: vec![release("stackrox-central-services", "deployed")],
            ..Snapshot::default()
        };
        let method = InstallMethod::detect(&snapshot);
        assert_eq!(
            method,
            InstallMethod::Helm {
                releases: vec!["stackrox-central-services".to_owned()],
                driver: None
            }
        );
        let commands = method.own_commands("stackrox", &Version::release(3, 69, 2));
        assert!(commands[2].contains("--version 69.2.0"), "{commands:?}");
    }

    #[test]
    fn a_release_in_a_config_map_proves_helm_too() {
        let map = |status: &str| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
                "name": "sh.helm.release.v1.stackrox-central-services.v2",
                "labels": {"owner": "helm", "status": status}}})
        };
        let of = |status| Snapshot { objects: vec![central(), map(status)], ..Snapshot::default() };
        let method = InstallMethod::detect(&of("deployed"));
        let InstallMethod::Helm { driver, .. } = &method else { panic!("{method:?}") };
        assert_eq!(*driver, Some("configmap"));
        let commands = method.own_commands("stackrox", &Version::release(3, 69, 2));
        assert!(commands[2].starts_with("HELM_DRIVER=configmap helm upgrade"), "{commands:?}");
        assert_eq!(InstallMethod::detect(&of("superseded")), InstallMethod::Manifest);
    }

    #[test]
    fn a_release_manages_its_own_part_only() {
        let mut sensor = central();
        sensor["metadata"]["name"] = json!("sensor");
        let secured = "stackrox-secured-cluster-services";
        sensor["metadata"]["annotations"][RELEASE_NAME] = json!(secured);
        let snapshot = Snapshot {
            objects: vec![central(), sensor],
            secrets: vec![release(secured, "deployed")],
            ..Snapshot::default()
        };
        let method = InstallMethod::detect(&snapshot);
        assert!(method.manages(&snapshot, Component::Secured));
        assert!(!method.manages(&snapshot, Component::Central));
        assert!(!method.manages(&snapshot, Component::Scanner), "it is not installed");
    }

    #[test]
    fn an_operator_is_told_by_owner_label_or_resource() {
        let mut owned = central();
        owned["metadata"]["ownerReferences"] = json!([
            {"apiVersion": "platform.stackrox.io/v1alpha1", "kind": "Central", "name": "c"}
        ]);
        let mut labelled = central();
        labelled["metadata"]["labels"]["app.stackrox.io/managed-by"] = json!("operator");
        let resource = json!({
            "apiVersion": "platform.stackrox.io/v1alpha1", "kind": "Central",
            "metadata": {"name": "c", "namespace": "stackrox"},
        });
        for objects in [vec![owned], vec![labelled], vec![central(), resource]] {
            let snapshot = Snapshot {
                objects,
                secrets: vec![release("stackrox-central-services", "deployed")],
                ..Snapshot::default()
            };
            assert!(matches!(InstallMethod::detect(&snapshot), InstallMethod::Operator { .. }));
        }
    }
}
