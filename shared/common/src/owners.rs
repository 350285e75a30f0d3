//! Who else writes an object: the marks that tools leave on what they manage. Pure.
//!
//! Sources: Argo CD, resource tracking; Flux, Kustomization and HelmRelease; Rancher Fleet and k3s,
//! the annotations of `objectset.rio.cattle.io`; kapp, the labels of an app; External Secrets and
//! Sealed Secrets, owner references; Helm, `pkg/action/validate.go`; Kubernetes, owner references.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Somebody besides the user who decides what an object holds.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// What kind of owner it is.
    pub kind: OwnerKind,
    /// Its name, such as that of a Helm release; with its kind before it where a tool has several.
    pub name: String,
    /// The namespace of the owner's own object, where a mark says it.
    pub namespace: Option<String>,
}

/// The kinds of owners that are told apart.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OwnerKind {
    /// A release of Helm 3.
    Helm3,
    /// A release of Helm 4, which writes by server-side apply.
    Helm4,
    /// A chart rendered by `helm template` and applied by something else.
    RenderedChart,
    /// The External Secrets Operator.
    ExternalSecrets,
    /// Sealed Secrets.
    SealedSecrets,
    /// Argo CD.
    ArgoCd,
    /// Flux.
    Flux,
    /// Rancher Fleet.
    Fleet,
    /// kapp, or its controller.
    Kapp,
    /// `kubectl apply` of a file.
    KubectlApply,
    /// Another controller.
    Controller,
}

/// A mark that names its owner.
struct Mark {
    owner: OwnerKind,
    place: &'static str,
    key: &'static str,
    /// Stands before the name.
    kind: &'static str,
    /// Where the namespace of the owner's object is, in the same place.
    namespace: &'static str,
}

const fn mark(owner: OwnerKind, place: &'static str, key: &'static str) -> Mark {
    Mark { owner, place, key, kind: "", namespace: "" }
}

/// The marks, of each tool the surest first.
const MARKS: [Mark; 6] = [
    mark(OwnerKind::ArgoCd, "annotations", "argocd.argoproj.io/tracking-id"),
    mark(OwnerKind::ArgoCd, "labels", "argocd.argoproj.io/instance"),
    Mark {
        kind: "kustomization/",
        namespace: "kustomize.toolkit.fluxcd.io/namespace",
        ..mark(OwnerKind::Flux, "labels", "kustomize.toolkit.fluxcd.io/name")
    },
    Mark {
        kind: "helmrelease/",
        namespace: "helm.toolkit.fluxcd.io/namespace",
        ..mark(OwnerKind::Flux, "labels", "helm.toolkit.fluxcd.io/name")
    },
    mark(OwnerKind::Fleet, "annotations", "objectset.rio.cattle.io/id"),
    mark(OwnerKind::Kapp, "labels", "kapp.k14s.io/app"),
];

/// The owners of `object`. `instances` are the values that its own charts give the label
/// `app.kubernetes.io/instance`, by which Argo CD tracks unless it is told to do otherwise; where
/// none is given, only who wrote the fields tells.
#[must_use]
pub fn owners(object: &Value, instances: &[&str]) -> Vec<Owner> {
    let mut found: Vec<Owner> = controller(object).into_iter().collect();
    for mark in &MARKS {
        // The others of a tool say the same once more.
        if !found.iter().any(|owner| owner.kind == mark.owner) {
            found.extend(marked(object, mark));
        }
    }
    if !found.iter().any(|owner| owner.kind == OwnerKind::ArgoCd) {
        found.extend(tracked_by_instance(object, instances));
    }
    found.extend(helm(object));
    found.extend(kubectl_apply(object));
    found
}

/// The reference of an object to its controller, else to its first owner.
#[must_use]
pub fn controlling_reference(object: &Value) -> Option<&Value> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    owners.iter().find(|owner| owner["controller"] == true).or_else(|| owners.first())
}

fn owner(kind: OwnerKind, name: impl Into<String>) -> Owner {
    Owner { kind, name: name.into(), namespace: None }
}

fn marked(object: &Value, mark: &Mark) -> Option<Owner> {
    let marks = &object["metadata"][mark.place];
    let value = marks[mark.key].as_str().filter(|value| !value.is_empty())?;
    let name = match mark.owner {
        // `application:group/Kind:namespace/name`
        OwnerKind::ArgoCd => value.split(':').next().unwrap_or(value),
        _ => value,
    };
    let namespace = marks[mark.namespace].as_str().map(str::to_owned);
    Some(Owner { namespace, ..owner(mark.owner, format!("{}{name}", mark.kind)) })
}

