//! Which resource a path is about.

use std::sync::Arc;

use super::access::Attempt;
use super::query::decode;
use crate::schema::kinds::Resource;
use crate::store::Store;

/// What a path below `/api` or `/apis` is about.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) resource: Arc<Resource>,
    /// The version in the path.
    pub(crate) version: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

impl Target {
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

/// The parts of a path that names a resource, known or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

/// Takes a path apart; none if it names no resource.
pub(crate) fn names(path: &str) -> Option<Names> {
    let parts: Vec<String> = path.trim_matches('/').split('/').map(decode).collect();
    let (group, rest) = match parts.first()?.as_str() {
        "api" => (String::new(), &parts[1..]),
        "apis" => (parts.get(1)?.clone(), &parts[2..]),
        _ => return None,
    };
    let (version, rest) = rest.split_first()?;
    let mut names = Names { group, version: version.clone(), ..Names::default() };
    let rest = match rest {
        [first, namespace, plural, rest @ ..]
            if first == "namespaces" && !matches!(plural.as_str(), "status" | "finalize") =>
        {
            names.namespace = Some(namespace.clone());
            names.plural.clone_from(plural);
            rest
        }
        [plural, rest @ ..] => {
            names.plural.clone_from(plural);
            rest
        }
        [] => return None,
    };
    names.name = rest.first().cloned();
    names.subresource = (rest.len() > 1).then(|| rest[1..].join("/"));
    Some(names)
}

/// The target of names that exist.
pub(crate) fn target(store: &Store, names: &Names) -> Option<Target> {
    let key = if names.group.is_empty() {
        names.plural.clone()
    } else {
        format!("{}.{}", names.plural, names.group)
    };
    let resource = store.resource(&key)?;
    let fits = resource.versions.contains(&names.version)
        && (resource.namespaced || names.namespace.is_none());
    fits.then(|| Target {
        resource,
        version: names.version.clone(),
        namespace: names.namespace.clone(),
        name: names.name.clone(),
        subresource: names.subresource.clone(),
    })
}

/// What a request with these names attempts.
pub(crate) fn attempt(names: &Names, verb: &str) -> Attempt {
    let of_namespace = names.plural == "namespaces" && names.group.is_empty();
    let namespace = match (&names.namespace, &names.name) {
        (Some(namespace), _) => namespace.clone(),
        // A namespace is in itself, so a Role in it can allow to read it.
        (None, Some(name)) if of_namespace => name.clone(),
        _ => String::new(),
    };
    Attempt {
        verb: verb.to_owned(),
        group: names.group.clone(),
        resource: names.plural.clone(),
        subresource: names.subresource.clone().unwrap_or_default(),
        namespace,
        name: names.name.clone().unwrap_or_default(),
        path: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_path_names_group_namespace_object_and_subresource() {
        let found = names("/apis/apps/v1/namespaces/a/deployments/b/scale").unwrap();
        assert_eq!((found.group.as_str(), found.plural.as_str()), ("apps", "deployments"));
        assert_eq!(found.namespace.as_deref(), Some("a"));
        assert_eq!(found.name.as_deref(), Some("b"));
        assert_eq!(found.subresource.as_deref(), Some("scale"));
    }

    #[test]
    fn a_namespace_is_a_resource_of_its_own() {
        let found = names("/api/v1/namespaces/a").unwrap();
        assert_eq!((found.plural.as_str(), found.name.as_deref()), ("namespaces", Some("a")));
        assert_eq!(found.namespace, None);
    }
}
