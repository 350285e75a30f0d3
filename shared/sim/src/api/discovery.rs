//! What the server serves: versions, groups and resources, plain and aggregated.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::header;
use hyper::body::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::accept::aggregated;
use super::body::{self, Answer};
use super::route::Target;
use super::service::Call;
use crate::schema::kinds::Resource;
use crate::store::Store;

/// The version of the API server that is played.
pub(crate) fn version(call: &Call) -> Value {
    let mut own = own_version();
    if let Some(server) = &call.shared.options.server {
        let mut numbers = server.version.trim_start_matches('v').split('.');
        own["major"] = numbers.next().unwrap_or_default().into();
        own["minor"] = numbers.next().unwrap_or_default().into();
        own["gitVersion"] = server.version.as_str().into();
        let emulated = |key: &String| !key.starts_with("emulation") && !key.starts_with("min");
        if let Some(fields) = own.as_object_mut() {
            fields.retain(|key, _| emulated(key) || key == "minor");
        }
    }
    own
}

fn own_version() -> Value {
    json!({
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "35", "gitVersion": "v1.36.2",
        "gitCommit": "$Format:%H$", "gitTreeState": "", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "go1.27.3", "compiler": "gc", "platform": "linux/amd64",
    })
}

/// Serves a path of discovery; none if it is unknown.
pub(crate) fn serve(call: &Call) -> Option<Answer> {
    let store = &call.shared.options.store;
    let parts: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    let form = aggregated(call.header(header::ACCEPT));
    match (parts.as_slice(), form) {
        (["api"], Some(form)) => Some(aggregate(call, form, true)),
        (["apis"], Some(form)) => Some(aggregate(call, form, false)),
        (["api"], None) => Some(body::json(
            200,
            &json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
        )),
        (["apis"], None) => {
            let groups: Vec<Value> =
                known(call).iter().filter(|(name, _)| !name.is_empty()).map(group).collect();
            let list = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups});
            Some(body::json(200, &list))
        }
        (["apis", name], _) => {
            let all = known(call);
            let mut found = group(all.get_key_value(*name)?);
            found["kind"] = "APIGroup".into();
            found["apiVersion"] = "v1".into();
            Some(body::json(200, &found))
        }
        (["api", version], _) => resources(store, "", version),
        (["apis", group, version], _) => resources(store, group, version),
        _ => None,
    }
}

/// A served version, by whether the preferred one is first, with its resources.
type Versions = Vec<(String, Vec<Arc<Resource>>)>;

/// The versions of each group with their resources.
pub(crate) fn groups(store: &Store) -> BTreeMap<String, Versions> {
    let mut groups: BTreeMap<String, Versions> = BTreeMap::new();
    for name in ["authentication.k8s.io", "authorization.k8s.io"] {
        groups.insert(name.to_owned(), vec![("v1".to_owned(), Vec::new())]);
    }
    for resource in store.resources() {
        let versions = groups.entry(resource.group.clone()).or_default();
        for version in &resource.versions {
            match versions.iter_mut().find(|(name, _)| name == version) {
                Some((_, resources)) => resources.push(Arc::clone(&resource)),
                None => versions.push((version.clone(), vec![Arc::clone(&resource)])),
            }
        }
    }
    for versions in groups.values_mut() {
        versions.sort_by_key(|(name, _)| rank(name));
    }
    groups
}

/// The versions of each group as clients see them: of the server that is played, and what custom
/// resources add.
fn known(call: &Call) -> BTreeMap<String, Versions> {
    let mut all = groups(&call.shared.options.store);
    let Some(server) = &call.shared.options.server else { return all };
    for (group, versions) in all.iter_mut().filter(|(group, _)| !group.is_empty()) {
        versions.retain(|(version, resources)| {
            server.served.contains(&format!("{group}/{version}"))
                || resources.iter().any(|resource| resource.custom.is_some())
        });
    }
    all.retain(|_, versions| !versions.is_empty());
    for (group, version) in server.served.iter().filter_map(|one| one.split_once('/')) {
        let versions = all.entry(group.to_owned()).or_default();
        if versions.iter().all(|(known, _)| known != version) {
            versions.push((version.to_owned(), Vec::new()));
            versions.sort_by_key(|(name, _)| rank(name));
        }
    }
    all
}