fn tracked_by_instance(object: &Value, instances: &[&str]) -> Option<Owner> {
    let metadata = &object["metadata"];
    let instance = metadata["labels"]["app.kubernetes.io/instance"].as_str();
    let entries = metadata["managedFields"].as_array().into_iter().flatten();
    let mut managers = entries.filter_map(|entry| entry["manager"].as_str());
    if managers.any(|manager| manager.starts_with("argocd")) {
        return Some(owner(OwnerKind::ArgoCd, instance.unwrap_or("(not told)")));
    }
    let release = metadata["annotations"][RELEASE].as_str();
    let is_charts = |instance: &&str| instances.contains(instance) || release == Some(instance);
    let foreign = instance.filter(|instance| !instances.is_empty() && !is_charts(instance))?;
    Some(owner(OwnerKind::ArgoCd, foreign))
}

/// A reference to an owner: the operators that make Secrets, and any other controller.
fn controller(object: &Value) -> Option<Owner> {
    let metadata = &object["metadata"];
    let annotations = &metadata["annotations"];
    let of_store = metadata["labels"]["reconcile.external-secrets.io/managed"] == "true"
        || annotations["reconcile.external-secrets.io/data-hash"].is_string();
    let reference = controlling_reference(object);
    let text = |field: &str| reference.and_then(|reference| reference[field].as_str());
    let (kind, name) = (text("kind").unwrap_or_default(), text("name"));
    match kind {
        _ if kind == "ExternalSecret" || of_store => {
            let named = name.or_else(|| metadata["name"].as_str()).unwrap_or_default();
            Some(owner(OwnerKind::ExternalSecrets, named))
        }
        "SealedSecret" => Some(owner(OwnerKind::SealedSecrets, name?)),
        "" => {
            // k3s and Rancher refer to an owner of another namespace so.
            let name = annotations["objectset.rio.cattle.io/owner-name"].as_str()?;
            let kind = annotations["objectset.rio.cattle.io/owner-gvk"].as_str()?;
            let kind = kind.rsplit('=').next().unwrap_or(kind).to_lowercase();
            let namespace = annotations["objectset.rio.cattle.io/owner-namespace"].as_str();
            let namespace = namespace.map(str::to_owned);
            Some(Owner { namespace, ..owner(OwnerKind::Controller, format!("{kind}/{name}")) })
        }
        kind => {
            let name = format!("{}/{}", kind.to_lowercase(), name.unwrap_or_default());
            Some(owner(OwnerKind::Controller, name))
        }
    }
}

/// A real release has annotations; the label alone comes from rendering the chart.
fn helm(object: &Value) -> Option<Owner> {
    let metadata = &object["metadata"];
    let labels = &metadata["labels"];
    let Some(release) = metadata["annotations"][RELEASE].as_str() else {
        let is_rendered = labels["app.kubernetes.io/managed-by"] == "Helm";
        let chart = labels["helm.sh/chart"].as_str().unwrap_or("a chart");
        return is_rendered.then(|| owner(OwnerKind::RenderedChart, chart));
    };
    let entries = metadata["managedFields"].as_array();
    let is_applied = |entry: &Value| entry["manager"] == "helm" && entry["operation"] == "Apply";
    let applies = entries.into_iter().flatten().any(is_applied);
    Some(owner(if applies { OwnerKind::Helm4 } else { OwnerKind::Helm3 }, release))
}

/// An operator may copy the annotation of its own object to what it makes.
fn kubectl_apply(object: &Value) -> Option<Owner> {
    let annotations = &object["metadata"]["annotations"];
    let applied = annotations["kubectl.kubernetes.io/last-applied-configuration"].as_str()?;
    let applied: Value = serde_json::from_str(applied).unwrap_or_default();
    let is_of_another = [&applied["kind"], &object["kind"]].iter().all(|kind| kind.is_string())
        && applied["kind"] != object["kind"];
    (!is_of_another).then(|| owner(OwnerKind::KubectlApply, "kubectl apply"))
}

