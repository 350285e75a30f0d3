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
use super::{Component, Version, Workload};

/// Who manages each part of an installation; none of a part that is not installed.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Installation {
    /// Central and its database.
    pub central: Option<ManagedPart>,
    /// The Scanner and its database.
    pub scanner: Option<ManagedPart>,
    /// Sensor, admission control and collector.
    pub secured: Option<ManagedPart>,
}

/// Who manages a part, and what told so.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ManagedPart {
    /// Who.
    #[serde(flatten)]
    pub method: Method,
    /// What told so, such as `the owner of central: Central/stackrox-central-services`.
    pub evidence: String,
}

/// Who may change a part.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "method", rename_all = "camelCase")]
pub enum Method {
    /// The RHACS operator reconciles it from a custom resource.
    Operator,
    /// A Helm release.
    Helm {
        /// Its name.
        release: String,
        /// Where Helm keeps it, when that is not in Secrets: what HELM_DRIVER has to say.
        #[serde(skip_serializing_if = "Option::is_none")]
        driver: Option<&'static str>,
    },
    /// Plain manifests, made by roxctl: whoever may write the objects.
    Manifest,
}

impl Installation {
    /// Finds out how the parts of `snapshot` are managed.
    #[must_use]
    pub fn detect(snapshot: &Snapshot) -> Self {
        let releases = releases(snapshot);
        let part = |component| ManagedPart::detect(snapshot, &releases, component);
        Self {
            central: part(Component::Central),
            scanner: part(Component::Scanner),
            secured: part(Component::Secured),
        }
    }

    /// One of its parts; none when that is not installed.
    #[must_use]
    pub const fn part(&self, component: Component) -> Option<&ManagedPart> {
        match component {
            Component::Central => self.central.as_ref(),
            Component::Scanner => self.scanner.as_ref(),
            Component::Secured => self.secured.as_ref(),
        }
    }

    /// Whether somebody manages this part who would undo a change of its objects.
    #[must_use]
    pub fn is_managed(&self, component: Component) -> bool {
        self.part(component).is_some_and(|part| part.method != Method::Manifest)
    }

    /// Who manages which of its parts, each manager once; parts that nobody manages are not in it.
    #[must_use]
    pub fn managers(&self) -> Vec<(&ManagedPart, Vec<Component>)> {
        let mut managers: Vec<(&ManagedPart, Vec<Component>)> = Vec::new();
        for component in Component::ALL.into_iter().filter(|it| self.is_managed(*it)) {
            let Some(part) = self.part(component) else { continue };
            match managers.iter_mut().find(|(known, _)| known.method == part.method) {
                Some((_, components)) => components.push(component),
                None => managers.push((part, vec![component])),
            }
        }
        managers
    }
}

impl ManagedPart {
    fn detect(snapshot: &Snapshot, releases: &[Release], component: Component) -> Option<Self> {
        let own: Vec<Workload<'_>> = snapshot
            .workloads()
            .filter(|workload| component_of(workload.name()) == Some(component))
            .collect();
        if own.is_empty() {
            return None;
        }
        let operator = own.iter().find_map(operator_of).or_else(|| resource(snapshot, component));
        if let Some(evidence) = operator {
            return Some(Self { method: Method::Operator, evidence });
        }
        let named = releases.iter().find(|release| own.iter().any(|it| is_of(it, &release.name)));
        if let Some(Release { name, driver, store }) = named {
            let method = Method::Helm { release: name.clone(), driver: *driver };
            return Some(Self { method, evidence: store.clone() });
        }
        let evidence = "ROX_INSTALL_METHOD of deploy/central".to_owned();
        // A release that is somebody's says more than what Central calls itself.
        let declared = declared_method(snapshot).filter(|_| releases.is_empty());
        Some(match declared.as_deref() {
            Some("operator") => Self { method: Method::Operator, evidence },
            Some("helm") => {
                let release = match component {
                    Component::Central | Component::Scanner => "stackrox-central-services",
                    Component::Secured => "stackrox-secured-cluster-services",
                };
                let method = Method::Helm { release: release.to_owned(), driver: None };
                Self { method, evidence }
            }
            _ => Self { method: Method::Manifest, evidence: "nobody claims it".to_owned() },
        })
    }

    /// The manager, for people: `Helm (release stackrox-central-services)`.
    #[must_use]
    pub fn manager(&self) -> String {
        match &self.method {
            Method::Manifest => "nobody".to_owned(),
            Method::Helm { release, .. } => format!("Helm (release {release})"),
            Method::Operator => format!("the RHACS operator ({})", self.evidence),
        }
    }

