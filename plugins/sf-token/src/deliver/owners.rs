//! Who else writes a Secret: what will be undone, when, and what makes a new value last.

use serde::Serialize;
use serde_json::Value;

use super::consumers::controller;
use crate::shell::quoted;

/// Somebody besides the user who decides what a Secret holds.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// What kind of owner it is.
    pub kind: OwnerKind,
    /// Its name, such as that of a Helm release.
    pub name: String,
    /// What happens to a value written past it, and when.
    pub consequence: String,
    /// The commands or the place that make the new value last.
    pub fix: String,
    /// Whether it will undo the write; else it only might be used in a way that does.
    pub undoes: bool,
}

/// The kinds of owners that are told apart.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
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
    /// `kubectl apply` of a file.
    KubectlApply,
    /// Another controller.
    Controller,
}

/// What the advice names: the Secret, the key, and the token whose secret goes there.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The Secret's name.
    pub secret: &'a str,
    /// The key.
    pub key: &'a str,
    /// The name of the token.
    pub token: &'a str,
}

impl OwnerKind {
    /// The code of the finding about such an owner.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Helm3 | Self::Helm4 => "SF-OWNER-HELM",
            Self::RenderedChart => "SF-OWNER-CHART",
            Self::ExternalSecrets => "SF-OWNER-EXTERNAL-SECRETS",
            Self::SealedSecrets => "SF-OWNER-SEALED-SECRETS",
            Self::ArgoCd => "SF-OWNER-ARGO-CD",
            Self::Flux => "SF-OWNER-FLUX",
            Self::KubectlApply => "SF-OWNER-APPLY",
            Self::Controller => "SF-OWNER-CONTROLLER",
        }
    }
}

/// The owners of `secret`, those that undo a write first.
#[must_use]
pub fn owners(secret: &Value, place: Place<'_>) -> Vec<Owner> {
    let mut found: Vec<Owner> = [controlled(secret, place), argo_cd(secret, place)]
        .into_iter()
        .flatten()
        .chain(flux(secret, place))
        .chain(helm(secret, place))
        .chain(kubectl_apply(secret, place))
        .collect();
    found.sort_by_key(|owner| !owner.undoes);
    found
}

/// Says more of the External Secrets Operator, from its own object: how often it writes, and which
/// entry of which store it reads.
pub fn detail_external_secret(owner: &mut Owner, external: &Value, place: Place<'_>) {
    let spec = &external["spec"];
    let interval = spec["refreshInterval"].as_str().unwrap_or("1h");
    let when = match interval {
        "0" | "0s" | "0h" | "0m" | "0h0m0s" => {
            "when its ExternalSecret changes (it never refreshes by itself)".to_owned()
        }
        interval => format!("within {interval}, its refresh interval"),
    };
    owner.consequence =
        format!("the External Secrets Operator writes the value of its store back {when}");
    let entries = spec["data"].as_array().into_iter().flatten();
    let entry = entries.filter(|entry| entry["secretKey"] == place.key).find_map(|entry| {
        let remote = &entry["remoteRef"];
        let key = remote["key"].as_str()?;
        Some(remote["property"].as_str().map_or_else(
            || format!("`{key}`"),
            |property| format!("property `{property}` of `{key}`"),
        ))
    });
    let store = &spec["secretStoreRef"];
    let kind = store["kind"].as_str().unwrap_or("SecretStore");
    let name = store["name"].as_str().unwrap_or("?");
    let entry = entry.unwrap_or_else(|| "the entry it reads".to_owned());
    owner.fix = format!(
        "write the new secret to {entry} of {kind} `{name}`, then {}",
        refresh(&owner.name, place)
    );
}

