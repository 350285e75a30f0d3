//! Who else writes what the plan writes, and would take it back.

use std::collections::BTreeMap;

use crate::owners::{Owner, OwnerKind};
use crate::plan::{Finding, Severity};
use crate::rhacs::{Snapshot, reconcilers};
use serde_json::Value;

use super::context::{Context, name};
use super::definition::Definition;

const GITOPS: Definition = Definition {
    code: "RHACS-GITOPS-OWNER",
    severity: Severity::Accept,
    meaning: "Argo CD, Flux, Rancher Fleet or kapp writes an object that the plan changes",
    why: "it would undo the change",
    source: "documentation of Argo CD (resource tracking), Flux (Kustomization), Fleet and kapp",
};
const OWNER: Definition = Definition {
    code: "RHACS-OBJECT-OWNER",
    severity: Severity::Accept,
    meaning: "an operator or another controller owns an object that the plan changes",
    why: "it puts back what its own object says",
    source: "Kubernetes documentation, owner references; External Secrets, Sealed Secrets",
};

pub(super) const DEFINITIONS: [Definition; 2] = [GITOPS, OWNER];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let mut all: BTreeMap<Owner, Vec<String>> = BTreeMap::new();
    for (object, owners) in written(context) {
        for owner in owners {
            let objects = all.entry(owner).or_default();
            if !objects.contains(&object) {
                objects.push(object.clone());
            }
        }
    }
    all.iter().map(|(owner, objects)| finding(context, owner, objects)).collect()
}

/// What the plan changes and is there, with its owners.
fn written(context: &Context<'_>) -> Vec<(String, Vec<Owner>)> {
    let snapshot = context.snapshot;
    let found = context.forecast().filter_map(|forecast| {
        let reference = forecast.object.as_ref();
        let owners = match reference.kind.as_str() {
            "Secret" => snapshot.secret(&reference.name)?.owners.clone(),
            _ => reconcilers(snapshot.find(reference)?),
        };
        Some((reference.to_string(), owners))
    });
    found.collect()
}

fn finding(context: &Context<'_>, owner: &Owner, objects: &[String]) -> Finding {
    let objects = objects.join(", ");
    let name = &owner.name;
    let kubectl = |words: &str| context.kubectl(words);
    let (definition, fix) = match owner.kind {
        OwnerKind::Flux => {
            let (kind, name) = name.split_once('/').unwrap_or(("kustomization", name));
            let namespace = owner.namespace.as_deref().unwrap_or(&context.snapshot.namespace);
            let fix = format!(
                "change the source of {kind}/{name} instead, or `flux suspend {kind} {name} \
                 -n {namespace}`"
            );
            (GITOPS, fix)
        }
        OwnerKind::Fleet => {
            let bundle = name.strip_prefix("default-").unwrap_or(name);
            let fix = format!(
                "change the source of bundle.fleet.cattle.io/{bundle} instead, or pause it: spec.paused \
                 (`kubectl get bundles.fleet.cattle.io -A`, where Fleet's manager runs)"
            );
            (GITOPS, fix)
        }
        OwnerKind::Kapp => {
            let app = kapp_app(context.snapshot, name).unwrap_or(name);
            let fix = format!(
                "change the files that `kapp deploy -a {app}` applies instead: it writes them back"
            );
            (GITOPS, fix)
        }
        OwnerKind::ExternalSecrets => {
            let fix = format!(
                "afterwards the store has to hold the new certificates, or the operator puts the \
                 old ones back: `{}`",
                kubectl(&format!("get externalsecret {name} -o yaml"))
            );
            (OWNER, fix)
        }
        OwnerKind::SealedSecrets => {
            let fix = format!(
                "afterwards seal the new certificates again, or the controller puts the old ones \
                 back: `{}`",
                kubectl(&format!("get sealedsecret {name} -o yaml"))
            );
            (OWNER, fix)
        }
        OwnerKind::Controller => {
            let namespace = owner.namespace.as_deref().unwrap_or(&context.snapshot.namespace);
            let fix = format!("change {name} instead: `kubectl -n {namespace} get {name} -o yaml`");
            (OWNER, fix)
        }
        _ => {
            let fix = format!(
                "change the source of application.argoproj.io/{name} instead, or `argocd app set \
                 {name} --sync-policy none`"
            );
            (GITOPS, fix)
        }
    };
    let who = match owner.kind {
        OwnerKind::Kapp => {
            format!("kapp app `{}`", kapp_app(context.snapshot, name).unwrap_or(name))
        }
        _ => who(owner),
    };
    definition.found(format!("{who} reconciles {objects}"), fix)
}

