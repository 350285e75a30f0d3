//! The objects every cluster starts with: the roles of RBAC, and OpenShift's own resource.

use serde_json::{Value, json};

use crate::store::{Status, Store, Writer, meta};

/// Creates what is missing.
///
/// # Errors
/// What the store refuses.
pub(crate) fn create(store: &Store, openshift: bool) -> Result<(), Status> {
    let by = Writer::new("kube-apiserver");
    for role in roles() {
        ensure(store, "clusterroles.rbac.authorization.k8s.io", role, &by)?;
    }
    for (name, group) in [
        ("cluster-admin", "system:masters"),
        ("system:basic-user", "system:authenticated"),
        ("system:discovery", "system:authenticated"),
        ("system:public-info-viewer", "system:authenticated"),
        ("system:public-info-viewer", "system:unauthenticated"),
    ] {
        bind(store, name, group, &by)?;
    }
    if openshift {
        let definition: Value = serde_saphyr::from_str(include_str!("../schema/scc.yaml"))
            .map_err(|error| Status::new(500, "InternalError", error.to_string()))?;
        ensure(store, "customresourcedefinitions.apiextensions.k8s.io", definition, &by)?;
    }
    Ok(())
}

fn ensure(store: &Store, resource: &str, object: Value, by: &Writer) -> Result<(), Status> {
    if store.read(resource, None, meta::name(&object)).is_some() {
        return Ok(());
    }
    store.create(resource, object, by).map(|_| ())
}

/// Binds a role to a group, beside the groups it is bound to already.
fn bind(store: &Store, name: &str, group: &str, by: &Writer) -> Result<(), Status> {
    let key = "clusterrolebindings.rbac.authorization.k8s.io";
    let subject = json!({"kind": "Group", "name": group, "apiGroup": "rbac.authorization.k8s.io"});
    if store.read(key, None, name).is_none() {
        let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
            "name": name});
        let labels = json!({"kubernetes.io/bootstrapping": "rbac-defaults"});
        let binding = json!({"metadata": {"name": name, "labels": labels}, "roleRef": role,
            "subjects": [subject]});
        return store.create(key, binding, by).map(|_| ());
    }
    let main = crate::store::Subresource::Main;
    store
        .modify(key, None, name, main, by, |binding| {
            if let Some(subjects) = binding["subjects"].as_array_mut()
                && !subjects.contains(&subject)
            {
                subjects.push(subject);
            }
        })
        .map(|_| ())
}

fn role(name: &str, rules: &[Value]) -> Value {
    let labels = json!({"kubernetes.io/bootstrapping": "rbac-defaults"});
    json!({"metadata": {"name": name, "labels": labels}, "rules": rules})
}

fn of(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    json!({"verbs": verbs, "apiGroups": groups, "resources": resources})
}

fn paths(paths: &[&str]) -> Value {
    json!({"verbs": ["get"], "nonResourceURLs": paths})
}

fn roles() -> Vec<Value> {
    let authorization = ["authorization.k8s.io"];
    let reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"];
    let identity = of(&["authentication.k8s.io"], &["selfsubjectreviews"], &["create"]);
    let public = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
    let discovery = [
        "/api",
        "/api/*",
        "/apis",
        "/apis/*",
        "/healthz",
        "/livez",
        "/openapi",
        "/openapi/*",
        "/readyz",
        "/version",
        "/version/",
    ];
    let everything =
        [of(&["*"], &["*"], &["*"]), json!({"verbs": ["*"], "nonResourceURLs": ["*"]})];
    let mut roles = vec![
        role("cluster-admin", &everything),
        role("system:basic-user", &[of(&authorization, &reviews, &["create"]), identity]),
        role("system:discovery", &[paths(&["/.well-known", "/.well-known/*"]), paths(&discovery)]),
        role("system:public-info-viewer", &[paths(&public)]),
    ];
    roles.extend(roles_for_people());
    roles
}

/// The roles that are bound in namespaces: `view`, `edit` and `admin`.
fn roles_for_people() -> Vec<Value> {
    let read = ["get", "list", "watch"];
    let write = ["create", "delete", "deletecollection", "patch", "update"];
    let core = [
        "configmaps",
        "endpoints",
        "events",
        "persistentvolumeclaims",
        "pods",
        "pods/log",
        "replicationcontrollers",
        "resourcequotas",
        "serviceaccounts",
        "services",
    ];
    let changed = [
        "configmaps",
        "endpoints",
        "events",
        "persistentvolumeclaims",
        "pods",
        "pods/portforward",
        "secrets",
        "serviceaccounts",
        "services",
    ];
    let groups = ["apps", "autoscaling", "batch", "networking.k8s.io", "policy"];
    let view = vec![of(&[""], &core, &read), of(&groups, &["*"], &read)];
    let mut edit = view.clone();
    edit.push(of(&[""], &["secrets", "pods/portforward"], &read));
    edit.push(of(&[""], &changed, &write));
    edit.push(of(&groups, &["*"], &write));
    let mut admin = edit.clone();
    let rbac = ["rbac.authorization.k8s.io"];
    admin.push(of(&rbac, &["roles", "rolebindings"], &[&read[..], &write[..]].concat()));
    vec![role("view", &view), role("edit", &edit), role("admin", &admin)]
}