/// A reference to an owner: the operators that make Secrets, and any other controller.
fn controlled(secret: &Value, place: Place<'_>) -> Option<Owner> {
    let Place { namespace, secret: name, key, token } = place;
    let managed_by_eso = secret["metadata"]["labels"]["reconcile.external-secrets.io/managed"]
        == "true"
        || secret["metadata"]["annotations"]["reconcile.external-secrets.io/data-hash"].is_string();
    let reference = controller(secret);
    let kind = reference.and_then(|reference| reference["kind"].as_str()).unwrap_or_default();
    let owner_name = reference.and_then(|reference| reference["name"].as_str());
    if kind == "ExternalSecret" || managed_by_eso {
        let owner_name = owner_name.unwrap_or(name);
        return Some(Owner {
            kind: OwnerKind::ExternalSecrets,
            name: owner_name.to_owned(),
            consequence: "the External Secrets Operator writes the value of its store back at its \
                          next refresh"
                .to_owned(),
            fix: format!(
                "write the new secret to the store it reads, then {}",
                refresh(owner_name, place)
            ),
            undoes: true,
        });
    }
    reference?;
    let owner_name = owner_name.unwrap_or_default();
    if kind == "SealedSecret" {
        return Some(Owner {
            kind: OwnerKind::SealedSecrets,
            name: owner_name.to_owned(),
            consequence: "the Sealed Secrets controller writes the sealed value back when the \
                          SealedSecret changes or the controller restarts"
                .to_owned(),
            fix: format!(
                "sealing the new secret: sf-token show {} | tr -d '\\n' | kubectl create secret \
                 generic {name} -n {namespace} --dry-run=client --from-file={key}=/dev/stdin -o \
                 yaml | kubeseal -o yaml --merge-into FILE",
                quoted(token)
            ),
            undoes: true,
        });
    }
    Some(Owner {
        kind: OwnerKind::Controller,
        name: format!("{}/{owner_name}", kind.to_lowercase()),
        consequence: format!(
            "the controller of {kind} `{owner_name}` made this Secret and may write its own value \
             back at any time"
        ),
        fix: format!("write the new secret where {kind} `{owner_name}` takes it from"),
        undoes: true,
    })
}

fn argo_cd(secret: &Value, place: Place<'_>) -> Option<Owner> {
    let metadata = &secret["metadata"];
    let tracking = metadata["annotations"]["argocd.argoproj.io/tracking-id"].as_str();
    let by_label = metadata["labels"]["argocd.argoproj.io/instance"].as_str();
    // By default Argo CD before 3.0 tracks by a label that charts set as well: only who wrote the
    // fields tells then.
    let by_writing = || {
        let entries = metadata["managedFields"].as_array().into_iter().flatten();
        let mut managers = entries.filter_map(|entry| entry["manager"].as_str());
        managers.any(|manager| manager.starts_with("argocd")).then(|| {
            metadata["labels"]["app.kubernetes.io/instance"].as_str().unwrap_or("(not told)")
        })
    };
    let named = tracking.and_then(|id| id.split(':').next()).or(by_label);
    let application = named.or_else(by_writing)?;
    Some(Owner {
        kind: OwnerKind::ArgoCd,
        name: application.to_owned(),
        consequence: format!(
            "Argo CD writes what its source says back at the next sync of application \
             `{application}`, within seconds when it heals itself"
        ),
        fix: format!(
            "put the new secret into the application's source, or let Argo CD leave the key \
             alone: spec.ignoreDifferences with kind Secret, name {}, jsonPointers [/data/{}]",
            place.secret,
            place.key.replace('~', "~0")
        ),
        undoes: true,
    })
}

fn flux(secret: &Value, place: Place<'_>) -> Option<Owner> {
    let labels = &secret["metadata"]["labels"];
    let name = labels["kustomize.toolkit.fluxcd.io/name"].as_str();
    let release = labels["helm.toolkit.fluxcd.io/name"].as_str();
    let (kind, command, name) = match (name, release) {
        (Some(name), _) => ("Kustomization", "kustomization", name),
        (None, Some(name)) => ("HelmRelease", "helmrelease", name),
        (None, None) => return None,
    };
    let domain = if command == "kustomization" { "kustomize" } else { "helm" };
    let namespace =
        labels[format!("{domain}.toolkit.fluxcd.io/namespace")].as_str().unwrap_or(place.namespace);
    Some(Owner {
        kind: OwnerKind::Flux,
        name: format!("{command}/{name}"),
        consequence: format!(
            "Flux writes what its source says back at the next reconciliation of {kind} `{name}`"
        ),
        fix: format!(
            "put the new secret into the source of {kind} `{name}` (encrypted, as its other \
             secrets are), then: flux reconcile {command} {name} -n {namespace} --with-source"
        ),
        undoes: true,
    })
}