const RELEASE: &str = "meta.helm.sh/release-name";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(metadata: &Value) -> Vec<(OwnerKind, String)> {
        let object = json!({"kind": "Secret", "metadata": metadata});
        let owners = owners(&object, &["stackrox-central-services"]);
        owners.into_iter().map(|owner| (owner.kind, owner.name)).collect()
    }

    #[test]
    fn every_mark_tells_its_owner() {
        for (metadata, kind, name) in [
            (
                json!({"annotations": {"argocd.argoproj.io/tracking-id": "acs:apps/Deployment:a/b"},
                       "labels": {"argocd.argoproj.io/instance": "acs"}}),
                OwnerKind::ArgoCd,
                "acs",
            ),
            (json!({"labels": {"argocd.argoproj.io/instance": "acs"}}), OwnerKind::ArgoCd, "acs"),
            (json!({"labels": {"app.kubernetes.io/instance": "acs"}}), OwnerKind::ArgoCd, "acs"),
            (
                json!({"managedFields": [{"manager": "argocd-controller"}]}),
                OwnerKind::ArgoCd,
                "(not told)",
            ),
            (
                json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "infra"}}),
                OwnerKind::Flux,
                "kustomization/infra",
            ),
            (
                json!({"labels": {"helm.toolkit.fluxcd.io/name": "acs"}}),
                OwnerKind::Flux,
                "helmrelease/acs",
            ),
            (
                json!({"annotations": {"objectset.rio.cattle.io/id": "default-acs"}}),
                OwnerKind::Fleet,
                "default-acs",
            ),
            (json!({"labels": {"kapp.k14s.io/app": "15785"}}), OwnerKind::Kapp, "15785"),
            (
                json!({"ownerReferences": [{"kind": "ExternalSecret", "name": "tls"}]}),
                OwnerKind::ExternalSecrets,
                "tls",
            ),
            (
                json!({"name": "tls", "labels": {"reconcile.external-secrets.io/managed": "true"}}),
                OwnerKind::ExternalSecrets,
                "tls",
            ),
            (
                json!({"ownerReferences": [{"kind": "SealedSecret", "name": "tls"}]}),
                OwnerKind::SealedSecrets,
                "tls",
            ),
            (
                json!({"ownerReferences": [{"kind": "Other"}, {"kind": "Certificate", "name": "tls",
                       "controller": true}]}),
                OwnerKind::Controller,
                "certificate/tls",
            ),
            (
                json!({"annotations": {"objectset.rio.cattle.io/id": "",
                       "objectset.rio.cattle.io/owner-gvk": "k3s.cattle.io/v1, Kind=Addon",
                       "objectset.rio.cattle.io/owner-name": "acs"}}),
                OwnerKind::Controller,
                "addon/acs",
            ),
            (
                json!({"annotations": {"meta.helm.sh/release-name": "acs"},
                       "labels": {"app.kubernetes.io/instance": "acs"}}),
                OwnerKind::Helm3,
                "acs",
            ),
            (
                json!({"annotations": {"meta.helm.sh/release-name": "acs"},
                       "managedFields": [{"manager": "helm", "operation": "Apply"}]}),
                OwnerKind::Helm4,
                "acs",
            ),
        ] {
            assert_eq!(found(&metadata), [(kind, name.to_owned())], "{metadata}");
        }
    }

    #[test]
    fn what_the_chart_itself_says_is_no_mark() {
        let own = json!({"labels": {"app.kubernetes.io/instance": "stackrox-central-services"}});
        assert_eq!(found(&own), []);
        assert_eq!(found(&json!({"name": "mine"})), []);
        // Without knowing the charts, the label says nothing.
        let foreign = json!({"metadata": {"labels": {"app.kubernetes.io/instance": "acs"}}});
        assert_eq!(owners(&foreign, &[]), []);
    }

    #[test]
    fn an_annotation_that_an_operator_copied_is_not_of_kubectl() {
        let applied = |kind: &str| {
            let text = json!({"kind": kind}).to_string();
            json!({"annotations": {"kubectl.kubernetes.io/last-applied-configuration": text}})
        };
        assert_eq!(found(&applied("Secret"))[0].0, OwnerKind::KubectlApply);
        assert_eq!(found(&applied("ExternalSecret")), []);
    }

    #[test]
    fn the_namespace_of_the_owner_is_kept() {
        let object = json!({"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "infra",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}}});
        assert_eq!(owners(&object, &[])[0].namespace.as_deref(), Some("flux-system"));
    }
}
