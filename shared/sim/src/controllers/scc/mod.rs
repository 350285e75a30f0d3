//! Security context constraints: which one admits a pod, and what it sets in the pod.

mod builtin;
mod order;
mod validate;

use std::sync::Arc;

use serde_json::{Value, json};

use super::manager;
use super::objects::{items, text};
use crate::store::{Status, Store, Subresource, meta};

const CONSTRAINTS: &str = "securitycontextconstraints.security.openshift.io";
const RANGE: &str = "openshift.io/sa.scc.uid-range";
const LEVEL: &str = "openshift.io/sa.scc.mcs";
const GROUPS: &str = "openshift.io/sa.scc.supplemental-groups";

/// Creates the constraints and roles that OpenShift brings along.
///
/// # Errors
/// What the store answers.
pub fn create_built_in(store: &Store) -> Result<(), Status> {
    for constraint in builtin::constraints() {
        store.create(CONSTRAINTS, constraint, &manager())?;
    }
    let (roles, binding) = builtin::roles();
    for role in roles {
        store.create("clusterroles.rbac.authorization.k8s.io", role, &manager())?;
    }
    store.create("clusterrolebindings.rbac.authorization.k8s.io", binding, &manager())?;
    Ok(())
}

/// Whether a namespace has its ranges.
pub(crate) fn has_ranges(namespace: &Value) -> bool {
    namespace["metadata"]["annotations"].get(RANGE).is_some()
}

/// Gives a namespace the ranges of users, groups and levels from which its pods get theirs.
///
/// # Errors
/// What the store answers.
pub(crate) fn annotate_namespace(
    store: &Store,
    namespace: &str,
    number: u64,
) -> Result<(), Status> {
    let first = 1_000_650_000 + number * 10_000;
    let annotations = [
        (RANGE, format!("{first}/10000")),
        (GROUPS, format!("{first}/10000")),
        (LEVEL, format!("s0:c26,c{}", 5 + number)),
    ];
    store.modify("namespaces", None, namespace, Subresource::Main, &manager(), |object| {
        let present = meta::field(&mut object["metadata"], "annotations");
        for (key, value) in annotations {
            present.entry(key).or_insert_with(|| json!(value));
        }
    })?;
    Ok(())
}

/// Admits a pod under the first constraint that its service account may use and that it fits.
///
/// # Errors
/// The message of the refusal, as OpenShift words it.
pub(crate) fn admit(store: &Store, pod: &mut Value) -> Result<(), String> {
    let namespace = text(pod, "/metadata/namespace").to_owned();
    let account = text(pod, "/spec/serviceAccountName").to_owned();
    let required = text(pod, "/metadata/annotations/openshift.io~1required-scc").to_owned();
    let ranges = Ranges::of(store, &namespace);
    let mut constraints = store.list(CONSTRAINTS, None);
    order::sort(&mut constraints);
    let mut refusals = Vec::new();
    for constraint in &constraints {
        let name = meta::name(constraint);
        if !required.is_empty() && required != name {
            continue;
        }
        if !may_use(store, constraint, &namespace, &account) {
            refusals.push(format!(
                "provider \"{name}\": Forbidden: not usable by user or serviceaccount"
            ));
            continue;
        }
        let mut candidate = pod.clone();
        let errors = validate::apply(constraint, &ranges, &mut candidate);
        if errors.is_empty() {
            meta::field(&mut candidate["metadata"], "annotations")
                .insert("openshift.io/scc".to_owned(), json!(name));
            *pod = candidate;
            return Ok(());
        }
        refusals.extend(errors.into_iter().map(|error| format!("provider {name}: {error}")));
    }
    let pod = text(pod, "/metadata/generateName");
    Err(format!(
        "pods \"{pod}\" is forbidden: unable to validate against any security context constraint: [{}]",
        refusals.join(", ")
    ))
}

/// What a namespace hands out to its pods.
pub(crate) struct Ranges {
    /// First user, and how many.
    pub(crate) users: Option<(i64, i64)>,
    /// First group, and how many.
    pub(crate) groups: Option<(i64, i64)>,
    /// The SELinux level.
    pub(crate) level: Option<String>,
}

impl Ranges {
    fn of(store: &Store, namespace: &str) -> Self {
        let namespace = store.read("namespaces", None, namespace);
        let annotation = |key: &str| {
            namespace
                .as_ref()?
                .pointer("/metadata/annotations")?
                .get(key)?
                .as_str()
                .map(str::to_owned)
        };
        let range = |key: &str| {
            let text = annotation(key)?;
            let (first, count) = text.split_once('/')?;
            Some((first.parse().ok()?, count.parse().ok()?))
        };
        Self { users: range(RANGE), groups: range(GROUPS), level: annotation(LEVEL) }
    }
}

/// Whether a service account may use a constraint: it or a group of it is named, or a role says so.
fn may_use(store: &Store, constraint: &Value, namespace: &str, account: &str) -> bool {
    let user = format!("system:serviceaccount:{namespace}:{account}");
    let groups = groups_of(namespace);
    items(constraint, "/users").iter().any(|name| *name == user.as_str())
        || items(constraint, "/groups")
            .iter()
            .any(|name| groups.iter().any(|group| *name == group.as_str()))
        || bound_roles(store, namespace, account).iter().any(|role| {
            items(role, "/rules").iter().any(|rule| allows_use(rule, meta::name(constraint)))
        })
}

fn groups_of(namespace: &str) -> [String; 3] {
    [
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{namespace}"),
        "system:authenticated".to_owned(),
    ]
}

fn allows_use(rule: &Value, constraint: &str) -> bool {
    let holds = |key: &str, wanted: &str| {
        rule[key]
            .as_array()
            .is_some_and(|list| list.iter().any(|entry| entry == "*" || entry == wanted))
    };
    let names = rule["resourceNames"].as_array();
    holds("apiGroups", "security.openshift.io")
        && holds("resources", "securitycontextconstraints")
        && holds("verbs", "use")
        && names.is_none_or(|names| names.is_empty() || names.iter().any(|name| name == constraint))
}

/// The roles that are bound to a service account in its namespace or in the whole cluster.
fn bound_roles(store: &Store, namespace: &str, account: &str) -> Vec<Arc<Value>> {
    let groups = groups_of(namespace);
    let means = |subject: &Value| match text(subject, "/kind") {
        "ServiceAccount" => subject["name"] == account && text(subject, "/namespace") == namespace,
        "Group" => groups.iter().any(|group| subject["name"] == group.as_str()),
        "User" => {
            subject["name"] == format!("system:serviceaccount:{namespace}:{account}").as_str()
        }
        _ => false,
    };
    let bindings =
        store.list("rolebindings.rbac.authorization.k8s.io", Some(namespace)).into_iter();
    let cluster = store.list("clusterrolebindings.rbac.authorization.k8s.io", None);
    bindings
        .chain(cluster)
        .filter(|binding| items(binding, "/subjects").iter().any(means))
        .filter_map(|binding| {
            let name = text(&binding, "/roleRef/name");
            if text(&binding, "/roleRef/kind") == "Role" {
                store.read("roles.rbac.authorization.k8s.io", Some(namespace), name)
            } else {
                store.read("clusterroles.rbac.authorization.k8s.io", None, name)
            }
        })
        .collect()
}
