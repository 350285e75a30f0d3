//! SecurityContextConstraints on OpenShift.

use common::checks::{Context, Definition, name};
use common::plan::{Finding, Severity};
use common::rhacs::scc::{
    Era, KIND, belongs_to_product, capturing_users, component_of_constraint, is_marked,
    old_scc_names, relying_on,
};
use common::rhacs::{Component, ObjectRef};
use serde_json::Value;

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
const KEPT: Definition = Definition {
    code: "RHACS-SCC-KEPT",
    severity: Severity::Warn,
    meaning: "an SCC of an old name stays, since it alone admits pods of the installation",
    why: "without it their next pods would not be created",
    source: "OpenShift's admission, as this tool knows it",
};
const LEFT: Definition = Definition {
    code: "RHACS-SCC-OBSOLETE",
    severity: Severity::Info,
    meaning: "SCCs of the product remain that its releases from 4.4 on do not need",
    why: "4.4 uses the SCCs that come with OpenShift",
    source: "product change log 4.1 and 4.4 (ROX-12982)",
};

pub(super) const DEFINITIONS: &[Definition] = &[CAPTURES, FOREIGN, KEPT, LEFT];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    if !context.snapshot.is_openshift() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for scc in context.snapshot.of_kind(KIND) {
        findings.extend(captures(context, scc));
        findings.extend(foreign(context, scc));
    }
    findings.extend(kept(context));
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
            "`kubectl edit scc {name}`: leave only the product's service accounts in users and groups"
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
        "`kubectl get scc {name} -o yaml` tells; `kubectl delete scc {name}` if it is nobody's"
    );
    Some(FOREIGN.found(format!("scc/{name} stays: {users}"), fix))
}

/// The SCCs of old names that have to stay, with who relies on them.
fn kept(context: &Context<'_>) -> Vec<Finding> {
    let snapshot = context.snapshot;
    if Era::of(&context.plan.to) != Era::Named {
        return Vec::new();
    }
    // Central's upgrader leaves SCCs alone.
    let by_upgrader = context.plan.awaits_upgrader();
    let is_left = |name: &&str| {
        let component = component_of_constraint(name);
        let scc = snapshot.object(KIND, name);
        scc.is_some_and(|scc| belongs_to_product(scc, &snapshot.namespace))
            && context.plan.components.contains(&component)
            && !(by_upgrader && component == Component::Secured)
            && !is_deleted(context, name)
    };
    let mut findings = Vec::new();
    for old in old_scc_names().into_iter().filter(is_left) {
        let relying = relying_on(&context.after.objects, &snapshot.pods, &snapshot.namespace, old);
        if relying.is_empty() {
            continue;
        }
        let reasons: Vec<String> = relying
            .iter()
            .map(|(object, refused)| format!("{object}: {}", refused.reason()))
            .collect();
        let what = format!("scc/{old} stays; without it {}", reasons.join("; "));
        let status = context.rhacs(&format!("scc status --for {}", context.plan.to));
        let fix = format!("`{status}` shows who may use what; then the upgrade again");
        findings.push(KEPT.found(what, fix));
    }
    findings
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
            context.rhacs(&format!("scc apply --for {} --prune", context.plan.to)),
        )
    })
}

fn is_deleted(context: &Context<'_>, scc: &str) -> bool {
    context.deletes(&ObjectRef::scc(scc))
}

fn is_written(context: &Context<'_>, scc: &str) -> bool {
    context.changes(&ObjectRef::scc(scc))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{Installation, Subject};
    use super::*;
    use common::plan::Write;

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
    fn an_old_scc_that_pods_rely_on_stays_and_is_named() {
        let shared_name = |scc: Value| Installation::on_openshift("3.62.1").plus(scc);
        let somebodys = json!({
            "apiVersion": "security.openshift.io/v1", "kind": KIND,
            "metadata": {"name": "stackrox-central"},
            "users": ["system:serviceaccount:other:central"],
        });
        let installation = shared_name(somebodys);
        let finding = installation.finding("RHACS-SCC-KEPT", "3.69.2");
        assert!(
            finding.what.starts_with("scc/central stays; without it deploy/central: "),
            "{}",
            finding.what
        );
        assert!(!installation.has("RHACS-SCC-REFUSED", "3.69.2"), "the old one still admits it");
        let plan = installation.plan_for("3.69.2");
        let deleted = |name: &str| {
            let mut writes = plan.steps.iter().flat_map(|step| step.action.writes());
            writes.any(|it| *it == Write::Delete { object: ObjectRef::scc(name) })
        };
        assert!(!deleted("central") && deleted("sensor"));
        assert!(!Installation::on_openshift("3.62.1").has("RHACS-SCC-KEPT", "3.69.2"));
    }

    #[test]
    fn pods_that_could_not_be_created_anew_are_named() {
        let stranger = with_scc("stackrox-central", |scc| {
            scc["metadata"] = json!({"name": "stackrox-central"});
            scc["users"] = json!(["system:serviceaccount:other:central"]);
        });
        let finding = stranger.finding("RHACS-SCC-REFUSED", TO);
        assert_eq!(finding.what, "deploy/central: its service account may use no SCC");
        assert_eq!(
            finding.fix,
            concat!(
                "`kubectl patch scc stackrox-central --type merge -p '{\"users\":",
                "[\"system:serviceaccount:other:central\",",
                "\"system:serviceaccount:stackrox:central\"]}'`, if whose it is agrees"
            )
        );
        assert!(finding.is_blocking());
        let finding = stranger.finding("RHACS-SCC-UNFIT", "3.69.2");
        assert!(finding.what.starts_with("deploy/central: "), "{}", finding.what);
        let own = with_scc("stackrox-central", |scc| scc["users"] = json!([]));
        for to in [TO, "3.69.2"] {
            assert!(!own.has("RHACS-SCC-REFUSED", to) && !own.has("RHACS-SCC-UNFIT", to), "{to}");
        }
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
