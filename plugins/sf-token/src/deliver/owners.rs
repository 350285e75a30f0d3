//! Who else writes a Secret: what will be undone, when, and what makes a new value last.

pub use common::owners::OwnerKind;
use serde::Serialize;
use serde_json::Value;

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

/// The code of the finding about such an owner.
#[must_use]
pub const fn code(kind: OwnerKind) -> &'static str {
    match kind {
        OwnerKind::Helm3 | OwnerKind::Helm4 => "SF-OWNER-HELM",
        OwnerKind::RenderedChart => "SF-OWNER-CHART",
        OwnerKind::ExternalSecrets => "SF-OWNER-EXTERNAL-SECRETS",
        OwnerKind::SealedSecrets => "SF-OWNER-SEALED-SECRETS",
        OwnerKind::ArgoCd => "SF-OWNER-ARGO-CD",
        OwnerKind::Flux => "SF-OWNER-FLUX",
        OwnerKind::Fleet => "SF-OWNER-FLEET",
        OwnerKind::Kapp => "SF-OWNER-KAPP",
        OwnerKind::KubectlApply => "SF-OWNER-APPLY",
        OwnerKind::Controller => "SF-OWNER-CONTROLLER",
    }
}

/// The owners of `secret`, those that undo a write first.
#[must_use]
pub fn owners(secret: &Value, place: Place<'_>) -> Vec<Owner> {
    let found = common::owners::owners(secret, &[]).into_iter();
    let mut found: Vec<Owner> = found
        .map(|owner| {
            let (consequence, fix) = advice(&owner, secret, place);
            let undoes = !matches!(owner.kind, OwnerKind::RenderedChart | OwnerKind::KubectlApply);
            Owner { kind: owner.kind, name: owner.name, consequence, fix, undoes }
        })
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

/// What happens to a value written past `owner`, and what makes it last.
fn advice(owner: &common::owners::Owner, secret: &Value, place: Place<'_>) -> (String, String) {
    let Place { namespace, secret: target, key, token } = place;
    let name = &owner.name;
    match owner.kind {
        OwnerKind::Helm3 => (
            format!("the next `helm upgrade {name}` writes the value of the release back"),
            helm_fix(name, secret, place),
        ),
        OwnerKind::Helm4 => (
            format!("the next `helm upgrade {name}` (Helm 4) stops at a conflict about this key"),
            helm_fix(name, secret, place),
        ),
        OwnerKind::RenderedChart => (
            format!(
                "it was rendered from {name} without a Helm release; applying the rendered files \
                 again writes the value in them"
            ),
            "render the chart with the new secret before the files are applied again".to_owned(),
        ),
        OwnerKind::ExternalSecrets => (
            "the External Secrets Operator writes the value of its store back at its next refresh"
                .to_owned(),
            format!("write the new secret to the store it reads, then {}", refresh(name, place)),
        ),
        OwnerKind::SealedSecrets => (
            "the Sealed Secrets controller writes the sealed value back when the SealedSecret \
             changes or the controller restarts"
                .to_owned(),
            format!(
                "sealing the new secret: sf-token show {} | tr -d '\\n' | kubectl create secret \
                 generic {target} -n {namespace} --dry-run=client --from-file={key}=/dev/stdin -o \
                 yaml | kubeseal -o yaml --merge-into FILE",
                quoted(token)
            ),
        ),
        OwnerKind::ArgoCd => (
            format!(
                "Argo CD writes what its source says back at the next sync of application \
                 `{name}`, within seconds when it heals itself"
            ),
            format!(
                "put the new secret into the application's source, or let Argo CD leave the key \
                 alone: spec.ignoreDifferences with kind Secret, name {target}, jsonPointers \
                 [/data/{}]",
                key.replace('~', "~0")
            ),
        ),
        OwnerKind::Flux => flux(owner, place),
        OwnerKind::Fleet => (
            format!("Rancher Fleet writes what the source of bundle `{name}` says back"),
            "put the new secret into the bundle's source (kubectl get bundles.fleet.cattle.io -A)"
                .to_owned(),
        ),
        OwnerKind::Kapp => (
            format!("the next `kapp deploy` of app `{name}` writes the value in its files back"),
            "put the new secret into the files of the app".to_owned(),
        ),
        OwnerKind::KubectlApply => (
            "applying its file again writes the value in the file; the annotation of kubectl \
             apply keeps a copy of the value applied last"
                .to_owned(),
            format!(
                "take the key out of the file, then: kubectl apply view-last-applied \
                 secret/{target} -n {namespace}"
            ),
        ),
        OwnerKind::Controller => (
            format!(
                "the controller of `{name}` made this Secret and may write its own value back at \
                 any time"
            ),
            format!("write the new secret where `{name}` takes it from"),
        ),
    }
}

fn flux(owner: &common::owners::Owner, place: Place<'_>) -> (String, String) {
    let (command, name) = owner.name.split_once('/').unwrap_or(("kustomization", &owner.name));
    let kind = if command == "kustomization" { "Kustomization" } else { "HelmRelease" };
    let namespace = owner.namespace.as_deref().unwrap_or(place.namespace);
    (
        format!(
            "Flux writes what its source says back at the next reconciliation of {kind} `{name}`"
        ),
        format!(
            "put the new secret into the source of {kind} `{name}` (encrypted, as its other \
             secrets are), then: flux reconcile {command} {name} -n {namespace} --with-source"
        ),
    )
}

fn helm_fix(release: &str, object: &Value, place: Place<'_>) -> String {
    let Place { namespace, secret, token, .. } = place;
    let chart = object["metadata"]["labels"]["helm.sh/chart"].as_str().unwrap_or_default();
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
