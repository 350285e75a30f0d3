//! Whether the API server lets the user write the Roles and bindings of a plan: it refuses those
//! that grant more than their writer may do.

use serde_json::Value;

use crate::plan::{ChangedBy, Finding, Forecast, Plan, Severity};
use crate::rhacs::authorization::beyond;
use crate::rhacs::{Need, ObjectRef, Permission, Snapshot};

use super::access::words;
use super::context::Context;
use super::definition::Definition;

pub(super) const ESCALATION: Definition = Definition {
    code: "RHACS-RBAC-ESCALATION",
    severity: Severity::Block,
    meaning: "a Role that the plan writes or binds grants more than you may do yourself",
    why: "the API server refuses such a write, so that the run would stop in the middle",
    source: "Kubernetes documentation, Using RBAC Authorization, privilege escalation prevention",
};

const GROUP: &str = "rbac.authorization.k8s.io";
/// So many of the missing permissions are named.
const NAMED: usize = 3;

/// A write that gives permissions to somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// The Role or the binding.
    pub object: ObjectRef,
    /// What it grants.
    pub rules: Vec<Value>,
    /// Who has this may write it whatever it grants.
    pub exemption: Permission,
}

/// The writes of `plan` that give permissions to somebody. A binding whose Role is not known gives
/// none that could be looked at.
#[must_use]
pub fn grants(plan: &Plan, snapshot: &Snapshot) -> Vec<Grant> {
    // Who else changes something does so with rights of its own.
    let own = || plan.forecast().filter(|forecast| forecast.by == ChangedBy::Run);
    let role_of = |binding: &Value| -> Option<Value> {
        let (kind, name) =
            (binding["roleRef"]["kind"].as_str()?, binding["roleRef"]["name"].as_str()?);
        let is_it = |object: &ObjectRef| object.kind == kind && object.name == name;
        let written = own()
            .filter(|forecast| is_it(&forecast.object))
            .find_map(|it| it.content().filter(|content| content["rules"].is_array()));
        written.cloned().or_else(|| snapshot.object(kind, name).cloned())
    };
    let grant = |forecast: Forecast<'_>| {
        let (object, content) = (forecast.object.as_ref(), forecast.content()?);
        if object.group() != GROUP {
            return None;
        }
        let (rules, verb, resource, name) = match object.kind.as_str() {
            "Role" => (content["rules"].clone(), "escalate", "roles", object.name.clone()),
            "RoleBinding" => {
                let binding = match content["roleRef"].is_object() {
                    true => content,
                    false => snapshot.object("RoleBinding", &object.name)?,
                };
                let is_wide = binding["roleRef"]["kind"] == "ClusterRole";
                let resource = if is_wide { "clusterroles" } else { "roles" };
                let name = binding["roleRef"]["name"].as_str()?.to_owned();
                (role_of(binding)?["rules"].clone(), "bind", resource, name)
            }
            _ => return None,
        };
        let exemption = Permission {
            verb: verb.to_owned(),
            group: GROUP.to_owned(),
            resource: resource.to_owned(),
            name: Some(name),
            namespace: object.namespace.clone(),
            purpose: format!("write {object}"),
            needed_for: Need::Run,
        };
        let rules = rules.as_array()?.clone();
        Some(Grant { object: object.clone(), rules, exemption })
    };
    own().filter_map(grant).collect()
}

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let access = &context.snapshot.access;
    let Some(own) = &access.rules else { return Vec::new() };
    let user = if access.user.is_empty() { "you" } else { access.user.as_str() };
    let mut findings = Vec::new();
    for grant in grants(context.plan, context.snapshot) {
        let missing = beyond(own, &grant.rules);
        if missing.is_empty() || access.exempt.contains(&grant.exemption) {
            continue;
        }
        let named: Vec<String> = missing.iter().take(NAMED).map(words).collect();
        let more = match missing.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let (object, named) = (&grant.object, named.join(", "));
        let what = format!("`{object}` would grant what {user} may not: {named}{more}");
        findings.push(ESCALATION.found(what, fix(context, &grant.exemption)));
    }
    findings
}

