//! The resources the server serves, built in or made by a CustomResourceDefinition.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

/// One resource of one API group: how it is named and what it can do.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// The API group, empty for the core.
    pub group: String,
    /// The served versions, the preferred one (which is also the stored one) first.
    pub versions: Vec<String>,
    /// The kind, such as `Deployment`.
    pub kind: String,
    /// The plural name in paths.
    pub plural: String,
    /// The singular name for people.
    pub singular: String,
    /// The abbreviations kubectl takes.
    pub short_names: Vec<String>,
    /// The categories, such as `all`.
    pub categories: Vec<String>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Whether there is a `status` subresource.
    pub has_status: bool,
    /// Whether there is a `scale` subresource.
    pub has_scale: bool,
    /// Whether `metadata.generation` counts the changes of the desired state.
    pub has_generation: bool,
    /// The definition of a custom resource; none for what is built in.
    pub custom: Option<Arc<Value>>,
    key: String,
}

impl Resource {
    /// The name in error messages and in this crate's functions: `deployments.apps`, `pods`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The version objects are stored in.
    #[must_use]
    pub fn version(&self) -> &str {
        self.versions.first().map_or("v1", String::as_str)
    }

    /// `apiVersion` of stored objects.
    #[must_use]
    pub fn api_version(&self) -> String {
        self.api_version_of(self.version())
    }

    /// `apiVersion` of objects in one of the served versions.
    #[must_use]
    pub fn api_version_of(&self, version: &str) -> String {
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }

    /// A kind that is asked and answered but not stored.
    #[must_use]
    pub fn review(group: &str, kind: &str) -> Self {
        let plural = format!("{}s", kind.to_lowercase());
        Self {
            key: format!("{plural}.{group}"),
            group: group.to_owned(),
            versions: vec!["v1".to_owned()],
            kind: kind.to_owned(),
            singular: kind.to_lowercase(),
            plural,
            short_names: Vec::new(),
            categories: Vec::new(),
            namespaced: false,
            has_status: true,
            has_scale: false,
            has_generation: false,
            custom: None,
        }
    }

    /// The resource a CustomResourceDefinition makes, or none if it is not complete.
    #[must_use]
    pub fn of_definition(definition: &Value) -> Option<Self> {
        let spec = definition.get("spec")?;
        let text = |value: Option<&Value>| Some(value?.as_str()?.to_owned());
        let list = |value: Option<&Value>| -> Vec<String> {
            let items = value.and_then(Value::as_array).into_iter().flatten();
            items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
        };
        let names = spec.get("names")?;
        let mut versions = spec.get("versions")?.as_array()?.clone();
        versions.retain(|version| version["served"] == Value::Bool(true));
        versions.sort_by_key(|version| version["storage"] != Value::Bool(true));
        let stored = versions.first()?;
        let group = text(spec.get("group"))?;
        let plural = text(names.get("plural"))?;
        let kind = text(names.get("kind"))?;
        Some(Self {
            key: format!("{plural}.{group}"),
            singular: text(names.get("singular")).unwrap_or_else(|| kind.to_lowercase()),
            short_names: list(names.get("shortNames")),
            categories: list(names.get("categories")),
            namespaced: spec["scope"] == "Namespaced",
            has_status: stored.pointer("/subresources/status").is_some(),
            has_scale: stored.pointer("/subresources/scale").is_some(),
            has_generation: true,
            versions: versions.iter().filter_map(|version| text(version.get("name"))).collect(),
            custom: Some(Arc::new(definition.clone())),
            group,
            kind,
            plural,
        })
    }
}

/// Every built-in resource by key.
#[must_use]
pub fn built_in() -> &'static BTreeMap<String, Arc<Resource>> {
    static TABLE: OnceLock<BTreeMap<String, Arc<Resource>>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let resources = rows(include_str!("kinds.txt"));
        resources.map(|resource| (resource.key.clone(), Arc::new(resource))).collect()
    })
}

/// What OpenShift serves besides; its SecurityContextConstraints are defined as a custom resource.
pub fn of_openshift() -> impl Iterator<Item = Resource> {
    rows(include_str!("openshift.txt"))
}

fn rows(text: &'static str) -> impl Iterator<Item = Resource> {
    let rows = text.lines().map(str::trim);
    rows.filter(|row| !row.is_empty() && !row.starts_with('#')).filter_map(parse)
}

/// A row of `kinds.txt`: `group versions Kind plural shorts flags`, `-` for what is empty.
fn parse(row: &str) -> Option<Resource> {
    let mut cells = row.split_whitespace();
    let mut next = || cells.next().map(|cell| if cell == "-" { "" } else { cell });
    let (group, versions, kind, plural) = (next()?, next()?, next()?, next()?);
    let (shorts, flags) = (next()?, next()?);
    let list = |cell: &str| cell.split(',').filter(|s| !s.is_empty()).map(str::to_owned).collect();
    Some(Resource {
        group: group.to_owned(),
        versions: list(versions),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        singular: kind.to_lowercase(),
        short_names: list(shorts),
        categories: if flags.contains('a') { vec!["all".to_owned()] } else { Vec::new() },
        namespaced: flags.contains('n'),
        has_status: flags.contains('s'),
        has_scale: flags.contains('c'),
        has_generation: flags.contains('g'),
        custom: None,
        key: if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") },
    })
}