/// Who puts `object` back, in words: ``Argo CD application `acs` ``.
pub(crate) fn reconciler(object: &Value) -> Option<String> {
    reconcilers(object).first().map(who)
}

fn who(owner: &Owner) -> String {
    let name = &owner.name;
    match owner.kind {
        OwnerKind::Flux => match name.split_once('/') {
            Some(("helmrelease", name)) => format!("Flux Helm release `{name}`"),
            other => format!("Flux kustomization `{}`", other.map_or(name.as_str(), |it| it.1)),
        },
        OwnerKind::Fleet => {
            format!("Rancher Fleet bundle `{}`", name.strip_prefix("default-").unwrap_or(name))
        }
        OwnerKind::Kapp => format!("kapp app `{name}`"),
        OwnerKind::ExternalSecrets => {
            format!("externalsecret/{name} of the External Secrets Operator")
        }
        OwnerKind::SealedSecrets => format!("sealedsecret/{name} of Sealed Secrets"),
        OwnerKind::Controller => format!("the controller of {name}"),
        _ => format!("Argo CD application `{name}`"),
    }
}

/// The name of the app whose objects carry this value of kapp's label: that of its ConfigMap, as
/// far as it is in the same namespace.
fn kapp_app<'a>(snapshot: &'a Snapshot, value: &str) -> Option<&'a str> {
    let mut apps = snapshot.of_kind("ConfigMap").filter(|map| {
        let labels = &map["metadata"]["labels"];
        labels["kapp.k14s.io/is-app"].is_string()
    });
    let app = apps.find(|map| {
        let spec = map["data"]["spec"].as_str().unwrap_or_default();
        let spec: Value = serde_json::from_str(spec).unwrap_or_default();
        spec["labelValue"] == value
    });
    app.map(|app| name(app).trim_end_matches(".apps.k14s.io"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::Installation;
    use super::*;
    use crate::plan::{Action, Plan, ScannerConfig};

    const TO: &str = "3.69.2";

    #[test]
    fn owners_of_gitops_are_named_with_the_object_to_change() {
        for (field, key, value, what, fix) in [
            (
                "labels",
                "argocd.argoproj.io/instance",
                "acs",
                "Argo CD application `acs`",
                "application.argoproj.io/acs",
            ),
            (
                "labels",
                "app.kubernetes.io/instance",
                "acs",
                "Argo CD application `acs`",
                "argocd app set acs",
            ),
            (
                "annotations",
                "argocd.argoproj.io/tracking-id",
                "acs:apps/Deployment:x/y",
                "`acs`",
                "application.argoproj.io/acs",
            ),
            (
                "labels",
                "kustomize.toolkit.fluxcd.io/name",
                "infra",
                "Flux kustomization `infra`",
                "kustomization/infra",
            ),
            (
                "labels",
                "helm.toolkit.fluxcd.io/name",
                "acs",
                "Flux Helm release `acs`",
                "helmrelease/acs",
            ),
            (
                "annotations",
                "objectset.rio.cattle.io/id",
                "default-acs",
                "Fleet bundle `acs`",
                "bundle.fleet.cattle.io/acs",
            ),
            ("labels", "kapp.k14s.io/app", "15785", "kapp app `acs`", "kapp deploy -a acs"),
        ] {
            let app = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata":
                {"name": "acs.apps.k14s.io", "namespace": "stackrox", "labels": {"kapp.k14s.io/is-app": ""}},
                "data": {"spec": r#"{"labelKey":"kapp.k14s.io/app","labelValue":"15785"}"#}});
            let installation =
                Installation::at("3.62.1").plus(app).with("Deployment", "central", |central| {
                    central["metadata"][field][key] = json!(value);
                });
            let finding = installation.finding("RHACS-GITOPS-OWNER", TO);
            assert!(finding.what.contains(what), "{}", finding.what);
            assert!(finding.what.contains("deploy/central"), "{}", finding.what);
            assert!(finding.fix.contains(fix), "{}", finding.fix);
            assert_eq!(finding.severity, Severity::Accept);
        }
    }

    #[test]
    fn an_operator_that_made_an_object_is_named() {
        let installation = Installation::at("3.62.1").with("Deployment", "sensor", |sensor| {
            sensor["metadata"]["ownerReferences"] =
                json!([{"kind": "Stack", "name": "acs", "controller": true}]);
        });
        let finding = installation.finding("RHACS-OBJECT-OWNER", TO);
        assert_eq!(finding.what, "the controller of stack/acs reconciles deploy/sensor");
        assert_eq!(
            finding.fix,
            "change stack/acs instead: `kubectl -n stackrox get stack/acs -o yaml`"
        );
    }

    fn with_bundle(installation: &Installation) -> Plan {
        let mut plan = installation.plan_for(TO);
        plan.steps[0].action = Action::ScannerBundle { config: ScannerConfig::Keep };
        plan
    }

    #[test]
    fn what_feeds_the_secrets_of_the_scanner_is_named_before_they_are_renewed() {
        for (kind, what) in [
            ("ExternalSecret", "externalsecret/tls of the External Secrets Operator"),
            ("SealedSecret", "sealedsecret/tls of Sealed Secrets"),
        ] {
            let mut installation = Installation::at("3.62.1");
            for secret in &mut installation.snapshot.secrets {
                if secret.name != "central-tls" {
                    secret.owners = reconcilers(&json!({"metadata": {
                        "ownerReferences": [{"kind": kind, "name": "tls", "controller": true}]}}));
                }
            }
            let found = |plan: &Plan| -> Vec<String> {
                let findings = installation.findings_of(plan).into_iter();
                let owned = findings.filter(|finding| finding.code == "RHACS-OBJECT-OWNER");
                owned.map(|finding| finding.what).collect()
            };
            let expected = format!("{what} reconciles secret/scanner-tls, secret/scanner-db-tls");
            assert_eq!(found(&with_bundle(&installation)), [expected]);
            assert_eq!(found(&installation.plan_for(TO)), [""; 0], "nothing writes them");
        }
    }

    #[test]
    fn marks_on_config_maps_and_secrets_count_as_well() {
        let tracking = json!({"argocd.argoproj.io/tracking-id": "acs:/ConfigMap:x/y"});
        let mut installation =
            Installation::at("3.62.1").with("ConfigMap", "scanner-config", |map| {
                map["metadata"]["annotations"] = tracking.clone();
            });
        for secret in &mut installation.snapshot.secrets {
            secret.owners = reconcilers(&json!({"metadata": {"annotations": tracking}}));
        }
        let findings = installation.findings_of(&with_bundle(&installation));
        let found: Vec<&Finding> =
            findings.iter().filter(|finding| finding.code == "RHACS-GITOPS-OWNER").collect();
        assert_eq!(found.len(), 1);
        let expected = "Argo CD application `acs` reconciles secret/scanner-tls, \
                        secret/scanner-db-tls, cm/scanner-config";
        assert_eq!(found[0].what, expected);
    }
}
