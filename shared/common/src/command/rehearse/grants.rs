//! Who may use which SCC, wherever that is written.

use serde_json::Value;

use crate::checks::items;
use crate::rhacs::scc::{KIND, built_in_constraints, built_in_roles};

/// The ClusterRoles that grant the use of SCCs, and the bindings by which service accounts of
/// `namespace` have them, among `objects`.
pub(super) fn of_constraints(objects: &[Value], namespace: &str) -> Vec<Value> {
    let is_role = |object: &&Value| object["kind"] == "ClusterRole" && grants_use(object);
    let roles: Vec<&Value> = objects.iter().filter(is_role).collect();
    let binds = |object: &&Value| {
        object["kind"] == "ClusterRoleBinding"
            && roles.iter().any(|role| role["metadata"]["name"] == object["roleRef"]["name"])
            && items(&object["subjects"]).any(|subject| is_of_namespace(subject, namespace))
    };
    let bindings: Vec<Value> = objects.iter().filter(binds).cloned().collect();
    roles.into_iter().cloned().chain(bindings).collect()
}

/// What OpenShift brings along, in place of what may not be read.
pub(super) fn presumed(unread: &[&str]) -> Vec<Value> {
    let mut objects = Vec::new();
    if unread.contains(&KIND) {
        objects.extend(built_in_constraints());
    }
    if unread.contains(&"ClusterRole") || unread.contains(&"ClusterRoleBinding") {
        let (roles, binding) = built_in_roles();
        objects.extend(roles);
        objects.push(binding);
    }
    objects
}

fn grants_use(role: &Value) -> bool {
    let has = |list: &Value, wanted: &str| items(list).any(|it| it == wanted || it == "*");
    items(&role["rules"]).any(|rule| {
        has(&rule["resources"], "securitycontextconstraints")
            && has(&rule["verbs"], "use")
            && has(&rule["apiGroups"], "security.openshift.io")
    })
}

fn is_of_namespace(subject: &Value, namespace: &str) -> bool {
    let name = subject["name"].as_str().unwrap_or_default();
    match subject["kind"].as_str() {
        Some("ServiceAccount") => subject["namespace"] == namespace,
        Some("User") => name.starts_with(&format!("system:serviceaccount:{namespace}:")),
        _ => {
            let own = format!("system:serviceaccounts:{namespace}");
            ["system:authenticated", "system:serviceaccounts", &own].contains(&name)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_grant_is_copied_with_its_role_wherever_it_is_written() {
        let role = |name: &str, verb: &str| {
            json!({"kind": "ClusterRole", "metadata": {"name": name}, "rules": [
                {"apiGroups": ["security.openshift.io"], "verbs": [verb],
                 "resources": ["securitycontextconstraints"]}]})
        };
        let binding = |name: &str, role: &str, subject: Value| {
            json!({"kind": "ClusterRoleBinding", "metadata": {"name": name},
                "roleRef": {"kind": "ClusterRole", "name": role}, "subjects": [subject]})
        };
        let account = |namespace: &str| json!({"kind": "ServiceAccount", "name": "central", "namespace": namespace});
        let everybody = json!({"kind": "Group", "name": "system:authenticated"});
        let objects = [
            role("anyuid", "use"),
            role("reader", "get"),
            binding("ours", "anyuid", account("stackrox")),
            binding("theirs", "anyuid", account("other")),
            binding("all", "anyuid", everybody),
            binding("read", "reader", account("stackrox")),
        ];
        let copied = of_constraints(&objects, "stackrox");
        let names: Vec<&str> =
            copied.iter().filter_map(|it| it["metadata"]["name"].as_str()).collect();
        assert_eq!(names, ["anyuid", "ours", "all"]);
    }
}