/// Whether a resource is served in the version that is asked for.
pub(crate) fn serves(call: &Call, target: &Target) -> bool {
    let resource = &target.resource;
    call.shared.options.server.as_ref().is_none_or(|server| {
        let asked = format!("{}/{}", resource.group, target.version);
        resource.group.is_empty() || resource.custom.is_some() || server.served.contains(&asked)
    })
}

/// Stable versions first, higher ones first.
fn rank(version: &str) -> (bool, std::cmp::Reverse<u32>) {
    let digits: String = version.chars().skip(1).take_while(char::is_ascii_digit).collect();
    let stable = digits.len() + 1 == version.len();
    (!stable, std::cmp::Reverse(digits.parse().unwrap_or(0)))
}

fn group((name, versions): (&String, &Versions)) -> Value {
    let of =
        |version: &str| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let all: Vec<Value> = versions.iter().map(|(version, _)| of(version)).collect();
    let preferred = all.first().cloned().unwrap_or_default();
    json!({"name": name, "versions": all, "preferredVersion": preferred})
}

const REVIEWS: [(&str, &str, &str, bool); 6] = [
    ("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview", false),
    ("authentication.k8s.io", "tokenreviews", "TokenReview", false),
    ("authorization.k8s.io", "localsubjectaccessreviews", "LocalSubjectAccessReview", true),
    ("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview", false),
    ("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview", false),
    ("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview", false),
];

/// The verbs of a resource, in the order a real server lists them.
fn verbs(resource: &Resource) -> Vec<&'static str> {
    if resource.custom.is_some() {
        return vec![
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "create",
            "update",
            "watch",
        ];
    }
    let mut verbs =
        vec!["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    if resource.key() == "namespaces" {
        verbs.retain(|verb| *verb != "deletecollection");
    }
    verbs
}

/// The subresources with the kind they speak and their verbs.
fn subresources(resource: &Resource) -> Vec<(&'static str, Value, Vec<&'static str>)> {
    let own = json!({"group": "", "version": "", "kind": resource.kind});
    let read_write = vec!["get", "patch", "update"];
    let mut found = Vec::new();
    if resource.key() == "pods" {
        let policy = json!({"group": "policy", "version": "v1", "kind": "Eviction"});
        let options = |kind: &str| json!({"group": "", "version": "", "kind": kind});
        let connect = vec!["create", "get"];
        found.push(("attach", options("PodAttachOptions"), connect.clone()));
        found.push(("ephemeralcontainers", own.clone(), read_write.clone()));
        found.push(("eviction", policy, vec!["create"]));
        found.push(("exec", options("PodExecOptions"), connect.clone()));
        found.push(("log", own.clone(), vec!["get"]));
        found.push(("portforward", options("PodPortForwardOptions"), connect));
    }
    if resource.key() == "serviceaccounts" {
        let request =
            json!({"group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest"});
        found.push(("token", request, vec!["create"]));
    }
    if resource.has_scale {
        let scale = json!({"group": "autoscaling", "version": "v1", "kind": "Scale"});
        found.push(("scale", scale, read_write.clone()));
    }
    if resource.has_status {
        found.push(("status", own, read_write));
    }
    found
}

fn resources(store: &Store, group: &str, version: &str) -> Option<Answer> {
    let all = groups(store);
    let (_, found) = all.get(group)?.iter().find(|(name, _)| name == version)?;
    let mut list = Vec::new();
    for resource in found {
        let mut entry = json!({
            "name": resource.plural, "singularName": resource.singular,
            "namespaced": resource.namespaced, "kind": resource.kind, "verbs": verbs(resource),
            "storageVersionHash": storage_hash(resource),
        });
        if !resource.short_names.is_empty() {
            entry["shortNames"] = json!(resource.short_names);
        }
        if !resource.categories.is_empty() {
            entry["categories"] = json!(resource.categories);
        }
        list.push(entry);
        for (name, kind, verbs) in subresources(resource) {
            let mut entry = json!({
                "name": format!("{}/{name}", resource.plural), "singularName": "",
                "namespaced": resource.namespaced, "kind": kind["kind"], "verbs": verbs,
            });
            if kind["version"] != "" {
                entry["group"] = kind["group"].clone();
                entry["version"] = kind["version"].clone();
            }
            list.push(entry);
        }
    }
    for (_, name, kind, namespaced) in REVIEWS.iter().filter(|(its, ..)| *its == group) {
        list.push(json!({"name": name, "singularName": kind.to_lowercase(),
            "namespaced": namespaced, "kind": kind, "verbs": ["create"]}));
    }
    let full = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Some(body::json(
        200,
        &json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": full,
            "resources": list}),
    ))
}

