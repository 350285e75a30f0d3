//! SecurityContextConstraints on OpenShift.

use common::plan::{Finding, Severity};
use common::rhacs::ObjectRef;
use common::rhacs::rules::{belongs_to_product, capturing_users, old_scc_names};
use serde_json::Value;

use common::checks::Definition;
use common::checks::{Context, items, name};

const CAPTURES: Definition = Definition {
    code: "RHACS-SCC-CAPTURES",
    severity: Severity::Warn,
    meaning: "an SCC of the product may be given to pods of others",
    why: "with a read-only root such pods fail; it has stopped OpenShift's own upgrades",
    source: "access.redhat.com/solutions/5911951 and 6985485; OTA-680; stackrox pull request 7262",
};
const FOREIGN: Definition = Definition {
    code: "RHACS-SCC-FOREIGN",
    severity: Severity::Warn,
    meaning: "an SCC has a name that the product used, but is not the product's alone",
    why: "it is left as it is; a plan never deletes what others use",
    source: "upgrade guide 3.69, section 2.3.2",
};
const HOST_PATH: Definition = Definition {
    code: "RHACS-SCC-HOST-PATH",
    severity: Severity::Accept,
    meaning: "Central keeps its data on its node, and its SCC forbids that",
    why: "the new Central pod would not be admitted",
    source: "product charts: central SCC, allowHostDirVolumePlugin",
};
const LEFT: Definition = Definition {
    code: "RHACS-SCC-OBSOLETE",
    severity: Severity::Info,
    meaning: "SCCs of the product remain that its releases from 4.4 on do not need",
    why: "4.4 uses the SCCs that come with OpenShift",
    source: "product change log 4.1 and 4.4 (ROX-12982)",
};

pub(super) const DEFINITIONS: &[Definition] = &[CAPTURES, FOREIGN, HOST_PATH, LEFT];

const KIND: &str = "SecurityContextConstraints";

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    if !context.snapshot.is_openshift() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for scc in context.snapshot.of_kind(KIND) {
        findings.extend(captures(context, scc));
        findings.extend(foreign(context, scc));
        findings.extend(host_path(context, scc));
    }
    findings.extend(left(context));
    findings
}

