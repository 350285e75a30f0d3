//! Contexts, clusters, users and namespaces as the kubeconfig names them, without a cluster.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::Candidate;
use super::walk::{Slot, Typed};
use crate::env::Env;

/// The values of kubectl's own flag that is being typed; none when it is another argument.
pub(super) fn values(env: &Env, slot: &Slot<'_>) -> Option<Vec<Candidate>> {
    let files = || read(env, &slot.typed);
    match slot.id() {
        "context" => Some(contexts(&files())),
        "cluster" => Some(names(&files(), |file| file.clusters.as_deref(), "cluster")),
        "user" => Some(names(&files(), |file| file.users.as_deref(), "user")),
        "namespace" => Some(namespaces(&files(), slot)),
        _ => None,
    }
}

/// What of a kubeconfig completion needs; credentials are not even read.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    current_context: Option<String>,
    contexts: Option<Vec<NamedContext>>,
    clusters: Option<Vec<Named>>,
    users: Option<Vec<Named>>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: Option<Context>,
}

#[derive(Default, Deserialize)]
struct Context {
    cluster: Option<String>,
    namespace: Option<String>,
}

/// Reads the files that kubectl would; one that cannot be read has nothing to offer.
fn read(env: &Env, typed: &Typed) -> Vec<File> {
    let paths: Vec<PathBuf> = match (typed.value("kubeconfig"), env.variable("KUBECONFIG")) {
        (Some(path), _) => vec![env.resolve(path)],
        (None, Some(list)) => std::env::split_paths(&list)
            .filter(|path| !path.as_os_str().is_empty())
            .map(|path| env.resolve(path))
            .collect(),
        (None, None) => env.home().map(|home| home.join(".kube/config")).into_iter().collect(),
    };
    paths
        .iter()
        .filter_map(|path| crate::kubeconfig::documents(&std::fs::read(path).ok()?))
        .flatten()
        .filter_map(|document| serde_json::from_value(document).ok())
        .collect()
}

fn contexts(files: &[File]) -> Vec<Candidate> {
    let current = files.iter().find_map(|file| file.current_context.as_deref());
    let about = |context: &NamedContext| {
        let cluster = context.context.as_ref().and_then(|context| context.cluster.as_deref());
        let mut about = cluster.map(|name| format!("cluster {name}")).unwrap_or_default();
        if current == Some(context.name.as_str()) {
            about.push_str(if about.is_empty() { "current" } else { ", current" });
        }
        about
    };
    let all = all_contexts(files).map(|context| (context.name.clone(), about(context)));
    unique(all)
}

fn names(files: &[File], list: impl Fn(&File) -> Option<&[Named]>, about: &str) -> Vec<Candidate> {
    let named = files.iter().filter_map(list).flatten();
    unique(named.map(|named| (named.name.clone(), about.to_owned())))
}

/// The namespaces of the contexts, and those of the cluster when it answers in time.
fn namespaces(files: &[File], slot: &Slot<'_>) -> Vec<Candidate> {
    let of_contexts = all_contexts(files).filter_map(|context| {
        let namespace = context.context.as_ref()?.namespace.clone()?;
        Some((namespace, format!("of context {}", context.name)))
    });
    let ours = [("stackrox".to_owned(), "the product's own".to_owned())];
    let known: Vec<(String, String)> = ours.into_iter().chain(of_contexts).collect();
    let live = live_namespaces(slot).into_iter().map(|name| (name, String::new()));
    unique(known.into_iter().chain(live))
}

#[cfg(feature = "cluster")]
fn live_namespaces(slot: &Slot<'_>) -> Vec<String> {
    super::live::namespaces(&slot.typed)
}

#[cfg(not(feature = "cluster"))]
fn live_namespaces(_slot: &Slot<'_>) -> Vec<String> {
    Vec::new()
}

fn all_contexts(files: &[File]) -> impl Iterator<Item = &NamedContext> {
    files.iter().filter_map(|file| file.contexts.as_deref()).flatten()
}

/// Each name once, sorted; what was said of it first stays.
fn unique(pairs: impl Iterator<Item = (String, String)>) -> Vec<Candidate> {
    let mut found = BTreeMap::new();
    for (value, about) in pairs {
        found.entry(value).or_insert(about);
    }
    found.into_iter().map(|(value, about)| Candidate { value, about }).collect()
}