    /// The commands with which its manager brings it to `to`.
    #[must_use]
    pub fn own_commands(&self, namespace: &str, component: Component, to: &Version) -> Vec<String> {
        match &self.method {
            Method::Manifest => Vec::new(),
            Method::Operator => vec![
                format!(
                    "kubectl -n rhacs-operator patch subscription rhacs-operator --type merge -p '{{\"spec\":{{\"channel\":\"{}\"}}}}'",
                    channel(to)
                ),
                "kubectl -n rhacs-operator get installplan,csv".to_owned(),
                format!("kubectl -n {namespace} get central,securedcluster -o wide"),
            ],
            Method::Helm { release, driver } => {
                helm_commands(release, *driver, namespace, component, to)
            }
        }
    }
}

/// What tells of the operator on a workload.
fn operator_of(workload: &Workload<'_>) -> Option<String> {
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
}

/// The custom resource from which the operator makes a part. It makes a Scanner for a Central, and
/// where there is none, for a secured cluster.
fn resource(snapshot: &Snapshot, component: Component) -> Option<String> {
    let of_kind = |kind: &str| {
        snapshot.objects.iter().find(|object| {
            let version = object["apiVersion"].as_str().unwrap_or_default();
            version.starts_with(OPERATOR_GROUP) && kind_of(object) == kind
        })
    };
    let custom = match component {
        Component::Central => of_kind("Central"),
        Component::Scanner => of_kind("Central").or_else(|| of_kind("SecuredCluster")),
        Component::Secured => of_kind("SecuredCluster"),
    };
    custom.map(|custom| format!("{}/{}", kind_of(custom), name_of(custom)))
}

/// A release of the product that Helm keeps.
struct Release {
    name: String,
    driver: Option<&'static str>,
    /// What holds it.
    store: String,
}

/// The releases of the product, those in Secrets first: both at once are what a change of Helm's
/// storage leaves, and Secrets are its default.
fn releases(snapshot: &Snapshot) -> Vec<Release> {
    let release = |driver, kind: &'static str| {
        move |name: String| {
            let store = format!("the {kind} of Helm's release {name}");
            Release { name, driver, store }
        }
    };
    let secrets: Vec<Release> =
        helm_releases(snapshot).into_iter().map(release(None, "Secret")).collect();
    if !secrets.is_empty() {
        return secrets;
    }
    helm_maps(snapshot).into_iter().map(release(Some("configmap"), "ConfigMap")).collect()
}

fn is_of(workload: &Workload<'_>, release: &str) -> bool {
    workload.object()["metadata"]["annotations"][RELEASE_NAME] == release
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
    snapshot.workloads().any(|workload| is_of(&workload, release))
}

fn declared_method(snapshot: &Snapshot) -> Option<String> {
    let central = snapshot.deployment("central")?;
    let env = central.container("central")?.env("ROX_INSTALL_METHOD")?;
    env["value"].as_str().map(str::to_lowercase)
}

/// Without values on the command line Helm takes those that the release has; with some, only those.
fn helm_commands(
    release: &str,
    driver: Option<&str>,
    namespace: &str,
    component: Component,
    to: &Version,
) -> Vec<String> {
    let chart = match component {
        Component::Central | Component::Scanner => "central-services",
        Component::Secured => "secured-cluster-services",
    };
    let version = chart_version(to);
    let driver = driver.map(|driver| format!("HELM_DRIVER={driver} ")).unwrap_or_default();
    vec![
        "helm repo update".to_owned(),
        "helm search repo -l rhacs/".to_owned(),
        format!("{driver}helm upgrade -n {namespace} {release} rhacs/{chart} --version {version}"),
    ]
}

/// The chart's own number for a product version: 3.69.2 is 69.2.0, 4.5.1 is 400.5.1.
fn chart_version(version: &Version) -> String {
    if version.major() == 3 {
        format!("{}.{}.0", version.minor(), version.patch())
    } else {
        format!("{}00.{}.{}", version.major(), version.minor(), version.patch())
    }
}