fn captures(context: &Context<'_>, scc: &Value) -> Option<Finding> {
    let name = name(scc);
    if !is_marked(scc) || is_deleted(context, name) {
        return None;
    }
    let others = capturing_users(scc, &context.snapshot.namespace);
    let priority = scc["priority"].as_i64().filter(|priority| *priority != 0);
    // The plan's own change of the priority is the fix.
    let priority = priority.filter(|_| !is_written(context, name));
    let reason = match (priority, others.as_slice()) {
        (None, []) => return None,
        (Some(priority), []) => format!("its priority is {priority}"),
        (None, others) => format!("{} may use it", others.join(", ")),
        (Some(priority), others) => {
            format!("its priority is {priority}, and {} may use it", others.join(", "))
        }
    };
    let read_only = if scc["readOnlyRootFilesystem"] == true {
        "; it makes the root file system read-only"
    } else {
        ""
    };
    let fix = if others.is_empty() {
        format!(r#"kubectl patch scc {name} --type merge -p '{{"priority":0}}'"#)
    } else {
        format!(
            "kubectl edit scc {name}: leave only the product's service accounts in users and groups"
        )
    };
    Some(CAPTURES.found(format!("scc/{name}: {reason}{read_only}"), fix))
}

fn foreign(context: &Context<'_>, scc: &Value) -> Option<Finding> {
    let name = name(scc);
    if !old_scc_names().contains(&name) || belongs_to_product(scc, &context.snapshot.namespace) {
        return None;
    }
    let others = capturing_users(scc, &context.snapshot.namespace);
    let users = if others.is_empty() {
        "nobody says whose it is".to_owned()
    } else {
        format!("used by {}", others.join(", "))
    };
    let fix = format!(
        "kubectl get scc {name} -o yaml tells; kubectl delete scc {name} if it is nobody's"
    );
    Some(FOREIGN.found(format!("scc/{name} stays: {users}"), fix))
}

fn host_path(context: &Context<'_>, scc: &Value) -> Option<Finding> {
    let central = context.snapshot.deployment("central").filter(|it| it.uses_host_path())?;
    let account = central.pod_spec()["serviceAccountName"].as_str().unwrap_or("central");
    let user = format!("system:serviceaccount:{}:{account}", context.snapshot.namespace);
    let name = name(scc);
    let is_centrals = items(&scc["users"]).any(|one| one == user.as_str());
    if !is_centrals
        || scc["allowHostDirVolumePlugin"] == true
        || is_deleted(context, name)
        || is_written(context, name)
        || is_admitted_elsewhere(context, &user)
    {
        return None;
    }
    let fix = format!(
        r#"kubectl patch scc {name} --type merge -p '{{"allowHostDirVolumePlugin":true}}'"#
    );
    Some(HOST_PATH.found(format!("scc/{name} allows no directory of the node"), fix))
}

/// Whether another SCC lets `user` use directories of the node.
fn is_admitted_elsewhere(context: &Context<'_>, user: &str) -> bool {
    let allows = |scc: &Value| {
        scc["allowHostDirVolumePlugin"] == true && items(&scc["users"]).any(|one| one == user)
    };
    context.snapshot.of_kind(KIND).any(|scc| allows(scc) && !is_deleted(context, name(scc)))
}

fn left(context: &Context<'_>) -> Option<Finding> {
    if !context.plan.to.is_at_least(4, 4) {
        return None;
    }
    let names: Vec<&str> = context
        .snapshot
        .of_kind(KIND)
        .filter(|scc| is_marked(scc) && !is_deleted(context, name(scc)))
        .map(name)
        .collect();
    (!names.is_empty()).then(|| {
        LEFT.found(
            format!("left: {}", names.join(", ")),
            format!("kubectl rhacs scc apply --for {} --prune", context.plan.to),
        )
    })
}

/// Whether the product marked it as its own.
fn is_marked(scc: &Value) -> bool {
    let metadata = &scc["metadata"];
    metadata["labels"]["app.kubernetes.io/name"] == "stackrox"
        || metadata["annotations"]["owner"] == "stackrox"
        || metadata["annotations"]["email"] == "support@stackrox.com"
}

fn is_deleted(context: &Context<'_>, scc: &str) -> bool {
    use common::plan::Write;
    let object = ObjectRef::scc(scc);
    context.writes().any(|write| matches!(write, Write::Delete { object: one } if *one == object))
}

fn is_written(context: &Context<'_>, scc: &str) -> bool {
    let object = ObjectRef::scc(scc);
    context.writes().any(|write| *write.object() == object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{Installation, Subject};
    use super::*;

    const TO: &str = "3.74.9";

    fn with_scc(name: &str, change: impl Fn(&mut Value)) -> Subject {
        Installation::on_openshift("3.69.2").with(KIND, name, change)
    }

    #[test]
    fn an_scc_that_captures_others_is_seen() {
        let preferred = with_scc("stackrox-central", |scc| scc["priority"] = json!(5));
        let finding = preferred.finding("RHACS-SCC-CAPTURES", TO);
        assert_eq!(
            finding.what,
            "scc/stackrox-central: its priority is 5; it makes the root file system read-only"
        );
        let shared = with_scc("stackrox-sensor", |scc| {
            scc["groups"] = json!(["system:authenticated"]);
        });
        let finding = shared.finding("RHACS-SCC-CAPTURES", TO);
        assert!(finding.what.contains("system:authenticated may use it"), "{}", finding.what);
        assert!(!Installation::on_openshift("3.69.2").has("RHACS-SCC-CAPTURES", TO));
    }

    #[test]
    fn an_scc_of_an_old_name_that_others_use_stays() {
        let foreign = json!({
            "apiVersion": "security.openshift.io/v1", "kind": KIND, "metadata": {"name": "sensor"},
            "users": ["system:serviceaccount:iot:default"],
        });
        let finding = Installation::on_openshift("3.69.2")
            .plus(foreign.clone())
            .finding("RHACS-SCC-FOREIGN", TO);
        assert_eq!(finding.what, "scc/sensor stays: used by system:serviceaccount:iot:default");
        assert!(!Installation::at("3.69.2").plus(foreign).has("RHACS-SCC-FOREIGN", TO));
    }

    #[test]
    fn a_central_on_its_node_needs_the_right_to_it() {
        let on_host = |allowed: bool| {
            Installation::on_openshift("3.69.2")
                .with("Deployment", "central", |central| {
                    let volumes = central["spec"]["template"]["spec"]["volumes"].as_array_mut();
                    volumes
                        .expect("volumes")
                        .push(json!({"name": "x", "hostPath": {"path": "/x"}}));
                })
                .with(KIND, "stackrox-central", |scc| {
                    scc["allowHostDirVolumePlugin"] = json!(allowed);
                })
        };
        assert!(on_host(false).has("RHACS-SCC-HOST-PATH", TO));
        assert!(!on_host(true).has("RHACS-SCC-HOST-PATH", TO));
        assert!(!Installation::on_openshift("3.69.2").has("RHACS-SCC-HOST-PATH", TO));
    }

    #[test]
    fn what_the_plan_replaces_needs_no_attention() {
        let old = Installation::on_openshift("3.62.1");
        for code in ["RHACS-SCC-CAPTURES", "RHACS-SCC-FOREIGN", "RHACS-SCC-OBSOLETE"] {
            assert!(!old.has(code, "3.69.2"), "{code}");
        }
    }

    #[test]
    fn sccs_that_4_4_does_not_need_are_named() {
        let installation = Installation::on_openshift("3.69.2");
        let mut plan = installation.plan_for(TO);
        plan.to = "4.4.8".parse().expect("a version");
        let findings = installation.findings_of(&plan);
        let finding = findings.iter().find(|finding| finding.code == "RHACS-SCC-OBSOLETE");
        assert!(finding.expect("found").what.contains("stackrox-central"));
    }
}
