//! The objects by resource, namespace and name, and the resources that exist.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::log::Event;
use super::meta;
use crate::schema::kinds::{Resource, built_in};

type Table = BTreeMap<(String, String), Arc<Value>>;

pub(crate) struct Tables {
    resources: BTreeMap<String, Arc<Resource>>,
    objects: BTreeMap<String, Table>,
    uids: u64,
}

impl Tables {
    pub(crate) fn new() -> Self {
        Self { resources: built_in().clone(), objects: BTreeMap::new(), uids: 0 }
    }

    pub(crate) fn resource(&self, key: &str) -> Option<Arc<Resource>> {
        self.resources.get(key).cloned()
    }

    pub(crate) fn resources(&self) -> Vec<Arc<Resource>> {
        self.resources.values().cloned().collect()
    }

    pub(crate) fn define(&mut self, resource: Resource) {
        self.resources.insert(resource.key().to_owned(), Arc::new(resource));
    }

    /// Forgets a custom resource with its objects.
    pub(crate) fn undefine(&mut self, key: &str) {
        if self.resources.get(key).is_some_and(|resource| resource.custom.is_some()) {
            self.resources.remove(key);
            self.objects.remove(key);
        }
    }

    pub(crate) fn read(&self, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let key = (namespace.to_owned(), name.to_owned());
        self.objects.get(resource)?.get(&key).cloned()
    }

    pub(crate) fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let Some(table) = self.objects.get(resource) else { return Vec::new() };
        match namespace {
            None => table.values().cloned().collect(),
            Some(namespace) => table
                .range((namespace.to_owned(), String::new())..)
                .take_while(|((its, _), _)| its == namespace)
                .map(|(_, object)| Arc::clone(object))
                .collect(),
        }
    }

    /// The list as it was before `later` events.
    pub(crate) fn list_before(
        &self,
        resource: &str,
        namespace: Option<&str>,
        later: &[Event],
    ) -> Vec<Arc<Value>> {
        let mut table: Table = BTreeMap::new();
        for object in self.list(resource, namespace) {
            table.insert(address(&object), object);
        }
        for event in later.iter().rev().filter(|event| event.resource.key() == resource) {
            let key = address(&event.object);
            if namespace.is_some_and(|namespace| namespace != key.0) {
                continue;
            }
            match &event.old {
                Some(old) => table.insert(key, Arc::clone(old)),
                None => table.remove(&key),
            };
        }
        table.into_values().collect()
    }

    pub(crate) fn everything(&self) -> Vec<Arc<Value>> {
        self.objects.values().flat_map(BTreeMap::values).cloned().collect()
    }

    /// Every object with its resource's key.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Arc<Value>)> {
        let tables = self.objects.iter();
        tables.flat_map(|(key, table)| table.values().map(move |object| (key.as_str(), object)))
    }

    pub(crate) fn put(&mut self, resource: &str, object: Arc<Value>) {
        let table = self.objects.entry(resource.to_owned()).or_default();
        table.insert(address(&object), object);
    }

    pub(crate) fn take(
        &mut self,
        resource: &str,
        namespace: &str,
        name: &str,
    ) -> Option<Arc<Value>> {
        self.objects.get_mut(resource)?.remove(&(namespace.to_owned(), name.to_owned()))
    }

    /// A number no other object of this store got.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.uids += 1;
        self.uids
    }
}

fn address(object: &Value) -> (String, String) {
    (meta::namespace(object).to_owned(), meta::name(object).to_owned())
}
