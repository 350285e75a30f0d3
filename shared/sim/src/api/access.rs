//! Who may do what, from the RBAC objects in the store.

use std::sync::Arc;

use serde_json::Value;

use super::identity::Identity;
use crate::store::{Status, Store, meta};

/// What a request wants to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) verb: String,
    pub(crate) group: String,
    pub(crate) resource: String,
    pub(crate) subresource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// A path that is no resource; the other fields but the verb are empty then.
    pub(crate) path: String,
}

/// Whether it may, and by which binding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) allowed: bool,
    pub(crate) reason: String,
}

/// Decides about an attempt.
pub(crate) fn decide(store: &Store, who: &Identity, attempt: &Attempt) -> Decision {
    if who.is_in("system:masters") {
        return Decision { allowed: true, reason: String::new() };
    }
    let by = bound_rules(store, who, &attempt.namespace)
        .into_iter()
        .find(|bound| bound.rules.iter().any(|rule| covers(rule, attempt)));
    by.map_or_else(Decision::default, |bound| Decision { allowed: true, reason: bound.reason })
}

/// 403 with a real server's words unless the attempt is allowed.
pub(crate) fn check(store: &Store, who: &Identity, attempt: &Attempt) -> Result<(), Status> {
    if decide(store, who, attempt).allowed { Ok(()) } else { Err(refusal(who, attempt)) }
}

/// Some rules, and by which binding they hold.
pub(crate) struct Bound {
    pub(crate) rules: Vec<Value>,
    reason: String,
}

/// The rules that hold for someone in a namespace.
pub(crate) fn bound_rules(store: &Store, who: &Identity, namespace: &str) -> Vec<Bound> {
    let key = "clusterrolebindings.rbac.authorization.k8s.io";
    let cluster = store.list(key, None).into_iter().map(|it| (it, "ClusterRoleBinding"));
    let local = if namespace.is_empty() {
        Vec::new()
    } else {
        store.list("rolebindings.rbac.authorization.k8s.io", Some(namespace))
    };
    let local = local.into_iter().map(|it| (it, "RoleBinding"));
    let bindings = cluster.chain(local);
    bindings.filter_map(|(binding, kind)| bound(store, who, &binding, kind)).collect()
}

fn bound(store: &Store, who: &Identity, binding: &Value, kind: &str) -> Option<Bound> {
    let namespace = meta::namespace(binding);
    let subjects = binding["subjects"].as_array()?;
    let subject = subjects.iter().find(|subject| is_subject(who, subject, namespace))?;
    let role = &binding["roleRef"];
    let name = role["name"].as_str()?;
    let found: Arc<Value> = if role["kind"] == "ClusterRole" {
        store.read("clusterroles.rbac.authorization.k8s.io", None, name)?
    } else {
        store.read("roles.rbac.authorization.k8s.io", Some(namespace), name)?
    };
    let place = if namespace.is_empty() { String::new() } else { format!("/{namespace}") };
    let reason = format!(
        "RBAC: allowed by {kind} \"{}{place}\" of {} \"{name}\" to {} \"{}\"",
        meta::name(binding),
        role["kind"].as_str().unwrap_or_default(),
        subject["kind"].as_str().unwrap_or_default(),
        subject_name(subject),
    );
    Some(Bound { rules: found["rules"].as_array().cloned().unwrap_or_default(), reason })
}

fn is_subject(who: &Identity, subject: &Value, namespace: &str) -> bool {
    let name = subject["name"].as_str().unwrap_or_default();
    match subject["kind"].as_str() {
        Some("User") => who.name == name,
        Some("Group") => who.is_in(name),
        Some("ServiceAccount") => {
            let of = subject["namespace"].as_str().unwrap_or(namespace);
            who.name == format!("system:serviceaccount:{of}:{name}")
        }
        _ => false,
    }
}

fn subject_name(subject: &Value) -> String {
    let name = subject["name"].as_str().unwrap_or_default();
    match subject["namespace"].as_str() {
        Some(namespace) if subject["kind"] == "ServiceAccount" => format!("{name}/{namespace}"),
        _ => name.to_owned(),
    }
}

fn covers(rule: &Value, attempt: &Attempt) -> bool {
    let has = |key: &str, wanted: &str| {
        let listed = rule[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        listed.into_iter().any(|item| item == "*" || item == wanted)
    };
    if !has("verbs", &attempt.verb) {
        return false;
    }
    if !attempt.path.is_empty() {
        let urls = rule["nonResourceURLs"].as_array().into_iter().flatten();
        return urls.filter_map(Value::as_str).any(|url| match url.strip_suffix('*') {
            Some(prefix) => attempt.path.starts_with(prefix),
            None => url == attempt.path,
        });
    }
    let resource = full_resource(attempt);
    let any_of = format!("*/{}", attempt.subresource);
    let named = rule["resourceNames"].as_array().is_some_and(|names| !names.is_empty());
    has("apiGroups", &attempt.group)
        && (has("resources", &resource)
            || !attempt.subresource.is_empty() && has("resources", &any_of))
        && (!named || has("resourceNames", &attempt.name))
}

fn full_resource(attempt: &Attempt) -> String {
    if attempt.subresource.is_empty() {
        attempt.resource.clone()
    } else {
        format!("{}/{}", attempt.resource, attempt.subresource)
    }
}

fn refusal(who: &Identity, attempt: &Attempt) -> Status {
    let (user, verb) = (&who.name, &attempt.verb);
    if !attempt.path.is_empty() {
        let path = &attempt.path;
        let message = format!("forbidden: User \"{user}\" cannot {verb} path \"{path}\"");
        let mut status = Status::new(403, "Forbidden", message);
        status.details = Some(serde_json::json!({}));
        return status;
    }
    let qualified = if attempt.group.is_empty() {
        attempt.resource.clone()
    } else {
        format!("{}.{}", attempt.resource, attempt.group)
    };
    let subject = if attempt.name.is_empty() {
        qualified
    } else {
        format!("{qualified} \"{}\"", attempt.name)
    };
    let place = if attempt.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace \"{}\"", attempt.namespace)
    };
    let message = format!(
        "{subject} is forbidden: User \"{user}\" cannot {verb} resource \"{}\" in API group \"{}\" \
         {place}",
        full_resource(attempt),
        attempt.group
    );
    let mut status = Status::new(403, "Forbidden", message);
    let mut details = serde_json::Map::new();
    let parts = [("name", &attempt.name), ("group", &attempt.group), ("kind", &attempt.resource)];
    for (key, value) in parts.into_iter().filter(|(_, value)| !value.is_empty()) {
        details.insert(key.to_owned(), value.as_str().into());
    }
    status.details = Some(Value::Object(details));
    status
}