/// A real release has annotations; the label alone comes from rendering the chart.
fn helm(secret: &Value, place: Place<'_>) -> Option<Owner> {
    let metadata = &secret["metadata"];
    let release = metadata["annotations"]["meta.helm.sh/release-name"].as_str();
    let labels = &metadata["labels"];
    if release.is_none() && labels["app.kubernetes.io/managed-by"] != "Helm" {
        return None;
    }
    let Some(release) = release else {
        let chart = labels["helm.sh/chart"].as_str().unwrap_or("a chart");
        return Some(Owner {
            kind: OwnerKind::RenderedChart,
            name: chart.to_owned(),
            consequence: format!(
                "it was rendered from {chart} without a Helm release; applying the rendered files \
                 again writes the value in them"
            ),
            fix: "render the chart with the new secret before the files are applied again"
                .to_owned(),
            undoes: false,
        });
    };
    let applies = fields_written_by_apply(secret);
    let consequence = if applies {
        format!("the next `helm upgrade {release}` (Helm 4) stops at a conflict about this key")
    } else {
        format!("the next `helm upgrade {release}` writes the value of the release back")
    };
    Some(Owner {
        kind: if applies { OwnerKind::Helm4 } else { OwnerKind::Helm3 },
        name: release.to_owned(),
        consequence,
        fix: helm_fix(release, labels, place),
        undoes: true,
    })
}

fn helm_fix(release: &str, labels: &Value, place: Place<'_>) -> String {
    let Place { namespace, secret, token, .. } = place;
    let chart = labels["helm.sh/chart"].as_str().unwrap_or_default();
    let Some(version) = chart.strip_prefix("splunk-otel-collector-") else {
        return format!(
            "give the release the new secret in its values: helm upgrade {release} CHART -n \
             {namespace} --reuse-values --set-file VALUE=FILE"
        );
    };
    format!(
        "afterwards: sf-token sync {} --output-file FILE && helm upgrade {release} \
         splunk-otel-collector-chart/splunk-otel-collector -n {namespace} --version {version} \
         --reuse-values --set-file splunkObservability.accessToken=FILE && rm FILE; or keep the \
         Secret out of the release for good: secret.create=false, secret.name={secret}",
        quoted(token)
    )
}

/// Whether Helm owns fields by server-side apply, as Helm 4 does.
fn fields_written_by_apply(secret: &Value) -> bool {
    let entries = secret["metadata"]["managedFields"].as_array();
    entries
        .into_iter()
        .flatten()
        .any(|entry| entry["manager"] == "helm" && entry["operation"] == "Apply")
}

fn kubectl_apply(secret: &Value, place: Place<'_>) -> Option<Owner> {
    let annotations = &secret["metadata"]["annotations"];
    annotations["kubectl.kubernetes.io/last-applied-configuration"].as_str()?;
    Some(Owner {
        kind: OwnerKind::KubectlApply,
        name: "kubectl apply".to_owned(),
        consequence: "applying its file again writes the value in the file; the annotation of \
                      kubectl apply keeps a copy of the value applied last"
            .to_owned(),
        fix: format!(
            "take the key out of the file, then: kubectl apply view-last-applied secret/{} -n {}",
            place.secret, place.namespace
        ),
        undoes: false,
    })
}