fn channel(version: &Version) -> String {
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

    fn of_central(snapshot: &Snapshot) -> Method {
        Installation::detect(snapshot).central.unwrap().method
    }

    #[test]
    fn labels_alone_do_not_make_a_helm_installation() {
        let mut snapshot = Snapshot { objects: vec![central()], ..Snapshot::default() };
        assert_eq!(of_central(&snapshot), Method::Manifest);
        snapshot.secrets.push(release("another-chart", "deployed"));
        assert_eq!(of_central(&snapshot), Method::Manifest);
        assert_eq!(Installation::detect(&snapshot).secured, None, "it is not installed");
    }

    #[test]
    fn a_release_secret_proves_helm() {
        let snapshot = Snapshot {
            objects: vec![central()],
            secrets: vec![release("stackrox-central-services", "deployed")],
            ..Snapshot::default()
        };
        let central = Installation::detect(&snapshot).central.unwrap();
        let release = "stackrox-central-services".to_owned();
        assert_eq!(central.method, Method::Helm { release, driver: None });
    }

    /// With `-f` and nothing else, as the guide has it, all other values of the release are lost.
    #[test]
    fn the_commands_for_helm_keep_the_values_of_the_release() {
        let helm = Method::Helm { release: "acs".to_owned(), driver: None };
        let part = ManagedPart { method: helm, evidence: String::new() };
        let to = Version::release(3, 69, 2);
        for (component, chart) in [
            (Component::Central, "central-services"),
            (Component::Secured, "secured-cluster-services"),
        ] {
            let commands = part.own_commands("stackrox", component, &to);
            let expected = format!("helm upgrade -n stackrox acs rhacs/{chart} --version 69.2.0");
            assert_eq!(commands.last(), Some(&expected));
        }
    }

    #[test]
    fn a_release_in_a_config_map_proves_helm_too() {
        let map = |status: &str| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
                "name": "sh.helm.release.v1.stackrox-central-services.v2",
                "labels": {"owner": "helm", "status": status}}})
        };
        let of = |status| {
            let objects = vec![central(), map(status)];
            Installation::detect(&Snapshot { objects, ..Snapshot::default() }).central.unwrap()
        };
        let part = of("deployed");
        assert!(matches!(part.method, Method::Helm { driver: Some("configmap"), .. }), "{part:?}");
        let commands =
            part.own_commands("stackrox", Component::Central, &Version::release(3, 69, 2));
        assert!(commands[2].starts_with("HELM_DRIVER=configmap helm upgrade"), "{commands:?}");
        assert_eq!(of("superseded").method, Method::Manifest);
    }

    #[test]
    fn each_part_has_a_manager_of_its_own() {
        let mut sensor = central();
        sensor["metadata"]["name"] = json!("sensor");
        let secured = "stackrox-secured-cluster-services";
        sensor["metadata"]["annotations"][RELEASE_NAME] = json!(secured);
        let resource = json!({
            "apiVersion": "platform.stackrox.io/v1alpha1", "kind": "Central",
            "metadata": {"name": "c", "namespace": "stackrox"},
        });
        let mut snapshot = Snapshot {
            objects: vec![central(), sensor],
            secrets: vec![release(secured, "deployed")],
            ..Snapshot::default()
        };
        let by_helm = Installation::detect(&snapshot);
        assert!(by_helm.is_managed(Component::Secured));
        assert!(!by_helm.is_managed(Component::Central));
        assert!(!by_helm.is_managed(Component::Scanner), "it is not installed");
        snapshot.objects.push(resource);
        let mixed = Installation::detect(&snapshot);
        let managers: Vec<(String, Vec<Component>)> = mixed
            .managers()
            .into_iter()
            .map(|(part, components)| (part.manager(), components))
            .collect();
        let expected = [
            ("the RHACS operator (Central/c)".to_owned(), vec![Component::Central]),
            (format!("Helm (release {secured})"), vec![Component::Secured]),
        ];
        assert_eq!(managers, expected);
    }

    #[test]
    fn what_central_calls_itself_counts_where_nothing_else_tells() {
        let declared = |method: &str| {
            let mut central = central();
            central["spec"]["template"]["spec"]["containers"] = json!([
                {"name": "central", "env": [{"name": "ROX_INSTALL_METHOD", "value": method}]}
            ]);
            of_central(&Snapshot { objects: vec![central], ..Snapshot::default() })
        };
        assert!(matches!(declared("Helm"), Method::Helm { .. }));
        assert_eq!(declared("operator"), Method::Operator);
        assert_eq!(declared("manifest"), Method::Manifest);
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
            let central = Installation::detect(&snapshot).central.unwrap();
            assert_eq!(central.method, Method::Operator, "{}", central.evidence);
        }
    }
}
