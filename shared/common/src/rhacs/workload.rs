//! Reading a Deployment or DaemonSet in JSON.

use serde_json::Value;

use super::object::ObjectRef;

/// A view of a workload object; absent fields read as empty.
#[derive(Clone, Copy, Debug)]
pub struct Workload<'a>(&'a Value);

/// A view of one container of a workload.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    value: &'a Value,
    init: bool,
}

impl<'a> Workload<'a> {
    /// Views `object` as a workload.
    #[must_use]
    pub const fn new(object: &'a Value) -> Self {
        Self(object)
    }

    /// The object itself.
    #[must_use]
    pub const fn object(&self) -> &'a Value {
        self.0
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.0["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// Its reference; none for JSON that is no object.
    #[must_use]
    pub fn reference(&self) -> Option<ObjectRef> {
        ObjectRef::of(self.0)
    }

    /// The spec of its pods.
    #[must_use]
    pub fn pod_spec(&self) -> &'a Value {
        &self.0["spec"]["template"]["spec"]
    }

    /// Its init containers, then its containers.
    pub fn all_containers(&self) -> impl Iterator<Item = Container<'a>> + use<'a> {
        let spec = self.pod_spec();
        items(&spec["initContainers"])
            .map(|value| Container { value, init: true })
            .chain(items(&spec["containers"]).map(|value| Container { value, init: false }))
    }

    /// The container `name` that runs, not one that initialises.
    #[must_use]
    pub fn container(&self, name: &str) -> Option<Container<'a>> {
        self.all_containers().find(|container| !container.init && container.name() == name)
    }

    /// The init container `name`.
    #[must_use]
    pub fn init_container(&self, name: &str) -> Option<Container<'a>> {
        self.all_containers().find(|container| container.init && container.name() == name)
    }

    /// The volume `name` of its pods.
    #[must_use]
    pub fn volume(&self, name: &str) -> Option<&'a Value> {
        items(&self.pod_spec()["volumes"]).find(|volume| volume["name"] == name)
    }

    /// Whether any volume is a directory of the node.
    #[must_use]
    pub fn uses_host_path(&self) -> bool {
        items(&self.pod_spec()["volumes"]).any(|volume| volume.get("hostPath").is_some())
    }
}

impl<'a> Container<'a> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.value["name"].as_str().unwrap_or_default()
    }

    /// Whether it is an init container.
    #[must_use]
    pub const fn is_init(&self) -> bool {
        self.init
    }

    /// Its image reference, as written.
    #[must_use]
    pub fn image(&self) -> &'a str {
        self.value["image"].as_str().unwrap_or_default()
    }

    /// The environment variable `name`: its whole entry.
    #[must_use]
    pub fn env(&self, name: &str) -> Option<&'a Value> {
        items(&self.value["env"]).find(|entry| entry["name"] == name)
    }

    /// The mount at `path`; a trailing slash does not matter.
    #[must_use]
    pub fn mount(&self, path: &str) -> Option<&'a Value> {
        let wanted = path.trim_end_matches('/');
        items(&self.value["volumeMounts"]).find(|mount| {
            mount["mountPath"].as_str().is_some_and(|path| path.trim_end_matches('/') == wanted)
        })
    }

    /// The container in JSON.
    #[must_use]
    pub const fn value(&self) -> &'a Value {
        self.value
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}