/// What an administrator of the cluster types.
fn fix(context: &Context<'_>, exemption: &Permission) -> String {
    let Permission { verb, resource, name, .. } = exemption;
    let name = name.as_deref().unwrap_or_default();
    let helper = format!("kubectl-rhacs-{verb}-{name}");
    let user = match context.snapshot.access.user.as_str() {
        "" => "USER",
        user => user,
    };
    let role = context.kubectl(&format!(
        "create role {helper} --verb={verb} --resource={resource}.{GROUP} --resource-name={name}"
    ));
    let binding =
        context.kubectl(&format!("create rolebinding {helper} --role={helper} --user='{user}'"));
    format!("as an administrator of the cluster: `{role} && {binding}`")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::Installation;
    use super::*;
    use crate::plan::Write;

    const CODE: &str = "RHACS-RBAC-ESCALATION";

    fn rules(of: &Value) -> Vec<Value> {
        of.as_array().cloned().unwrap_or_default()
    }

    /// What a namespace's administrator may do: much, but not everything.
    fn of_an_administrator() -> Vec<Value> {
        rules(&json!([
            {"verbs": ["*"], "apiGroups": ["", "apps", GROUP], "resources": ["*"]},
        ]))
    }

    fn with(own: Option<Vec<Value>>) -> Installation {
        let mut installation = Installation::at("3.69.2");
        installation.snapshot.access.user = "ann".to_owned();
        installation.snapshot.access.rules = own;
        installation
    }

    #[test]
    fn a_role_that_grants_more_than_the_user_has_blocks() {
        let mut found = with(Some(of_an_administrator())).findings_for("3.74.9");
        found.retain(|finding| finding.code == CODE && finding.what.contains("role/edit"));
        assert_eq!(found.len(), 1, "{found:?}");
        let finding = found.remove(0);
        assert_eq!(finding.severity, Severity::Block);
        assert!(
            finding.what.starts_with("`role/edit` would grant what ann may not: "),
            "{finding:?}"
        );
        assert!(
            finding.fix.contains(
                "`kubectl -n stackrox create role kubectl-rhacs-escalate-edit --verb=escalate \
                 --resource=roles.rbac.authorization.k8s.io --resource-name=edit && kubectl -n \
                 stackrox create rolebinding kubectl-rhacs-escalate-edit \
                 --role=kubectl-rhacs-escalate-edit --user='ann'`"
            ),
            "{}",
            finding.fix
        );
    }

    #[test]
    fn who_may_do_all_of_it_or_escalate_or_is_not_known_is_let_through() {
        let everything = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
        let of_edit = Installation::at("3.74.9").snapshot.object("Role", "edit").cloned();
        let mut own = of_an_administrator();
        own.extend(rules(&of_edit.unwrap()["rules"]));
        for known in [Some(rules(&everything)), Some(own), None] {
            let findings = with(known.clone()).findings_for("3.74.9");
            assert!(findings.iter().all(|finding| finding.code != CODE), "{known:?}: {findings:?}");
        }
        let mut installation = with(Some(of_an_administrator()));
        let plan = installation.plan_for("3.74.9");
        let granted = grants(&plan, &installation.snapshot);
        let exempt: Vec<Permission> = granted.into_iter().map(|grant| grant.exemption).collect();
        assert!(!exempt.is_empty());
        installation.snapshot.access.exempt = exempt;
        let findings = installation.findings_for("3.74.9");
        assert!(findings.iter().all(|finding| finding.code != CODE), "{findings:?}");
    }

    #[test]
    fn a_binding_grants_what_its_role_does_after_the_plan() {
        let installation = with(Some(of_an_administrator()));
        let namespaced = |kind: &str, name: &str| {
            ObjectRef::namespaced("rbac.authorization.k8s.io/v1", kind, "stackrox", name)
        };
        let granted = json!([{"verbs": ["use"], "apiGroups": ["security.openshift.io"],
            "resources": ["securitycontextconstraints"], "resourceNames": ["anyuid"]}]);
        let role = Write::Apply {
            object: namespaced("Role", "use-scc"),
            manifest: json!({"kind": "Role", "rules": granted}),
        };
        let binding = |kind: &str, name: &str| Write::Apply {
            object: namespaced("RoleBinding", "b"),
            manifest: json!({"kind": "RoleBinding", "roleRef": {"kind": kind, "name": name}}),
        };
        let mut plan = installation.plan_for("3.69.2");
        let mut step = installation.plan_for("3.74.9").steps[0].clone();
        for (writes, exemptions) in [
            (vec![role, binding("Role", "use-scc")], &["escalate roles", "bind roles"][..]),
            (vec![binding("Role", "edit")], &["bind roles"]),
            (vec![binding("Role", "nowhere")], &[]),
            (vec![Write::Delete { object: namespaced("Role", "edit") }], &[]),
        ] {
            step.action = crate::plan::Action::Write { writes };
            plan.steps = vec![step.clone()];
            let found: Vec<String> = grants(&plan, &installation.snapshot)
                .iter()
                .map(|grant| format!("{} {}", grant.exemption.verb, grant.exemption.resource))
                .collect();
            assert_eq!(found, exemptions);
            let mut blocked = installation.findings_of(&plan);
            blocked.retain(|finding| finding.code == CODE);
            // `edit` still is that of the release that runs: every verb on everything.
            assert_eq!(blocked.len(), exemptions.len(), "{blocked:?}");
        }
    }
}
