//! Conversion between the served versions of a kind; only the autoscaler has two that differ.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::kinds::Resource;

/// The object in the version it is stored in.
#[must_use]
pub fn to_stored(resource: &Resource, mut object: Value) -> Value {
    if resource.kind == "HorizontalPodAutoscaler" && object["apiVersion"] == "autoscaling/v1" {
        object["apiVersion"] = "autoscaling/v2".into();
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
            && let Some(target) = spec.remove("targetCPUUtilizationPercentage")
        {
            let target = json!({"type": "Utilization", "averageUtilization": target});
            let metric = json!({"type": "Resource", "resource": {"name": "cpu", "target": target}});
            spec.insert("metrics".to_owned(), json!([metric]));
        }
    }
    object
}

/// The object as a version of its kind shows it.
#[must_use]
pub fn to_version<'a>(resource: &Resource, version: &str, object: &'a Value) -> Cow<'a, Value> {
    if version == resource.version() {
        return Cow::Borrowed(object);
    }
    let mut shown = object.clone();
    shown["apiVersion"] = resource.api_version_of(version).into();
    if resource.kind == "HorizontalPodAutoscaler"
        && let Some(spec) = shown.get_mut("spec").and_then(Value::as_object_mut)
    {
        let target = spec.remove("metrics").and_then(|metrics| {
            let mut metrics = metrics.as_array().cloned().unwrap_or_default().into_iter();
            let cpu = metrics.find(|metric| metric["resource"]["name"] == "cpu")?;
            cpu.pointer("/resource/target/averageUtilization").cloned()
        });
        if let Some(target) = target {
            spec.insert("targetCPUUtilizationPercentage".to_owned(), target);
        }
    }
    Cow::Owned(shown)
}