fn refresh(external_secret: &str, place: Place<'_>) -> String {
    format!(
        "kubectl annotate externalsecret {external_secret} -n {} force-sync=$(date +%s) \
         --overwrite",
        place.namespace
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PLACE: Place<'_> = Place {
        namespace: "monitoring",
        secret: "otel",
        key: "splunk_observability_access_token",
        token: "my token",
    };

    fn only(metadata: &Value) -> Owner {
        let found = owners(&json!({"metadata": metadata}), PLACE);
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().unwrap()
    }

    #[test]
    fn a_secret_of_the_users_own_has_no_owner() {
        let labels = json!({"app": "x", "app.kubernetes.io/instance": "apm"});
        let secret = json!({"metadata": {"name": "otel", "labels": labels,
                            "managedFields": [{"manager": "kubectl-edit", "operation": "Update"}]}});
        assert_eq!(owners(&secret, PLACE), []);
    }

    #[test]
    fn helm_3_and_4_undo_in_different_ways() {
        let mut metadata = json!({
            "labels": {"app.kubernetes.io/managed-by": "Helm",
                       "helm.sh/chart": "splunk-otel-collector-0.158.0"},
            "annotations": {"meta.helm.sh/release-name": "otel",
                            "meta.helm.sh/release-namespace": "monitoring"},
            "managedFields": [{"manager": "helm", "operation": "Update"}],
        });
        let owner = only(&metadata);
        assert_eq!((owner.kind, owner.undoes), (OwnerKind::Helm3, true));
        assert!(owner.consequence.contains("writes the value of the release back"));
        assert!(owner.fix.contains("sf-token sync 'my token' --output-file FILE"), "{}", owner.fix);
        assert!(owner.fix.contains("--version 0.158.0"), "{}", owner.fix);
        metadata["managedFields"][0]["operation"] = json!("Apply");
        let owner = only(&metadata);
        assert_eq!(owner.kind, OwnerKind::Helm4);
        assert!(owner.consequence.contains("stops at a conflict"), "{}", owner.consequence);
    }

    #[test]
    fn a_rendered_chart_undoes_nothing_by_itself() {
        let owner = only(&json!({"labels": {"app.kubernetes.io/managed-by": "Helm",
                                            "helm.sh/chart": "splunk-otel-collector-0.158.0"}}));
        assert_eq!((owner.kind, owner.undoes), (OwnerKind::RenderedChart, false));
    }

    #[test]
    fn operators_are_known_by_their_references_and_marks() {
        let reference = |kind: &str| json!({"ownerReferences": [{"kind": kind, "name": "o", "controller": true}]});
        for (metadata, kind) in [
            (reference("ExternalSecret"), OwnerKind::ExternalSecrets),
            (reference("SealedSecret"), OwnerKind::SealedSecrets),
            (reference("VaultStaticSecret"), OwnerKind::Controller),
            (
                json!({"labels": {"reconcile.external-secrets.io/managed": "true"}}),
                OwnerKind::ExternalSecrets,
            ),
            (
                json!({"annotations": {"argocd.argoproj.io/tracking-id": "apm:/Secret:m/otel"}}),
                OwnerKind::ArgoCd,
            ),
            (json!({"labels": {"argocd.argoproj.io/instance": "apm"}}), OwnerKind::ArgoCd),
            (
                json!({"labels": {"app.kubernetes.io/instance": "apm"},
                       "managedFields": [{"manager": "argocd-controller", "operation": "Update"}]}),
                OwnerKind::ArgoCd,
            ),
            (json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}), OwnerKind::Flux),
            (json!({"labels": {"helm.toolkit.fluxcd.io/name": "otel"}}), OwnerKind::Flux),
        ] {
            let owner = only(&metadata);
            assert_eq!(owner.kind, kind, "{metadata}");
            assert!(owner.undoes && !owner.fix.is_empty() && !owner.consequence.is_empty());
        }
    }

    #[test]
    fn an_external_secret_tells_its_store_and_its_interval() {
        let metadata = json!({"ownerReferences": [{"kind": "ExternalSecret", "name": "otel-es"}]});
        let mut owner = only(&metadata);
        let external = json!({"spec": {
            "refreshInterval": "15m",
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": "vault"},
            "data": [{"secretKey": PLACE.key,
                      "remoteRef": {"key": "prod/splunk", "property": "ingest"}}],
        }});
        detail_external_secret(&mut owner, &external, PLACE);
        assert!(owner.consequence.ends_with("within 15m, its refresh interval"));
        let expected = "write the new secret to property `ingest` of `prod/splunk` of \
                        ClusterSecretStore `vault`, then kubectl annotate externalsecret otel-es -n \
                        monitoring force-sync=$(date +%s) --overwrite";
        assert_eq!(owner.fix, expected);
    }

    #[test]
    fn owners_that_undo_come_first() {
        let found = owners(
            &json!({"metadata": {
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
                "labels": {"kustomize.toolkit.fluxcd.io/name": "apps"},
            }}),
            PLACE,
        );
        let kinds: Vec<OwnerKind> = found.iter().map(|owner| owner.kind).collect();
        assert_eq!(kinds, [OwnerKind::Flux, OwnerKind::KubectlApply]);
    }
}
