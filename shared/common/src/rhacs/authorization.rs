//! What rules of RBAC allow, as the authorizer reads them.

use serde_json::Value;

use super::Permission;

/// Whether one of `rules` (`verbs`, `apiGroups`, `resources`, `resourceNames`) allows `wanted`. A
/// wanted `*` is allowed by a `*` only, and all names by a rule without names only.
#[must_use]
pub fn allows(rules: &[Value], wanted: &Permission) -> bool {
    rules.iter().any(|rule| {
        contains(&rule["verbs"], &wanted.verb)
            && contains(&rule["apiGroups"], &wanted.group)
            && has_resource(&rule["resources"], &wanted.resource)
            && has_name(&rule["resourceNames"], wanted.name.as_deref())
    })
}

/// What `granted` allows and `rules` do not, each verb on each resource singly.
///
/// This is how the API server decides whether somebody who has `rules` may write a Role of the
/// rules `granted`: <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping>.
#[must_use]
pub fn beyond(rules: &[Value], granted: &[Value]) -> Vec<Permission> {
    let mut all: Vec<Permission> = granted.iter().flat_map(single_permissions).collect();
    all.retain(|permission| !allows(rules, permission));
    all
}

/// A rule taken apart.
fn single_permissions(rule: &Value) -> Vec<Permission> {
    let names: Vec<Option<&str>> = match texts(&rule["resourceNames"]) {
        names if names.is_empty() => vec![None],
        names => names.into_iter().map(Some).collect(),
    };
    let mut all = Vec::new();
    for group in texts(&rule["apiGroups"]) {
        for resource in texts(&rule["resources"]) {
            for verb in texts(&rule["verbs"]) {
                for name in &names {
                    all.push(Permission {
                        verb: verb.to_owned(),
                        group: group.to_owned(),
                        resource: resource.to_owned(),
                        name: name.map(str::to_owned),
                        ..Permission::default()
                    });
                }
            }
        }
    }
    all
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn contains(list: &Value, wanted: &str) -> bool {
    texts(list).into_iter().any(|item| item == "*" || item == wanted)
}

fn has_resource(list: &Value, wanted: &str) -> bool {
    let of_any = wanted.split_once('/').map(|(_, subresource)| format!("*/{subresource}"));
    contains(list, wanted) || of_any.is_some_and(|of_any| contains(list, &of_any))
}

/// A rule without names holds for all; one with names holds for none else.
fn has_name(list: &Value, wanted: Option<&str>) -> bool {
    let names = texts(list);
    names.is_empty() || wanted.is_some_and(|wanted| names.contains(&wanted))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(verbs: &[&str], groups: &[&str], resources: &[&str], names: &[&str]) -> Value {
        json!({"verbs": verbs, "apiGroups": groups, "resources": resources, "resourceNames": names})
    }

    #[test]
    fn rules_are_read_as_the_authorizer_reads_them() {
        let rules = [
            rule(&["get", "list"], &[""], &["pods", "*/log"], &[]),
            rule(&["*"], &["apps"], &["*"], &[]),
            rule(&["update"], &[""], &["secrets"], &["scanner-tls"]),
        ];
        let may = |verb: &str, group: &str, resource: &str, name: Option<&str>| {
            allows(
                &rules,
                &Permission {
                    verb: verb.to_owned(),
                    group: group.to_owned(),
                    resource: resource.to_owned(),
                    name: name.map(str::to_owned),
                    ..Permission::default()
                },
            )
        };
        assert!(may("get", "", "pods", None));
        assert!(may("get", "", "pods/log", None));
        assert!(!may("delete", "", "pods", None));
        assert!(may("update", "apps", "deployments/scale", None));
        assert!(!may("create", "", "pods/portforward", None));
        assert!(may("patch", "apps", "deployments", Some("central")));
        assert!(may("update", "", "secrets", Some("scanner-tls")));
        assert!(!may("update", "", "secrets", Some("central-tls")));
        assert!(!may("update", "", "secrets", None));
    }

    #[test]
    fn what_a_role_grants_beyond_the_own_rules_is_found_singly() {
        let admin = rule(&["*"], &["*"], &["*"], &[]);
        let reader = rule(&["get", "list"], &["", "apps"], &["pods", "deployments"], &[]);
        let one = rule(&["use"], &["security.openshift.io"], &["sccs"], &["a"]);
        let used = |names| rule(&["use"], &["security.openshift.io"], &["sccs"], names);
        for (own, granted, expected) in [
            (vec![admin.clone()], admin.clone(), 0),
            (vec![admin], reader.clone(), 0),
            (vec![reader.clone()], reader.clone(), 0),
            (vec![reader.clone()], rule(&["get"], &["apps"], &["deployments"], &["central"]), 0),
            (vec![reader.clone()], rule(&["get", "watch"], &[""], &["pods", "secrets"], &[]), 3),
            (vec![reader.clone()], rule(&["*"], &[""], &["pods"], &[]), 1),
            (vec![reader.clone()], rule(&["get"], &["*"], &["pods"], &[]), 1),
            (vec![reader.clone()], rule(&["get"], &[""], &["*"], &[]), 1),
            (vec![reader], rule(&["get"], &[""], &["pods/log"], &[]), 1),
            (
                vec![rule(&["get"], &[""], &["*/log"], &[])],
                rule(&["get"], &[""], &["pods/log"], &[]),
                0,
            ),
            (vec![one.clone()], used(&["a"]), 0),
            (vec![one.clone()], used(&["a", "b"]), 1),
            (vec![one.clone()], used(&[]), 1),
            (vec![one, used(&["b"])], used(&["a", "b"]), 0),
            (Vec::new(), used(&["a"]), 1),
        ] {
            let beyond = beyond(&own, std::slice::from_ref(&granted));
            assert_eq!(beyond.len(), expected, "{own:?} {granted}: {beyond:?}");
        }
    }
}
