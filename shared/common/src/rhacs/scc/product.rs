//! The product's own constraints: whose an SCC is, and which one a release has.

use serde_json::{Value, json};

use super::{Era, KIND, name, names};
use crate::rhacs::{Component, Platform, Version, official};

/// Whether an SCC bears the product's marks. They prove little alone: people copy SCCs.
#[must_use]
pub fn is_marked(scc: &Value) -> bool {
    let metadata = &scc["metadata"];
    metadata["labels"]["app.kubernetes.io/name"] == "stackrox"
        || metadata["annotations"]["owner"] == "stackrox"
        || metadata["annotations"]["email"] == "support@stackrox.com"
}

/// Whether an SCC is one that the product made: marked as its own, and used by nobody but its
/// service accounts. The old names are so generic that a name alone proves nothing.
#[must_use]
pub fn belongs_to_product(scc: &Value, namespace: &str) -> bool {
    is_marked(scc) && capturing_users(scc, namespace).is_empty()
}

/// The era whose SCC this is; none when it is not one of the product's for this namespace.
#[must_use]
pub fn owner_era(scc: &Value, namespace: &str) -> Option<Era> {
    if !belongs_to_product(scc, namespace) {
        return None;
    }
    let name = name(scc);
    if old_scc_names().contains(&name) {
        return Some(Era::Bare);
    }
    name.starts_with("stackrox-").then_some(Era::Named)
}

/// The users and groups of an SCC that are not service accounts of the product in `namespace`.
#[must_use]
pub fn capturing_users(scc: &Value, namespace: &str) -> Vec<String> {
    let ours = format!("system:serviceaccount:{namespace}:");
    let users = names(scc, "/users").into_iter().filter(|user| !user.starts_with(&ours));
    users.chain(names(scc, "/groups")).map(str::to_owned).collect()
}

/// The service accounts of `namespace` that an SCC names.
#[must_use]
pub fn service_accounts<'a>(scc: &'a Value, namespace: &str) -> Vec<&'a str> {
    let ours = format!("system:serviceaccount:{namespace}:");
    names(scc, "/users").into_iter().filter_map(|user| user.strip_prefix(&ours)).collect()
}

/// The SCC names of before 3.64.
#[must_use]
pub const fn old_scc_names() -> [&'static str; 5] {
    ["central", "scanner", "admission-control", "collector", "sensor"]
}

/// The part of the product that a service account is of.
#[must_use]
pub fn component_of_account(account: &str) -> Component {
    if account.starts_with("central") || account == "config-controller" {
        Component::Central
    } else if account.starts_with("scanner") {
        Component::Scanner
    } else {
        Component::Secured
    }
}

/// The part of the product that one of its SCCs is for, told by its name: its users may have been
/// taken away.
#[must_use]
pub fn component_of_constraint(name: &str) -> Component {
    let short = name.strip_prefix("stackrox-").unwrap_or(name);
    match short {
        "sensor" | "collector" | "admission-control" => Component::Secured,
        // In other namespaces Central's own have the namespace before the account.
        _ if short.ends_with("scanner") => Component::Scanner,
        _ => Component::Central,
    }
}

/// The SCC that a release has for the service account `account` of `namespace`, found by its users
/// since in another namespace its name has another prefix.
#[must_use]
pub fn official_constraint(version: &Version, namespace: &str, account: &str) -> Option<Value> {
    let user = json!(format!("system:serviceaccount:{namespace}:{account}"));
    official::objects(version, Platform::OpenShift, namespace)
        .into_iter()
        .filter(|object| object["kind"] == KIND)
        .find(|scc| scc["users"].as_array().is_some_and(|users| users.contains(&user)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn official(account: &str) -> Value {
        official_constraint(&Version::release(3, 69, 2), "stackrox", account).unwrap()
    }

    #[test]
    fn the_products_own_are_known_by_marks_names_and_users() {
        let mut scc = official("sensor");
        assert_eq!(owner_era(&scc, "stackrox"), Some(Era::Named));
        assert_eq!(service_accounts(&scc, "stackrox"), ["sensor", "sensor-upgrader"]);
        assert_eq!(owner_era(&scc, "elsewhere"), None, "its users are of another namespace");
        scc["metadata"]["name"] = json!("sensor");
        assert_eq!(owner_era(&scc, "stackrox"), Some(Era::Bare));
        scc["metadata"]["name"] = json!("my-sensor");
        assert_eq!(owner_era(&scc, "stackrox"), None, "a copy of somebody's own");
        scc["metadata"]["name"] = json!("sensor");
        scc["users"] = json!(["system:serviceaccount:other:builder"]);
        assert_eq!(owner_era(&scc, "stackrox"), None);
    }

    #[test]
    fn a_constraint_belongs_to_a_component_whatever_the_namespace() {
        for (name, component) in [
            ("central", Component::Central),
            ("stackrox-central-db", Component::Central),
            ("stackrox-acs-central", Component::Central),
            ("stackrox-acs-scanner", Component::Scanner),
            ("scanner", Component::Scanner),
            ("stackrox-admission-control", Component::Secured),
        ] {
            assert_eq!(component_of_constraint(name), component, "{name}");
        }
        assert_eq!(component_of_account("scanner-v4"), Component::Scanner);
        assert_eq!(component_of_account("central-db"), Component::Central);
        assert_eq!(component_of_account("sensor-upgrader"), Component::Secured);
    }
}
