//! What the server refuses: objects that are not valid, and changes that may not be made.

use serde_json::Value;

use super::fields::{Shape, Type, shape_of};
use super::kinds::Resource;
use super::quantity;
use super::validate_pod;
use crate::store::{Cause, Status, meta};

/// Bytes the data of a Secret or ConfigMap may have.
const MOST_DATA: usize = 1_048_576;

/// Checks an object, and the change from the old one if there is one.
///
/// # Errors
/// 422 with every cause, in a server's order.
pub fn object(resource: &Resource, new: &Value, old: Option<&Value>) -> Result<(), Status> {
    let mut causes = Vec::new();
    check_name(resource, new, &mut causes);
    match resource.kind.as_str() {
        _ if resource.custom.is_some() => check_custom(resource, new, &mut causes),
        "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet" => {
            workload(resource, new, old, &mut causes);
        }
        "Pod" => validate_pod::pod(&new["spec"], "spec", &mut causes),
        "Secret" | "ConfigMap" => data(resource, new, old, &mut causes),
        "RoleBinding" | "ClusterRoleBinding" => binding(new, old, &mut causes),
        "Service" => service(new, old, &mut causes),
        "PersistentVolumeClaim" => claim(new, old, &mut causes),
        "Lease" => lease(new, &mut causes),
        "Event" => event(new, &mut causes),
        _ => {}
    }
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Status::invalid(resource, meta::name(new), &causes))
    }
}

fn check_name(resource: &Resource, new: &Value, causes: &mut Vec<Cause>) {
    let name = meta::name(new);
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
        return;
    }
    // The names of RBAC objects are path segments, free but for `/` and `%`.
    if resource.group == "rbac.authorization.k8s.io" {
        return;
    }
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inner = name.chars().all(|c| good(c) || c == '-' || c == '.');
    let edges = name.split('.').all(|part| part.starts_with(good) && part.ends_with(good));
    if !inner || !edges || name.len() > 253 {
        let why = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
                   characters, '-' or '.', and must start and end with an alphanumeric character \
                   (e.g. 'example.com', regex used for validation is \
                   '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
        causes.push(Cause::invalid("metadata.name", &format!("\"{name}\""), why));
    }
}

fn workload(resource: &Resource, new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let spec = &new["spec"];
    if let Some(replicas) = spec["replicas"].as_i64().filter(|replicas| *replicas < 0) {
        let why = "must be greater than or equal to 0";
        causes.push(Cause::invalid("spec.replicas", &replicas.to_string(), why));
    }
    selector(spec, causes);
    if let Some(template) = spec.get("template") {
        validate_pod::pod(&template["spec"], "spec.template.spec", causes);
        let policy = template["spec"]["restartPolicy"].as_str().unwrap_or("Always");
        if policy != "Always" {
            let field = "spec.template.spec.restartPolicy";
            causes.push(Cause::not_supported(field, &format!("\"{policy}\""), &["Always"]));
        }
    }
    if spec["strategy"]["type"] == "Recreate" && spec["strategy"].get("rollingUpdate").is_some() {
        let why = "may not be specified when strategy `type` is 'Recreate'";
        causes.push(Cause::forbidden("spec.strategy.rollingUpdate", why));
    }
    if let Some(old) = old
        && resource.kind != "StatefulSet"
    {
        immutable("spec.selector", &old["spec"]["selector"], &spec["selector"], causes);
    }
}

fn selector(spec: &Value, causes: &mut Vec<Cause>) {
    let Some(selector) = spec.get("selector").filter(|selector| selector.is_object()) else {
        causes.push(Cause::required("spec.selector", ""));
        return;
    };
    let wanted = selector["matchLabels"].as_object().into_iter().flatten();
    let labels = &spec["template"]["metadata"]["labels"];
    if !wanted.into_iter().all(|(key, value)| labels.get(key) == Some(value)) {
        let shown = if labels.is_null() { "null".to_owned() } else { labels.to_string() };
        let why = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", &shown, why));
    }
}

/// Claims grow at most.
fn claim(new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let size = |claim: &Value| -> Option<i128> {
        quantity::milli(claim.pointer("/spec/resources/requests/storage")?.as_str()?)
    };
    let Some((before, after)) = old.and_then(size).zip(size(new)) else { return };
    if after < before {
        let why = "field can not be less than previous value";
        causes.push(Cause::forbidden("spec.resources.requests.storage", why));
    }
}

fn immutable(field: &str, old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    if old != new {
        causes.push(Cause::invalid(field, &new.to_string(), "field is immutable"));
    }
}

