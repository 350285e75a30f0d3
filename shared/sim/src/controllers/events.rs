//! Events: what controllers and kubelets tell people about the objects they work on.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::objects::text;
use super::{Round, manager};
use crate::store::{Subresource, meta};

/// Remembers what was told, so that a repetition is counted instead of told again.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    told: HashMap<String, String>,
}

/// What is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    /// The component that tells it.
    pub(crate) source: &'a str,
    /// `Normal` or `Warning`.
    pub(crate) kind: &'a str,
    /// The reason in one word.
    pub(crate) reason: &'a str,
    /// The sentence.
    pub(crate) message: &'a str,
}

impl<'a> Told<'a> {
    /// A normal event.
    pub(crate) const fn normal(source: &'a str, reason: &'a str, message: &'a str) -> Self {
        Self { source, kind: "Normal", reason, message }
    }

    /// A warning.
    pub(crate) const fn warning(source: &'a str, reason: &'a str, message: &'a str) -> Self {
        Self { source, kind: "Warning", reason, message }
    }
}

impl Round<'_> {
    /// Records an event about an object.
    pub(crate) fn tell(&mut self, about: &Value, told: Told<'_>) {
        let namespace = match meta::namespace(about) {
            "" => "default",
            namespace => namespace,
        }
        .to_owned();
        let key = format!("{}/{}/{}", meta::uid(about), told.reason, told.message);
        if let Some(name) = self.memory.events.told.get(&key).cloned()
            && self.count_again(&namespace, &name)
        {
            return;
        }
        let number = self.memory.events.told.len() + 1;
        let name =
            format!("{}.{:016x}", meta::name(about), 0x18f0_0000_0000_0000_u64 + number as u64);
        let event = self.event(about, &namespace, &name, told);
        if self.store().create("events", event, &manager()).is_ok() {
            self.memory.events.told.insert(key, name);
        }
    }

    fn count_again(&self, namespace: &str, name: &str) -> bool {
        let now = meta::time(self.now);
        let counted = self.store().modify(
            "events",
            Some(namespace),
            name,
            Subresource::Main,
            &manager(),
            |event| {
                let count = event["count"].as_i64().unwrap_or(1);
                event["count"] = json!(count + 1);
                event["lastTimestamp"] = json!(now);
            },
        );
        counted.is_ok()
    }

    fn event(&self, about: &Value, namespace: &str, name: &str, told: Told<'_>) -> Value {
        let now = meta::time(self.now);
        json!({
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "name": meta::name(about),
                "namespace": meta::namespace(about),
                "resourceVersion": text(about, "/metadata/resourceVersion"),
                "uid": meta::uid(about),
            },
            "type": told.kind,
            "reason": told.reason,
            "message": told.message,
            "source": {"component": told.source},
            "reportingComponent": told.source,
            "reportingInstance": "",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "eventTime": null,
            "count": 1,
        })
    }
}
