//! Who may use a constraint: its own users and groups, and Roles with the verb `use`.

use serde_json::Value;

use super::{name, names, text};

const GROUP: &str = "security.openshift.io";
const RESOURCE: &str = "securitycontextconstraints";
/// What every service account may use on an OpenShift since 4.11.
const FOR_ALL: &str = "restricted-v2";

/// The Roles and bindings of a cluster, as far as they let somebody use constraints.
#[derive(Clone, Debug, Default)]
pub struct Grants<'a> {
    pairs: Vec<(&'a Value, &'a Value)>,
    knows_cluster_roles: bool,
}

/// One way in which somebody may use a constraint.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Grant {
    /// Who, as constraints and RBAC name users and groups.
    pub subject: String,
    /// The binding, as kubectl takes it; none when the constraint itself names the subject.
    pub binding: Option<String>,
}

impl<'a> Grants<'a> {
    /// What the Roles, ClusterRoles and their bindings among `objects` grant.
    ///
    /// Without any ClusterRoleBinding among them, these could not be read; then OpenShift's own is
    /// taken to be there, which lets everybody use `restricted-v2`.
    #[must_use]
    pub fn of(objects: &[&'a Value]) -> Self {
        let is =
            |object: &Value, kinds: [&str; 2]| kinds.iter().any(|kind| object["kind"] == *kind);
        let roles: Vec<&Value> = objects
            .iter()
            .copied()
            .filter(|object| is(object, ["Role", "ClusterRole"]) && mentions_constraints(object))
            .collect();
        let bindings = objects.iter().filter(|one| is(one, ["RoleBinding", "ClusterRoleBinding"]));
        let pairs = bindings
            .filter_map(|binding| {
                let role = roles.iter().find(|role| is_bound(binding, role))?;
                Some((*binding, *role))
            })
            .collect();
        let knows_cluster_roles =
            objects.iter().any(|object| object["kind"] == "ClusterRoleBinding");
        Self { pairs, knows_cluster_roles }
    }

    /// Whether a service account may use a constraint for pods of its namespace.
    #[must_use]
    pub fn allow(&self, constraint: &Value, namespace: &str, account: &str) -> bool {
        let user = format!("system:serviceaccount:{namespace}:{account}");
        let groups = groups_of(namespace);
        if names(constraint, "/users").contains(&user.as_str())
            || names(constraint, "/groups").iter().any(|name| groups.iter().any(|it| it == name))
            || (!self.knows_cluster_roles && name(constraint) == FOR_ALL)
        {
            return true;
        }
        self.through_roles(constraint).any(|(binding, _)| {
            let in_reach = binding["kind"] == "ClusterRoleBinding"
                || text(binding, "/metadata/namespace") == namespace;
            in_reach
                && super::items(binding, "/subjects").iter().any(|subject| {
                    let called = subject_name(subject);
                    called == user || groups.contains(&called)
                })
        })
    }

    /// Everybody who may use a constraint, but for those who may use all there are.
    #[must_use]
    pub fn on(&self, constraint: &Value) -> Vec<Grant> {
        let named = ["/users", "/groups"].map(|field| names(constraint, field)).concat();
        let named =
            named.into_iter().map(|subject| Grant { subject: subject.to_owned(), binding: None });
        let bound = self.through_roles(constraint).filter(|(_, by_name)| *by_name).flat_map(
            |(binding, _)| {
                let kind = text(binding, "/kind").to_lowercase();
                let binding_name = format!("{kind}/{}", name(binding));
                super::items(binding, "/subjects").iter().map(move |subject| Grant {
                    subject: subject_name(subject),
                    binding: Some(binding_name.clone()),
                })
            },
        );
        let mut grants: Vec<Grant> = named.chain(bound).collect();
        grants.sort();
        grants.dedup();
        grants
    }

    /// The bindings whose Role allows the use of a constraint, and whether it does so by name.
    fn through_roles<'s>(
        &'s self,
        constraint: &'s Value,
    ) -> impl Iterator<Item = (&'a Value, bool)> + 's {
        self.pairs.iter().filter_map(move |(binding, role)| {
            let mut allowing = super::items(role, "/rules")
                .iter()
                .filter(|rule| allows_use(rule, name(constraint)))
                .peekable();
            allowing.peek()?;
            let by_name = allowing.any(|rule| !names(rule, "/resourceNames").is_empty());
            Some((*binding, by_name))
        })
    }
}

/// The groups that every service account of a namespace is in.
fn groups_of(namespace: &str) -> [String; 3] {
    [
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{namespace}"),
        "system:authenticated".to_owned(),
    ]
}

fn subject_name(subject: &Value) -> String {
    let name = text(subject, "/name");
    match text(subject, "/kind") {
        "ServiceAccount" => {
            format!("system:serviceaccount:{}:{name}", text(subject, "/namespace"))
        }
        _ => name.to_owned(),
    }
}

fn is_bound(binding: &Value, role: &Value) -> bool {
    let reference = &binding["roleRef"];
    let same_namespace = role["kind"] == "ClusterRole"
        || binding["metadata"]["namespace"] == role["metadata"]["namespace"];
    reference["kind"] == role["kind"]
        && reference["name"] == role["metadata"]["name"]
        && same_namespace
}

fn mentions_constraints(role: &Value) -> bool {
    super::items(role, "/rules").iter().any(|rule| {
        let holds = |field: &str, wanted: &str| {
            names(rule, field).iter().any(|entry| *entry == "*" || *entry == wanted)
        };
        holds("/apiGroups", GROUP) && holds("/resources", RESOURCE) && holds("/verbs", "use")
    })
}

fn allows_use(rule: &Value, constraint: &str) -> bool {
    let holds = |field: &str, wanted: &str| {
        names(rule, field).iter().any(|entry| *entry == "*" || *entry == wanted)
    };
    let only = names(rule, "/resourceNames");
    holds("/apiGroups", GROUP)
        && holds("/resources", RESOURCE)
        && holds("/verbs", "use")
        && (only.is_empty() || only.contains(&constraint))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role() -> Value {
        json!({"kind": "Role", "metadata": {"name": "use", "namespace": "stackrox"}, "rules": [
            {"apiGroups": [GROUP], "resources": [RESOURCE], "verbs": ["use"],
             "resourceNames": ["nonroot-v2"]}]})
    }

    fn binding(subject: &Value) -> Value {
        json!({"kind": "RoleBinding", "metadata": {"name": "b", "namespace": "stackrox"},
            "roleRef": {"kind": "Role", "name": "use"}, "subjects": [subject]})
    }

    fn constraint(name: &str) -> Value {
        json!({"metadata": {"name": name}, "users": ["system:serviceaccount:stackrox:scanner"],
            "groups": ["system:serviceaccounts:other"]})
    }

    #[test]
    fn a_constraint_names_its_users_and_groups() {
        let grants = Grants::of(&[]);
        let own = constraint("own");
        assert!(grants.allow(&own, "stackrox", "scanner"));
        assert!(!grants.allow(&own, "stackrox", "central"));
        assert!(grants.allow(&own, "other", "anything"));
    }

    #[test]
    fn a_role_allows_it_in_its_namespace_only() {
        let role = role();
        let bound =
            binding(&json!({"kind": "ServiceAccount", "name": "central", "namespace": "stackrox"}));
        let grants = Grants::of(&[&role, &bound]);
        let nonroot = constraint("nonroot-v2");
        assert!(grants.allow(&nonroot, "stackrox", "central"));
        assert!(!grants.allow(&nonroot, "elsewhere", "central"));
        assert!(!grants.allow(&constraint("privileged"), "stackrox", "central"));
        let who: Vec<String> = grants.on(&nonroot).into_iter().map(|it| it.subject).collect();
        assert!(who.contains(&"system:serviceaccount:stackrox:central".to_owned()), "{who:?}");
    }

    #[test]
    fn everybody_may_use_restricted_unless_it_is_known_otherwise() {
        let restricted = json!({"metadata": {"name": "restricted-v2"}});
        assert!(Grants::of(&[]).allow(&restricted, "stackrox", "default"));
        let other = json!({"kind": "ClusterRoleBinding", "metadata": {"name": "x"}});
        assert!(!Grants::of(&[&other]).allow(&restricted, "stackrox", "default"));
    }

    #[test]
    fn a_role_for_everything_is_no_grant_of_one_constraint() {
        let admin = json!({"kind": "ClusterRole", "metadata": {"name": "cluster-admin"},
            "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]});
        let bound = json!({"kind": "ClusterRoleBinding", "metadata": {"name": "admins"},
            "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": "o"}]});
        let grants = Grants::of(&[&admin, &bound]);
        let privileged = json!({"metadata": {"name": "privileged"}});
        assert!(grants.allow(&privileged, "o", "operator"));
        assert_eq!(grants.on(&privileged), []);
    }
}
