//! Security context constraints: OpenShift's own, the ranges of namespaces, the admission of pods.

use serde_json::{Value, json};

use common::rhacs::scc::{Admission, Ranges, built_in_constraints, built_in_roles};

use super::manager;
use super::objects::text;
use crate::store::{Status, Store, Subresource, meta};

const CONSTRAINTS: &str = "securitycontextconstraints.security.openshift.io";
const ROLES: &str = "roles.rbac.authorization.k8s.io";
const BINDINGS: &str = "rolebindings.rbac.authorization.k8s.io";
const CLUSTER_ROLES: &str = "clusterroles.rbac.authorization.k8s.io";
const CLUSTER_BINDINGS: &str = "clusterrolebindings.rbac.authorization.k8s.io";

/// The first user of the first namespace, and how many each has.
const FIRST_USER: i64 = 1_000_650_000;
const USERS: i64 = 10_000;

/// Creates the constraints and roles that OpenShift brings along.
///
/// # Errors
/// What the store answers.
pub fn create_built_in(store: &Store) -> Result<(), Status> {
    for constraint in built_in_constraints() {
        store.create(CONSTRAINTS, constraint, &manager())?;
    }
    let (roles, binding) = built_in_roles();
    for role in roles {
        store.create(CLUSTER_ROLES, role, &manager())?;
    }
    store.create(CLUSTER_BINDINGS, binding, &manager())?;
    Ok(())
}

/// Whether a namespace has its ranges.
pub(crate) fn has_ranges(namespace: &Value) -> bool {
    Ranges::are_given(namespace)
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
    let first = FIRST_USER + i64::try_from(number).unwrap_or(0) * USERS;
    let users = (first, first + USERS - 1);
    let level = format!("s0:c26,c{}", 5 + number);
    let annotations = Ranges { users, groups: vec![users], level }.annotations();
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
    let namespace = text(pod, "/metadata/namespace");
    let mut objects = store.list(CONSTRAINTS, None);
    objects.extend(store.list(ROLES, Some(namespace)));
    objects.extend(store.list(BINDINGS, Some(namespace)));
    objects.extend(store.list(CLUSTER_ROLES, None));
    objects.extend(store.list(CLUSTER_BINDINGS, None));
    objects.extend(store.read("namespaces", None, namespace));
    let admission = Admission::new(objects.iter().map(AsRef::as_ref));
    match admission.admit(pod) {
        Ok(admitted) => {
            *pod = admitted.pod;
            Ok(())
        }
        Err(refused) => {
            let name = text(pod, "/metadata/generateName");
            Err(format!("pods \"{name}\" is forbidden: {refused}"))
        }
    }
}