fn data(resource: &Resource, new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let secret = resource.kind == "Secret";
    let size = |map: &Value, encoded: bool| -> usize {
        let values = map.as_object().into_iter().flatten();
        values.map(|(_, value)| length(value.as_str().unwrap_or_default(), encoded)).sum()
    };
    if size(&new["data"], secret) + size(&new["binaryData"], true) > MOST_DATA {
        let message = format!("Too long: may not be more than {MOST_DATA} bytes");
        // A real server names no field of a ConfigMap, and writes that as an empty index.
        let field = if secret { "data" } else { "[]" };
        causes.push(Cause { reason: "FieldValueTooLong", message, field: field.to_owned() });
    }
    let keys = new["data"].as_object().into_iter().flatten();
    for (key, _) in keys {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if key.is_empty() || !key.chars().all(good) {
            let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' \
                       (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation \
                       is '[-._a-zA-Z0-9]+')";
            causes.push(Cause::invalid(format!("data[{key}]"), &format!("\"{key}\""), why));
        }
    }
    let Some(old) = old else { return };
    if secret && old["type"] != new["type"] {
        immutable("type", &old["type"], &new["type"], causes);
    }
    if old["immutable"] == true {
        for key in ["immutable", "data", "binaryData"] {
            if old.get(key) != new.get(key) {
                let why = "field is immutable when `immutable` is set";
                causes.push(Cause::forbidden(key, why));
            }
        }
    }
}

/// Bytes of a text, decoded if it is base64.
fn length(text: &str, encoded: bool) -> usize {
    if encoded { text.trim_end_matches('=').len() * 3 / 4 } else { text.len() }
}

fn binding(new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    if let Some(old) = old
        && old["roleRef"] != new["roleRef"]
    {
        causes.push(Cause::invalid(
            "roleRef",
            &new["roleRef"].to_string(),
            "cannot change roleRef",
        ));
    }
}

fn service(new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let spec = &new["spec"];
    let ports = spec["ports"].as_array().map_or(0, Vec::len);
    if ports == 0 && spec["type"] != "ExternalName" && spec["clusterIP"] != "None" {
        causes.push(Cause::required("spec.ports", ""));
    }
    if let Some(old) = old
        && spec["type"] != "ExternalName"
        && old["spec"].get("clusterIP").is_some()
    {
        immutable("spec.clusterIP", &old["spec"]["clusterIP"], &spec["clusterIP"], causes);
    }
}

fn lease(new: &Value, causes: &mut Vec<Cause>) {
    if let Some(seconds) = new["spec"]["leaseDurationSeconds"].as_i64().filter(|it| *it <= 0) {
        let field = "spec.leaseDurationSeconds";
        causes.push(Cause::invalid(field, &seconds.to_string(), "must be greater than 0"));
    }
}

fn event(new: &Value, causes: &mut Vec<Cause>) {
    let about = new["involvedObject"]["namespace"].as_str().unwrap_or_default();
    let of = meta::namespace(new);
    let of_cluster = about.is_empty() && of == "default";
    if about != of && !of_cluster {
        let why = "does not match event.namespace";
        causes.push(Cause::invalid("involvedObject.namespace", &format!("\"{about}\""), why));
    }
}

fn check_custom(resource: &Resource, new: &Value, causes: &mut Vec<Cause>) {
    if let Some(root) = shape_of(resource).as_type() {
        check_fields(root, new, "", causes);
    }
}

fn check_fields(owner: &Type, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    for (name, field) in &owner.fields {
        let at = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value.get(name) {
            None if field.required => causes.push(Cause::required(at, "")),
            Some(found) if !found.is_null() => {
                if !field.allowed.is_empty() && !field.allowed.contains(found) {
                    let known: Vec<&str> = field.allowed.iter().filter_map(Value::as_str).collect();
                    causes.push(Cause::not_supported(at.as_str(), &found.to_string(), &known));
                }
                // The metadata is checked by the rules of all objects.
                if !(path.is_empty() && name == "metadata") {
                    check_value(&field.shape, found, &at, causes);
                }
            }
            _ => {}
        }
    }
}

fn check_value(shape: &Shape, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    match shape {
        Shape::Inline(inline) if value.is_object() => check_fields(inline, value, path, causes),
        Shape::List(item, _) => {
            for (index, element) in value.as_array().into_iter().flatten().enumerate() {
                check_value(item, element, &format!("{path}[{index}]"), causes);
            }
        }
        Shape::Text | Shape::Integer | Shape::Boolean => {
            let (fits, expected) = match shape {
                Shape::Text => (value.is_string(), "string"),
                Shape::Integer => (value.is_i64() || value.is_u64(), "integer"),
                _ => (value.is_boolean(), "boolean"),
            };
            if !fits {
                let found = match value {
                    Value::String(_) => "string",
                    Value::Bool(_) => "boolean",
                    Value::Number(_) => "integer",
                    Value::Array(_) => "array",
                    _ => "object",
                };
                let why = format!("{path} in body must be of type {expected}: \"{found}\"");
                let mut cause = Cause::invalid(path, &format!("\"{found}\""), &why);
                cause.reason = "FieldValueTypeInvalid";
                causes.push(cause);
            }
        }
        _ => {}
    }
}