/// A hash that is the same as long as objects are stored in the same version.
fn storage_hash(resource: &Resource) -> String {
    use base64::Engine;
    let text = format!("{}/{}/{}", resource.group, resource.version(), resource.kind);
    base64::engine::general_purpose::STANDARD.encode(&Sha256::digest(text)[..8])
}

fn aggregate(call: &Call, form: &str, core: bool) -> Answer {
    let groups = known(call);
    let items: Vec<Value> = groups
        .iter()
        .filter(|(name, _)| name.is_empty() == core)
        .map(|(name, versions)| {
            let metadata = if core { json!({}) } else { json!({"name": name}) };
            let versions: Vec<Value> = versions
                .iter()
                .map(|(version, found)| aggregate_version(name, version, found))
                .collect();
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    let value = json!({"kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{form}"), "metadata": {}, "items": items});
    let media = format!("application/json;g=apidiscovery.k8s.io;v={form};as=APIGroupDiscoveryList");
    cached(call, &media, value.to_string())
}

fn aggregate_version(group: &str, version: &str, found: &[Arc<Resource>]) -> Value {
    let scope = |namespaced: bool| if namespaced { "Namespaced" } else { "Cluster" };
    let mut list: Vec<Value> = found
        .iter()
        .map(|resource| {
            let mut entry = json!({
                "resource": resource.plural,
                "responseKind": {"group": "", "version": "", "kind": resource.kind},
                "scope": scope(resource.namespaced), "singularResource": resource.singular,
                "verbs": verbs(resource),
            });
            if resource.custom.is_some() {
                entry["responseKind"] =
                    json!({"group": group, "version": version, "kind": resource.kind});
            }
            if !resource.short_names.is_empty() {
                entry["shortNames"] = json!(resource.short_names);
            }
            if !resource.categories.is_empty() {
                entry["categories"] = json!(resource.categories);
            }
            let subresources: Vec<Value> = subresources(resource)
                .into_iter()
                .map(|(name, kind, verbs)| {
                    json!({"subresource": name, "responseKind": kind, "verbs": verbs})
                })
                .collect();
            if !subresources.is_empty() {
                entry["subresources"] = subresources.into();
            }
            entry
        })
        .collect();
    for (_, name, kind, namespaced) in REVIEWS.iter().filter(|(its, ..)| *its == group) {
        list.push(json!({
            "resource": name, "responseKind": {"group": "", "version": "", "kind": kind},
            "scope": scope(*namespaced), "singularResource": kind.to_lowercase(),
            "verbs": ["create"],
        }));
    }
    json!({"version": version, "resources": list, "freshness": "Current"})
}

/// A document clients may keep: 304 when they have it.
pub(crate) fn cached(call: &Call, media: &str, document: impl Into<Bytes>) -> Answer {
    let document = document.into();
    let digest = Sha256::digest(&document);
    let hex: String = digest.iter().take(32).map(|byte| format!("{byte:02X}")).collect();
    let tag = format!("\"{hex}\"");
    let known = call.header(header::IF_NONE_MATCH).is_some_and(|known| known == tag);
    let mut answer = if known {
        body::respond(304, media, body::full(""))
    } else {
        body::respond(200, media, body::full(document))
    };
    if let Ok(value) = tag.parse() {
        answer.headers_mut().insert(header::ETAG, value);
    }
    answer.headers_mut().insert(header::VARY, header::HeaderValue::from_static("Accept"));
    answer
}
