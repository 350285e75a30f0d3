//! The `scale` subresource.

use serde_json::{Value, json};

use super::body::{self, Answer};
use super::route::Target;
use super::service::{Call, not_allowed};
use super::verbs::{live, parse_json, writer};
use crate::patch::{json, strategic};
use crate::schema::fields::shape_named;
use crate::schema::warnings;
use crate::store::{Status, Subresource};

/// Serves a verb on the scale of an object.
pub(crate) fn serve(call: &Call, target: &Target, verb: &str) -> Result<Answer, Status> {
    match verb {
        "get" => Ok(body::json(200, &scale_of(&*live(call, target)?))),
        "update" | "patch" => write(call, target),
        _ => Err(not_allowed()),
    }
}

fn write(call: &Call, target: &Target) -> Result<Answer, Status> {
    let given = parse_json(&call.body)?;
    let by = writer(call, call.query.dry_run("UpdateOptions")?);
    let mut before = None;
    let written = call.shared.options.store.try_modify(
        target.resource.key(),
        target.namespace(),
        target.name(),
        Subresource::Scale,
        &by,
        |live| {
            before = Some(live.clone());
            let mut scale = scale_of(live);
            match (call.method.as_str(), call.content_type()) {
                ("PUT", _) => scale = given.clone(),
                (_, "application/json-patch+json") => json::apply_operations(&mut scale, &given)?,
                (_, "application/strategic-merge-patch+json") => {
                    strategic::apply(&shape_named("Scale"), &mut scale, &given)?;
                }
                _ => json::merge(&mut scale, &given),
            }
            let mut object = live.clone();
            object["spec"]["replicas"] = scale["spec"]["replicas"].as_i64().unwrap_or(0).into();
            if let Some(version) = scale["metadata"].get("resourceVersion") {
                object["metadata"]["resourceVersion"] = version.clone();
            }
            Ok(object)
        },
    )?;
    let mut answer = body::json(200, &scale_of(&written));
    body::warn(&mut answer, &warnings::of(&target.resource, &written, before.as_ref()));
    Ok(answer)
}

fn scale_of(object: &Value) -> Value {
    let mut metadata = serde_json::Map::new();
    for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object["metadata"].get(key) {
            metadata.insert(key.to_owned(), value.clone());
        }
    }
    let replicas = object.pointer("/spec/replicas").cloned().unwrap_or_else(|| 0.into());
    let mut spec = json!({"replicas": replicas});
    if spec["replicas"] == 0 {
        spec = json!({});
    }
    let running = object.pointer("/status/replicas").cloned().unwrap_or_else(|| 0.into());
    let mut status = json!({"replicas": running});
    let labels = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let labels: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    if !labels.is_empty() {
        status["selector"] = labels.join(",").into();
    }
    json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec,
        "status": status})
}
